//! One clock for the client, its ledger and the service: hours pass in a test, and both sides agree on them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test panics on failure"
)]

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering},
    },
    thread::{self, ThreadId},
    time::{Duration, Instant},
};

use industrydata_clock::{Clock as _, ManualClock, SystemClock};
use industrydata_core::{
    Timestamp,
    auth::{AccessToken, ClientCredentials},
    ledger::{Change, Store, StoreError, StoreReply},
    lro::StartErrorKind,
};
use industrydata_emulator::{Config, Emulator, Fault, On};
use industrydata_ledger::{Ledger, SqliteStore};

const HOUR: Duration = Duration::from_secs(60 * 60);
const WINDOW: Duration = Duration::from_secs(12 * 60 * 60);

/// Real time in which all this is done, on a busy machine.
const SOON: Duration = Duration::from_secs(10);

/// The emulated service with its own pace: operations of two minutes, runs of many more.
fn emulator(clock: ManualClock) -> Emulator {
    Emulator::start_with(Config::default(), clock).unwrap()
}

fn clocks() -> [ManualClock; 2] {
    let begin = "2026-03-10T06:00:00Z".parse().unwrap();
    [ManualClock::frozen(begin), ManualClock::real()]
}

/// This machine's clock, until it jumps ahead by an hour, as for a process that is stopped meanwhile.
#[derive(Clone, Default)]
struct Jumps(Arc<Jumping>);

#[derive(Default)]
struct Jumping {
    hours: AtomicU32,
    /// Whether it jumps once it was read.
    is_set: AtomicBool,
}

impl Jumps {
    fn at_once(&self) {
        self.0.hours.fetch_add(1, Ordering::SeqCst);
    }

    fn after_a_reading(&self) {
        self.0.is_set.store(true, Ordering::SeqCst);
    }

    fn ahead(&self) -> Duration {
        HOUR * self.0.hours.load(Ordering::SeqCst)
    }
}

impl industrydata_clock::Clock for Jumps {
    fn utc(&self) -> Timestamp {
        SystemClock.utc() + self.ahead()
    }

    fn steady(&self) -> Duration {
        let steady = SystemClock.steady() + self.ahead();
        if self.0.is_set.swap(false, Ordering::SeqCst) {
            self.at_once();
        }
        steady
    }
}

type Act = Box<dyn FnOnce() + Send>;

/// Does something before the next change is made, and notes on which threads changes are made and whether they have a limit.
#[derive(Clone)]
struct Noted {
    store: Ledger,
    is_immediate: bool,
    next: Arc<Mutex<Option<Act>>>,
    made: Arc<Mutex<Vec<(ThreadId, bool)>>>,
}

impl Noted {
    fn new(store: Ledger, is_immediate: bool) -> Self {
        let (next, made) = (Arc::default(), Arc::default());
        Self {
            store,
            is_immediate,
            next,
            made,
        }
    }

    fn before_next(&self, act: impl FnOnce() + Send + 'static) {
        *self.next.lock().unwrap() = Some(Box::new(act));
    }

    /// What was noted since this was asked for.
    fn made(&self) -> Vec<(ThreadId, bool)> {
        std::mem::take(&mut *self.made.lock().unwrap())
    }
}

impl Store for Noted {
    fn transact(&self, change: &Change) -> Result<StoreReply, StoreError> {
        let act = self
            .next
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        act.into_iter().for_each(|act| act());
        let made = (thread::current().id(), change.time_limit().is_some());
        self.made.lock().unwrap().push(made);
        self.store.transact(change)
    }

    fn is_immediate(&self) -> bool {
        self.is_immediate
    }
}

