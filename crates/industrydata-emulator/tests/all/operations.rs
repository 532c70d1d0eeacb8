//! Operations, runs, statistics and activities: their states over time and their JSON.

use std::time::Duration;

use industrydata_emulator::Config;
use serde_json::{Value, json};

use crate::fixture::Fixture;

const ROOT: &str = "http://127.0.0.1:8085/beta";

#[test]
fn a_start_is_accepted_with_a_location_and_no_body() {
    let mut fixture = Fixture::new();
    let answer = fixture.start();
    assert_eq!((answer.status, answer.text.as_str()), (202, ""));
    let id = fixture.service.operations()[0].id().to_owned();
    assert_eq!(
        answer.header("location"),
        Some(format!("{ROOT}/external/industryData/operations/{id}").as_str())
    );
    assert_eq!(answer.header("content-type"), None);
    assert_eq!(answer.header("date"), Some("Thu, 15 Jan 2026 08:00:00 GMT"));
    for name in ["request-id", "x-ms-ags-diagnostic"] {
        assert!(answer.header(name).is_some(), "{name}");
    }
}

#[test]
fn an_operation_succeeds_after_two_minutes_divided_by_the_speed() {
    for speed in [1.0, 60.0] {
        let mut fixture = Fixture::with(Config {
            speed,
            ..Config::default()
        });
        let id = fixture.started();
        let begin = fixture.now;
        for (tenths_of_a_second, expected) in [
            (0, "notStarted"),
            (119, "notStarted"),
            (120, "running"),
            (1199, "running"),
            (1200, "succeeded"),
        ] {
            fixture.now = begin + Duration::from_millis(tenths_of_a_second * 100).div_f64(speed);
            assert_eq!(
                fixture.status_of(&id),
                expected,
                "{tenths_of_a_second} at {speed}"
            );
        }
        assert_eq!(fixture.service.operation(&id).unwrap().polls(), 5);
        assert_eq!(fixture.service.wait_for_slot(begin), None);
    }
}

#[test]
fn an_operation_has_the_shape_of_graph() {
    let mut fixture = Fixture::new();
    let id = fixture.started();
    let run = fixture.service.operation(&id).unwrap().run().to_owned();
    let answer = fixture.sleep(20).get(&format!("operations/{id}"));
    assert_eq!(
        answer.header("content-type"),
        Some(
            "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
        )
    );
    let mut expected = json!({
        "@odata.context": format!("{ROOT}/$metadata#external/industryData/operations/$entity"),
        "@odata.type": "#microsoft.graph.longRunningOperation",
        "id": id,
        "createdDateTime": "2026-01-15T08:00:00.0000000Z",
        "lastActionDateTime": "2026-01-15T08:00:12.0000000Z",
        "resourceLocation": null,
        "status": "running",
        "statusDetail": null,
    });
    assert_eq!(answer.json, expected);
    expected["status"] = json!("succeeded");
    expected["lastActionDateTime"] = json!("2026-01-15T08:02:00.0000000Z");
    expected["resourceLocation"] = json!(format!("{ROOT}/external/industryData/runs/{run}"));
    assert_eq!(
        fixture.sleep(1000).get(&format!("operations('{id}')")).json,
        expected
    );
}

