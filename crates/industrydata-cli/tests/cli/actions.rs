//! `validate` and `flows reset`, with each ending.

use std::time::Duration;

use industrydata_emulator::{Config, Emulator, Fault, Grant, Lose, On, Permission};
use serde_json::{Value, json};

use crate::stage::{
    CANARY, FLAVOURS, Ran, Raw, Stage, accepted, answer, closed, json as json_answer, signal,
};

/// An emulator whose validations take a moment.
fn quick() -> Emulator {
    Emulator::start(Config {
        tokens: vec![Grant::all(CANARY)],
        action_takes: Duration::from_millis(100),
        ..Config::default()
    })
    .unwrap()
}

const WAIT: [&str; 3] = ["--wait", "--poll-interval", "50ms"];

#[test]
fn a_validation_ends_in_each_way() {
    let emulator = quick();
    for http in FLAVOURS {
        for (connector, code, outcome, kind) in [
            ("clean", 0, "succeeded", Value::Null),
            ("with-warnings", 0, "succeeded", Value::Null),
            ("with-errors", 10, "data_errors", json!("data_errors")),
            ("failing", 1, "failed", json!("failed")),
        ] {
            let stage = Stage::new(&emulator.base_url());
            let line = [&["validate", connector, "--http", http], &WAIT[..]].concat();
            let (actual, document) = stage.json(&line);
            assert_eq!(
                (actual, &document["outcome"]),
                (code, &json!(outcome)),
                "{document}"
            );
            let (operation, error) = (&document["operation"], &document["error"]);
            assert_eq!(error["kind"], kind, "{document}");
            assert_eq!(document["quota"], Value::Null);
            let numbers = ["errors", "warnings", "validated_files"]
                .map(|list| operation[list].as_array().unwrap().len());
            let expected = match connector {
                "clean" => [0, 0, 3],
                "with-warnings" => [0, 1, 3],
                "with-errors" => [2, 1, 0],
                _ => [0, 0, 0],
            };
            assert_eq!(numbers, expected, "{connector}");
            if code != 0 {
                assert_eq!(error["may_have_started"], "no");
                assert_eq!(error["resume"], Value::Null);
            }
            // No slot is used, and no ledger opened.
            assert!(!stage.path(".local").exists());
        }
    }
    let starts = emulator.with_service(|service| service.accepted_starts().len());
    assert_eq!(starts, 0);
}

#[test]
fn errors_and_warnings_are_listed_by_file() {
    let emulator = quick();
    for http in FLAVOURS {
        let stage = Stage::new(&emulator.base_url());
        let line = |connector| [&["validate", connector, "--http", http], &WAIT[..]].concat();
        let ran = stage.run(&line("with-errors"));
        assert_eq!(ran.code, 10);
        let listed = "2 errors in the data:\n  orgs.csv\n    RequiredFileNotFound: RequiredFileNotFound in orgs.csv\n  \
            users.csv\n    InvalidHeader: InvalidHeader in users.csv\n1 warning in the data:\n  classes.csv\n";
        assert!(ran.stderr.contains(listed), "{ran:?}");
        assert!(ran.stderr.contains("a run may have started: no"), "{ran:?}");
        let ran = stage.run(&line("with-warnings"));
        assert_eq!(ran.code, 0);
        assert!(
            ran.stdout
                .contains("1 warning in the data:\n  classes.csv\n"),
            "{ran:?}"
        );
        assert!(
            ran.stdout
                .contains("validated files: orgs.csv, users.csv, roles.csv\n")
        );
    }
}

#[test]
fn a_validation_that_is_not_waited_for_says_how_to_wait() {
    let emulator = quick();
    for http in FLAVOURS {
        let stage = Stage::new(&emulator.base_url());
        let (code, document) = stage.json(&["validate", "with-errors", "--http", http]);
        assert_eq!(
            (code, &document["outcome"]),
            (0, &json!("accepted")),
            "{document}"
        );
        let operation = &document["operation"];
        let token = operation["resume_token"].as_str().unwrap();
        assert!(token.starts_with("idr2:"), "{token}");
        // The wait takes the token, the Location and the id.
        for target in [
            token,
            operation["location"].as_str().unwrap(),
            operation["id"].as_str().unwrap(),
        ] {
            let line = ["wait", target, "--http", http, "--poll-interval", "50ms"];
            let (code, document) = stage.json(&line);
            assert_eq!(
                (code, &document["outcome"]),
                (10, &json!("data_errors")),
                "{document}"
            );
            assert_eq!(document["error"]["may_have_started"], "no");
        }
        let id = operation["id"].as_str().unwrap();
        let (code, shown) = stage.any_json(&["operations", "show", id, "--http", http]);
        assert_eq!(code, 0, "a read is not a wait");
        assert_eq!(shown["operation"]["errors"][0]["target"], "orgs.csv");
        let ran = stage.run(&["operations", "show", id]);
        assert!(
            ran.code == 0 && ran.stdout.contains("2 errors in the data:"),
            "{ran:?}"
        );
        let ran = stage.run(&["validate", "clean", "--http", http]);
        assert!(
            ran.stdout
                .contains("wait for it with: industrydata wait idr2:"),
            "{ran:?}"
        );
    }
}