macro_rules! clock {
    ($flavour:ident, $client:ident, $is_blocking:literal, #[$test:meta], [$($asynch:tt)*], [$($wait:tt)*]) => {
        mod $flavour {
            use super::*;
            use $client::{Client, ClientBuilder, CredentialsToken, FixedToken, TenantClient};

            fn builder(emulator: &Emulator, ledger: Ledger) -> ClientBuilder {
                Client::builder(FixedToken::new(emulator.token()).unwrap(), ledger)
                    .base(emulator.base_url())
                    .clock(emulator.clock())
            }

            fn contoso(emulator: &Emulator) -> TenantClient {
                let ledger = Ledger::memory_with_clock(emulator.clock());
                builder(emulator, ledger).build().unwrap().tenant("contoso").unwrap()
            }

            #[$test]
            $($asynch)* fn a_sixth_start_is_accepted_after_twelve_hours() {
                for clock in clocks() {
                    let began = Instant::now();
                    let emulator = emulator(clock.clone());
                    let contoso = contoso(&emulator);
                    let first = clock.now();
                    for _ in 0..5 {
                        let mut poller = contoso.start() $($wait)* .unwrap();
                        let done = poller.until_done() $($wait)* .unwrap();
                        assert_eq!(done.status().as_str(), "succeeded");
                    }
                    let taken = Duration::try_from(clock.now().duration_since(first)).unwrap();
                    assert!(taken >= Duration::from_secs(5 * 120), "operations took their time: {taken:?}");

                    let error = contoso.start() $($wait)* .unwrap_err();
                    assert!(matches!(error.kind(), StartErrorKind::NoSlot(_)), "{error}");
                    let free = error.retry_at().unwrap().duration_since(first);
                    let free = Duration::try_from(free).unwrap();
                    assert!(free >= WINDOW && free < WINDOW + HOUR, "{free:?}");

                    emulator.advance(WINDOW);
                    let mut poller = contoso.start() $($wait)* .unwrap();
                    assert!(poller.accepted().unwrap().clock_skew().is_none());
                    poller.until_done() $($wait)* .unwrap();
                    let accepted = emulator.with_service(|service| service.accepted_starts().len());
                    assert_eq!(accepted, 6);
                    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
                }
            }

            /// Whatever stops the process between a reservation and its request, a request is sent only while its slot is held.
            #[$test]
            $($asynch)* fn a_request_follows_a_reservation_that_is_still_held() {
                let emulator = emulator(ManualClock::real());
                let (clock, ledger) = (Jumps::default(), Noted::new(Ledger::memory(), true));
                let text = emulator.token().to_owned();
                let tokens = {
                    let (clock, has_token) = (clock.clone(), Arc::new(AtomicBool::new(false)));
                    $($asynch)* move || {
                        // The first one takes an hour.
                        if !has_token.swap(true, Ordering::SeqCst) {
                            clock.at_once();
                        }
                        AccessToken::new(&text)
                    }
                };
                let builder = Client::builder(tokens, ledger.clone()).base(emulator.base_url());
                let contoso = builder.clock(clock.clone()).build().unwrap().tenant("contoso").unwrap();
                // Reserve, release, reserve, settle.
                drop(contoso.start() $($wait)* .unwrap());
                assert_eq!(ledger.made().len(), 4, "an hour until the token");
                let jumps = clock.clone();
                ledger.before_next(move || jumps.after_a_reading());
                drop(contoso.start() $($wait)* .unwrap());
                assert_eq!(ledger.made().len(), 4, "an hour until the request");
                drop(contoso.start() $($wait)* .unwrap());
                assert_eq!(ledger.made().len(), 2, "no time at all");
                let accepted = emulator.with_service(|service| service.accepted_starts().len());
                assert_eq!(accepted, 3);
            }

            /// Another thread would cost more than the change.
            #[$test]
            $($asynch)* fn a_store_that_is_immediate_needs_no_thread() {
                for is_immediate in [true, false] {
                    let emulator = emulator(ManualClock::real());
                    let memory = Ledger::memory_with_clock(emulator.clock());
                    let store = Noted::new(memory, is_immediate);
                    let builder = builder(&emulator, Ledger::custom(store.clone()));
                    let contoso = builder.build().unwrap().tenant("contoso").unwrap();
                    let mut poller = contoso.start() $($wait)* .unwrap();
                    poller.until_done() $($wait)* .unwrap();
                    let made = store.made();
                    // A start, and how long its operation took. Nothing waits on a thread for it.
                    assert_eq!(made.len(), 3);
                    for (on, has_limit) in made {
                        let is_here = is_immediate || $is_blocking && !has_limit;
                        assert_eq!(on == thread::current().id(), is_here, "{is_immediate} {has_limit}");
                    }
                }
            }

            #[$test]
            $($asynch)* fn a_start_that_waits_for_a_slot_moves_the_clock() {
                for clock in clocks() {
                    let began = Instant::now();
                    let emulator = emulator(clock.clone());
                    let contoso = contoso(&emulator).with(|it| it.wait_for_slot(true));
                    let first = clock.now();
                    for _ in 0..11 {
                        drop(contoso.start() $($wait)* .unwrap());
                    }
                    let taken = Duration::try_from(clock.now().duration_since(first)).unwrap();
                    assert!(taken >= 2 * WINDOW && taken < 2 * WINDOW + HOUR, "{taken:?}");
                    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
                }
            }

            #[$test]
            $($asynch)* fn a_run_is_followed_and_a_limit_passes() {
                let began = Instant::now();
                let emulator = emulator(ManualClock::real());
                let contoso = contoso(&emulator);
                let mut poller = contoso.start() $($wait)* .unwrap();
                poller.until_done() $($wait)* .unwrap();
                let mut run = poller.follow() $($wait)* .unwrap().unwrap();
                assert_eq!(run.until_done() $($wait)* .unwrap().status().as_str(), "completed");

                emulator.script(Fault::on(On::Operation).operation_status(&[Some("running")]).times(100_000));
                let before = emulator.now();
                let mut poller = contoso.with(|it| it.time_limit(HOUR)).start() $($wait)* .unwrap();
                assert!(poller.until_done() $($wait)* .unwrap_err().is_timeout());
                let taken = Duration::try_from(emulator.now().duration_since(before)).unwrap();
                assert!(taken > HOUR * 9 / 10 && taken < HOUR * 11 / 10, "{taken:?}");
                assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
            }

            /// The service's 429 closes the ledger, and both open at the same moment.
            #[$test]
            $($asynch)* fn a_throttled_start_is_accepted_at_the_time_given() {
                let emulator = emulator(clocks()[0].clone());
                let contoso = contoso(&emulator);
                emulator.script(Fault::on(On::Start).status(429).retry_after(7200));
                let until = contoso.start() $($wait)* .unwrap_err().retry_at().unwrap();
                emulator.advance(Duration::from_secs(7100));
                assert!(contoso.start() $($wait)* .unwrap_err().is_throttled());
                let rest = Duration::try_from(until.duration_since(emulator.now())).unwrap();
                emulator.advance(rest);
                drop(contoso.start() $($wait)* .unwrap());
            }

            /// A token of the emulated endpoint lasts an hour, by the same clock.
            #[$test]
            $($asynch)* fn a_token_expires_by_the_clock() {
                let emulator = emulator(clocks()[0].clone());
                let credentials = ClientCredentials::new(emulator.client_id(), emulator.client_secret())
                    .authority(emulator.authority_url())
                    .unwrap();
                let tokens = CredentialsToken::new(credentials).unwrap().clock(emulator.clock());
                let ledger = Ledger::memory_with_clock(emulator.clock());
                let client = Client::builder(tokens, ledger).base(emulator.base_url());
                let client = client.clock(emulator.clock()).build().unwrap();
                let contoso = client.tenant("contoso").unwrap();
                let asked = || emulator.with_service(|service| {
                    service.requests().iter().filter(|it| it.path.ends_with("/token")).count()
                });
                for times in 1..4 {
                    contoso.runs() $($wait)* .unwrap();
                    contoso.runs() $($wait)* .unwrap();
                    assert_eq!(asked(), times);
                    emulator.advance(2 * HOUR);
                }
            }

            /// A ledger in a file with the same clock.
            #[$test]
            $($asynch)* fn a_file_has_the_clock_too() {
                let folder = tempfile::tempdir().unwrap();
                let emulator = emulator(clocks()[0].clone());
                let store = SqliteStore::options()
                    .clock(emulator.clock())
                    .open(folder.path().join("ledger.sqlite"))
                    .unwrap();
                let client = builder(&emulator, store.into()).build().unwrap();
                let contoso = client.tenant("contoso").unwrap();
                for _ in 0..5 {
                    drop(contoso.start() $($wait)* .unwrap());
                }
                let error = contoso.start() $($wait)* .unwrap_err();
                assert!(error.is_throttled());
                // No time has passed since the first start. The ledger adds two minutes to the window.
                let until = error.retry_at().unwrap().duration_since(emulator.now());
                let until = Duration::try_from(until).unwrap();
                assert!(until >= WINDOW && until < WINDOW + HOUR, "{until:?}");
                emulator.advance(until);
                drop(contoso.start() $($wait)* .unwrap());
            }

            /// A request that is never answered ends in real time: its limit does not depend on a clock that stands.
            #[$test]
            $($asynch)* fn a_request_keeps_its_limit_in_real_time() {
                let emulator = emulator(clocks()[0].clone());
                let ledger = Ledger::memory_with_clock(emulator.clock());
                let limit = Duration::from_millis(400);
                let client = builder(&emulator, ledger).with(|it| it.request_limit(limit));
                let contoso = client.build().unwrap().tenant("contoso").unwrap();
                emulator.script(Fault::on(On::Start).stall());
                let began = Instant::now();
                let error = contoso.start() $($wait)* .unwrap_err();
                assert!(error.is_timeout() && error.is_in_doubt(), "{error}");
                assert!(began.elapsed() >= limit && began.elapsed() < SOON);
                // A clock of the caller that cannot be moved is one too.
                let clock = emulator.clock();
                let reads = move || clock.utc();
                let tokens = FixedToken::new(emulator.token()).unwrap();
                let client = Client::builder(tokens, Ledger::memory_with_clock(reads.clone()));
                let client = client.base(emulator.base_url()).clock(reads).build().unwrap();
                drop(client.tenant("contoso").unwrap().start() $($wait)* .unwrap());
            }

            /// A closure that is set back or stands still holds up nothing: what was slept has passed.
            #[$test]
            $($asynch)* fn a_closure_that_goes_back_or_stands_holds_up_nothing() {
                for step in [-3600, 0] {
                    let began = Instant::now();
                    let emulator = Emulator::start(Config { speed: 1000.0, ..Config::default() }).unwrap();
                    let readings = AtomicI64::new(0);
                    let closure = move || {
                        let reading = readings.fetch_add(1, Ordering::Relaxed);
                        Timestamp::from_second(1_770_000_000 + step * reading).unwrap()
                    };
                    let tokens = FixedToken::new(emulator.token()).unwrap();
                    let client = Client::builder(tokens, Ledger::memory()).base(emulator.base_url());
                    let pace = Duration::from_millis(50);
                    let client = client.clock(closure).with(|it| it.polling(pace)).build().unwrap();
                    let contoso = client.tenant("contoso").unwrap();
                    contoso.start() $($wait)* .unwrap().until_done() $($wait)* .unwrap();

                    // Nor does a limit of time, by a clock that does not show how it passes.
                    emulator.script(Fault::on(On::Operation).operation_status(&[Some("running")]).times(100_000));
                    let contoso = contoso.with(|it| it.time_limit(10 * pace));
                    let mut poller = contoso.start() $($wait)* .unwrap();
                    assert!(poller.until_done() $($wait)* .unwrap_err().is_timeout());
                    assert!(began.elapsed() < SOON, "{step}: {:?}", began.elapsed());
                }
            }
        }
    };
}

