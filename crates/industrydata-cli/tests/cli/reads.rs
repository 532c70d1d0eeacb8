//! Reads of the service, and reconciliation with the ledger.

use std::time::Duration;

use industrydata_emulator::{Config, Emulator, Fault, Grant, Lose, On, Permission, Schedule};
use serde_json::{Value, json};

use crate::stage::{
    CANARY, FLAVOURS, Ran, Raw, Stage, answer, closed, emulator, json as json_answer, keys,
    snapshot,
};

/// The JSON of a command that succeeds.
fn read(stage: &Stage, line: &[&str]) -> Value {
    let line: Vec<_> = line.iter().copied().chain(["--output", "json"]).collect();
    let ran = stage.run(&line);
    assert_eq!((ran.code, ran.stdout.lines().count()), (0, 1), "{ran:?}");
    serde_json::from_str(&ran.stdout).unwrap()
}

fn quick() -> Emulator {
    Emulator::start(Config {
        tokens: vec![Grant::all(CANARY)],
        operation_takes: Duration::from_millis(100),
        run_takes: Duration::from_millis(400),
        schedule: Some(Schedule {
            past_runs: 3,
            ..Schedule::default()
        }),
        ..Config::default()
    })
    .unwrap()
}

const FOLLOW: [&str; 4] = ["start", "--follow", "--poll-interval", "50ms"];

#[test]
fn runs_and_operations_are_read() {
    let emulator = quick();
    for http in FLAVOURS {
        let stage = Stage::new(&emulator.base_url());
        let started = stage
            .json(&["start", "--wait", "--poll-interval", "50ms"])
            .1;
        let operations = read(&stage, &["operations", "list", "--http", http]);
        let listed = operations["operations"].as_array().unwrap();
        let operation_id = started["operation"]["id"].as_str().unwrap();
        let same = |it: &&Value| it["id"] == operation_id;
        let operation = listed.iter().find(same).unwrap();
        assert_eq!(keys(operation), keys(&started["operation"]));
        assert_eq!(operation["location"], started["operation"]["location"]);
        let shown = read(
            &stage,
            &["operations", "show", operation_id, "--http", http],
        );
        assert_eq!(shown["operation"]["status"], "succeeded");

        let runs = read(&stage, &["runs", "list", "--http", http]);
        let run = runs["runs"].as_array().unwrap().last().unwrap();
        let id = run["id"].as_str().unwrap();
        let members = [
            "blocking_error",
            "display_name",
            "ended",
            "id",
            "started",
            "status",
        ];
        assert_eq!(keys(run), members);
        let shown = read(&stage, &["--http", http, "runs", "show", id]);
        assert_eq!(
            (keys(&shown), &shown["run"]["id"]),
            (vec!["run"], &json!(id))
        );
        let statistics = read(&stage, &["runs", "statistics", id, "--http", http]);
        let statistics = &statistics["statistics"];
        assert_eq!(
            keys(statistics),
            ["activities", "inbound_totals", "run_id", "status"]
        );
        assert!(
            statistics["inbound_totals"].is_null()
                || keys(&statistics["inbound_totals"]).len() == 8
        );
        let activities = read(&stage, &["runs", "activities", id, "--http", http]);
        assert!(activities["activities"].is_array());

        for (name, line) in [
            ("operations_show", ["operations", "show", operation_id]),
            ("runs_statistics", ["runs", "statistics", id]),
            ("runs_activities", ["runs", "activities", id]),
        ] {
            let ran = stage.run(&[&line[..], &["--http", http]].concat());
            snapshot(name, &ran);
        }
        for line in [["operations", "list"], ["runs", "list"]] {
            let ran = stage.run(&line);
            assert!(ran.code == 0 && ran.stdout.starts_with("ID "), "{ran:?}");
        }
    }
}

