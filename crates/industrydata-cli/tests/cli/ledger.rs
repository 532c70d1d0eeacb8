//! `ledger reset`, and the quarantine that follows it.

use std::{fs, time::Duration};

use industrydata_core::Timestamp;
use industrydata_emulator::{Clock, Config, Emulator, Grant, Schedule};
use industrydata_ledger::{SqliteStore, Store};
use serde_json::{Value, json};

use crate::stage::{CANARY, FLAVOURS, Stage, emulator, restrict};

/// The one line of JSON of a command that went well.
fn read(stage: &Stage, line: &[&str]) -> Value {
    let line: Vec<_> = line.iter().copied().chain(["--output", "json"]).collect();
    let ran = stage.run(&line);
    assert_eq!((ran.code, ran.stdout.lines().count()), (0, 1), "{ran:?}");
    serde_json::from_str(&ran.stdout).unwrap()
}

fn damage(stage: &Stage) {
    let path = stage.path("ledger");
    fs::write(&path, "not a ledger ".repeat(100)).unwrap();
    restrict(&path);
}

#[test]
fn a_damaged_ledger_is_moved_aside_and_the_new_one_gives_no_slot() {
    let emulator = emulator(Duration::from_secs(60));
    for http in FLAVOURS {
        let stage = Stage::new(&emulator.base_url()).env("INDUSTRYDATA_LEDGER", "ledger");
        damage(&stage);
        let before = fs::read(stage.path("ledger")).unwrap();
        let (code, document) = stage.json(&["start", "--http", http]);
        assert_eq!(code, 9, "{document}");
        let message = document["error"]["message"].as_str().unwrap();
        assert!(message.contains("industrydata ledger reset"), "{document}");

        // Without a terminal there is no one to ask.
        let (code, document) = stage.json(&["ledger", "reset"]);
        assert_eq!((code, &document["outcome"]), (2, &json!("usage")));
        assert!(
            document["error"]["message"]
                .as_str()
                .unwrap()
                .contains("--yes")
        );
        assert_eq!(fs::read(stage.path("ledger")).unwrap(), before);

        let report = read(&stage, &["ledger", "reset", "--yes"]);
        assert_eq!(report["ledger"], "ledger");
        let aside = report["moved_to"].as_str().unwrap();
        assert!(aside.contains("/ledger.reset-20"), "{report}");
        assert_eq!(fs::read(aside).unwrap(), before);

        let quota = read(&stage, &["quota"]);
        assert_eq!(quota["quarantined_until"], report["quarantined_until"]);
        assert_eq!(quota["next_slot_at"], report["quarantined_until"]);
        assert_eq!(
            (&quota["used"], &quota["available"]),
            (&json!(0), &json!(0))
        );
        let shown = stage.run(&["quota"]).stdout;
        assert!(shown.contains("in quarantine until"), "{shown}");

        let (code, document) = stage.json(&["start", "--http", http]);
        assert_eq!((code, &document["outcome"]), (3, &json!("throttled")));
        let error = &document["error"];
        assert_eq!(
            (&error["kind"], &error["may_have_started"]),
            (&json!("quota"), &json!("no"))
        );
        assert!(error["message"].as_str().unwrap().contains("in quarantine"));
        assert!(
            error["advice"]
                .as_str()
                .unwrap()
                .contains("quota --reconcile")
        );
        assert_eq!(
            document["quota"]["quarantined_until"],
            report["quarantined_until"]
        );

        // Lists that are read right after the reset end nothing.
        let quota = read(&stage, &["quota", "--reconcile", "--http", http]);
        assert_eq!(quota["quarantined_until"], report["quarantined_until"]);
        assert!(emulator.with_service(|service| service.accepted_starts().is_empty()));

        // By hand it ends at once, for one tenant.
        let by_hand = ["quota", "--resolve", "quarantine=not-started"];
        let quota = read(&stage, &by_hand);
        assert_eq!(quota["quarantined_until"], Value::Null);
        assert_eq!(
            (&quota["available"], &quota["next_slot_at"]),
            (&json!(5), &Value::Null)
        );
        let other = read(&stage, &["quota", "--tenant", "other"]);
        assert_eq!(other["quarantined_until"], report["quarantined_until"]);
        let (code, document) = stage.json(&by_hand);
        assert_eq!(code, 2, "{document}");
        assert!(
            document.to_string().contains("not in quarantine"),
            "{document}"
        );
    }
}