#[test]
fn an_unknown_connector_is_not_found() {
    let emulator = quick();
    for http in FLAVOURS {
        let stage = Stage::new(&emulator.base_url());
        let (code, document) = stage.json(&["validate", "unknown", "--http", http]);
        let error = &document["error"];
        assert_eq!(
            (code, &error["kind"]),
            (5, &json!("not_found")),
            "{document}"
        );
        let message = error["message"].as_str().unwrap();
        assert!(
            message.contains("does not have the data connector: 404"),
            "{message}"
        );
        assert!(error["request_id"].is_string());
        assert_eq!(stage.json(&["validate", "a/b", "--http", http]).0, 2);
    }
}

type Server = fn() -> Raw;

/// The POST is sent once, and the outcome is in doubt.
#[test]
fn a_lost_answer_leaves_a_validation_in_doubt() {
    let broken = || Raw::always(json_answer("500 Internal Server Error", "{}"));
    let servers: [(Server, &[&str]); 4] = [
        (|| Raw::serve(|_, _, _| None), &[]),
        (broken, &[]),
        (|| Raw::always(answer("200 OK", "", "")), &[]),
        (Raw::silent, &["--request-timeout", "200ms"]),
    ];
    for (server, limits) in servers {
        for http in FLAVOURS {
            let raw = server();
            let stage = Stage::new(&raw.base);
            let line = [&["validate", "c-1", "--http", http], limits].concat();
            let (code, document) = stage.json(&line);
            let error = &document["error"];
            assert_eq!(
                (code, &document["outcome"]),
                (8, &json!("in_doubt")),
                "{document}"
            );
            assert_eq!(
                (&error["kind"], &error["may_have_started"]),
                (&json!("in_doubt"), &json!("no"))
            );
            assert_eq!(
                (&document["quota"], &document["operation"]),
                (&Value::Null, &Value::Null)
            );
            let heads = raw.heads();
            assert_eq!(heads.len(), 1, "one POST");
            let path = "POST /beta/external/industryData/dataConnectors/c-1/validate ";
            assert!(heads[0].starts_with(path), "{heads:?}");
            // No slot counts it.
            let (_, quota) = stage.any_json(&["quota"]);
            assert_eq!(quota["used"], 0);
        }
    }
}

#[test]
fn a_validation_that_the_service_acted_on_is_not_sent_again() {
    for http in FLAVOURS {
        let emulator = quick();
        emulator.script(Fault::on(On::Validate).lose(Lose::Answer));
        let stage = Stage::new(&emulator.base_url());
        assert_eq!(stage.json(&["validate", "clean", "--http", http]).0, 8);
        let posts = emulator.with_service(|service| service.requests().len());
        assert_eq!(posts, 1);
        assert_eq!(
            emulator.with_service(|service| service.operations().len()),
            1
        );
    }
}

#[test]
fn each_refusal_of_a_validation_has_its_exit_code() {
    for (raw, expected) in [
        (
            Raw::always(json_answer("400 Bad Request", "{}")),
            (5, "refused"),
        ),
        (
            Raw::always(json_answer("401 Unauthorized", "{}")),
            (4, "unauthorized"),
        ),
        (
            Raw::always(json_answer("403 Forbidden", "{}")),
            (4, "forbidden"),
        ),
        (
            Raw::always(answer("429 Too Many Requests", "retry-after: 3600\r\n", "")),
            (3, "throttled"),
        ),
        (
            Raw::always(answer("202 Accepted", "", "")),
            (5, "not_followable"),
        ),
        (
            Raw::always(answer(
                "202 Accepted",
                "location: https://evil.example/x\r\n",
                "",
            )),
            (5, "not_followable"),
        ),
    ] {
        for http in FLAVOURS {
            let (code, document) = Stage::new(&raw.base).json(&["validate", "c-1", "--http", http]);
            let kind = document["error"]["kind"].as_str().unwrap();
            assert_eq!((code, kind), expected, "{document}");
            assert_eq!(document["error"]["may_have_started"], "no");
        }
        assert_eq!(raw.heads().len(), 2, "one POST each");
    }
    for http in FLAVOURS {
        let (code, document) = Stage::new(&closed()).json(&["validate", "c-1", "--http", http]);
        assert_eq!(
            (code, &document["error"]["kind"]),
            (6, &json!("unreachable"))
        );
    }
}

