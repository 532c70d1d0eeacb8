//! Faults of clocks and of the ledger whose tests need several crates: T46, T47, T61, T62.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test panics on failure"
)]

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use conformance::Recorder;
use industrydata_blocking::{Client, FixedToken, TenantClient};
use industrydata_core::Timestamp;
use industrydata_core::ledger::Caller;
use industrydata_core::ledger::Change;
use industrydata_core::ledger::LedgerKey;
use industrydata_core::ledger::Store;
use industrydata_core::lro::MayHaveStarted;
use industrydata_core::lro::Settings;
use industrydata_core::model::OperationStatus;
use industrydata_core::policy::PollingPolicy;
use industrydata_core::policy::Throttle;
use industrydata_core::wire::BaseUrl;
use industrydata_emulator::{Config, Emulator, Fault, On};
use industrydata_ledger::{Ledger, MemoryStore};

fn emulator() -> Emulator {
    Emulator::start(Config {
        operation_takes: Duration::from_millis(200),
        schedule: None,
        ..Config::default()
    })
    .unwrap()
}

fn tenant(emulator: &Emulator, ledger: impl Store + 'static) -> TenantClient {
    let token = FixedToken::new(emulator.token()).unwrap();
    let client = Client::builder(token, ledger)
        .settings(
            Settings::default()
                .base(emulator.base_url().parse().unwrap())
                .polling(PollingPolicy::every(Duration::from_millis(50))),
        )
        .build()
        .unwrap();
    client.tenant("t").unwrap()
}

fn requests(emulator: &Emulator) -> usize {
    emulator.with_service(|service| service.requests().len())
}

#[test]
fn t46_a_clock_that_is_off_is_reported_from_the_answer() {
    let emulator = emulator();
    let client = tenant(&emulator, Ledger::memory());
    for (seconds, is_reported) in [(0, false), (-100, false), (-600, true), (600, true)] {
        emulator.script(Fault::on(On::Start).date_skew(seconds));
        let run = client.start().unwrap();
        let skew = run.accepted().unwrap().clock_skew();
        assert_eq!(skew.is_some(), is_reported, "{seconds}: {skew:?}");
        let is_near = |skew: jiff::SignedDuration| (skew.as_secs() - seconds).abs() <= 5;
        assert!(skew.is_none_or(is_near), "{seconds}: {skew:?}");
    }
}

/// The machine's clock only jumps back, by up to ten years, while true time goes on. In true time, no window contains a
/// sixth start.
#[test]
fn t47_a_clock_that_jumps_back_frees_nothing_early() {
    const WINDOW: i64 = 12 * 3600;
    let key = LedgerKey::new(&BaseUrl::graph(), &"t".parse().unwrap());
    let throttle = Throttle::default();
    let mut state = 47_u64;
    let mut dice = |limit: i64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as i64 % limit
    };
    let mut made = 0;
    for _ in 0..50 {
        let clock = Arc::new(AtomicI64::new(2_000_000_000));
        let shown = Arc::clone(&clock);
        let ledger = MemoryStore::with_clock(move || {
            Timestamp::from_second(shown.load(Ordering::SeqCst)).unwrap()
        });
        let (mut truth, mut granted) = (0_i64, Vec::new());
        for id in 0..200_u128 {
            let passed = [1, 60, 3600, 4 * 3600].map(&mut dice);
            let passed = passed[usize::try_from(dice(4)).unwrap()];
            truth += passed;
            let back = match dice(40) {
                0 => dice(300),
                1 => dice(WINDOW * 2),
                2 if dice(4) == 0 => dice(315_000_000),
                _ => 0,
            };
            clock.fetch_add(passed - back, Ordering::SeqCst);
            let reserve = Change::reserve(
                key.clone(),
                throttle,
                id.to_be_bytes(),
                Duration::from_secs(150),
                Caller::default(),
            );
            if ledger.transact(&reserve).unwrap().refusal().is_none() {
                let date = Timestamp::from_second(clock.load(Ordering::SeqCst)).unwrap();
                let outcome = industrydata_core::ledger::Outcome::Confirmed {
                    date,
                    operation: None,
                };
                let settle = Change::settle(key.clone(), throttle, id.to_be_bytes(), outcome);
                ledger.transact(&settle).unwrap();
                granted.push(truth);
            }
        }
        let early = granted.windows(6).find(|six| match six {
            [first, .., last] => last - first < WINDOW,
            _ => false,
        });
        assert_eq!(early, None);
        made += granted.len();
    }
    println!("{made} starts granted");
    assert!(made > 500, "{made} starts are too few for this test");
}

/// The store fails at every change after the reservation: the operation is still polled to its end, the result carries a
/// ledger warning, and the slot stays taken.
#[test]
fn t61_a_ledger_that_fails_during_a_run_stops_no_poll() {
    let emulator = emulator();
    let failing: Vec<usize> = (1..20).collect();
    let ledger = Arc::new(Recorder::failing_at(&failing));
    let client = tenant(&emulator, Arc::clone(&ledger));
    let mut run = client.start().unwrap();
    assert!(run.ledger_warning().is_some());
    let done = run.until_done().unwrap();
    assert_eq!(*done.status(), OperationStatus::Succeeded);
    assert!(run.ledger_warning().is_some());

    let calls = ledger.calls();
    let refused = client.start().unwrap_err();
    assert_eq!(refused.may_have_started(), MayHaveStarted::No);
    assert!(ledger.calls() > calls);
    let posts = emulator.with_service(|service| service.accepted_starts().len());
    assert_eq!((posts, ledger.reservations()), (1, 1));
}

#[test]
fn t62_external_starts_close_the_ledger_or_are_entered() {
    let emulator = emulator();
    let other = tenant(&emulator, Ledger::memory());
    (0..3).for_each(|_| drop(other.start().unwrap()));

    // A ledger without the external starts: the service answers 429, which holds back further starts.
    let unaware = tenant(&emulator, Ledger::memory());
    (0..2).for_each(|_| drop(unaware.start().unwrap()));
    assert_eq!(unaware.quota().unwrap().available(), 3);
    let refused = unaware.start().unwrap_err();
    assert_eq!(refused.may_have_started(), MayHaveStarted::No);
    assert!(unaware.quota().unwrap().not_before().is_some());
    let sent = requests(&emulator);
    unaware.start().unwrap_err();
    assert_eq!(requests(&emulator), sent);

    // A reconciled ledger: the external starts count.
    let reconciled = tenant(&emulator, Ledger::memory());
    assert_eq!(reconciled.reconcile().unwrap().changes().len(), 5);
    let quota = reconciled.quota().unwrap();
    assert_eq!((quota.external(), quota.available()), (5, 0));
    let sent = requests(&emulator);
    reconciled.start().unwrap_err();
    assert_eq!(requests(&emulator), sent);
}