#[test]
fn each_read_error_has_its_kind_and_opens_no_ledger() {
    let page = r#"{"value":[],"@odata.nextLink":"https://evil.example/x"}"#;
    for http in FLAVOURS {
        for (raw, expected) in [
            (Raw::always(answer("404 Not Found", "", "")), (5, "gone")),
            (
                Raw::always(answer("403 Forbidden", "", "")),
                (4, "forbidden"),
            ),
            (
                Raw::always(answer("401 Unauthorized", "", "")),
                (4, "unauthorized"),
            ),
            (Raw::always(answer("302 Found", "", "")), (5, "unexpected")),
            (Raw::always(json_answer("200 OK", page)), (5, "unexpected")),
            (Raw::silent(), (7, "timed_out")),
        ] {
            let stage = Stage::new(&raw.base);
            let line = ["runs", "list", "--timeout", "1s", "--http", http];
            let (code, document) = stage.json(&line);
            let kind = document["error"]["kind"].as_str().unwrap();
            assert_eq!((code, kind), expected, "{http} {document}");
            assert_eq!(document["error"]["may_have_started"], "no");
            assert!(!stage.path(".local").exists());
        }
        let stage = Stage::new(&closed());
        let (code, _) = stage.json(&["runs", "show", "a/b", "--http", http]);
        assert_eq!(code, 2);
    }
}

#[test]
fn a_start_is_polled_until_its_run_ends() {
    for http in FLAVOURS {
        let emulator = quick();
        let stage = Stage::new(&emulator.base_url());
        let line = [&FOLLOW[..], &["--http", http, "--output", "json"]].concat();
        let ran = stage.run(&line);
        let document: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(
            (ran.code, &document["outcome"]),
            (0, &json!("succeeded")),
            "{ran:?}"
        );
        assert_eq!(
            keys(&document),
            [
                "error",
                "operation",
                "outcome",
                "quota",
                "run",
                "run_found_by",
                "statistics"
            ]
        );
        assert_eq!(document["run"]["status"], "completed", "{document}");
        let by = document["run_found_by"].as_str().unwrap();
        assert!(["resource_location", "start_time"].contains(&by));
        let ran = stage.run(&[&FOLLOW[..], &["--http", http]].concat());
        // How many polls there are depends on the load of the machine.
        let stderr = String::new();
        snapshot("start_follow", &Ran { stderr, ..ran });
    }
}

#[test]
fn a_run_may_fail_after_its_operation_succeeded() {
    for http in FLAVOURS {
        for (status, code) in [("failed", 1), ("completedWithErrors", 0)] {
            let emulator = quick();
            emulator.script(Fault::on(On::Start).run_status(status));
            let stage = Stage::new(&emulator.base_url());
            let line = [&FOLLOW[..], &["--http", http, "--output", "json"]].concat();
            let ran = stage.run(&line);
            let document: Value = serde_json::from_str(&ran.stdout).unwrap();
            assert_eq!(ran.code, code, "{ran:?}");
            assert_eq!(document["run"]["status"], status);
            assert_eq!(document["operation"]["status"], "succeeded");
            if code == 0 {
                assert!(
                    ran.stderr
                        .contains("warning: the run completed with errors")
                );
            } else {
                assert_eq!(document["error"]["kind"], "failed");
                assert_eq!(document["error"]["may_have_started"], "yes");
            }
        }
    }
}

#[test]
fn a_failed_preflight_uses_no_slot() {
    let emulator = Emulator::start(Config {
        tokens: vec![Grant::only(CANARY, &[Permission::Start])],
        ..Config::default()
    })
    .unwrap();
    for http in FLAVOURS {
        let stage = Stage::new(&emulator.base_url());
        let (code, document) = stage.json(&["start", "--preflight", "--http", http]);
        assert_eq!((code, &document["error"]["kind"]), (4, &json!("forbidden")));
        let message = document["error"]["message"].as_str().unwrap();
        assert!(message.contains("IndustryData.ReadBasic.All"), "{message}");
        assert_eq!(read(&stage, &["quota"])["used"], 0);
    }
    assert!(emulator.with_service(|service| service.accepted_starts().is_empty()));
}

