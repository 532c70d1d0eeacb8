//! Each kind of fault, on the value.

use std::time::Duration;

use http::StatusCode;
use industrydata_emulator::{Delivery, Ending};
use serde_json::{Value, json};

use crate::bench::{Answer, Bench, DATA};

/// Meets a fault with a start: the answer, how it is delivered, and how many starts the service has accepted.
fn start(json: &str) -> (Answer, Delivery, usize) {
    let mut bench = Bench::scripted(json);
    let request = bench.request("POST", &format!("{DATA}/runs/start"));
    let served = bench.served(request, "");
    (
        Answer::of(&served),
        served.delivery,
        bench.service.accepted_starts().len(),
    )
}

#[test]
fn whether_the_service_acts() {
    for (json, status, acted, location) in [
        (r#"{"on":"start"}"#, 202, true, true),
        (r#"{"on":"start","status":503}"#, 503, false, false),
        (
            r#"{"on":"start","status":503,"act":true}"#,
            503,
            true,
            false,
        ),
        (r#"{"on":"start","status":200}"#, 200, false, false),
        (r#"{"on":"start","status":200,"act":true}"#, 200, true, true),
        (
            r#"{"on":"start","status":302,"location":"/sign-in"}"#,
            302,
            false,
            true,
        ),
        (r#"{"on":"start","act":false}"#, 202, false, false),
        (r#"{"on":"start","lose":"request"}"#, 202, false, false),
        (
            r#"{"on":"start","lose":"request","act":true}"#,
            202,
            false,
            false,
        ),
        (r#"{"on":"start","lose":"answer"}"#, 202, true, true),
        (
            r#"{"on":"start","lose":"answer","status":503}"#,
            503,
            true,
            false,
        ),
        (r#"{"on":"start","stall":true}"#, 202, true, true),
        (
            r#"{"on":"start","stall":true,"act":false}"#,
            202,
            false,
            false,
        ),
        (r#"{"on":"start","location":null}"#, 202, true, false),
        (r#"{"on":"operation","status":503}"#, 202, true, true),
    ] {
        let (answer, _, accepted) = start(json);
        assert_eq!(
            (
                answer.status,
                accepted == 1,
                answer.header("location").is_some()
            ),
            (status, acted, location),
            "{json}"
        );
    }
}

#[test]
fn how_an_answer_is_delivered() {
    let delay = Duration::from_millis(30);
    for (members, expected) in [
        ("", Delivery::default()),
        (
            r#","delay_ms":30"#,
            Delivery {
                delay,
                ..Delivery::default()
            },
        ),
        (
            r#","drip_ms":30"#,
            Delivery {
                drip: Some(delay),
                ..Delivery::default()
            },
        ),
        (
            r#","lose":"request""#,
            Delivery {
                ending: Ending::Close,
                ..Delivery::default()
            },
        ),
        (
            r#","lose":"answer","delay_ms":30"#,
            Delivery {
                ending: Ending::Close,
                delay,
                ..Delivery::default()
            },
        ),
        (
            r#","stall":true"#,
            Delivery {
                ending: Ending::Stall,
                ..Delivery::default()
            },
        ),
        (
            r#","cut_after":7"#,
            Delivery {
                ending: Ending::CloseAfter(7),
                ..Delivery::default()
            },
        ),
        (
            r#","cut_after":7,"stall":true"#,
            Delivery {
                ending: Ending::StallAfter(7),
                ..Delivery::default()
            },
        ),
    ] {
        let (_, delivery, _) = start(&format!(r#"{{"on":"start"{members}}}"#));
        assert_eq!(delivery, expected, "{members}");
    }
}

#[test]
fn what_is_put_into_an_answer() {
    let (answer, ..) = start(
        r#"{"on":"start","status":503,"retry_after":2.5,"body":{"a":1},
            "headers":{"x-a":["1","2"],"request-id":null,"date":"never"}}"#,
    );
    assert_eq!((answer.status, &answer.json), (503, &json!({"a": 1})));
    assert_eq!(answer.header("retry-after"), Some("2.5"));
    assert_eq!(answer.headers.get_all("x-a").iter().count(), 2);
    assert_eq!(
        (answer.header("request-id"), answer.header("date")),
        (None, Some("never"))
    );

    let (answer, ..) =
        start(r#"{"on":"start","status":502,"body":"<html>","content_type":"text/x"}"#);
    assert_eq!(
        (answer.text.as_str(), answer.header("content-type")),
        ("<html>", Some("text/x"))
    );
    let (answer, ..) = start(r#"{"on":"start","status":502,"body":"<html>"}"#);
    assert_eq!(
        answer.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let (answer, ..) = start(r#"{"on":"start","location":["a","b"]}"#);
    assert_eq!(answer.headers.get_all("location").iter().count(), 2);
    let (answer, ..) = start(r#"{"on":"start","date_skew_seconds":-3600}"#);
    assert_eq!(answer.header("date"), Some("Thu, 15 Jan 2026 07:00:00 GMT"));
    let (answer, ..) = start(r#"{"on":"start","body_base64":"AAE="}"#);
    assert_eq!(answer.text, "\0\u{1}");
}

#[test]
fn a_scripted_status_brings_a_graph_error() {
    for (status, code) in [
        (400, "invalidRequest"),
        (401, "InvalidAuthenticationToken"),
        (403, "accessDenied"),
        (404, "itemNotFound"),
        (429, "TooManyRequests"),
        (500, "generalException"),
        (503, "serviceNotAvailable"),
    ] {
        let (answer, ..) = start(&format!(r#"{{"on":"start","status":{status}}}"#));
        let error = &answer.json["error"];
        assert_eq!(error["code"], code);
        assert_eq!(
            error["innerError"]["request-id"].as_str(),
            answer.header("request-id")
        );
    }
}

#[test]
fn which_requests_a_fault_is_for() {
    for (on, met) in [
        ("start", [true, false, false, false, false]),
        ("operation", [false, true, false, false, false]),
        ("operations", [false, false, true, false, false]),
        ("runs", [false, false, false, true, false]),
        ("token", [false; 5]),
        ("any", [true; 5]),
    ] {
        let mut bench = Bench::scripted(&format!(r#"{{"on":"{on}","status":599,"times":9}}"#));
        let answers = [
            bench.start(),
            bench.get("operations/x"),
            bench.get("operations"),
            bench.get("runs/x/getStatistics"),
            bench.get("years"),
        ];
        assert_eq!(answers.map(|answer| answer.status == 599), met, "{on}");
        assert_eq!(bench.control("GET", "state", "").status, 200);
    }
}

#[test]
fn faults_are_met_in_order_and_count_what_goes_by() {
    let mut bench = Bench::scripted(
        r#"[{"on":"runs","after":1,"times":2,"status":500},
            {"on":"runs","status":501},
            {"on":"runs","after":4,"status":502}]"#,
    );
    let seen: Vec<u16> = (0..6).map(|_| bench.get("runs").status).collect();
    assert_eq!(seen, [501, 500, 500, 200, 502, 200]);
    assert!(bench.service.faults().is_empty());
    bench.script(r#"{"on":"any","times":5,"status":500}"#);
    bench.service.clear_faults();
    assert_eq!(bench.get("runs").status, 200);
}

#[test]
fn an_operation_follows_its_script() {
    let script = r#""operation_status":["running","skipped",null,"succeeded"]"#;
    for on in ["start", "operation"] {
        let mut bench = Bench::scripted(&format!(r#"{{"on":"{on}",{script}}}"#));
        let id = bench.started();
        let seen: Vec<Value> = (0..5).map(|_| bench.status_of(&id)).collect();
        assert_eq!(
            seen,
            [
                json!("running"),
                json!("skipped"),
                Value::Null,
                json!("succeeded"),
                json!("succeeded")
            ]
        );
        assert!(bench.get(&format!("operations/{id}")).json["resourceLocation"].is_string());
        assert_eq!(
            bench.get("operations").json["value"][0]["status"],
            "succeeded",
            "a list takes no step"
        );
    }
}

#[test]
fn an_operation_fails_and_its_run_with_it() {
    let mut bench = Bench::scripted(r#"{"on":"start","fail_operation":"no flows are ready"}"#);
    let id = bench.started();
    let run = bench.service.operation(&id).unwrap().run().to_owned();
    let running = bench.sleep(119).get(&format!("operations/{id}")).json;
    assert_eq!(
        (&running["status"], &running["statusDetail"]),
        (&json!("running"), &Value::Null)
    );
    let failed = bench.sleep(1).get(&format!("operations/{id}")).json;
    assert_eq!(
        (&failed["status"], &failed["statusDetail"]),
        (&json!("failed"), &json!("no flows are ready"))
    );
    assert_eq!(failed["resourceLocation"], Value::Null);
    let run = bench.get(&format!("runs/{run}")).json;
    assert_eq!(
        (&run["status"], &run["blockingError"]["message"]),
        (&json!("failed"), &json!("no flows are ready"))
    );
}

#[test]
fn a_run_ends_otherwise_than_its_operation() {
    let mut bench = Bench::scripted(r#"{"on":"start","run_status":"completedWithErrors"}"#);
    let id = bench.started();
    assert_eq!(bench.sleep(7200).status_of(&id), "succeeded");
    assert_eq!(
        bench.get("runs").json["value"][0]["status"],
        "completedWithErrors"
    );
    assert_eq!(
        bench.get("runs/getStatistics()").json["inboundTotals"]["errors"],
        1
    );
}

#[test]
fn a_read_is_answered_with_another_success() {
    let mut bench = Bench::scripted(r#"{"on":"operation","status":202,"retry_after":9}"#);
    let id = bench.started();
    let answer = bench.get(&format!("operations/{id}"));
    assert_eq!(
        (answer.status, answer.header("retry-after")),
        (202, Some("9"))
    );
    assert_eq!(answer.json["status"], "notStarted");
}

#[test]
fn the_log_tells_what_a_fault_did() {
    let mut bench = Bench::scripted(
        r#"[{"on":"start","lose":"request"},{"on":"start","lose":"answer"},{"on":"start","stall":true},
            {"on":"start","status":503},{"on":"start","cut_after":0}]"#,
    );
    for _ in 0..5 {
        bench.start();
    }
    let seen: Vec<_> = bench
        .service
        .requests()
        .iter()
        .map(|logged| (logged.acted, logged.status))
        .collect();
    assert_eq!(
        seen,
        [
            (false, None),
            (true, None),
            (true, None),
            (false, Some(StatusCode::SERVICE_UNAVAILABLE)),
            (true, Some(StatusCode::ACCEPTED)),
        ]
    );
}
