use proptest::prelude::*;

use super::*;

const HOUR: i64 = 3600;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_773_100_800 + seconds).unwrap()
}

#[test]
fn a_given_schedule_and_the_ten_hours() {
    let schedule = Schedule::given(at(0));
    for (now, next, skips) in [
        (0, 12 * HOUR, Skip::No),
        (2 * HOUR - 1, 12 * HOUR, Skip::No),
        (2 * HOUR, 12 * HOUR, Skip::Yes),
        (11 * HOUR, 12 * HOUR, Skip::Yes),
        (12 * HOUR, 24 * HOUR, Skip::No),
        (-HOUR, 0, Skip::Yes),
    ] {
        let forecast = schedule.forecast(&[], at(now));
        assert_eq!(forecast.next_scheduled(), at(next), "{now}");
        assert_eq!(forecast.start_now_skips(), skips, "{now}");
        assert_eq!(forecast.following(), at(next + 12 * HOUR));
        assert!(!forecast.is_inferred());
        assert_eq!(forecast.is_skipped_already(), Skip::No);
    }
    let made = schedule.forecast(&[at(3 * HOUR)], at(4 * HOUR));
    assert_eq!(made.is_skipped_already(), Skip::Yes);
    let early = schedule.forecast(&[at(HOUR), at(5 * HOUR)], at(4 * HOUR));
    assert_eq!(
        early.is_skipped_already(),
        Skip::No,
        "the other is not made yet"
    );
}

#[test]
fn a_schedule_is_inferred_from_what_repeats() {
    let starts = [
        0,
        12 * HOUR + 40,
        24 * HOUR - 20,
        36 * HOUR,
        5 * HOUR,
        31 * HOUR,
    ];
    let schedule = Schedule::of_starts(starts.map(at).to_vec()).unwrap();
    assert_eq!(schedule.basis(), Basis::Inferred { runs: 4 });
    let forecast = schedule.forecast(&[], at(37 * HOUR));
    assert!(forecast.is_inferred());
    let off = forecast.next_scheduled().as_second() - at(48 * HOUR).as_second();
    assert!(off.abs() <= 60, "{off}");
    assert_eq!(forecast.uncertainty(), Duration::from_secs(60));
    let edge = schedule.forecast(&[], at(38 * HOUR));
    assert_eq!(edge.start_now_skips(), Skip::Uncertain);
    assert!(schedule.fits(at(60 * HOUR + 100)) && !schedule.fits(at(61 * HOUR)));
    for few in [vec![], vec![at(0)], vec![at(0), at(5 * HOUR), at(8 * HOUR)]] {
        assert_eq!(Schedule::of_starts(few), None);
    }
}

#[test]
fn runs_of_one_burst_are_not_a_schedule() {
    let burst = [5 * HOUR, 5 * HOUR + 60, 5 * HOUR + 300, 5 * HOUR + 600].map(at);
    assert_eq!(Schedule::of_starts(burst.to_vec()), None);
    // Nor does it outdo one.
    let mut starts = burst.to_vec();
    starts.extend([at(0), at(12 * HOUR), at(24 * HOUR)]);
    let schedule = Schedule::of_starts(starts).unwrap();
    assert!(schedule.fits(at(36 * HOUR)) && !schedule.fits(at(17 * HOUR)));
}

#[test]
fn starts_on_demand_are_left_out() {
    let run = |at: Timestamp| {
        let body = format!(r#"{{"id":"r","status":"completed","startDateTime":"{at}"}}"#);
        IndustryDataRun::decode(None, body.as_bytes()).unwrap()
    };
    let runs: Vec<_> = [0, 12 * HOUR, 5 * HOUR, 17 * HOUR, 29 * HOUR]
        .map(|s| run(at(s)))
        .to_vec();
    let known = [5, 17, 29].map(|hour| at(hour * HOUR - 30));
    let all = Schedule::inferred(&runs, &[]).unwrap();
    assert!(
        all.fits(at(41 * HOUR)),
        "without the ledger three fit better than two"
    );
    let schedule = Schedule::inferred(&runs, &known).unwrap();
    assert!(schedule.fits(at(24 * HOUR)) && !schedule.fits(at(41 * HOUR)));
}

proptest! {
    #[test]
    fn the_next_is_ahead_within_twelve_hours(
        starts in prop::collection::vec(any::<i64>(), 0..12),
        now in any::<i64>(),
        given in any::<bool>(),
    ) {
        let of = |s: i64| Timestamp::from_second(s.rem_euclid(10_000_000_000)).unwrap();
        let now = of(now);
        let starts: Vec<Timestamp> = starts.into_iter().map(of).collect();
        let schedule = match given {
            true => starts.first().map(|at| Schedule::given(*at)),
            false => Schedule::of_starts(starts.clone()),
        };
        if let Some(schedule) = schedule {
            let forecast = schedule.forecast(&starts, now);
            prop_assert!(forecast.next_scheduled() > now);
            let ahead = forecast.next_scheduled().as_second() - now.as_second();
            prop_assert!(ahead <= SCHEDULE_PERIOD_SECONDS);
            prop_assert!(schedule.fits(forecast.next_scheduled()));
            prop_assert!(forecast.uncertainty() <= Duration::from_secs(SCHEDULE_SPREAD_SECONDS.unsigned_abs()));
        }
    }
}

#[test]
fn an_inferred_time_is_the_middle_of_its_runs_with_their_spread() {
    // Ten minutes late in one period, twenty in the next, on time in the last.
    let starts = [at(0), at(12 * HOUR + 600), at(24 * HOUR + 1201)];
    let schedule = Schedule::of_starts(starts.to_vec()).unwrap();
    let forecast = schedule.forecast(&[], at(25 * HOUR));
    assert_eq!(forecast.next_scheduled(), at(36 * HOUR + 600));
    assert_eq!(forecast.uncertainty(), Duration::from_secs(601));
}

#[test]
fn at_ten_hours_and_the_uncertainty_it_is_not_certain() {
    let due = |ahead: i64| skip(at(0), at(ahead), Duration::from_secs(60));
    assert_eq!(due(10 * HOUR - 60), Skip::Yes);
    assert_eq!(due(10 * HOUR - 59), Skip::Uncertain);
    assert_eq!(due(10 * HOUR + 60), Skip::Uncertain);
    assert_eq!(due(10 * HOUR + 61), Skip::No);
}

#[test]
fn uncertainty_is_reported() {
    let starts = vec![at(0), at(12 * HOUR + 600), at(24 * HOUR + 1201)];
    let schedule = Schedule::of_starts(starts).unwrap();
    // Ten hours before the next one, give or take ten minutes.
    let made = at(26 * HOUR + 600);
    let forecast = schedule.forecast(&[at(25 * HOUR), made], at(27 * HOUR));
    assert_eq!(forecast.is_skipped_already(), Skip::Uncertain);
    assert_eq!(forecast.as_of(), at(27 * HOUR));
    assert_eq!(forecast.basis(), Basis::Inferred { runs: 3 });
    assert_eq!(skip(at(1), at(0), Duration::ZERO), Skip::No);
}
