//! `wait`: by URL, by id and by resume token.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::stage::{FLAVOURS, Raw, Stage, answer, closed, emulator, json as json_answer};

#[test]
fn wait_takes_a_url_an_id_or_a_resume_token() {
    for http in FLAVOURS {
        let emulator = emulator(Duration::from_millis(100));
        let stage = Stage::new(&emulator.base_url());
        let (_, started) = stage.json(&["start", "--http", http]);
        for name in ["id", "location", "resume_token"] {
            let name = started["operation"][name].as_str().unwrap();
            let line = ["wait", name, "--http", http, "--poll-interval", "50ms"];
            let (code, document) = stage.json(&line);
            assert_eq!(
                (code, &document["outcome"]),
                (0, &json!("succeeded")),
                "{document}"
            );
            assert_eq!(document["operation"]["id"], started["operation"]["id"]);
            assert_eq!(
                (&document["quota"], &document["error"]),
                (&Value::Null, &Value::Null)
            );
        }
    }
}

#[test]
fn a_wait_reports_that_a_run_has_started() {
    let never = closed();
    let running = Raw::always(json_answer("200 OK", r#"{"status":"running"}"#));
    let failed = Raw::always(json_answer(
        "200 OK",
        r#"{"status":"failed","statusDetail":"d"}"#,
    ));
    let gone = Raw::always(answer("410 Gone", "", ""));
    for http in FLAVOURS {
        for (base, code, outcome) in [
            (&never, 7, "timed_out"),
            (&running.base, 7, "timed_out"),
            (&failed.base, 1, "failed"),
            (&gone.base, 5, "unexpected"),
        ] {
            let line = [
                "wait",
                "op-1",
                "--timeout",
                "400ms",
                "--poll-interval",
                "50ms",
                "--http",
                http,
            ];
            let (actual, document) = Stage::new(base).json(&line);
            assert_eq!(
                (actual, &document["outcome"]),
                (code, &json!(outcome)),
                "{document}"
            );
            assert_eq!(document["error"]["may_have_started"], "yes");
            assert_eq!(document["operation"]["id"], "op-1");
        }
    }
}

#[test]
fn a_wait_for_an_operation_that_never_existed_ends_soon() {
    let never = Raw::always(answer("404 Not Found", "", ""));
    std::thread::scope(|scope| {
        for http in FLAVOURS {
            scope.spawn(|| {
                let line = ["wait", "nonsense", "--poll-interval", "1s", "--http", http];
                let began = Instant::now();
                let (code, document) = Stage::new(&never.base).json(&line);
                assert_eq!(
                    (code, &document["outcome"]),
                    (5, &json!("unexpected")),
                    "{document}"
                );
                assert_eq!(document["error"]["kind"], "not_found");
                assert_eq!(document["error"]["may_have_started"], "unknown");
                assert_eq!(document["operation"]["id"], "nonsense");
                assert_eq!(document["operation"]["resume_token"], Value::Null);
                assert!(began.elapsed() >= Duration::from_secs(10));
                let shown = Stage::new(&never.base).run(&line).stderr;
                assert!(!shown.contains("resume with"), "{shown}");
            });
        }
    });
}

#[test]
fn a_wait_opens_no_ledger() {
    let raw = Raw::always(json_answer("200 OK", r#"{"status":"succeeded"}"#));
    let stage = Stage::new(&raw.base);
    let garbage = stage.path("garbage");
    std::fs::write(&garbage, "not a database at all").unwrap();
    assert_eq!(
        stage
            .json(&["wait", "op-1", "--ledger", garbage.to_str().unwrap()])
            .0,
        0
    );
    assert!(!stage.path(".local").exists());
}

#[test]
fn an_operation_of_another_base_is_refused() {
    let raw = Raw::always(json_answer("200 OK", r#"{"status":"succeeded"}"#));
    let emulator = emulator(Duration::from_secs(1));
    let (_, other) = Stage::new(&emulator.base_url()).json(&["start"]);
    let token = other["operation"]["resume_token"].as_str().unwrap();
    let cut = &token[..token.len() - 3];
    let url = "https://evil.example/beta/external/industryData/operations/op-1";
    for (argument, kind) in [
        (url, "location"),
        (token, "location"),
        (cut, "usage"),
        ("a b", "usage"),
        ("//x/y", "location"),
    ] {
        // The argument is checked before the token, which is missing.
        let stage = Stage::new(&raw.base).env("INDUSTRYDATA_TOKEN", "");
        let (code, document) = stage.json(&["wait", argument]);
        assert_eq!(
            (code, &document["error"]["kind"]),
            (2, &json!(kind)),
            "{argument}"
        );
        // This command started nothing.
        assert_eq!(document["error"]["may_have_started"], "no", "{argument}");
    }
    let (_, document) = Stage::new(&raw.base).json(&["wait", url]);
    assert!(
        document["error"]["message"]
            .as_str()
            .unwrap()
            .contains("evil.example")
    );
    assert!(raw.heads().is_empty());
}

#[test]
fn a_wait_without_a_token_reports_the_operation() {
    let stage = Stage::new(&closed()).env("INDUSTRYDATA_TOKEN", "");
    let (code, document) = stage.json(&["wait", "op-1"]);
    assert_eq!((code, &document["error"]["kind"]), (4, &json!("token")));
    assert_eq!(document["operation"]["id"], "op-1");
    assert_eq!(document["error"]["may_have_started"], "yes");
}
