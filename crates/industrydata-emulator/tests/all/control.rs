//! The control paths and the errors they return.

use std::time::Duration;

use serde_json::json;

use crate::fixture::{Fixture, control};

#[test]
fn advancing_moves_the_schedule_and_reports_the_duration() {
    for (body, seconds) in [
        (r#"{"seconds":60}"#, 60),
        (r#"{"by":"12h"}"#, 43_200),
        (r#"{"by":"1d 30m"}"#, 88_200),
    ] {
        let mut fixture = Fixture::new();
        let served = fixture.served(control("POST", "advance", body), body);
        assert_eq!(served.response.status(), 200);
        assert_eq!(served.advance, Duration::from_secs(seconds), "{body}");
        let runs = fixture.service.runs().len() as u64;
        assert_eq!(runs, (seconds + 2 * 3600) / 43_200, "{body}");
    }
}

#[test]
fn faults_are_listed_and_cleared() {
    let mut fixture = Fixture::new();
    let body = r#"[{"on":"runs","status":503,"times":2},{"on":"start","lose":"answer"}]"#;
    assert_eq!(
        fixture.control("POST", "faults", body).json,
        json!({"scripted": 2, "pending": 2})
    );
    assert_eq!(fixture.get("runs").status, 503);
    assert_eq!(
        fixture.control("GET", "faults", "").json["pending"],
        json!([
            {"on": "runs", "times": 1, "after": 0, "status": 503},
            {"on": "start", "times": 1, "after": 0, "lose": "answer"},
        ])
    );
    assert_eq!(fixture.control("DELETE", "faults", "").json["cleared"], 2);
    assert_eq!(fixture.get("runs").status, 200);
}

#[test]
fn the_state_is_reported() {
    let mut fixture = Fixture::new();
    fixture.started();
    fixture.get("runs/none");
    let mut state = fixture.control("GET", "state", "").json;
    // `page.rs` tests what the status page lists.
    state.as_object_mut().unwrap().remove("recent").unwrap();
    assert_eq!(
        state,
        json!({
            "now": "2026-01-15T08:00:00.0000000Z",
            "throttle": {"limit": 5, "window_seconds": 43200.0, "window": "sliding", "counted": 1, "wait_seconds": null,
                "slots": [{"accepted": "2026-01-15T08:00:00.0000000Z", "frees": "2026-01-15T20:00:00.0000000Z"}]},
            "accepted_starts": ["2026-01-15T08:00:00.0000000Z"],
            "next_scheduled_run": "2026-01-16T06:00:00.0000000Z",
            "next_skip": "2026-01-15T18:00:00.0000000Z",
            "skipped": [],
            "starts_by_caller": {"token 1": 1},
            "operations": 1,
            "runs": 1,
            "faults": 0,
            "requests": {"/external/industryData/runs/start": 1, "/external/industryData/runs/{id}": 1},
        })
    );
}

#[test]
fn revoked_tokens_are_refused() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.control("POST", "revoke", "").status, 200);
    assert_eq!(fixture.get("runs").status, 401);
    fixture.control("POST", "revoke", r#"{"claims":{"access_token":{}}}"#);
    assert!(
        fixture
            .get("runs")
            .header("www-authenticate")
            .unwrap()
            .contains("eyJhY2Nlc3NfdG9rZW4iOnt9fQ==")
    );
}

#[test]
fn invalid_requests_get_a_message_with_the_cause() {
    for (method, name, body, status, message) in [
        ("POST", "advance", "", 400, "EOF"),
        ("POST", "advance", "{}", 400, "either"),
        (
            "POST",
            "advance",
            r#"{"seconds":1,"by":"1h"}"#,
            400,
            "either",
        ),
        (
            "POST",
            "advance",
            r#"{"seconds":-1}"#,
            400,
            "negative or too large",
        ),
        (
            "POST",
            "advance",
            r#"{"seconds":1e300}"#,
            400,
            "negative or too large",
        ),
        ("POST", "advance", r#"{"seconds":1e12}"#, 400, "that far"),
        ("POST", "advance", r#"{"by":"-1h"}"#, 400, "'-1h'"),
        ("POST", "advance", r#"{"by":"soon"}"#, 400, "'soon'"),
        ("POST", "advance", r#"{"by":"1 month"}"#, 400, "'1 month'"),
        (
            "POST",
            "advance",
            r#"{"hours":1}"#,
            400,
            "unknown field `hours`",
        ),
        ("GET", "advance", "", 405, "POST"),
        ("PUT", "faults", "", 405, "GET, POST, DELETE"),
        ("POST", "state", "", 405, "GET"),
        (
            "POST",
            "faults",
            r#"{"on":"start","lsoe":"answer"}"#,
            400,
            "unknown field `lsoe`",
        ),
        ("POST", "revoke", "x", 400, "expected"),
        (
            "GET",
            "other",
            "",
            404,
            "advance, faults, revoke, rotate and state",
        ),
    ] {
        let mut fixture = Fixture::new();
        let answer = fixture.control(method, name, body);
        let actual = answer.json["error"]["message"].as_str().unwrap();
        assert_eq!(answer.status, status, "{method} {name} {body}");
        assert!(actual.contains(message), "{actual}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }
}
