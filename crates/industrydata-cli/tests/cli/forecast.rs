//! The effect of a start on the schedule, and the forecast in the quota.

use std::time::Duration;

use industrydata_core::SignedDuration;
use industrydata_core::Timestamp;
use industrydata_emulator::{Config, Emulator, Grant, Schedule};
use serde_json::{Value, json};

use crate::stage::{CANARY, FLAVOURS, Raw, Stage, answer, keys, snapshot};

const FORECAST: [&str; 6] = [
    "following",
    "inferred",
    "next_scheduled",
    "skipped_already",
    "start_now_skips",
    "uncertainty_seconds",
];

/// A service with three past scheduled runs, and the next due in this many hours.
fn due_in(hours: i64) -> (Emulator, Timestamp) {
    let due = Timestamp::now() + SignedDuration::from_hours(hours);
    let phase = due.as_second().rem_euclid(12 * 3600);
    let emulator = Emulator::start(Config {
        tokens: vec![Grant::all(CANARY)],
        operation_takes: Duration::from_millis(50),
        schedule: Some(Schedule {
            phase: Duration::from_secs(phase.unsigned_abs()),
            past_runs: 3,
            ..Schedule::default()
        }),
        ..Config::default()
    });
    (emulator.unwrap(), due)
}

fn quota(stage: &Stage, line: &[&str]) -> Value {
    let line: Vec<_> = ["quota", "--output", "json"]
        .iter()
        .chain(line)
        .copied()
        .collect();
    let ran = stage.run(&line);
    assert_eq!(ran.code, 0, "{ran:?}");
    serde_json::from_str(&ran.stdout).unwrap()
}

/// The forecast, and the error of its next run in seconds.
fn forecast(quota: &Value, due: Timestamp) -> (Value, i64) {
    let forecast = quota["forecast"].clone();
    assert_eq!(keys(&forecast), FORECAST, "{quota}");
    let at = |key: &str| {
        forecast[key]
            .as_str()
            .unwrap()
            .parse::<Timestamp>()
            .unwrap()
    };
    let next = at("next_scheduled");
    assert_eq!(at("following").as_second(), next.as_second() + 12 * 3600);
    let off = next.as_second() - due.as_second();
    (forecast, off)
}

#[test]
fn a_start_reports_which_scheduled_run_is_skipped() {
    for http in FLAVOURS {
        for (hours, skips) in [(9, "yes"), (11, "no")] {
            for source in ["given", "infer"] {
                let (emulator, due) = due_in(hours);
                let given = (due - SignedDuration::from_hours(36)).to_string();
                let schedule = if source == "given" { &given } else { "infer" };
                let stage = Stage::new(&emulator.base_url());
                let before = quota(&stage, &["--schedule", schedule, "--http", http]);
                let (before, off) = forecast(&before, due);
                assert!(off.abs() <= 60, "{before}");
                assert_eq!(
                    (&before["start_now_skips"], &before["skipped_already"]),
                    (&json!(skips), &json!("no"))
                );
                assert_eq!(before["inferred"], schedule == "infer");

                let (code, document) =
                    stage.json(&["start", "--http", http, "--schedule", schedule]);
                assert_eq!(code, 0, "{document}");
                let (after, _) = forecast(&document["quota"], due);
                assert_eq!(
                    (&after["skipped_already"], &after["next_scheduled"]),
                    (&json!(skips), &before["next_scheduled"])
                );
                // The emulated service agrees.
                let next = emulator
                    .with_service(|service| service.next_scheduled_run(Timestamp::now()))
                    .unwrap();
                let expected = if skips == "yes" {
                    "following"
                } else {
                    "next_scheduled"
                };
                let expected: Timestamp = after[expected].as_str().unwrap().parse().unwrap();
                assert!(
                    (next.as_second() - expected.as_second()).abs() <= 60,
                    "{next} {expected}"
                );

                let other = Stage::new(&emulator.base_url());
                let line = ["start", "--http", http, "--schedule", schedule];
                snapshot(&format!("start_{source}_skips_{skips}"), &other.run(&line));
                let ran = stage.run(&["quota", "--schedule", schedule, "--http", http]);
                // The position of an inferred run on the timeline varies.
                if source == "given" {
                    snapshot(&format!("quota_skips_{skips}"), &ran);
                }
            }
        }
    }
}

#[test]
fn a_second_start_reports_that_the_run_is_already_skipped() {
    let (emulator, due) = due_in(5);
    let stage = Stage::new(&emulator.base_url()).env("INDUSTRYDATA_SCHEDULE", &due.to_string());
    assert_eq!(stage.run(&["start"]).code, 0);
    let ran = stage.run(&["start"]);
    snapshot("start_already_skipped", &ran);
    for _ in 0..3 {
        assert_eq!(stage.run(&["start"]).code, 0);
    }
    // A refusal has the forecast too: waiting for a slot is pointless if a scheduled run comes first.
    let (code, document) = stage.json(&["start"]);
    assert_eq!(
        (code, &document["quota"]["forecast"]["skipped_already"]),
        (3, &json!("yes"))
    );
}

#[test]
fn without_a_schedule_there_is_no_forecast_and_no_extra_request() {
    let (emulator, _) = due_in(5);
    let stage = Stage::new(&emulator.base_url());
    let (_, document) = stage.json(&["start"]);
    assert_eq!(document["quota"]["forecast"], Value::Null);
    assert_eq!(quota(&stage, &[])["forecast"], Value::Null);
    assert_eq!(emulator.with_service(|service| service.requests().len()), 1);
    let reconciled = quota(&stage, &["--reconcile"]);
    assert_eq!(reconciled["forecast"]["inferred"], true);
}

#[test]
fn an_unreadable_schedule_does_not_stop_a_start() {
    for http in FLAVOURS {
        let raw = Raw::serve(|_, head, base| {
            Some(if head.starts_with("POST") {
                crate::stage::accepted(base)
            } else {
                answer("403 Forbidden", "", "")
            })
        });
        let stage = Stage::new(&raw.base);
        let ran = stage.run(&["start", "--http", http, "--schedule", "infer"]);
        assert!(
            ran.code == 0 && ran.stderr.contains("warning: no forecast"),
            "{ran:?}"
        );
        assert_eq!(
            raw.heads()
                .iter()
                .filter(|head| head.starts_with("POST"))
                .count(),
            1
        );
    }
    let stage = Stage::new("http://127.0.0.1:9/beta");
    for bad in [
        "",
        "noon",
        "06:00",
        "2026-03-10",
        "2026-03-10T06:00:00",
        "INFER",
        "-1",
    ] {
        assert_eq!(
            stage.json(&["start", &format!("--schedule={bad}")]).0,
            2,
            "{bad}"
        );
    }
    let stage = stage.env("INDUSTRYDATA_SCHEDULE", "noon");
    let (code, document) = stage.json(&["start"]);
    assert_eq!(code, 2);
    assert!(
        document["error"]["message"]
            .as_str()
            .unwrap()
            .starts_with("INDUSTRYDATA_SCHEDULE")
    );
}
