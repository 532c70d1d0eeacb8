//! Polls follow what the ledger has learned of a tenant's operations, in both flavours and over real stores.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test panics on failure"
)]

use std::{
    env, fs,
    path::Path,
    process,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use industrydata_clock::ManualClock;
use industrydata_core::{
    Timestamp,
    ledger::{Change, Store, StoreError, StoreReply},
    lro::PauseReason,
    policy::{PastDurations, PollingPolicy},
};
use industrydata_emulator::{Config, Emulator, Fault, On};
use industrydata_ledger::{Ledger, MemoryStore, PgStore, SqliteStore};

const MINUTE: Duration = Duration::from_secs(60);
/// How long an outcome may wait for a store that does not answer, on a busy machine: a second, and time for the rest.
const SOON: Duration = Duration::from_secs(3);

/// Operations of half an hour, on a clock that moves when a client sleeps.
fn emulator() -> Emulator {
    emulator_from("2026-03-10T06:00:00Z".parse().unwrap())
}

fn emulator_from(begin: Timestamp) -> Emulator {
    let config = Config {
        operation_takes: 30 * MINUTE,
        schedule: None,
        ..Config::default()
    };
    Emulator::start_with(config, ManualClock::frozen(begin)).unwrap()
}

fn sqlite(emulator: &Emulator, file: &Path) -> Ledger {
    let options = SqliteStore::options().clock(emulator.clock());
    options.open(file).unwrap().into()
}

/// A store in a new schema of a database. `None`, with a note on the output, if there is no server.
fn postgres(name: &str) -> Option<PgStore> {
    let Ok(url) = env::var("INDUSTRYDATA_TEST_POSTGRES") else {
        println!("not run: no PostgreSQL server, which `cargo xtask test` starts");
        return None;
    };
    let schema = format!("pace{}_{name}", process::id());
    Some(PgStore::options().schema(schema).connect(&url).unwrap())
}

/// Hangs at every change that has a time limit.
struct Hangs(MemoryStore);

impl Store for Hangs {
    fn transact(&self, change: &Change) -> Result<StoreReply, StoreError> {
        if change.time_limit().is_some() {
            thread::sleep(Duration::from_secs(20));
        }
        self.0.transact(change)
    }
}

/// Counts the changes.
struct Counts(MemoryStore, Arc<AtomicUsize>);

impl Store for Counts {
    fn transact(&self, change: &Change) -> Result<StoreReply, StoreError> {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.transact(change)
    }
}

/// The files of a folder and their bytes.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.display().to_string(), fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}

macro_rules! paces {
    ($flavour:ident, $client:ident, #[$test:meta], [$($asynch:tt)*], [$($wait:tt)*]) => {
        mod $flavour {
            use super::*;
            use $client::{Client, FixedToken, OperationPoller, TenantClient};

            fn contoso(emulator: &Emulator, store: impl Store + 'static) -> TenantClient {
                let tokens = FixedToken::new(emulator.token()).unwrap();
                let client = Client::builder(tokens, store).base(emulator.base_url());
                client.clock(emulator.clock()).build().unwrap().tenant("contoso").unwrap()
            }

            /// Polls to the end. Returns the pauses between polls, and how long it took.
            $($asynch)* fn paces(emulator: &Emulator, mut poller: OperationPoller) -> (Vec<Duration>, Duration) {
                let mut pauses = Vec::new();
                let accepted = poller.accepted().unwrap().at();
                while let Some(progress) = poller.progress() $($wait)* .unwrap() {
                    assert!(matches!(progress.reason(), PauseReason::Interval));
                    pauses.push(progress.next_poll_in());
                }
                let took = emulator.now().duration_since(accepted);
                (pauses, took.try_into().unwrap())
            }

            #[$test]
            $($asynch)* fn the_fifth_start_polls_as_the_four_before_it_took() {
                let folder = tempfile::tempdir().unwrap();
                let stores: [fn(&Emulator, &Path) -> Ledger; 2] = [
                    |emulator, _| Ledger::memory_with_clock(emulator.clock()),
                    sqlite,
                ];
                for store in stores {
                    let emulator = emulator();
                    let store = store(&emulator, &folder.path().join("ledger.sqlite3"));
                    let mut took = Vec::new();
                    for number in 0..6 {
                        // Another client has the same ledger, and nothing else.
                        let contoso = contoso(&emulator, store.clone());
                        let poller = contoso.start() $($wait)* .unwrap();
                        let (pauses, length) = paces(&emulator, poller) $($wait)*;
                        let past = PastDurations::new(took.iter().copied());
                        assert_eq!(past.is_enough(), number >= 4);
                        let policy = PollingPolicy::learned();
                        // The first pause comes before the first poll and is not reported.
                        let mut since = policy.interval_with(&past, Duration::ZERO);
                        for pause in &pauses {
                            assert_eq!(*pause, policy.interval_with(&past, since), "{number}");
                            since += *pause;
                        }
                        assert_eq!(since, length, "{number}");
                        // Half an hour later, the end is expected or not.
                        let last = pauses.last().unwrap().as_secs();
                        assert_eq!(last, if number >= 4 { 18 } else { 45 }, "{number}");
                        took.push(length);
                        emulator.advance(180 * MINUTE);
                    }
                }
            }

            /// A database has the machine's clock: all five starts are of one window, and none may be later than now.
            #[$test]
            $($asynch)* fn a_database_keeps_what_was_learned() {
                let Some(store) = postgres(stringify!($flavour)) else { return };
                let emulator = emulator_from(Timestamp::now() - Duration::from_secs(3 * 60 * 60));
                let mut took = Vec::new();
                for number in 0..5 {
                    let contoso = contoso(&emulator, store.clone());
                    let poller = contoso.start() $($wait)* .unwrap();
                    let (pauses, length) = paces(&emulator, poller) $($wait)*;
                    let past = PastDurations::new(took.iter().copied());
                    assert_eq!(past.is_enough(), number >= 4);
                    let policy = PollingPolicy::learned();
                    let mut since = policy.interval_with(&past, Duration::ZERO);
                    for pause in &pauses {
                        assert_eq!(*pause, policy.interval_with(&past, since), "{number}");
                        since += *pause;
                    }
                    assert_eq!(since, length, "{number}");
                    took.push(length);
                    // Durations of starts within a second are those of one start.
                    thread::sleep(Duration::from_millis(1100));
                }
                // Another store on the same database reads the same.
                let quota = contoso(&emulator, store).quota() $($wait)* .unwrap();
                assert_eq!((quota.confirmed(), quota.available()), (5, 0));
            }

            #[$test]
            $($asynch)* fn a_callers_own_interval_stands_above_what_was_learned() {
                let emulator = emulator();
                let store = Ledger::memory_with_clock(emulator.clock());
                for number in 0..5 {
                    let contoso = contoso(&emulator, store.clone());
                    let contoso = match number {
                        4 => {
                            let every = Client::builder(FixedToken::new(emulator.token()).unwrap(), store.clone());
                            let every = every.base(emulator.base_url()).clock(emulator.clock());
                            let every = every.with(|it| it.polling(7 * MINUTE)).build().unwrap();
                            every.tenant("contoso").unwrap()
                        }
                        _ => contoso,
                    };
                    let poller = contoso.start() $($wait)* .unwrap();
                    let (pauses, _) = paces(&emulator, poller) $($wait)*;
                    assert_eq!(pauses.iter().all(|pause| *pause == 7 * MINUTE), number == 4);
                    emulator.advance(180 * MINUTE);
                }
            }

            #[$test]
            $($asynch)* fn polls_change_the_ledger_once_at_their_end() {
                let emulator = emulator();
                let count = Arc::new(AtomicUsize::new(0));
                let store = MemoryStore::with_clock(emulator.clock());
                let contoso = contoso(&emulator, Counts(store, Arc::clone(&count)));
                let mut poller = contoso.start() $($wait)* .unwrap();
                while poller.progress() $($wait)* .unwrap().is_some() {
                    assert_eq!(count.load(Ordering::SeqCst), 2);
                }
                assert_eq!(count.load(Ordering::SeqCst), 3);
                // What ended before the service's shortest interval teaches nothing.
                emulator.script(Fault::on(On::Start).operation_status(&[Some("running"), Some("succeeded")]));
                let contoso = contoso.with(|it| it.time_limit(60 * MINUTE));
                let mut poller = contoso.start() $($wait)* .unwrap();
                poller.until_done() $($wait)* .unwrap();
                assert_eq!(count.load(Ordering::SeqCst), 6);
            }

            #[$test]
            $($asynch)* fn a_store_that_hangs_delays_an_outcome_by_a_second() {
                let emulator = emulator();
                let store = MemoryStore::with_clock(emulator.clock());
                let contoso = contoso(&emulator, Hangs(store.clone()));
                let mut poller = contoso.start() $($wait)* .unwrap();
                let began = Instant::now();
                let done = poller.until_done() $($wait)* .unwrap();
                assert_eq!(done.status().as_str(), "succeeded");
                let waited = began.elapsed();
                assert!((Duration::from_millis(900)..SOON).contains(&waited), "{waited:?}");
                assert!(poller.ledger_warning().is_none());
                assert_eq!(contoso.quota() $($wait)* .unwrap().confirmed(), 1);
            }

            #[$test]
            $($asynch)* fn a_locked_file_delays_an_outcome_by_a_second_and_stays_as_it_is() {
                let (emulator, folder) = (emulator(), tempfile::tempdir().unwrap());
                let file = folder.path().join("ledger.sqlite3");
                let contoso = contoso(&emulator, sqlite(&emulator, &file));
                let mut poller = contoso.start() $($wait)* .unwrap();
                let lock = rusqlite::Connection::open(&file).unwrap();
                lock.execute_batch("BEGIN EXCLUSIVE").unwrap();
                let (before, began) = (fs::read(&file).unwrap(), Instant::now());
                let done = poller.until_done() $($wait)* .unwrap();
                assert_eq!(done.status().as_str(), "succeeded");
                let waited = began.elapsed();
                assert!((Duration::from_millis(900)..SOON).contains(&waited), "{waited:?}");
                assert!(poller.ledger_warning().is_none());
                // The store gives up as well: nothing is written once the lock is free.
                thread::sleep(Duration::from_millis(500));
                drop(lock);
                thread::sleep(Duration::from_millis(300));
                assert!(fs::read(&file).unwrap() == before, "the file was changed");
                assert_eq!(contoso.quota() $($wait)* .unwrap().confirmed(), 1);
            }

            #[$test]
            $($asynch)* fn a_ledger_that_is_gone_is_not_made_again() {
                let (emulator, folder) = (emulator(), tempfile::tempdir().unwrap());
                let file = folder.path().join("ledger.sqlite3");
                let contoso_here = contoso(&emulator, sqlite(&emulator, &file));
                let mut poller = contoso_here.start() $($wait)* .unwrap();
                let token = poller.resume_token().to_string();
                fs::remove_file(&file).unwrap();
                poller.until_done() $($wait)* .unwrap();
                assert!(!file.exists());
                // Another process resumes, first without any ledger, then with that of another tenant.
                for tenant in ["contoso", "fabrikam"] {
                    let elsewhere = contoso(&emulator, sqlite(&emulator, &file));
                    if tenant == "fabrikam" {
                        fs::write(&file, []).unwrap();
                        #[cfg(unix)]
                        fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
                    }
                    let before = files(folder.path());
                    emulator.script(Fault::on(On::Operation).operation_status(&[Some("running"), Some("succeeded")]));
                    let mut resumed = elsewhere.resume(token.clone()).unwrap();
                    resumed.until_done() $($wait)* .unwrap();
                    assert!(files(folder.path()) == before, "{tenant}");
                }
            }

            /// A process that only resumes keeps the duration in a ledger that has the start.
            #[$test]
            $($asynch)* fn a_resumed_poll_keeps_how_long_the_operation_took() {
                let emulator = emulator();
                let store = MemoryStore::with_clock(emulator.clock());
                for _ in 0..5 {
                    let first = contoso(&emulator, store.clone());
                    let poller = first.start() $($wait)* .unwrap();
                    let token = poller.resume_token().to_string();
                    emulator.advance(10 * MINUTE);
                    let second = contoso(&emulator, store.clone());
                    let mut resumed = second.resume(token).unwrap();
                    let mut pauses = Vec::new();
                    while let Some(progress) = resumed.progress() $($wait)* .unwrap() {
                        pauses.push(progress.next_poll_in());
                    }
                    // It reads no ledger, so it has learned nothing itself.
                    assert!(pauses.iter().all(|pause| *pause == Duration::from_secs(45)), "{pauses:?}");
                    emulator.advance(180 * MINUTE);
                }
                let contoso = contoso(&emulator, store);
                let poller = contoso.start() $($wait)* .unwrap();
                let (pauses, _) = paces(&emulator, poller) $($wait)*;
                assert_eq!(pauses[0], MINUTE, "{pauses:?}");
            }
        }
    };
}

paces!(blocking, industrydata_blocking, #[test], [], []);
paces!(asynchronous, industrydata_async, #[tokio::test], [async], [.await]);
