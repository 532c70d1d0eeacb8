//! T51, T56: threads and processes that want the same slots, and a holder that dies.

use std::{
    sync::{
        Arc, Barrier, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use industrydata_core::Timestamp;
use industrydata_ledger::{SqliteStore, Store, StoreError};
use rusqlite::Connection;

use crate::{child, fresh, is_granted, is_thorough, key_at, quota, reserve};

#[test]
fn t51_threads_race_for_five_slots() {
    let (_folder, path) = fresh();
    let shared = SqliteStore::open(&path).unwrap();
    let barrier = Barrier::new(16);
    let granted: usize = thread::scope(|scope| {
        let start = |n: u128| {
            // Half of the threads share a connection, half have one each.
            let store = if n.is_multiple_of(2) {
                shared.clone()
            } else {
                SqliteStore::open(&path).unwrap()
            };
            let barrier = &barrier;
            scope.spawn(move || {
                barrier.wait();
                (0..4)
                    .map(|i| store.transact(&reserve("t", n * 100 + i)))
                    .inspect(|r| assert!(r.is_ok(), "{r:?}"))
                    .filter(is_granted)
                    .count()
            })
        };
        let threads: Vec<_> = (0..16).map(start).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    });
    assert_eq!(granted, 5);
    assert_eq!(quota(&shared, "t").unwrap().used(), 5);
}

#[test]
fn a_change_is_applied_to_what_is_read_under_its_lock() {
    let (_folder, path) = fresh();
    let open = || SqliteStore::options().wait(Duration::from_millis(50));
    let other = open().open(&path).unwrap();
    assert!(is_granted(&other.transact(&reserve("t", 1))));
    // The clock is read right after the ledger: once without the writer's lock, and once with it.
    let (reads, between) = (AtomicUsize::new(0), Arc::new(Mutex::new(None)));
    let result = Arc::clone(&between);
    let clock = move || {
        if reads.fetch_add(1, Ordering::SeqCst) == 1 {
            *result.lock().unwrap() = Some(other.transact(&reserve("t", 2)));
        }
        Timestamp::now()
    };
    let store = open().clock(clock).open(&path).unwrap();
    assert!(is_granted(&store.transact(&reserve("t", 3))));
    let between = between.lock().unwrap().take();
    assert!(
        matches!(between, Some(Err(StoreError::Busy))),
        "{between:?}"
    );
    assert_eq!(quota(&store, "t").unwrap().used(), 2);
}

#[test]
fn t51_processes_race_at_first_use() {
    for _ in 0..if is_thorough() { 200 } else { 6 } {
        let (_folder, path) = fresh();
        let spawn = |n: usize| {
            child::command(&[], &format!("reserve {} 2", n * 100), &path)
                .spawn()
                .unwrap()
        };
        let children: Vec<_> = (0..16).map(spawn).collect();
        let lines: Vec<String> = children.into_iter().flat_map(child::output_lines).collect();
        let count = |what: &str| lines.iter().filter(|line| line.starts_with(what)).count();
        assert_eq!(
            (lines.len(), count("granted"), count("refused")),
            (32, 5, 27),
            "{lines:?}"
        );
        assert_eq!(
            quota(&SqliteStore::open(&path).unwrap(), "t")
                .unwrap()
                .used(),
            5
        );
    }
}

#[test]
fn t56_a_holder_that_hangs_makes_others_busy_within_the_bound() {
    let (_folder, path) = fresh();
    let wait = Duration::from_millis(300);
    let store = SqliteStore::options().wait(wait).open(&path).unwrap();
    assert!(is_granted(&store.transact(&reserve("t", 1))));
    let mut holder = child::command(&[], "hold", &path).spawn().unwrap();
    child::hear(&mut holder, "holding");

    let begun = Instant::now();
    assert!(matches!(
        store.transact(&reserve("t", 2)),
        Err(StoreError::Busy)
    ));
    assert!(matches!(store.check(), Err(StoreError::Busy)));
    let took = begun.elapsed();
    assert!(
        took >= wait * 2 && took < wait * 2 + Duration::from_secs(2),
        "{took:?}"
    );
    // Readers are not in its way, and see what was committed.
    assert_eq!(quota(&store, "t").unwrap().used(), 1);

    holder.kill().unwrap();
    holder.wait().unwrap();
    assert!(is_granted(&store.transact(&reserve("t", 2))));
    assert_eq!(quota(&store, "t").unwrap().used(), 2);
}

#[test]
fn t56_holders_killed_again_and_again_leave_nothing_stuck() {
    let (_folder, path) = fresh();
    let store = SqliteStore::open(&path).unwrap();
    for id in 0..10 {
        let mut holder = child::command(&[], "hold", &path).spawn().unwrap();
        child::hear(&mut holder, "holding");
        holder.kill().unwrap();
        holder.wait().unwrap();
        let tenant = format!("t{}", id / 5);
        assert!(is_granted(&store.transact(&reserve(&tenant, id))));
    }
    assert_eq!(quota(&store, "t").unwrap().used(), 0);
}

#[test]
fn a_commit_waits_for_readers_within_the_bound() {
    let (_folder, path) = fresh();
    let store = SqliteStore::options()
        .wait(Duration::from_millis(200))
        .open(&path)
        .unwrap();
    assert!(is_granted(&store.transact(&reserve("t", 1))));
    let reader = Connection::open(&path).unwrap();
    let read = || {
        reader
            .execute_batch("BEGIN; SELECT count(*) FROM books")
            .unwrap();
    };
    read();
    let begun = Instant::now();
    let result = store.transact(&reserve("t", 2));
    assert!(matches!(result, Err(StoreError::Busy)), "{result:?}");
    let waited = begun.elapsed();
    assert!(waited >= Duration::from_millis(200) && waited < Duration::from_secs(5));
    reader.execute_batch("ROLLBACK").unwrap();
    assert_eq!(quota(&store, "t").unwrap().used(), 1, "nothing was written");

    read();
    let patient = SqliteStore::open(&path).unwrap();
    thread::scope(|scope| {
        let start = scope.spawn(|| patient.transact(&reserve("t", 2)));
        thread::sleep(Duration::from_millis(100));
        assert!(!start.is_finished());
        reader.execute_batch("ROLLBACK").unwrap();
        assert!(is_granted(&start.join().unwrap()));
    });
    assert_eq!(quota(&store, "t").unwrap().used(), 2);
}

#[test]
fn a_thread_waits_for_another_of_its_process_within_the_bound() {
    let (_folder, path) = fresh();
    let clock = || {
        thread::sleep(Duration::from_millis(400));
        Timestamp::now()
    };
    let store = SqliteStore::options()
        .clock(clock)
        .wait(Duration::from_millis(100))
        .open(&path)
        .unwrap();
    thread::scope(|scope| {
        let slow = scope.spawn(|| store.transact(&reserve("t", 1)));
        thread::sleep(Duration::from_millis(50));
        assert!(matches!(
            store.transact(&reserve("t", 2)),
            Err(StoreError::Busy)
        ));
        assert!(is_granted(&slow.join().unwrap()));
    });
}

#[test]
fn tenants_and_bases_do_not_share_slots() {
    use industrydata_core::ledger::Caller;
    use industrydata_core::ledger::Change;
    use industrydata_core::policy::Throttle;
    let (_folder, path) = fresh();
    let store = SqliteStore::open(&path).unwrap();
    let keys = [
        key_at("http://127.0.0.1:1/beta", "t"),
        key_at("http://127.0.0.1:2/beta", "t"),
        key_at("http://127.0.0.1:1/beta", "T"),
    ];
    for key in &keys {
        let granted = (0..8_u128).filter(|id| {
            let change = Change::reserve(
                key.clone(),
                Throttle::default(),
                id.to_be_bytes(),
                crate::LEASE,
                Caller::default(),
            );
            is_granted(&store.transact(&change))
        });
        assert_eq!(granted.count(), 5, "{key:?}");
    }
}
