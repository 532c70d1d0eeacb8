//! Operations, runs, statistics and activities over time, and the shapes they have.

use std::time::Duration;

use industrydata_emulator::Config;
use serde_json::{Value, json};

use crate::bench::Bench;

const ROOT: &str = "http://127.0.0.1:8085/beta";

#[test]
fn a_start_is_accepted_with_a_location_and_no_body() {
    let mut bench = Bench::new();
    let answer = bench.start();
    assert_eq!((answer.status, answer.text.as_str()), (202, ""));
    let id = bench.service.operations()[0].id().to_owned();
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
fn an_operation_goes_its_way_in_two_minutes_at_any_speed() {
    for speed in [1.0, 60.0] {
        let mut bench = Bench::with(Config {
            speed,
            ..Config::default()
        });
        let id = bench.started();
        let begin = bench.now;
        for (tenths_of_a_second, expected) in [
            (0, "notStarted"),
            (119, "notStarted"),
            (120, "running"),
            (1199, "running"),
            (1200, "succeeded"),
        ] {
            bench.now = begin + Duration::from_millis(tenths_of_a_second * 100).div_f64(speed);
            assert_eq!(
                bench.status_of(&id),
                expected,
                "{tenths_of_a_second} at {speed}"
            );
        }
        assert_eq!(bench.service.operation(&id).unwrap().polls(), 5);
        assert_eq!(bench.service.wait_for_slot(begin), None);
    }
}

#[test]
fn the_shape_of_an_operation() {
    let mut bench = Bench::new();
    let id = bench.started();
    let run = bench.service.operation(&id).unwrap().run().to_owned();
    let answer = bench.sleep(20).get(&format!("operations/{id}"));
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
        bench.sleep(1000).get(&format!("operations('{id}')")).json,
        expected
    );
}

#[test]
fn a_run_and_its_statistics() {
    let mut bench = Bench::new();
    let id = bench.started();
    let run = bench.service.operation(&id).unwrap().run().to_owned();
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
    assert_eq!(bench.sleep(110 * 60 - 1).get(&path).json, expected);
    let statistics = bench.get(&format!("{path}/getStatistics")).json;
    assert_eq!(
        (&statistics["runId"], &statistics["inboundTotals"]),
        (&json!(run), &Value::Null)
    );
    assert_eq!(
        bench.get(&format!("{path}/activities")).json["value"][0]["status"],
        "inProgress"
    );

    expected["status"] = json!("completed");
    expected["endDateTime"] = json!("2026-01-15T09:50:00.0000000Z");
    assert_eq!(bench.sleep(1).get(&path).json, expected);
    let statistics = bench.get(&format!("{path}/getStatistics()")).json;
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
        bench.get("runs/getStatistics()").json["runId"],
        run.as_str()
    );

    let activities = bench.get(&format!("{path}/activities")).json;
    assert_eq!(activities["value"].as_array().unwrap().len(), 2);
    let first = &activities["value"][0];
    let one = bench
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
    let mut bench = Bench::with(Config {
        page_size: 2,
        ..Config::default()
    });
    let mut started: Vec<Value> = (0..5).map(|_| json!(bench.sleep(60).started())).collect();
    started.reverse();
    let mut page = bench.get("operations?$count=true").json;
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
        let request = bench.request("GET", next);
        page = bench.send(request, "").json;
    }
    assert_eq!(seen, started);
    for path in ["operations/$count", "runs/$count"] {
        let count = bench.get(path);
        assert_eq!(
            (count.header("content-type"), count.text.as_str()),
            (Some("text/plain"), "5")
        );
    }
    assert_eq!(
        bench.get("runs?$select=id&$top=1").json["value"][0]
            .as_object()
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn the_same_requests_give_the_same_bytes() {
    let run = |seed| {
        let mut bench = Bench::with(Config {
            seed,
            ..Config::default()
        });
        let id = bench.started();
        (
            bench.get(&format!("operations/{id}")).text,
            bench.get("runs").text,
        )
    };
    assert_eq!(run(5), run(5));
    assert_ne!(run(5), run(6));
}

#[test]
fn the_log_tells_what_came() {
    let mut bench = Bench::new();
    let request = bench
        .request("GET", "/beta/external/industryData/runs?$top=1")
        .header("client-request-id", "c-1");
    let answer = bench.send(request, "");
    bench.control("GET", "state", "");
    let [logged] = bench.service.requests() else {
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
        bench.get("runs");
    }
    assert!((1024..=2048).contains(&bench.service.requests().len()));
}