#[test]
fn entries_are_listed_and_resolved_by_hand() {
    let emulator = emulator(Duration::from_secs(60));
    emulator.script(Fault::on(On::Start).lose(Lose::Answer));
    let stage = Stage::new(&emulator.base_url());
    snapshot("start_in_doubt", &stage.run(&["start"]));
    let other = Stage::new(&emulator.base_url());
    let ran = other.run(&["quota", "--reconcile"]);
    snapshot("quota_reconcile_external", &ran);
    let external = read(&other, &["quota", "--entries"]);
    assert_eq!(external["entries"][0]["state"], "seen");
    let quota = read(&stage, &["quota", "--entries"]);
    let entry = &quota["entries"][0];
    assert_eq!(
        (&entry["state"], &quota["in_doubt"]),
        (&json!("in_doubt"), &json!(1))
    );
    assert!(entry["who"]["process"].is_u64(), "{quota}");
    let id = entry["id"].as_str().unwrap();
    let not_started = format!("{id}=not-started");
    let quota = read(&stage, &["quota", "--resolve", &not_started, "--entries"]);
    assert_eq!(
        (&quota["used"], &quota["available"]),
        (&json!(0), &json!(5))
    );
    assert_eq!(quota["entries"][0]["evidence"], "resolved by hand");
    let ran = stage.run(&["quota", "--resolve", &format!("{id}=started"), "--entries"]);
    assert!(ran.stdout.contains("resolved by hand"), "{ran:?}");
    for bad in [
        "x=started",
        &format!("{id}=maybe"),
        &format!("{}=started", "0".repeat(32)),
    ] {
        assert_eq!(stage.json(&["quota", "--resolve", bad]).0, 2, "{bad}");
    }
}

#[test]
fn a_start_in_doubt_is_resolved_by_the_lists_of_the_service() {
    for http in FLAVOURS {
        let emulator = quick();
        emulator.script(Fault::on(On::Start).lose(Lose::Answer));
        let stage = Stage::new(&emulator.base_url());
        assert_eq!(stage.run(&["start", "--http", http]).code, 8);
        let other = Stage::new(&emulator.base_url());
        let quota = read(&other, &["quota", "--reconcile", "--http", http]);
        assert_eq!(
            (&quota["used"], &quota["reconciliation"]["drift"]),
            (&json!(1), &json!(1)),
            "{quota}"
        );
        let quota = read(
            &stage,
            &["quota", "--reconcile", "--entries", "--http", http],
        );
        assert_eq!(
            (&quota["used"], &quota["in_doubt"]),
            (&json!(1), &json!(0)),
            "{quota}"
        );
        assert_eq!(
            quota["reconciliation"]["findings"][0]["resolution"],
            "started"
        );
        assert!(
            quota["entries"][0]["evidence"]
                .as_str()
                .unwrap()
                .contains("operation")
        );
        let ran = stage.run(&["quota", "--reconcile", "--http", http]);
        assert!(
            ran.stdout.contains("reconciled: entries resolved 0")
                && ran.stdout.contains("next scheduled run"),
            "{ran:?}"
        );
        let away = closed();
        let line = [
            "quota",
            "--reconcile",
            "--base-url",
            &away,
            "--timeout",
            "1s",
            "--http",
            http,
        ];
        assert_eq!(stage.json(&line).0, 7);
    }
}

#[test]
fn a_read_of_a_closed_port_is_unreachable() {
    let children = FLAVOURS.map(|http| {
        let stage = Stage::new(&closed());
        let line = ["operations", "list", "--http", http, "--output", "json"];
        (stage.spawn(&line), stage)
    });
    for (child, _stage) in children {
        let ran = Ran::of(child);
        let document = ran.document();
        assert_eq!((ran.code, &document["outcome"]), (6, &json!("unreachable")));
        assert_eq!(document["error"]["kind"], "unreachable");
    }
}

#[test]
fn the_time_limit_or_a_signal_ends_a_run_poll_and_the_run_continues() {
    for http in FLAVOURS {
        let emulator = emulator(Duration::from_millis(100));
        let stage = Stage::new(&emulator.base_url());
        let line = [&FOLLOW[..], &["--http", http, "--timeout", "1500ms"]].concat();
        let ran = stage.run(&[&line[..], &["--output", "json"]].concat());
        let document: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(
            (ran.code, &document["error"]["kind"]),
            (7, &json!("timed_out"))
        );
        assert_eq!(document["error"]["may_have_started"], "yes");
        assert_eq!(document["operation"]["status"], "succeeded");
        assert_eq!(document["run"]["status"], "running", "{document}");
        let ran = stage.run(&line);
        assert!(ran.stderr.contains("industrydata runs show "), "{ran:?}");

        let child = stage.spawn(&[&FOLLOW[..], &["--http", http, "--output", "json"]].concat());
        std::thread::sleep(Duration::from_millis(1200));
        let sent = std::process::Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
        let ran = Ran::of(child);
        let document: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(
            (ran.code, &document["outcome"]),
            (130, &json!("interrupted"))
        );
        assert!(document["run"]["id"].is_string(), "{document}");
    }
}
