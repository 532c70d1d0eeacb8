//! Stores that are made, used and dropped inside of async runtimes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use industrydata_ledger::Store;
use tokio::runtime::Builder;

use crate::{
    fresh, is_granted,
    proxy::{Fate, Proxy},
    reserve, used,
};

#[test]
fn made_used_and_dropped_in_runtimes() {
    let Some(place) = fresh() else { return };
    let one = Builder::new_current_thread().enable_all().build().unwrap();
    let many = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    for (id, runtime) in [&one, &many].into_iter().enumerate() {
        let place = place.clone();
        runtime.block_on(async move {
            let store = place.store();
            store.check().unwrap();
            assert!(is_granted(&store.transact(&reserve("t", id as u128))));
            let clone = store.clone();
            drop(store);
            let blocking = tokio::task::spawn_blocking(move || {
                assert!(is_granted(&clone.transact(&reserve("t", 10 + id as u128))));
                clone
            });
            drop(blocking.await.unwrap());
            let spawned = tokio::spawn(async move {
                let store = place.store();
                assert!(is_granted(&store.transact(&reserve("u", id as u128))));
            });
            spawned.await.unwrap();
        });
    }
    drop((one, many));
    assert_eq!(used(&place.store(), "t"), 4);
}

#[test]
fn connections_end_with_the_store() {
    let Some(place) = fresh() else { return };
    let named = format!("e{}", place.schema);
    let url = format!("{}?application_name={named}", place.url);
    let store = place.options().connections(3).connect(&url).unwrap();
    let admin = place.admin();
    let sql = format!("SELECT count(*) FROM pg_stat_activity WHERE application_name = '{named}'");
    assert_eq!(admin.ask_one(&sql), "0");
    thread::scope(|scope| {
        for n in 0..12_u128 {
            let store = store.clone();
            scope
                .spawn(move || assert!(is_granted(&store.transact(&reserve(&format!("t{n}"), 1)))));
        }
    });
    let open: u32 = admin.ask_one(&sql).parse().unwrap();
    assert!((1..=3).contains(&open), "{open}");
    drop(store);
    for _ in 0..100 {
        if admin.ask_one(&sql) == "0" {
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
    panic!("connections stay open");
}

#[test]
fn one_connection_serves_many_changes_and_says_goodbye() {
    let Some(place) = fresh() else { return };
    // What opens a connection has no type, what ends one is an `X`.
    let (opened, ended) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let counts = (Arc::clone(&opened), Arc::clone(&ended));
    let proxy = Proxy::new(&place.url, move |message| {
        counts
            .0
            .fetch_add(u32::from(message.kind == 0), Ordering::SeqCst);
        counts
            .1
            .fetch_add(u32::from(message.kind == b'X'), Ordering::SeqCst);
        Fate::Pass
    });
    let store = place
        .options()
        .connect(&(place.url_via(&proxy.place) + "?sslmode=disable"))
        .unwrap();
    store.check().unwrap();
    for id in 0..3 {
        assert!(is_granted(&store.transact(&reserve("t", id))));
    }
    assert_eq!(opened.load(Ordering::SeqCst), 1);
    drop(store);
    for _ in 0..100 {
        if ended.load(Ordering::SeqCst) == 1 {
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
    panic!("the connection was not ended");
}

#[test]
fn what_a_start_costs() {
    let Some(place) = fresh() else { return };
    let store = place.with_starts(0);
    assert!(is_granted(&store.transact(&reserve("warm", 1))));
    let mut took: Vec<_> = (0..200_u128)
        .map(|id| {
            let begun = std::time::Instant::now();
            assert!(is_granted(
                &store.transact(&reserve(&format!("t{}", id / 5), id))
            ));
            begun.elapsed()
        })
        .collect();
    took.sort_unstable();
    let begun = std::time::Instant::now();
    (0..200).for_each(|_| assert_eq!(used(&store, "t1"), 5));
    println!(
        "a reservation: median {:?}, 95 % {:?}; a quota read: {:?}",
        took[100],
        took[190],
        begun.elapsed() / 200
    );
}
