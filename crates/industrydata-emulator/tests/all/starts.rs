//! The throttle and the schedule.

use std::time::Duration;

use industrydata_emulator::{Config, Schedule, Throttle, Window};
use jiff::Timestamp;

use crate::bench::Bench;

const HOUR: u64 = 3600;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn with(throttle: Throttle) -> Bench {
    Bench::with(Config {
        throttle,
        ..Config::default()
    })
}

#[test]
fn the_sixth_start_waits_until_the_first_is_exactly_twelve_hours_old() {
    let mut bench = Bench::new();
    for _ in 0..5 {
        bench.started();
        bench.sleep(60);
    }
    let refused = bench.start();
    assert_eq!(
        (refused.status, refused.json["error"]["code"].as_str()),
        (429, Some("TooManyRequests"))
    );
    assert_eq!(
        refused.header("retry-after"),
        Some((12 * HOUR - 300).to_string().as_str())
    );
    bench.sleep(12 * HOUR - 301);
    assert_eq!(bench.start().header("retry-after"), Some("1"));
    bench.now += Duration::from_millis(999);
    assert_eq!(
        bench.start().header("retry-after"),
        Some("1"),
        "rounded up, never too early"
    );
    bench.now += Duration::from_millis(1);
    bench.started();
    assert_eq!(
        bench.start().header("retry-after"),
        Some("60"),
        "the second start is in the way now"
    );
    assert_eq!(bench.service.accepted_starts().len(), 6);
    assert_eq!(
        bench.service.operations().len(),
        6,
        "a refused start leaves nothing behind"
    );
}

#[test]
fn fixed_windows_let_ten_through_across_a_boundary() {
    let mut bench = with(Throttle {
        kind: Window::Fixed,
        ..Throttle::default()
    });
    bench.now = at("2026-01-15T11:59:00Z");
    for _ in 0..5 {
        bench.started();
    }
    assert_eq!(bench.start().header("retry-after"), Some("60"));
    bench.sleep(60);
    for _ in 0..5 {
        bench.started();
    }
    assert_eq!(
        bench.start().header("retry-after"),
        Some((12 * HOUR).to_string().as_str())
    );
}

#[test]
fn limit_window_and_retry_after_are_configurable() {
    let mut bench = with(Throttle {
        limit: 1,
        window: Duration::from_secs(10),
        retry_after: false,
        ..Throttle::default()
    });
    bench.started();
    assert_eq!(bench.sleep(9).start().header("retry-after"), None);
    assert_eq!(
        bench.service.wait_for_slot(bench.now),
        Some(Duration::from_secs(1))
    );
    bench.sleep(1).started();
}

#[test]
fn a_start_within_ten_hours_skips_the_next_scheduled_run_and_no_other() {
    for (start, skips) in [
        ("2026-01-15T07:59:59Z", false),
        ("2026-01-15T08:00:00Z", true),
        ("2026-01-15T17:00:00Z", true),
    ] {
        let begin = at("2026-01-15T06:00:00Z");
        let mut bench = Bench::new();
        bench.service = industrydata_emulator::Service::new(Config::default(), begin);
        bench.now = at(start);
        bench.started();
        bench.started();
        let next = if skips {
            "2026-01-16T06:00:00Z"
        } else {
            "2026-01-15T18:00:00Z"
        };
        assert_eq!(
            bench.service.next_scheduled_run(bench.now),
            Some(at(next)),
            "{start}"
        );
        bench.now = at("2026-01-16T06:00:00Z");
        bench.get("runs");
        let scheduled: Vec<_> = bench
            .service
            .runs()
            .iter()
            .filter(|run| run.scheduled())
            .map(industrydata_emulator::Run::started)
            .collect();
        let evening = at("2026-01-15T18:00:00Z");
        let expected = if skips {
            vec![bench.now]
        } else {
            vec![evening, bench.now]
        };
        assert_eq!(scheduled, expected, "{start}");
        assert_eq!(
            bench.service.skipped(),
            if skips { vec![evening] } else { vec![] }
        );
    }
}

#[test]
fn a_refused_start_skips_nothing() {
    let mut bench = with(Throttle {
        limit: 0,
        ..Throttle::default()
    });
    assert_eq!(bench.start().status, 429);
    assert_eq!(
        bench.service.next_scheduled_run(bench.now),
        Some(at("2026-01-15T18:00:00Z"))
    );
}

#[test]
fn scheduled_runs_are_in_the_list_and_years_cost_little() {
    let mut bench = Bench::with(Config {
        schedule: Some(Schedule {
            past_runs: 1,
            ..Schedule::default()
        }),
        ..Config::default()
    });
    let list = bench.get("runs").json;
    assert_eq!(list["value"][0]["displayName"], "Run 2026-01-15 06:00 UTC");
    assert_eq!(list["value"][0]["status"], "completed");
    bench.now = at("2126-01-15T18:01:00Z");
    let list = bench.get("runs?$top=2").json;
    assert_eq!(list["value"][0]["displayName"], "Run 2126-01-15 18:00 UTC");
    assert_eq!(list["value"][0]["status"], "running");
    assert_eq!(list["value"][1]["displayName"], "Run 2126-01-15 06:00 UTC");
    assert_eq!(bench.service.runs().len(), 65);
    let mut never = Bench::with(Config {
        schedule: None,
        ..Config::default()
    });
    assert_eq!(
        never.sleep(1_000_000).get("runs").json["value"],
        serde_json::json!([])
    );
    assert_eq!(never.service.next_scheduled_run(never.now), None);
}

#[test]
fn time_does_not_go_back() {
    let mut bench = Bench::new();
    bench.started();
    bench.now -= Duration::from_secs(20 * HOUR);
    bench.started();
    let starts = bench.service.accepted_starts();
    assert_eq!(starts[0], starts[1]);
}
