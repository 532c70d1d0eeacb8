//! Which requests faults are for, and what they make of operations and runs.

use http::StatusCode;
use serde_json::{Value, json};

use crate::bench::Bench;

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
