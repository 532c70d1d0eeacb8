//! Waits that are resumed, the details of failures, and `--strict`.

use std::time::Duration;

use industrydata_emulator::{Config, Emulator, Fault, Grant, On};
use serde_json::{Value, json};

use crate::stage::{
    CANARY, FLAVOURS, Ran, Raw, Stage, accepted, answer, closed, emulator, json as json_answer,
    keys, signal,
};

/// An emulator whose operations and runs take this long, in milliseconds.
fn timed(operation: u64, run: u64) -> Emulator {
    Emulator::start(Config {
        tokens: vec![Grant::all(CANARY)],
        operation_takes: Duration::from_millis(operation),
        run_takes: Duration::from_millis(run),
        schedule: None,
        ..Config::default()
    })
    .unwrap()
}

const PACE: [&str; 2] = ["--poll-interval", "50ms"];

/// The arguments that go on, as printed.
fn resume(document: &Value) -> Vec<&str> {
    let resume = document["error"]["resume"].as_array().unwrap();
    resume.iter().map(|word| word.as_str().unwrap()).collect()
}

/// Runs what a document says goes on, and returns the outcome.
fn go_on(stage: &Stage, document: &Value, http: &str) -> (i32, Value) {
    stage.any_json(&[&resume(document)[..], &PACE, &["--http", http]].concat())
}

#[test]
fn a_wait_for_an_operation_goes_on_where_it_ended() {
    for http in FLAVOURS {
        let emulator = timed(2500, 1000);
        let stage = Stage::new(&emulator.base_url());
        let line = [
            &["start", "--wait", "--timeout", "700ms", "--http", http],
            &PACE[..],
        ]
        .concat();
        let (code, document) = stage.any_json(&line);
        assert_eq!(code, 7, "{document}");
        let token = document["operation"]["resume_token"].as_str().unwrap();
        assert_eq!(resume(&document), ["wait", token]);
        let (code, ended) = go_on(&stage, &document, http);
        assert_eq!(
            (code, &ended["outcome"]),
            (0, &json!("succeeded")),
            "{ended}"
        );
        assert_eq!(ended["operation"]["id"], document["operation"]["id"]);
        assert_eq!(
            emulator.with_service(|service| service.accepted_starts().len()),
            1
        );
    }
}

#[test]
fn a_follow_goes_on_before_and_after_its_run_is_found() {
    for http in FLAVOURS {
        let emulator = timed(2000, 4000);
        let stage = Stage::new(&emulator.base_url());
        let line = |limit| {
            let line = [
                "start",
                "--follow",
                "--strict",
                "--timeout",
                limit,
                "--http",
                http,
            ];
            [&line[..], &PACE].concat()
        };
        // The operation is running.
        let (code, document) = stage.any_json(&line("700ms"));
        assert_eq!(code, 7, "{document}");
        let token = document["operation"]["resume_token"].as_str().unwrap();
        assert_eq!(resume(&document), ["wait", "--follow", "--strict", token]);
        let (code, ended) = go_on(&stage, &document, http);
        assert_eq!(
            (code, &ended["run"]["status"]),
            (0, &json!("completed")),
            "{ended}"
        );
        assert_eq!(ended["run_found_by"], "resource_location");
        assert!(ended["statistics"]["inbound_totals"].is_object(), "{ended}");
        // The run is running.
        let (code, document) = stage.any_json(&line("3s"));
        assert_eq!(code, 7, "{document}");
        let run = document["run"]["id"].as_str().unwrap();
        assert_eq!(resume(&document), ["runs", "follow", "--strict", run]);
        let (code, ended) = go_on(&stage, &document, http);
        assert_eq!((code, &ended["run"]["id"]), (0, &json!(run)), "{ended}");
        assert_eq!(ended["run"]["status"], "completed");
        let shown = [
            "error",
            "operation",
            "outcome",
            "quota",
            "run",
            "run_found_by",
            "statistics",
        ];
        assert_eq!(keys(&ended), shown);
        assert_eq!(
            emulator.with_service(|service| service.accepted_starts().len()),
            2
        );
    }
}

