//! Faults of time and of the books that no test of one crate alone shows: T46, T47, T61, T62.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test: what must not happen ends it"
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
use industrydata_core::auth::AccessToken;
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

fn tenant(emulator: &Emulator, books: impl Store + 'static) -> TenantClient {
    let token = FixedToken::new(AccessToken::new(emulator.token()).unwrap());
    let client = Client::builder(token, books)
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
fn t46_a_clock_that_is_off_is_told_by_the_answer() {
    let emulator = emulator();
    let client = tenant(&emulator, Ledger::memory());
    for (seconds, told) in [(0, false), (-100, false), (-600, true), (600, true)] {
        emulator.script(Fault::on(On::Start).date_skew(seconds));
        let run = client.start().unwrap();
        let skew = run.accepted().unwrap().clock_skew();
        assert_eq!(skew.is_some(), told, "{seconds}: {skew:?}");
        let is_near = |skew: jiff::SignedDuration| (skew.as_secs() - seconds).abs() <= 5;
        assert!(skew.is_none_or(is_near), "{seconds}: {skew:?}");
    }
}

/// The machine's clock only ever jumps back, by up to ten years, while true time goes on: no true window holds a sixth.
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
        let books = MemoryStore::with_clock(move || {
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
            if books.transact(&reserve).unwrap().refusal().is_none() {
                let date = Timestamp::from_second(clock.load(Ordering::SeqCst)).unwrap();
                let outcome = industrydata_core::ledger::Outcome::Confirmed {
                    date,
                    operation: None,
                };
                let settle = Change::settle(key.clone(), throttle, id.to_be_bytes(), outcome);
                books.transact(&settle).unwrap();
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
    assert!(made > 500, "{made} starts are too few to show anything");
}

/// The reservation is booked, and from then on there are no books at all: the run is seen through, the result warns, and
/// the slot stays taken.
#[test]
fn t61_books_that_fail_in_mid_run_stop_no_poll() {
    let emulator = emulator();
    let failing: Vec<usize> = (1..20).collect();
    let books = Arc::new(Recorder::failing_at(&failing));
    let client = tenant(&emulator, Arc::clone(&books));
    let mut run = client.start().unwrap();
    assert!(run.ledger_warning().is_some());
    let done = run.until_done().unwrap();
    assert_eq!(*done.status(), OperationStatus::Succeeded);
    assert!(run.ledger_warning().is_some());

    let calls = books.calls();
    let refused = client.start().unwrap_err();
    assert_eq!(refused.may_have_started(), MayHaveStarted::No);
    assert!(books.calls() > calls);
    let posts = emulator.with_service(|service| service.accepted_starts().len());
    assert_eq!((posts, books.reservations()), (1, 1));
}

#[test]
fn t62_starts_by_others_close_the_books_or_are_entered_as_seen() {
    let emulator = emulator();
    let other = tenant(&emulator, Ledger::memory());
    (0..3).for_each(|_| drop(other.start().unwrap()));

    // Unseen, they are met as a 429, which closes the books for everybody.
    let blind = tenant(&emulator, Ledger::memory());
    (0..2).for_each(|_| drop(blind.start().unwrap()));
    assert_eq!(blind.quota().unwrap().available(), 3);
    let refused = blind.start().unwrap_err();
    assert_eq!(refused.may_have_started(), MayHaveStarted::No);
    assert!(blind.quota().unwrap().not_before().is_some());
    let asked = requests(&emulator);
    blind.start().unwrap_err();
    assert_eq!(requests(&emulator), asked);

    // Looked for, they count.
    let seeing = tenant(&emulator, Ledger::memory());
    assert_eq!(seeing.reconcile().unwrap().changes().len(), 5);
    let quota = seeing.quota().unwrap();
    assert_eq!((quota.seen(), quota.available()), (5, 0));
    let asked = requests(&emulator);
    seeing.start().unwrap_err();
    assert_eq!(requests(&emulator), asked);
}
