//! Every outcome of a start, with both HTTP clients.

use std::time::Duration;

use serde_json::{Value, json};

use crate::stage::{CANARY, FLAVOURS, Raw, Stage, answer, closed, emulator, json as json_answer};

/// Runs the line with each client and checks exit code, outcome, kind and whether a run may have started.
fn check(base: &str, line: &[&str], expected: (i32, &str, &str, &str)) -> Vec<Value> {
    FLAVOURS
        .iter()
        .map(|http| {
            let line: Vec<_> = line.iter().copied().chain(["--http", http]).collect();
            let (code, document) = Stage::new(base).json(&line);
            let error = &document["error"];
            let actual = (
                code,
                document["outcome"].as_str().unwrap(),
                error["kind"].as_str().unwrap(),
                error["may_have_started"].as_str().unwrap(),
            );
            assert_eq!(actual, expected, "{http}: {document}");
            document
        })
        .collect()
}

const STEADY: [&str; 4] = ["start", "--wait", "--poll-interval", "20ms"];

#[test]
fn a_start_without_a_wait_ends_when_it_is_accepted() {
    for http in FLAVOURS {
        let emulator = emulator(Duration::from_secs(60));
        let stage = Stage::new(&emulator.base_url());
        let (code, document) = stage.json(&["start", "--http", http]);
        assert_eq!((code, &document["outcome"]), (0, &json!("started")));
        let operation = &document["operation"];
        let location = operation["location"].as_str().unwrap();
        assert!(
            location.starts_with(&emulator.base_url())
                && location.contains(operation["id"].as_str().unwrap())
        );
        assert!(
            operation["resume_token"]
                .as_str()
                .unwrap()
                .starts_with("idr1:")
        );
        assert!(
            operation["status"].is_null()
                && operation["created"].is_null()
                && document["error"].is_null()
        );
        let quota = json!({"limit": 5, "window_seconds": 43200, "used": 1, "in_doubt": 0, "available": 4, "next_slot_at": null, "quarantined_until": null, "forecast": null});
        assert_eq!(document["quota"], quota);
        assert!(
            stage
                .path(".local/state/industrydata/ledger.sqlite")
                .exists()
        );
    }
}

#[test]
fn a_start_waits_until_the_operation_succeeds() {
    for http in FLAVOURS {
        let emulator = emulator(Duration::from_millis(200));
        let stage = Stage::new(&emulator.base_url());
        let (code, document) =
            stage.json(&["--http", http, "start", "--wait", "--poll-interval", "50ms"]);
        assert_eq!((code, &document["outcome"]), (0, &json!("succeeded")));
        assert_eq!(document["operation"]["status"], "succeeded");
        assert!(
            document["operation"]["created"]
                .as_str()
                .unwrap()
                .ends_with('Z')
        );
        assert_eq!(document["quota"]["used"], 1);
        assert_eq!(document["error"], Value::Null);
    }
}