#[test]
fn wait_follow_takes_an_id_and_a_location() {
    for http in FLAVOURS {
        let emulator = timed(100, 400);
        let stage = Stage::new(&emulator.base_url());
        let (_, started) = stage.json(&["start", "--http", http]);
        for name in ["id", "location", "resume_token"] {
            let target = started["operation"][name].as_str().unwrap();
            let line = [&["wait", "--follow", target, "--http", http], &PACE[..]].concat();
            let (code, document) = stage.any_json(&line);
            assert_eq!(
                (code, &document["run"]["status"]),
                (0, &json!("completed")),
                "{document}"
            );
            assert!(document["statistics"].is_object());
        }
    }
}

#[test]
fn a_bare_operation_without_a_time_is_not_given_another_starts_run() {
    for (body, found) in [
        (r#"{"status":"succeeded"}"#.to_owned(), "unresolved"),
        (
            // Its run began when it was created, long before the wait.
            r#"{"status":"succeeded","createdDateTime":"2026-03-10T12:00:00Z"}"#.to_owned(),
            "start_time",
        ),
    ] {
        for http in FLAVOURS {
            let body = body.clone();
            let raw = Raw::serve(move |_, head, _| {
                let run =
                    r#"{"id":"r-1","status":"completed","startDateTime":"2026-03-10T12:00:05Z"}"#;
                Some(if head.contains("/runs/r-1 ") {
                    json_answer("200 OK", run)
                } else if head.contains("/runs ") {
                    json_answer("200 OK", &format!(r#"{{"value":[{run}]}}"#))
                } else if head.contains("getStatistics") {
                    answer("403 Forbidden", "", "")
                } else {
                    json_answer("200 OK", &body)
                })
            });
            let line = [&["wait", "--follow", "op-1", "--http", http], &PACE[..]].concat();
            let (code, document) = Stage::new(&raw.base).any_json(&line);
            assert_eq!(
                (code, &document["run_found_by"]),
                (0, &json!(found)),
                "{document}"
            );
            assert_eq!(document["statistics"], Value::Null);
        }
    }
}

#[test]
fn a_validation_has_no_run_to_follow() {
    let emulator = timed(100, 100);
    let stage = Stage::new(&emulator.base_url());
    let (_, accepted) = stage.json(&["validate", "clean"]);
    let token = accepted["operation"]["resume_token"].as_str().unwrap();
    let (code, document) = stage.any_json(&["wait", "--follow", token]);
    assert_eq!(
        (code, &document["error"]["kind"]),
        (2, &json!("usage")),
        "{document}"
    );
    assert_eq!(document["error"]["may_have_started"], "no");
    // By its id, that is known once it was read.
    emulator.advance(Duration::from_secs(60));
    let id = accepted["operation"]["id"].as_str().unwrap();
    let ran = stage.run(&["wait", "--follow", id, "--output", "json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("it has no run"), "{ran:?}");
}

#[test]
fn a_signal_in_each_stage_says_how_to_go_on() {
    for http in FLAVOURS {
        let emulator = timed(400, 60_000);
        let stage = Stage::new(&emulator.base_url());
        let (_, started) = stage.json(&["start"]);
        let token = started["operation"]["resume_token"].as_str().unwrap();
        emulator.advance(Duration::from_secs(1));
        let run = emulator.with_service(|service| service.runs()[0].id().to_owned());
        for line in [&["wait", "--follow", token][..], &["runs", "follow", &run]] {
            let child = stage.spawn(&[line, &PACE, &["--http", http, "--output", "json"]].concat());
            std::thread::sleep(Duration::from_millis(1500));
            signal(&child, "-INT");
            let ran = Ran::of(child);
            let document: Value = serde_json::from_str(&ran.stdout).unwrap();
            assert_eq!(
                (ran.code, &document["outcome"]),
                (130, &json!("interrupted")),
                "{ran:?}"
            );
            assert_eq!(resume(&document), ["runs", "follow", &run]);
            assert_eq!(document["error"]["may_have_started"], "yes");
            assert_eq!(document["run"]["id"], run);
        }
        let base = emulator.base_url();
        let line = [
            "runs",
            "follow",
            &run,
            "--base-url",
            &base,
            "--http",
            http,
            "--timeout",
            "500ms",
        ];
        let ran = stage.run(&[&line[..], &PACE].concat());
        let flavour = if http == "async" { " --http async" } else { "" };
        let expected =
            format!("resume with: industrydata runs follow {run} --base-url {base}{flavour}\n");
        assert!(ran.code == 7 && ran.stderr.contains(&expected), "{ran:?}");
    }
}

#[test]
fn a_wait_that_lost_its_token_or_its_service_goes_on() {
    let down = closed();
    for http in FLAVOURS {
        let line = [
            &[
                "runs",
                "follow",
                "r 1",
                "--timeout",
                "400ms",
                "--http",
                http,
            ],
            &PACE[..],
        ]
        .concat();
        let (code, document) = Stage::new(&down).any_json(&line);
        assert_eq!(
            (code, &document["outcome"]),
            (7, &json!("timed_out")),
            "{document}"
        );
        assert_eq!(resume(&document), ["runs", "follow", "r 1"]);
        let stage = Stage::new(&down).env("INDUSTRYDATA_TOKEN", "");
        for (line, expected) in [
            (&["runs", "follow", "r-1"][..], "runs"),
            (&["wait", "--follow", "op-1"], "wait"),
        ] {
            let (code, document) = stage.any_json(&[line, &["--http", http]].concat());
            assert_eq!((code, resume(&document)[0]), (4, expected), "{document}");
        }
    }
    let raw = Raw::polls(json_answer("403 Forbidden", "{}"));
    let (code, document) =
        Stage::new(&raw.base).any_json(&["start", "--wait", "--poll-interval", "20ms"]);
    assert_eq!((code, resume(&document)[0]), (4, "wait"), "{document}");
}

#[test]
fn a_wait_for_a_slot_goes_on_with_the_same_start() {
    for http in FLAVOURS {
        let emulator = emulator(Duration::from_secs(60));
        let stage = Stage::new(&emulator.base_url());
        for _ in 0..5 {
            assert_eq!(stage.run(&["start"]).code, 0);
        }
        let line = [
            "start",
            "--wait-for-slot",
            "--follow",
            "--label",
            "nightly",
            "--timeout",
            "1s",
            "--http",
            http,
        ];
        let (code, document) = stage.any_json(&line);
        assert_eq!(
            (code, &document["outcome"]),
            (3, &json!("throttled")),
            "{document}"
        );
        assert_eq!(
            resume(&document),
            ["start", "--follow", "--wait-for-slot", "--label=nightly"]
        );
        // Without the wait there is nothing to go on with.
        let (_, document) = stage.any_json(&["start", "--http", http]);
        assert_eq!(document["error"]["resume"], Value::Null);
    }
}

#[test]
fn a_run_that_dropped_records_is_an_error_only_if_asked_for() {
    for http in FLAVOURS {
        for strict in [false, true] {
            let emulator = timed(100, 300);
            emulator.script(Fault::on(On::Start).run_status("completedWithErrors"));
            let stage = Stage::new(&emulator.base_url());
            let flags: &[&str] = if strict { &["--strict"] } else { &[] };
            let start = [&["start", "--follow", "--http", http], &PACE[..], flags].concat();
            let expected = if strict {
                (10, "data_errors")
            } else {
                (0, "succeeded")
            };
            let check = |line: &[&str]| {
                let (code, document) = stage.any_json(line);
                assert_eq!(
                    (code, document["outcome"].as_str().unwrap()),
                    expected,
                    "{document}"
                );
                assert_eq!(document["run"]["status"], "completedWithErrors");
                assert_eq!(document["statistics"]["inbound_totals"]["errors"], 1);
                if strict {
                    let error = &document["error"];
                    assert_eq!(
                        (&error["kind"], &error["may_have_started"]),
                        (&json!("data_errors"), &json!("yes"))
                    );
                    assert_eq!(error["resume"], Value::Null);
                }
                document
            };
            let document = check(&start);
            let run = document["run"]["id"].as_str().unwrap();
            let token = document["operation"]["resume_token"].as_str().unwrap();
            check(&[&["runs", "follow", run, "--http", http], flags].concat());
            check(&[&["wait", "--follow", token, "--http", http], flags].concat());
            let ran = stage.run(&[&["runs", "follow", run, "--http", http], flags].concat());
            let shown = if strict {
                "error: the run completed with errors"
            } else {
                "warning: the run completed with errors"
            };
            assert!(
                ran.code == expected.0 && ran.stderr.contains(shown),
                "{ran:?}"
            );
            assert!(ran.stdout.contains("completedWithErrors"), "{ran:?}");
        }
    }
}

#[test]
fn a_strict_wait_without_a_run_says_so() {
    let raw = Raw::polls(json_answer("200 OK", r#"{"status":"succeeded"}"#));
    let ran = Stage::new(&raw.base).run(&["wait", "--strict", "op-1"]);
    assert!(
        ran.code == 0
            && ran
                .stderr
                .contains("--strict has an effect only with --follow"),
        "{ran:?}"
    );
}

#[test]
fn warnings_of_a_run_stay_a_success() {
    for http in FLAVOURS {
        let emulator = timed(50, 100);
        emulator.script(Fault::on(On::Start).run_status("completedWithWarnings"));
        let line = [
            &["start", "--follow", "--strict", "--http", http],
            &PACE[..],
        ]
        .concat();
        let ran = Stage::new(&emulator.base_url()).run(&line);
        assert!(
            ran.code == 0
                && ran
                    .stderr
                    .contains("warning: the run completed with warnings"),
            "{ran:?}"
        );
    }
}

#[test]
fn a_failed_operation_shows_the_details_of_its_run() {
    for http in FLAVOURS {
        let emulator = timed(100, 60_000);
        emulator.script(Fault::on(On::Start).fail_operation("no flows"));
        let stage = Stage::new(&emulator.base_url());
        let line = [&["start", "--wait", "--http", http], &PACE[..]].concat();
        let (code, document) = stage.json(&line);
        assert_eq!(
            (code, &document["error"]["message"]),
            (1, &json!("no flows")),
            "{document}"
        );
        let details = &document["error"]["details"];
        let members = [
            "blocking_error",
            "failed_activities",
            "request_ids",
            "run_id",
            "statistics",
            "status_detail",
        ];
        assert_eq!(keys(details), members);
        assert_eq!(details["status_detail"], "no flows");
        assert_eq!(
            details["blocking_error"]["inner_codes"],
            json!(["ActivityFailed", "SourceUnreadable"])
        );
        assert_eq!(
            details["failed_activities"][0]["blocking_error"]["target"],
            "users.csv"
        );
        assert_eq!(details["failed_activities"].as_array().unwrap().len(), 1);
        assert_eq!(details["statistics"]["status"], "failed");
        // Of the start and of the poll that showed the failure.
        assert_eq!(details["request_ids"].as_array().unwrap().len(), 2);
        assert_eq!(document["error"]["request_id"], details["request_ids"][1]);

        emulator.script(Fault::on(On::Start).fail_operation("no flows"));
        let ran = Stage::new(&emulator.base_url()).run(&line);
        for part in ["error: the operation failed: no flows\n", "request ids: "] {
            assert!(ran.stderr.contains(part), "{part}: {ran:?}");
        }
    }
}

#[test]
fn a_failed_run_shows_its_details() {
    for http in FLAVOURS {
        let emulator = timed(50, 200);
        emulator.script(Fault::on(On::Start).run_status("failed"));
        let stage = Stage::new(&emulator.base_url());
        let line = [&["start", "--follow", "--http", http], &PACE[..]].concat();
        let (code, document) = stage.any_json(&line);
        assert_eq!(
            (code, &document["error"]["kind"]),
            (1, &json!("failed")),
            "{document}"
        );
        let details = &document["error"]["details"];
        assert_eq!(details["run_id"], document["run"]["id"]);
        assert_eq!(details["failed_activities"].as_array().unwrap().len(), 1);
        assert!(details["statistics"].is_object() && details["request_ids"][1].is_string());
        assert_eq!(
            document["run"]["blocking_error"]["inner_codes"][1],
            "SourceUnreadable"
        );
        assert_eq!(document["error"]["resume"], Value::Null);
        let run = document["run"]["id"].as_str().unwrap();
        let ran = stage.run(&["runs", "follow", run, "--http", http]);
        for part in [
            "blocking error: RunFailed: the system cancelled the run (inner: ActivityFailed, SourceUnreadable)\n",
            "failed activity Rostering inbound flow: users.csv: ActivityFailed: the system cancelled the run",
            "statistics of run ",
            "request ids: ",
        ] {
            assert!(
                ran.code == 1 && ran.stderr.contains(part),
                "{part}: {ran:?}"
            );
        }
    }
}

/// A service that has no details, or none in time, changes nothing of the outcome.
#[test]
fn details_never_change_the_outcome() {
    for (name, details) in [
        ("forbidden", Some(answer("403 Forbidden", "", ""))),
        (
            "a portal",
            Some(answer("200 OK", "content-type: text/html\r\n", "<html>")),
        ),
        ("closed", None),
    ] {
        for http in FLAVOURS {
            let details = details.clone();
            let raw = Raw::serve(move |_, head, base| {
                if head.starts_with("POST") {
                    Some(accepted(base))
                } else if head.contains("/operations/") {
                    Some(json_answer(
                        "200 OK",
                        r#"{"status":"failed","statusDetail":"d"}"#,
                    ))
                } else {
                    details.clone()
                }
            });
            let began = std::time::Instant::now();
            let line = ["start", "--wait", "--poll-interval", "20ms", "--http", http];
            let (code, document) = Stage::new(&raw.base).json(&line);
            assert_eq!(
                (code, &document["error"]["message"]),
                (1, &json!("d")),
                "{name}: {document}"
            );
            let found = &document["error"]["details"];
            assert_eq!(
                (&found["run_id"], &found["statistics"]),
                (&Value::Null, &Value::Null)
            );
            assert!(
                began.elapsed() < Duration::from_secs(14),
                "{name}: {:?}",
                began.elapsed()
            );
        }
    }
}

#[test]
fn a_signal_during_the_details_ends_them_and_not_the_outcome() {
    for http in FLAVOURS {
        let raw = Raw::serve(|_, head, base| {
            if head.starts_with("POST") {
                return Some(accepted(base));
            }
            if !head.contains("/operations/") {
                std::thread::sleep(Duration::from_secs(20));
            }
            Some(json_answer(
                "200 OK",
                r#"{"status":"failed","statusDetail":"d"}"#,
            ))
        });
        let line = [
            "start",
            "--wait",
            "--poll-interval",
            "20ms",
            "--http",
            http,
            "--output",
            "json",
        ];
        let child = Stage::new(&raw.base).spawn(&line);
        raw.wait_for(3);
        let began = std::time::Instant::now();
        signal(&child, "-INT");
        let ran = Ran::of(child);
        let document = ran.document();
        assert_eq!(
            (ran.code, &document["outcome"]),
            (1, &json!("failed")),
            "{ran:?}"
        );
        assert!(began.elapsed() < Duration::from_secs(4));
    }
}

#[test]
fn a_run_that_does_not_exist_is_not_said_to_have_started() {
    for http in FLAVOURS {
        let (code, document) =
            Stage::new(&closed()).any_json(&["runs", "follow", "a/b", "--http", http]);
        assert_eq!(code, 2, "{document}");
        assert_eq!(document["error"]["may_have_started"], "unknown");
        assert_eq!(document["error"]["resume"], Value::Null);
    }
}

#[test]
fn data_errors_of_a_starts_operation_say_that_a_run_has_started() {
    let body = r#"{"status":"succeeded","errors":[{"code":"c\u0007","target":"a.csv"},"text only"],
        "resourceLocation":"{base}/external/industryData/runs/r-1"}"#;
    for http in FLAVOURS {
        let raw = Raw::serve(move |_, head, base| {
            Some(if head.starts_with("POST") {
                accepted(base)
            } else if head.contains("/runs/r-1 ") {
                json_answer("200 OK", r#"{"id":"r-1","status":"completed"}"#)
            } else if head.contains("getStatistics") {
                answer("404 Not Found", "", "")
            } else {
                json_answer("200 OK", &body.replace("{base}", base))
            })
        });
        for flag in ["--wait", "--follow"] {
            let line = [&["start", flag, "--http", http], &PACE[..]].concat();
            let (code, document) = Stage::new(&raw.base).any_json(&line);
            let error = &document["error"];
            assert_eq!(
                (code, &document["outcome"], &error["kind"]),
                (10, &json!("data_errors"), &json!("data_errors")),
                "{document}"
            );
            assert_eq!(error["may_have_started"], "yes");
            assert_eq!(document["operation"]["errors"][1]["message"], "text only");
            assert_eq!(document["quota"]["used"], 1);
            // The run is waited for all the same.
            let followed = flag == "--follow";
            assert_eq!(
                document["run"]["status"] == "completed",
                followed,
                "{document}"
            );
        }
        let line = [&["wait", "op-1", "--http", http], &PACE[..]].concat();
        let ran = Stage::new(&raw.base).run(&line);
        assert!(ran.stderr.contains("  a.csv\n    c\\u{7}\n"), "{ran:?}");
        assert!(!ran.stderr.contains('\u{7}'));
    }
}
