//! Which requests a fault meets, and how it changes operations and runs.

use http::StatusCode;
use serde_json::{Value, json};

use crate::fixture::Fixture;

#[test]
fn a_fault_meets_only_its_kind_of_request() {
    for (on, met) in [
        ("start", [true, false, false, false, false]),
        ("operation", [false, true, false, false, false]),
        ("operations", [false, false, true, false, false]),
        ("runs", [false, false, false, true, false]),
        ("token", [false; 5]),
        ("any", [true; 5]),
    ] {
        let mut fixture = Fixture::scripted(&format!(r#"{{"on":"{on}","status":599,"times":9}}"#));
        let answers = [
            fixture.start(),
            fixture.get("operations/x"),
            fixture.get("operations"),
            fixture.get("runs/x/getStatistics"),
            fixture.get("years"),
        ];
        assert_eq!(answers.map(|answer| answer.status == 599), met, "{on}");
        assert_eq!(fixture.control("GET", "state", "").status, 200);
    }
}

#[test]
fn faults_apply_in_order_and_count_passing_requests() {
    let mut fixture = Fixture::scripted(
        r#"[{"on":"runs","after":1,"times":2,"status":500},
            {"on":"runs","status":501},
            {"on":"runs","after":4,"status":502}]"#,
    );
    let seen: Vec<u16> = (0..6).map(|_| fixture.get("runs").status).collect();
    assert_eq!(seen, [501, 500, 500, 200, 502, 200]);
    assert!(fixture.service.faults().is_empty());
    fixture.script(r#"{"on":"any","times":5,"status":500}"#);
    fixture.service.clear_faults();
    assert_eq!(fixture.get("runs").status, 200);
}

#[test]
fn an_operation_returns_its_scripted_statuses() {
    let script = r#""operation_status":["running","skipped",null,"succeeded"]"#;
    for on in ["start", "operation"] {
        let mut fixture = Fixture::scripted(&format!(r#"{{"on":"{on}",{script}}}"#));
        let id = fixture.started();
        let seen: Vec<Value> = (0..5).map(|_| fixture.status_of(&id)).collect();
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
        assert!(fixture.get(&format!("operations/{id}")).json["resourceLocation"].is_string());
        assert_eq!(
            fixture.get("operations").json["value"][0]["status"],
            "succeeded",
            "reading the list does not advance the statuses"
        );
    }
}

#[test]
fn an_operation_fails_and_its_run_with_it() {
    let mut fixture = Fixture::scripted(r#"{"on":"start","fail_operation":"no flows are ready"}"#);
    let id = fixture.started();
    let run = fixture.service.operation(&id).unwrap().run().to_owned();
    let running = fixture.sleep(119).get(&format!("operations/{id}")).json;
    assert_eq!(
        (&running["status"], &running["statusDetail"]),
        (&json!("running"), &Value::Null)
    );
    let failed = fixture.sleep(1).get(&format!("operations/{id}")).json;
    assert_eq!(
        (&failed["status"], &failed["statusDetail"]),
        (&json!("failed"), &json!("no flows are ready"))
    );
    assert_eq!(failed["resourceLocation"], Value::Null);
    let run = fixture.get(&format!("runs/{run}")).json;
    assert_eq!(
        (&run["status"], &run["blockingError"]["message"]),
        (&json!("failed"), &json!("no flows are ready"))
    );
}

#[test]
fn a_run_ends_in_its_scripted_status() {
    let mut fixture = Fixture::scripted(r#"{"on":"start","run_status":"completedWithErrors"}"#);
    let id = fixture.started();
    assert_eq!(fixture.sleep(7200).status_of(&id), "succeeded");
    assert_eq!(
        fixture.get("runs").json["value"][0]["status"],
        "completedWithErrors"
    );
    assert_eq!(
        fixture.get("runs/getStatistics()").json["inboundTotals"]["errors"],
        1
    );
}

#[test]
fn a_scripted_success_keeps_the_body_of_a_read() {
    let mut fixture = Fixture::scripted(r#"{"on":"operation","status":202,"retry_after":9}"#);
    let id = fixture.started();
    let answer = fixture.get(&format!("operations/{id}"));
    assert_eq!(
        (answer.status, answer.header("retry-after")),
        (202, Some("9"))
    );
    assert_eq!(answer.json["status"], "notStarted");
}

#[test]
fn the_log_records_what_a_fault_did() {
    let mut fixture = Fixture::scripted(
        r#"[{"on":"start","lose":"request"},{"on":"start","lose":"answer"},{"on":"start","stall":true},
            {"on":"start","status":503},{"on":"start","cut_after":0}]"#,
    );
    for _ in 0..5 {
        fixture.start();
    }
    let seen: Vec<_> = fixture
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