#[test]
fn a_failed_operation_reports_its_detail() {
    let raw = Raw::polls(json_answer(
        "200 OK",
        r#"{"status":"failed","statusDetail":"no flows\u001b[2J"}"#,
    ));
    for document in check(&raw.base, &STEADY, (1, "failed", "failed", "yes")) {
        assert_eq!(document["error"]["message"], "no flows\u{1b}[2J");
        assert_eq!(document["operation"]["status"], "failed");
    }
    let raw = Raw::polls(json_answer("200 OK", r#"{"status":"failed"}"#));
    for document in check(&raw.base, &STEADY, (1, "failed", "failed", "yes")) {
        assert!(!document["error"]["message"].as_str().unwrap().is_empty());
    }
}

#[test]
fn the_service_throttles() {
    let raw = Raw::always(answer("429 Too Many Requests", "retry-after: 3600\r\n", ""));
    for document in check(&raw.base, &["start"], (3, "throttled", "throttled", "no")) {
        assert_eq!(
            (&document["quota"]["available"], &document["quota"]["used"]),
            (&json!(0), &json!(0))
        );
        assert!(
            document["quota"]["next_slot_at"]
                .as_str()
                .unwrap()
                .ends_with('Z')
        );
    }
    assert_eq!(raw.heads().len(), 2);
}

#[test]
fn a_start_waits_for_a_short_throttle_once() {
    for http in FLAVOURS {
        let raw = Raw::serve(|number, _, base| {
            Some(if number == 0 {
                answer("429 Too Many Requests", "retry-after: 1\r\n", "")
            } else {
                crate::stage::accepted(base)
            })
        });
        let (code, document) = Stage::new(&raw.base).json(&["start", "--http", http]);
        assert_eq!((code, raw.heads().len()), (0, 2), "{document}");
    }
}

#[test]
fn the_ledger_throttles_and_nothing_is_sent() {
    for http in FLAVOURS {
        let emulator = emulator(Duration::from_secs(60));
        let stage = Stage::new(&emulator.base_url());
        for _ in 0..5 {
            assert_eq!(stage.run(&["start", "--http", http]).code, 0);
        }
        let (code, document) = stage.json(&["start", "--http", http]);
        assert_eq!((code, &document["error"]["kind"]), (3, &json!("quota")));
        assert_eq!(document["quota"]["used"], 5);
        let line = [
            "start",
            "--wait-for-slot",
            "--timeout",
            "300ms",
            "--http",
            http,
        ];
        assert_eq!(stage.json(&line).0, 3);
        assert_eq!(emulator.with_service(|service| service.requests().len()), 5);
    }
}

#[test]
fn the_service_refuses_the_start() {
    let body = format!(r#"{{"error":{{"code":"x","message":"{CANARY}"}}}}"#);
    let raw = Raw::always(json_answer("401 Unauthorized", &body));
    for document in check(
        &raw.base,
        &["start"],
        (4, "unauthorized", "unauthorized", "no"),
    ) {
        assert_eq!(document["error"]["request_id"], "rid-1");
    }
    let raw = Raw::always(json_answer("403 Forbidden", "{}"));
    check(
        &raw.base,
        &["start"],
        (4, "unauthorized", "forbidden", "no"),
    );
    for status in ["400 Bad Request", "301 Moved Permanently"] {
        let raw = Raw::always(json_answer(status, "{}"));
        for document in check(&raw.base, &["start"], (5, "unexpected", "refused", "no")) {
            assert_eq!(document["quota"]["used"], 0);
        }
    }
}

#[test]
fn a_start_that_cannot_be_followed_quotes_the_location() {
    let raw = Raw::always(answer(
        "202 Accepted",
        "location: https://evil.example/x\r\n",
        "",
    ));
    for document in check(
        &raw.base,
        &["start"],
        (5, "unexpected", "not_followable", "yes"),
    ) {
        assert!(
            document["error"]["message"]
                .as_str()
                .unwrap()
                .contains("https://evil.example/x")
        );
        assert_eq!(
            (&document["operation"], &document["quota"]["used"]),
            (&Value::Null, &json!(1))
        );
    }
}

#[test]
fn the_wait_for_a_start_ends_with_an_error() {
    for (status, expected) in [
        ("410 Gone", (5, "unexpected", "gone", "yes")),
        ("400 Bad Request", (5, "unexpected", "unexpected", "yes")),
        ("302 Found", (5, "unexpected", "unexpected", "yes")),
        ("403 Forbidden", (4, "unauthorized", "forbidden", "yes")),
        (
            "401 Unauthorized",
            (4, "unauthorized", "unauthorized", "yes"),
        ),
    ] {
        let raw = Raw::polls(json_answer(status, "{}"));
        for document in check(&raw.base, &STEADY, expected) {
            assert_eq!(document["operation"]["id"], "op-1");
            assert!(document["operation"]["resume_token"].is_string());
        }
    }
}

#[test]
fn a_closed_port_is_unreachable() {
    for document in check(
        &closed(),
        &["start"],
        (6, "unreachable", "unreachable", "no"),
    ) {
        assert_eq!(document["quota"]["used"], 0);
        let message = document["error"]["message"].as_str().unwrap();
        assert!(
            message.to_ascii_lowercase().contains("connection refused") && !message.contains("://"),
            "{message}"
        );
    }
}

#[test]
fn the_time_limit_passes_while_polling() {
    let raw = Raw::polls(json_answer("200 OK", r#"{"status":"running"}"#));
    let line = [
        "start",
        "--wait",
        "--timeout",
        "500ms",
        "--poll-interval",
        "50ms",
    ];
    check(&raw.base, &line, (7, "timed_out", "timed_out", "yes"));
    let raw = Raw::polls(answer(
        "503 Service Unavailable",
        "retry-after: 7200\r\n",
        "",
    ));
    let line = [
        "start",
        "--wait",
        "--timeout",
        "1h",
        "--poll-interval",
        "50ms",
    ];
    check(&raw.base, &line, (7, "timed_out", "timed_out", "yes"));
}

#[test]
fn the_time_limit_passes_before_the_request_is_sent() {
    let raw = Raw::silent();
    let line = ["start", "--timeout", "300ms", "--token-command", "sleep 20"];
    check(&raw.base, &line, (6, "unreachable", "timed_out", "no"));
    assert!(raw.heads().is_empty());
}

#[test]
fn a_start_in_doubt_counts() {
    let lost = Raw::serve(|_, _, _| None);
    let broken = Raw::always(json_answer("500 Internal Server Error", "{}"));
    let silent = Raw::silent();
    for (base, line) in [
        (&lost.base, &["start"][..]),
        (&broken.base, &["start"]),
        (&silent.base, &["start", "--request-timeout", "200ms"]),
    ] {
        for document in check(base, line, (8, "in_doubt", "in_doubt", "unknown")) {
            assert_eq!(
                (&document["quota"]["used"], &document["quota"]["in_doubt"]),
                (&json!(1), &json!(1))
            );
        }
    }
    let silent = Raw::silent();
    for http in FLAVOURS {
        let line = ["start", "--timeout", "1500ms", "--http", http];
        assert_eq!(Stage::new(&silent.base).json(&line).0, 8);
    }
}

#[test]
fn a_proxy_never_sees_loopback() {
    let proxy = Raw::always(answer("502 Bad Gateway", "", ""));
    let address = proxy.base.trim_end_matches("/beta").to_owned();
    for http in FLAVOURS {
        let emulator = emulator(Duration::from_secs(60));
        let mut stage = Stage::new(&emulator.base_url());
        for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"] {
            stage = stage.env(name, &address);
        }
        assert_eq!(stage.run(&["start", "--http", http]).code, 0);
        let secure = closed().replace("http:", "https:");
        assert_eq!(
            stage
                .run(&["start", "--http", http, "--base-url", &secure])
                .code,
            6
        );
    }
    assert!(proxy.heads().is_empty(), "{:?}", proxy.heads());
}