#[test]
fn a_start_is_made_after_the_quarantine_was_ended_by_hand() {
    let emulator = emulator(Duration::from_secs(60));
    let stage = Stage::new(&emulator.base_url());
    assert_eq!(stage.run(&["start"]).code, 0);
    let ran = stage.run(&["ledger", "reset", "--yes"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("was moved to"), "{ran:?}");
    assert_eq!(stage.run(&["start"]).code, 3);
    assert_eq!(
        stage
            .run(&["quota", "--resolve", "quarantine=not-started"])
            .code,
        0
    );
    assert_eq!(stage.run(&["start"]).code, 0);
    for bad in ["quarantine=started", "quarantine", "quarantine=maybe"] {
        assert_eq!(stage.json(&["quota", "--resolve", bad]).0, 2, "{bad}");
    }
}

#[test]
fn an_empty_ledger_stays_and_one_in_memory_is_not_reset() {
    let stage = Stage::new("http://127.0.0.1:9/beta").env("INDUSTRYDATA_LEDGER", "ledger");
    for _ in 0..2 {
        let report = read(&stage, &["ledger", "reset", "--yes"]);
        assert_eq!(report["moved_to"], Value::Null);
        assert!(report["quarantined_until"].is_string(), "{report}");
    }
    let names: Vec<_> = fs::read_dir(stage.home.path()).unwrap().collect();
    assert_eq!(names.len(), 1, "{names:?}");
    for ledger in ["none", ""] {
        let line = ["ledger", "reset", "--yes", "--ledger", ledger];
        assert_eq!(stage.json(&line).0, 2);
    }
    let line = ["ledger", "reset", "--yes", "--ledger", "missing/ledger"];
    assert_eq!(stage.json(&line).0, 9);
}

/// A service whose clock stood thirteen hours back when a run was started, and agrees with this machine's now.
fn with_history() -> Emulator {
    let ago = Duration::from_secs(13 * 3600);
    let config = Config {
        tokens: vec![Grant::all(CANARY)],
        operation_takes: Duration::from_millis(100),
        run_takes: Duration::from_millis(400),
        schedule: Some(Schedule {
            past_runs: 3,
            ..Schedule::default()
        }),
        ..Config::default()
    };
    let emulator =
        Emulator::start_with(config, Clock::starting_at(Timestamp::now() - ago)).unwrap();
    let elsewhere = Stage::new(&emulator.base_url());
    let line = ["start", "--ledger", "none"];
    assert_eq!(elsewhere.run(&line).code, 0);
    emulator.advance(ago - Duration::from_secs(7200));
    assert_eq!(elsewhere.run(&line).code, 0);
    emulator.advance(Duration::from_secs(7200));
    emulator
}

#[test]
fn a_reconciliation_half_an_hour_after_the_reset_ends_the_quarantine() {
    for http in FLAVOURS {
        let emulator = with_history();
        let stage = Stage::new(&emulator.base_url()).env("INDUSTRYDATA_LEDGER", "ledger");
        for (minutes, ends) in [(29, false), (31, true)] {
            let then = Timestamp::now() - Duration::from_secs(minutes * 60);
            let store = SqliteStore::options()
                .clock(move || then)
                .open(stage.path("ledger"));
            drop(store.unwrap().reset().unwrap());
            assert_eq!(stage.json(&["start", "--http", http]).0, 3);
            let quota = read(&stage, &["quota", "--reconcile", "--http", http]);
            assert_eq!(
                quota["quarantined_until"].is_null(),
                ends,
                "{minutes} {quota}"
            );
            // The start of two hours ago is in the ledger now.
            assert_eq!(quota["used"], 1, "{quota}");
            assert_eq!(quota["available"], if ends { 4 } else { 0 }, "{quota}");
        }
        let ran = stage.run(&["start", "--http", http]);
        assert_eq!(ran.code, 0, "{ran:?}");
    }
}

#[test]
fn a_service_that_lists_nothing_old_ends_no_quarantine() {
    let emulator = emulator(Duration::from_secs(60));
    let stage = Stage::new(&emulator.base_url()).env("INDUSTRYDATA_LEDGER", "ledger");
    let then = Timestamp::now() - Duration::from_secs(3600);
    let store = SqliteStore::options()
        .clock(move || then)
        .open(stage.path("ledger"));
    drop(store.unwrap().reset().unwrap());
    assert!(read(&stage, &["quota", "--reconcile"])["quarantined_until"].is_string());
    assert_eq!(stage.run(&["start", "--ledger", "none"]).code, 0);
    let quota = read(&stage, &["quota", "--reconcile"]);
    assert!(quota["quarantined_until"].is_string(), "{quota}");
    assert_eq!(stage.json(&["start"]).0, 3);
}
