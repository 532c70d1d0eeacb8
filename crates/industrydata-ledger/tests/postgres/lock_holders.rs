//! T56: holders of the lock that hang or die.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use industrydata_ledger::{Store, StoreError};

use crate::{
    Fresh, child, fresh, is_granted,
    proxy::{Fate, Proxy},
    reserve, used,
};

/// Locks the row of `t` and leaves it so until dropped.
fn hold(place: &Fresh) -> crate::Admin {
    let admin = place.admin();
    admin.run(&format!(
        "BEGIN; SELECT FROM {}.books FOR UPDATE",
        place.schema
    ));
    admin
}

#[test]
fn t56_a_holder_that_hangs_makes_others_busy_within_the_bound() {
    let Some(place) = fresh() else { return };
    place.with_starts(1);
    let wait = Duration::from_millis(300);
    let store = place.options().wait(wait).connect(&place.url).unwrap();
    let holder = hold(&place);
    let begun = Instant::now();
    let result = store.transact(&reserve("t", 2));
    assert!(matches!(result, Err(StoreError::Busy)), "{result:?}");
    let took = begun.elapsed();
    println!("busy after {took:?} of {wait:?}");
    assert!(
        took >= wait - Duration::from_millis(50) && took < wait + Duration::from_secs(2),
        "{took:?}"
    );
    // Readers are not in its way, nor are other tenants.
    assert_eq!(used(&store, "t"), 1);
    store.check().unwrap();
    assert!(is_granted(&store.transact(&reserve("u", 1))));
    drop(holder);
    assert!(is_granted(&store.transact(&reserve("t", 2))));
    assert_eq!(used(&store, "t"), 2);
}

/// Threads that wait for one ledger use two connections at most.
#[test]
fn t56_a_ledger_that_is_held_leaves_the_connections_to_others() {
    let Some(place) = fresh() else { return };
    let wait = Duration::from_secs(10);
    let options = place.options().connections(3).wait(wait);
    let store = options.connect(&place.url).unwrap();
    assert!(is_granted(&store.transact(&reserve("t", 1))));
    let holder = hold(&place);
    thread::scope(|scope| {
        let start = |id| {
            let store = &store;
            scope.spawn(move || store.transact(&reserve("t", id)))
        };
        let waiting: Vec<_> = (2..=5).map(start).collect();
        thread::sleep(Duration::from_millis(200));
        let begun = Instant::now();
        assert!(is_granted(&store.transact(&reserve("u", 1))));
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(2), "{took:?}");
        drop(holder);
        for thread in waiting {
            assert!(is_granted(&thread.join().unwrap()));
        }
    });
    assert_eq!(used(&store, "t"), 5);
}

/// Others wait for the change whose connection is lost for half of their time.
#[test]
fn t56_a_lost_connection_leaves_the_ledger_to_other_threads() {
    let Some(place) = fresh() else { return };
    let to_hold = Arc::new(AtomicU32::new(0));
    let held = Arc::clone(&to_hold);
    let proxy = Proxy::new(&place.url, move |_| {
        let next = |left: u32| left.checked_sub(1);
        match held.fetch_update(Ordering::SeqCst, Ordering::SeqCst, next) {
            Ok(_) => Fate::Hold,
            Err(_) => Fate::Pass,
        }
    });
    let url = place.url_via(&proxy.place) + "?sslmode=disable";
    let wait = Duration::from_secs(4);
    let options = place.options().wait(wait).keep_statements(true);
    let store = options.connect(&url).unwrap();
    assert!(is_granted(&store.transact(&reserve("t", 1))));
    // The read of the next change.
    to_hold.store(3, Ordering::SeqCst);
    thread::scope(|scope| {
        let lost = scope.spawn(|| store.transact(&reserve("t", 2)));
        thread::sleep(Duration::from_millis(200));
        assert_eq!(to_hold.load(Ordering::SeqCst), 0);
        let begun = Instant::now();
        assert!(is_granted(&store.transact(&reserve("t", 3))));
        let took = begun.elapsed();
        assert!(took < wait * 3 / 4, "{took:?}");
        assert!(!lost.is_finished());
        assert!(lost.join().unwrap().is_err());
    });
    assert_eq!(used(&store, "t"), 2);
}

