//! The throttle on starts and the schedule.

use std::time::Duration;

use industrydata_emulator::{Config, Schedule, Throttle, Window};
use jiff::Timestamp;

use crate::fixture::Fixture;

const HOUR: u64 = 3600;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn with(throttle: Throttle) -> Fixture {
    Fixture::with(Config {
        throttle,
        ..Config::default()
    })
}

#[test]
fn the_sixth_start_waits_until_the_first_is_exactly_twelve_hours_old() {
    let mut fixture = Fixture::new();
    for _ in 0..5 {
        fixture.started();
        fixture.sleep(60);
    }
    let refused = fixture.start();
    assert_eq!(
        (refused.status, refused.json["error"]["code"].as_str()),
        (429, Some("TooManyRequests"))
    );
    assert_eq!(
        refused.header("retry-after"),
        Some((12 * HOUR - 300).to_string().as_str())
    );
    fixture.sleep(12 * HOUR - 301);
    assert_eq!(fixture.start().header("retry-after"), Some("1"));
    fixture.now += Duration::from_millis(999);
    assert_eq!(
        fixture.start().header("retry-after"),
        Some("1"),
        "rounded up to whole seconds"
    );
    fixture.now += Duration::from_millis(1);
    fixture.started();
    assert_eq!(
        fixture.start().header("retry-after"),
        Some("60"),
        "the second start is now the oldest that counts"
    );
    assert_eq!(fixture.service.accepted_starts().len(), 6);
    assert_eq!(
        fixture.service.operations().len(),
        6,
        "a refused start creates no operation"
    );
}

#[test]
fn fixed_windows_accept_ten_starts_across_a_boundary() {
    let mut fixture = with(Throttle {
        kind: Window::Fixed,
        ..Throttle::default()
    });
    fixture.now = at("2026-01-15T11:59:00Z");
    for _ in 0..5 {
        fixture.started();
    }
    assert_eq!(fixture.start().header("retry-after"), Some("60"));
    fixture.sleep(60);
    for _ in 0..5 {
        fixture.started();
    }
    assert_eq!(
        fixture.start().header("retry-after"),
        Some((12 * HOUR).to_string().as_str())
    );
}

#[test]
fn limit_window_and_retry_after_are_configurable() {
    let mut fixture = with(Throttle {
        limit: 1,
        window: Duration::from_secs(10),
        retry_after: false,
        ..Throttle::default()
    });
    fixture.started();
    assert_eq!(fixture.sleep(9).start().header("retry-after"), None);
    assert_eq!(
        fixture.service.wait_for_slot(fixture.now),
        Some(Duration::from_secs(1))
    );
    fixture.sleep(1).started();
}

#[test]
fn a_start_within_ten_hours_skips_the_next_scheduled_run_and_no_other() {
    for (start, skips) in [
        ("2026-01-15T07:59:59Z", false),
        ("2026-01-15T08:00:00Z", true),
        ("2026-01-15T17:00:00Z", true),
    ] {
        let begin = at("2026-01-15T06:00:00Z");
        let mut fixture = Fixture::new();
        fixture.service = industrydata_emulator::Service::new(Config::default(), begin);
        fixture.now = at(start);
        fixture.started();
        fixture.started();
        let next = if skips {
            "2026-01-16T06:00:00Z"
        } else {
            "2026-01-15T18:00:00Z"
        };
        assert_eq!(
            fixture.service.next_scheduled_run(fixture.now),
            Some(at(next)),
            "{start}"
        );
        fixture.now = at("2026-01-16T06:00:00Z");
        fixture.get("runs");
        let scheduled: Vec<_> = fixture
            .service
            .runs()
            .iter()
            .filter(|run| run.scheduled())
            .map(industrydata_emulator::Run::started)
            .collect();
        let evening = at("2026-01-15T18:00:00Z");
        let expected = if skips {
            vec![fixture.now]
        } else {
            vec![evening, fixture.now]
        };
        assert_eq!(scheduled, expected, "{start}");
        assert_eq!(
            fixture.service.skipped(),
            if skips { vec![evening] } else { vec![] }
        );
    }
}

#[test]
fn a_refused_start_skips_nothing() {
    let mut fixture = with(Throttle {
        limit: 0,
        ..Throttle::default()
    });
    assert_eq!(fixture.start().status, 429);
    assert_eq!(
        fixture.service.next_scheduled_run(fixture.now),
        Some(at("2026-01-15T18:00:00Z"))
    );
}

#[test]
fn scheduled_runs_are_listed_and_long_steps_are_bounded() {
    let mut fixture = Fixture::with(Config {
        schedule: Some(Schedule {
            past_runs: 1,
            ..Schedule::default()
        }),
        ..Config::default()
    });
    let list = fixture.get("runs").json;
    assert_eq!(list["value"][0]["displayName"], "Run 2026-01-15 06:00 UTC");
    assert_eq!(list["value"][0]["status"], "completed");
    fixture.now = at("2126-01-15T18:01:00Z");
    let list = fixture.get("runs?$top=2").json;
    assert_eq!(list["value"][0]["displayName"], "Run 2126-01-15 18:00 UTC");
    assert_eq!(list["value"][0]["status"], "running");
    assert_eq!(list["value"][1]["displayName"], "Run 2126-01-15 06:00 UTC");
    assert_eq!(fixture.service.runs().len(), 65);
    let mut never = Fixture::with(Config {
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
    let mut fixture = Fixture::new();
    fixture.started();
    fixture.now -= Duration::from_secs(20 * HOUR);
    fixture.started();
    let starts = fixture.service.accepted_starts();
    assert_eq!(starts[0], starts[1]);
}
