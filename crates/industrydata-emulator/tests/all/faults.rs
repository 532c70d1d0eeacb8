//! How each kind of fault changes a start, without a socket.

use std::time::Duration;

use industrydata_emulator::{Delivery, Ending};
use serde_json::json;

use crate::fixture::{DATA, Fixture, Reply};

/// Sends a start that meets a fault. Returns the response, its delivery and the number of accepted starts.
fn start(json: &str) -> (Reply, Delivery, usize) {
    let mut fixture = Fixture::scripted(json);
    let request = fixture.request("POST", &format!("{DATA}/runs/start"));
    let served = fixture.served(request, "");
    (
        Reply::of(&served),
        served.delivery,
        fixture.service.accepted_starts().len(),
    )
}

#[test]
fn a_fault_decides_whether_the_service_acts() {
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
fn a_fault_decides_the_delivery() {
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
fn a_fault_sets_headers_and_body() {
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
fn a_scripted_status_has_a_graph_error_body() {
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