#[test]
fn the_missing_permission_is_named() {
    let emulator = Emulator::start(Config {
        tokens: vec![Grant::only(CANARY, &[Permission::Start])],
        ..Config::default()
    })
    .unwrap();
    for (line, permission) in [
        (
            &["validate", "clean"][..],
            "IndustryData-DataConnector.Upload",
        ),
        (
            &["flows", "reset", "flow-set", "flow", "--yes"],
            "IndustryData-OutboundFlow.ReadWrite.All",
        ),
    ] {
        for http in FLAVOURS {
            let line = [line, &["--http", http]].concat();
            let (code, document) = Stage::new(&emulator.base_url()).json(&line);
            let message = document["error"]["message"].as_str().unwrap();
            assert!(code == 4 && message.contains(permission), "{message}");
        }
    }
}

#[test]
fn a_reset_is_accepted_or_waited_for() {
    let emulator = quick();
    for http in FLAVOURS {
        let stage = Stage::new(&emulator.base_url());
        let line = |flow| {
            [
                "flows",
                "reset",
                "flow-set",
                flow,
                "--yes",
                "--poll-interval",
                "50ms",
                "--http",
                http,
            ]
        };
        let (code, document) = stage.json(&line("flow"));
        assert_eq!(
            (code, &document["outcome"]),
            (0, &json!("accepted")),
            "{document}"
        );
        assert_eq!(
            (&document["operation"], &document["error"]),
            (&Value::Null, &Value::Null)
        );
        let (code, document) = stage.json(&line("flow-with-location"));
        assert_eq!(
            (code, &document["outcome"]),
            (0, &json!("succeeded")),
            "{document}"
        );
        let (code, document) = stage.json(&line("unknown"));
        assert_eq!((code, &document["error"]["kind"]), (5, &json!("not_found")));
        let message = document["error"]["message"].as_str().unwrap();
        assert!(message.contains("provisioning flow"), "{message}");
        let ran = stage.run(&line("flow"));
        assert!(
            ran.code == 0 && ran.stdout.starts_with("accepted"),
            "{ran:?}"
        );
        emulator.script(Fault::on(On::Reset).fail_operation("the flow is broken"));
        let (code, document) = stage.json(&line("flow-with-location"));
        assert_eq!(
            (code, &document["error"]["message"]),
            (1, &json!("the flow is broken"))
        );
        assert_eq!(document["error"]["may_have_started"], "no");
    }
}

#[test]
fn a_reset_without_a_terminal_needs_a_yes() {
    let raw = Raw::always(answer("202 Accepted", "", ""));
    let (code, document) = Stage::new(&raw.base).json(&["flows", "reset", "s", "f"]);
    assert_eq!((code, &document["error"]["kind"]), (2, &json!("usage")));
    assert!(raw.heads().is_empty());
}

#[test]
fn a_signal_ends_a_validation() {
    // While the request is out.
    let raw = Raw::silent();
    let child = Stage::new(&raw.base).spawn(&["validate", "c-1", "--output", "json"]);
    raw.wait_for(1);
    signal(&child, "-INT");
    let ran = Ran::of(child);
    let document = ran.document();
    assert_eq!(
        (ran.code, &document["outcome"]),
        (130, &json!("interrupted"))
    );
    assert_eq!(document["error"]["may_have_started"], "no");
    let message = document["error"]["message"].as_str().unwrap();
    assert!(message.contains("in doubt"), "{message}");
    // While its operation is polled.
    for http in FLAVOURS {
        let raw = Raw::serve(|_, head, base| {
            Some(match head.starts_with("POST") {
                true => accepted(base),
                false => json_answer("200 OK", r#"{"status":"running"}"#),
            })
        });
        let stage = Stage::new(&raw.base);
        let line = [
            &["validate", "c-1", "--http", http, "--output", "json"],
            &WAIT[..],
        ]
        .concat();
        let child = stage.spawn(&line);
        raw.wait_for(3);
        signal(&child, "-TERM");
        let ran = Ran::of(child);
        let document = ran.document();
        assert_eq!(ran.code, 130, "{ran:?}");
        assert_eq!(document["error"]["may_have_started"], "no");
        let resume = &document["error"]["resume"];
        assert_eq!(
            *resume,
            json!(["wait", document["operation"]["resume_token"]])
        );
    }
}