#[test]
fn a_run_completes_with_its_statistics() {
    let mut fixture = Fixture::new();
    let id = fixture.started();
    let run = fixture.service.operation(&id).unwrap().run().to_owned();
    let path = format!("runs/{run}");
    let mut expected = json!({
        "@odata.context": format!("{ROOT}/$metadata#external/industryData/runs/$entity"),
        "@odata.type": "#microsoft.graph.industryData.industryDataRun",
        "id": run,
        "displayName": "Run 2026-01-15 08:00 UTC",
        "startDateTime": "2026-01-15T08:00:00.0000000Z",
        "endDateTime": null,
        "status": "running",
        "blockingError": null,
    });
    assert_eq!(fixture.sleep(110 * 60 - 1).get(&path).json, expected);
    let statistics = fixture.get(&format!("{path}/getStatistics")).json;
    assert_eq!(
        (&statistics["runId"], &statistics["inboundTotals"]),
        (&json!(run), &Value::Null)
    );
    assert_eq!(
        fixture.get(&format!("{path}/activities")).json["value"][0]["status"],
        "inProgress"
    );

    expected["status"] = json!("completed");
    expected["endDateTime"] = json!("2026-01-15T09:50:00.0000000Z");
    assert_eq!(fixture.sleep(1).get(&path).json, expected);
    let statistics = fixture.get(&format!("{path}/getStatistics()")).json;
    assert_eq!(
        (
            &statistics["status"],
            &statistics["inboundTotals"]["people"]
        ),
        (&json!("completed"), &json!(1250))
    );
    assert_eq!(
        statistics["activityStatistics"][0]["@odata.type"],
        "#microsoft.graph.industryData.inboundActivityResults"
    );
    assert_eq!(
        fixture.get("runs/getStatistics()").json["runId"],
        run.as_str()
    );

    let activities = fixture.get(&format!("{path}/activities")).json;
    assert_eq!(activities["value"].as_array().unwrap().len(), 2);
    let first = &activities["value"][0];
    let one = fixture
        .get(&format!(
            "{path}/activities/{}",
            first["id"].as_str().unwrap()
        ))
        .json;
    assert_eq!(
        (&one["status"], &one["@odata.type"]),
        (&json!("completed"), &first["@odata.type"])
    );
}

#[test]
fn lists_are_paged_newest_first_and_counted() {
    let mut fixture = Fixture::with(Config {
        page_size: 2,
        ..Config::default()
    });
    let mut started: Vec<Value> = (0..5).map(|_| json!(fixture.sleep(60).started())).collect();
    started.reverse();
    let mut page = fixture.get("operations?$count=true").json;
    assert_eq!(
        page["@odata.context"],
        format!("{ROOT}/$metadata#external/industryData/operations")
    );
    assert_eq!(page["@odata.count"], 5);
    let mut seen = Vec::new();
    loop {
        seen.extend(
            page["value"]
                .as_array()
                .unwrap()
                .iter()
                .map(|entry| entry["id"].clone()),
        );
        let Some(next) = page["@odata.nextLink"].as_str() else {
            break;
        };
        assert!(
            next.starts_with(&format!("{ROOT}/external/industryData/operations?")),
            "{next}"
        );
        let request = fixture.request("GET", next);
        page = fixture.send(request, "").json;
    }
    assert_eq!(seen, started);
    for path in ["operations/$count", "runs/$count"] {
        let count = fixture.get(path);
        assert_eq!(
            (count.header("content-type"), count.text.as_str()),
            (Some("text/plain"), "5")
        );
    }
    assert_eq!(
        fixture.get("runs?$select=id&$top=1").json["value"][0]
            .as_object()
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn the_same_requests_give_the_same_bytes() {
    let run = |seed| {
        let mut fixture = Fixture::with(Config {
            seed,
            ..Config::default()
        });
        let id = fixture.started();
        (
            fixture.get(&format!("operations/{id}")).text,
            fixture.get("runs").text,
        )
    };
    assert_eq!(run(5), run(5));
    assert_ne!(run(5), run(6));
}

#[test]
fn requests_are_logged_within_a_bound() {
    let mut fixture = Fixture::new();
    let request = fixture
        .request("GET", "/beta/external/industryData/runs?$top=1")
        .header("client-request-id", "c-1");
    let answer = fixture.send(request, "");
    fixture.control("GET", "state", "");
    let [logged] = fixture.service.requests() else {
        panic!("one request")
    };
    assert_eq!(
        (logged.method.as_str(), logged.path.as_str()),
        ("GET", "/beta/external/industryData/runs?$top=1")
    );
    assert_eq!((logged.authorization, logged.acted), (true, true));
    assert_eq!(logged.client_request_id.as_deref(), Some("c-1"));
    assert_eq!(logged.status.map(|status| status.as_u16()), Some(200));
    assert_eq!(
        answer.header("request-id"),
        Some(logged.request_id.as_str())
    );
    for _ in 0..5000 {
        fixture.get("runs");
    }
    assert!((1024..=2048).contains(&fixture.service.requests().len()));
}