/// What a slow read takes of the wait is not added to it by the write behind it.
#[test]
fn t56_a_slow_read_leaves_less_time_for_the_lock() {
    let Some(place) = fresh() else { return };
    drop(place.with_starts(1));
    let slow = Arc::new(AtomicBool::new(false));
    let is_slow = Arc::clone(&slow);
    let wait = Duration::from_secs(3);
    let proxy = Proxy::new(&place.url, move |_| {
        if is_slow.swap(false, Ordering::SeqCst) {
            thread::sleep(wait * 9 / 10);
        }
        Fate::Pass
    });
    let url = place.url_via(&proxy.place) + "?sslmode=disable";
    let options = place.options().wait(wait).keep_statements(true);
    let store = options.connect(&url).unwrap();
    assert!(is_granted(&store.transact(&reserve("t", 2))));
    let holder = hold(&place);
    slow.store(true, Ordering::SeqCst);
    let begun = Instant::now();
    let result = store.transact(&reserve("t", 3));
    assert!(matches!(result, Err(StoreError::Busy)), "{result:?}");
    let took = begun.elapsed();
    assert!(took < wait + Duration::from_millis(1250), "{took:?}");
    drop(holder);
    assert!(is_granted(&store.transact(&reserve("t", 3))));
    assert_eq!(used(&store, "t"), 3);
}

#[test]
fn t56_a_program_that_hangs_in_its_transaction_loses_the_lock() {
    let Some(place) = fresh() else { return };
    let direct = place.with_starts(1);
    let proxy = Proxy::new(&place.url, |message| {
        if message.is_commit() {
            Fate::Hold
        } else {
            Fate::Pass
        }
    });
    let url = place.url_via(&proxy.place) + "?sslmode=disable";
    let hanging = place
        .options()
        .wait(Duration::from_millis(500))
        .connect(&url)
        .unwrap();
    thread::scope(|scope| {
        let hanging = scope.spawn(move || hanging.transact(&reserve("t", 2)));
        thread::sleep(Duration::from_millis(200));
        let begun = Instant::now();
        assert!(is_granted(&direct.transact(&reserve("t", 3))));
        println!("the lock was free after {:?}", begun.elapsed());
        let result = hanging.join().unwrap();
        assert!(
            matches!(result, Err(StoreError::Unconfirmed(_))),
            "{result:?}"
        );
    });
    assert_eq!(used(&direct, "t"), 2);
}

#[test]
fn t56_a_process_killed_with_the_lock_held_leaves_nothing_stuck() {
    let Some(place) = fresh() else { return };
    let direct = place.with_starts(1);
    for id in 0..5_u128 {
        let (heard, holding) = std::sync::mpsc::channel();
        let proxy = Proxy::new(&place.url, move |message| {
            if !message.is_commit() {
                return Fate::Pass;
            }
            heard.send(()).unwrap_or_default();
            Fate::Hold
        });
        let via = Fresh {
            url: place.url_via(&proxy.place) + "?sslmode=disable",
            ..place.clone()
        };
        let mut killed = child::reserve_some(&via, "t", 100 + id, 1);
        holding.recv().unwrap();
        killed.kill().unwrap();
        assert_eq!(child::output_lines(killed), [""; 0]);
        let begun = Instant::now();
        direct.transact(&reserve("t", id)).unwrap();
        assert!(
            begun.elapsed() < Duration::from_secs(4),
            "{:?}",
            begun.elapsed()
        );
    }
    assert_eq!(used(&direct, "t"), 5);
}