clock!(blocking, industrydata_blocking, true, #[test], [], []);
clock!(asynchronous, industrydata_async, false, #[tokio::test], [async], [.await]);

/// Clients side by side, each polling its own start: time moves on for all, and none is lost.
/// As one that is made on a thread: the start was accepted, and its operation is returned.
#[tokio::test]
async fn a_panic_of_an_immediate_store_loses_no_start() {
    let emulator = emulator(ManualClock::real());
    let ledger = Noted::new(Ledger::memory(), true);
    let (text, planted) = (emulator.token().to_owned(), ledger.clone());
    let tokens = async move || {
        planted.before_next(|| panic!("planted"));
        AccessToken::new(&text)
    };
    let client = industrydata_async::Client::builder(tokens, Ledger::custom(ledger));
    let client = client.base(emulator.base_url()).build().unwrap();
    let started = client.tenant("contoso").unwrap().start().await.unwrap();
    let warning = started.accepted().unwrap().ledger_warning().unwrap();
    assert!(warning.to_string().contains("panicked"), "{warning}");
}

#[test]
fn clients_on_threads_share_the_clock() {
    let emulator = emulator(ManualClock::real());
    let ledger = Ledger::memory_with_clock(emulator.clock());
    let client = industrydata_blocking::Client::builder(
        industrydata_blocking::FixedToken::new(emulator.token()).unwrap(),
        ledger,
    )
    .base(emulator.base_url())
    .clock(emulator.clock())
    .build()
    .unwrap();
    let contoso = client.tenant("contoso").unwrap();
    std::thread::scope(|scope| {
        let start = || contoso.start().unwrap().until_done().unwrap();
        let threads: Vec<_> = (0..5).map(|_| scope.spawn(start)).collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap().status().as_str(), "succeeded");
        }
    });
    assert_eq!(contoso.quota().unwrap().confirmed(), 5);
}
