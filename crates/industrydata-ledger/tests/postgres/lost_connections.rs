//! T50, T54, T59: connections that are lost at every point of a change.

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
    Fresh, confirm, fresh, is_granted,
    proxy::{Fate, Proxy},
    quota, reserve, used,
};

/// Reserves the start 9 after `reserved` others, over and over, with `fate` for the 1st, 2nd, .. nth message. If `keeps` is
/// set, the statements are kept, and a row that is there is written without a lock.
fn at_every_message(fate: Fate, reserved: u128, keeps: bool) -> Option<u64> {
    for n in 0.. {
        let place = fresh()?;
        let before = place.with_starts(reserved);
        let proxy = Proxy::new(&place.url, move |message| {
            if message.number == n {
                fate
            } else {
                Fate::Pass
            }
        });
        let store = place
            .options()
            .keep_statements(keeps)
            .connect(&(place.url_via(&proxy.place) + "?sslmode=disable"))
            .unwrap();
        let result = store.transact(&reserve("t", 9));
        let message = format!("{fate:?} message {n} over {reserved}, {keeps}: {result:?}");
        // While connecting, nothing was sent yet: an error is allowed.
        if !matches!(result, Err(StoreError::Unavailable(_))) {
            assert!(is_granted(&result), "{message}");
        }
        let expected = reserved + u128::from(result.is_ok());
        assert_eq!(u128::from(used(&before, "t")), expected, "{message}");
        place
            .admin()
            .run(&format!("DROP SCHEMA IF EXISTS {} CASCADE", place.schema));
        if proxy.messages() <= n {
            return Some(n);
        }
    }
    None
}

#[test]
fn t59_cut_at_every_message() {
    for (fate, reserved, keeps) in [
        (Fate::CutBefore, 0, false),
        (Fate::CutAfter, 0, false),
        (Fate::CutBefore, 4, false),
        (Fate::CutAfter, 4, false),
    ] {
        if let Some(points) = at_every_message(fate, reserved, keeps) {
            println!("{fate:?} over {reserved}: {points} points, each start reserved once");
            assert!(points > 20);
        }
    }
}

#[test]
fn t59_cut_at_every_message_with_statements_that_are_kept() {
    for (fate, reserved) in [
        (Fate::CutBefore, 4),
        (Fate::CutAfter, 4),
        (Fate::CutAfter, 0),
    ] {
        if let Some(points) = at_every_message(fate, reserved, true) {
            println!("{fate:?} over {reserved}: {points} points, each start reserved once");
            assert!(points > 20);
        }
    }
}

#[test]
fn t59_an_answer_to_commit_that_is_lost_once() {
    for fate in [Fate::CutBefore, Fate::CutAfter] {
        for reserved in 0..=4 {
            let Some(place) = fresh() else { return };
            let direct = place.with_starts(reserved);
            let lost = AtomicBool::new(false);
            let proxy = Proxy::new(&place.url, move |message| {
                let is_to_go = message.is_commit() && !lost.swap(true, Ordering::SeqCst);
                if is_to_go { fate } else { Fate::Pass }
            });
            let store = place
                .options()
                .connect(&(place.url_via(&proxy.place) + "?sslmode=disable"))
                .unwrap();
            assert!(
                is_granted(&store.transact(&reserve("t", 9))),
                "{fate:?} {reserved}"
            );
            assert_eq!(u128::from(used(&direct, "t")), reserved + 1);
            // The outcome too, and again.
            store.transact(&confirm("t", 9)).unwrap();
            store.transact(&confirm("t", 9)).unwrap();
            let quota = quota(&direct, "t").unwrap();
            assert_eq!(
                (u128::from(quota.used()), quota.confirmed()),
                (reserved + 1, 1)
            );
        }
    }
}

#[test]
fn t59_an_unconfirmed_commit_is_reported() {
    for (fate, committed) in [(Fate::CutBefore, 0), (Fate::CutAfter, 1)] {
        let Some(place) = fresh() else { return };
        let direct = place.with_starts(2);
        let commits = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&commits);
        let proxy = Proxy::new(&place.url, move |message| {
            if message.is_commit() {
                count.fetch_add(1, Ordering::SeqCst);
                fate
            } else {
                Fate::Pass
            }
        });
        let wait = Duration::from_millis(400);
        let store = place
            .options()
            .wait(wait)
            .connect(&(place.url_via(&proxy.place) + "?sslmode=disable"))
            .unwrap();
        let begun = Instant::now();
        let result = store.transact(&reserve("t", 9));
        assert!(
            matches!(result, Err(StoreError::Unconfirmed(_))),
            "{fate:?}: {result:?}"
        );
        assert!(
            (wait * 2..wait * 4 + Duration::from_secs(4)).contains(&begun.elapsed()),
            "{:?}",
            begun.elapsed()
        );
        // With pauses that double: 20 ms, 40 ms and so on up to 320 ms, in two waits.
        let tried = commits.load(Ordering::SeqCst);
        assert!((2..=7).contains(&tried), "{tried} times");
        assert_eq!(used(&direct, "t"), 2 + committed, "{fate:?}");
    }
}

#[test]
fn t59_a_commit_that_hangs_is_overtaken_by_its_second_try() {
    let Some(place) = fresh() else { return };
    let direct = place.with_starts(2);
    let held = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&held);
    let proxy = Proxy::new(&place.url, move |message| {
        let is_first = message.is_commit() && count.fetch_add(1, Ordering::SeqCst) == 0;
        if is_first { Fate::Hold } else { Fate::Pass }
    });
    let wait = Duration::from_secs(1);
    let store = place
        .options()
        .wait(wait)
        .connect(&(place.url_via(&proxy.place) + "?sslmode=disable"))
        .unwrap();
    assert!(is_granted(&store.transact(&reserve("t", 9))));
    assert!(held.load(Ordering::SeqCst) >= 2);
    assert_eq!(used(&direct, "t"), 3);
}

#[test]
fn a_connection_that_hangs_is_cut() {
    let Some(place) = fresh() else { return };
    // The connection is made, and then no query passes.
    let proxy = Proxy::new(&place.url, |message| match message.kind {
        0 | b'p' => Fate::Pass,
        _ if message.text.starts_with(b"SHOW transaction_read_only") => Fate::Pass,
        _ => Fate::Hold,
    });
    let named = format!("h{}", place.schema);
    let url = place.url_via(&proxy.place) + "?sslmode=disable&application_name=" + &named;
    let wait = Duration::from_millis(200);
    let store = place.options().wait(wait).connect(&url).unwrap();
    let admin = place.admin();
    let sql = format!("SELECT count(*) FROM pg_stat_activity WHERE application_name = '{named}'");
    let message = crate::unavailable(store.check());
    assert!(message.contains("no answer within 200 ms"), "{message}");
    assert!(proxy.messages() > 3, "there was a connection");
    let begun = Instant::now();
    while admin.ask_one(&sql) != "0" {
        assert!(begun.elapsed() < Duration::from_secs(20), "it stays open");
        thread::sleep(Duration::from_millis(20));
    }
    assert!(
        store.place().contains(&proxy.place),
        "the store is still there"
    );
}

#[test]
fn t59_backends_ended_again_and_again() {
    let Some(place) = fresh() else { return };
    let store = place.with_starts(0);
    let admin = place.admin();
    // The connections are found by their application name.
    let named = format!("k{}", place.schema);
    let url = format!("{}?application_name={named}", place.url);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let killer = scope.spawn(|| {
            let mut ended = 0;
            while !is_over.load(Ordering::SeqCst) {
                let sql = format!(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{named}'"
                );
                ended += admin.ask(&sql).iter().filter(|done| *done == "t").count();
                thread::sleep(Duration::from_millis(40));
            }
            ended
        });
        let granted: usize = (0..4)
            .map(|n| {
                let store = place.options().connect(&url).unwrap();
                scope.spawn(move || {
                    let mut granted = 0;
                    for id in 0..40_u128 {
                        let tenant = format!("t{}", id / 5 + n * 100);
                        match store.transact(&reserve(&tenant, id)) {
                            Ok(reply) => {
                                assert!(reply.refusal().is_none(), "{tenant}");
                                granted += 1;
                            }
                            // Ten attempts were lost to the killer.
                            Err(StoreError::Unavailable(_) | StoreError::Unconfirmed(_)) => {}
                            Err(other) => panic!("{other}"),
                        }
                    }
                    granted
                })
            })
            .collect::<Vec<_>>()
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum();
        is_over.store(true, Ordering::SeqCst);
        let ended = killer.join().unwrap();
        let tenants = (0..4).flat_map(|n| (0..8).map(move |m| format!("t{}", m + n * 100)));
        let found: u32 = tenants.map(|tenant| used(&store, &tenant)).sum();
        println!("{ended} connections ended, {granted} starts granted, {found} in the ledger");
        assert!(found as usize >= granted && found <= 160);
        assert!(ended > 3 && granted > 20, "{ended} {granted}");
    });
}

#[test]
fn t59_an_idle_connection_that_is_lost_is_replaced() {
    let Some(place) = fresh() else { return };
    let store = place.with_starts(1);
    let admin: crate::Admin = place.admin();
    let named = format!("i{}", place.schema);
    let url = format!("{}?application_name={named}", place.url);
    let idle = Fresh {
        url,
        ..place.clone()
    }
    .store();
    for id in 2..=5 {
        assert!(is_granted(&idle.transact(&reserve("t", id))), "{id}");
        let sql = format!(
            "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity WHERE application_name = '{named}'"
        );
        assert_eq!(admin.ask(&sql), ["t"]);
    }
    assert_eq!(used(&store, "t"), 5);
}

/// A pooler ends sessions that were idle for long, with an error that answers no request.
#[test]
fn t59_an_idle_session_that_a_pooler_ends_is_replaced() {
    for keeps in [false, true] {
        let Some(place) = fresh() else { return };
        let direct = place.with_starts(1);
        let proxy = Proxy::new(&place.url, |_| Fate::Pass);
        let store = place
            .options()
            .keep_statements(keeps)
            .connect(&(place.url_via(&proxy.place) + "?sslmode=disable"))
            .unwrap();
        for (id, has_later_field) in [(2, true), (3, false), (4, true)] {
            assert!(is_granted(&store.transact(&reserve("t", id))), "{id}");
            proxy.end_sessions(has_later_field);
            assert_eq!(used(&store, "t"), id as u32, "{keeps}");
            proxy.end_sessions(has_later_field);
        }
        store.check().unwrap();
        assert_eq!(used(&direct, "t"), 4);
    }
}

/// The same error while a change is made: whatever message it comes after, the change is made once.
#[test]
fn t59_a_session_that_a_pooler_ends_at_every_message() {
    for (keeps, messages) in [(false, 12), (true, 6)] {
        for n in 1..=messages {
            let Some(place) = fresh() else { return };
            let direct = place.with_starts(1);
            let left = Arc::new(AtomicU32::new(0));
            let count = Arc::clone(&left);
            let proxy = Proxy::new(&place.url, move |_| {
                match count.fetch_sub(1, Ordering::SeqCst) {
                    1 => Fate::End,
                    _ => Fate::Pass,
                }
            });
            let store = place
                .options()
                .keep_statements(keeps)
                .connect(&(place.url_via(&proxy.place) + "?sslmode=disable"))
                .unwrap();
            assert!(is_granted(&store.transact(&reserve("t", 2))));
            left.store(n, Ordering::SeqCst);
            let result = store.transact(&reserve("t", 3));
            assert!(is_granted(&result), "{keeps} message {n}: {result:?}");
            assert_eq!(used(&direct, "t"), 3, "{keeps} message {n}");
        }
    }
}

/// A pooler that has lost the server answers a write in its place, which may have been committed.
#[test]
fn t59_a_write_that_is_denied_and_was_committed() {
    let Some(place) = fresh() else { return };
    let direct = place.with_starts(1);
    let syncs = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&syncs);
    let proxy = Proxy::new(&place.url, move |message| {
        // The second statement of a change without a lock.
        let is_sync = message.kind == b'S';
        match is_sync.then(|| count.fetch_sub(1, Ordering::SeqCst)) {
            Some(1) => Fate::Deny,
            _ => Fate::Pass,
        }
    });
    let store = place
        .options()
        .keep_statements(true)
        .connect(&(place.url_via(&proxy.place) + "?sslmode=disable"))
        .unwrap();
    assert!(is_granted(&store.transact(&reserve("t", 2))));
    syncs.store(2, Ordering::SeqCst);
    let result = store.transact(&reserve("t", 3));
    assert!(is_granted(&result), "{result:?}");
    assert_eq!(used(&direct, "t"), 3);
}

/// COMMIT follows a write that the server refuses, and ends its transaction without a change.
#[test]
fn t59_a_write_that_fails_is_not_committed() {
    for keeps in [false, true] {
        a_write_that_fails(keeps);
    }
}

fn a_write_that_fails(keeps: bool) {
    let Some(place) = fresh() else { return };
    drop(place.with_starts(2));
    let options = place.options().keep_statements(keeps);
    let direct = options.connect(&place.url).unwrap();
    // What it has done before decides how it writes.
    direct.transact(&crate::confirm("t", 1)).unwrap();
    for check in ["octet_length(value) < 10", "changes < 4"] {
        let alter = |sql: &str| {
            place
                .admin()
                .run(&format!("ALTER TABLE {}.books {sql}", place.schema));
        };
        // Once it is connected, a store does not look at the tables before each change.
        assert_eq!(used(&direct, "u"), 0);
        alter(&format!("ADD CONSTRAINT less CHECK ({check}) NOT VALID"));
        let result = direct.transact(&reserve("t", 9));
        assert!(
            matches!(result, Err(StoreError::Damaged(_))),
            "{check}: {result:?}"
        );
        alter("DROP CONSTRAINT less");
        assert_eq!(used(&direct, "t"), 2, "{check}");
    }
    assert!(is_granted(&direct.transact(&reserve("t", 9))));
    assert_eq!(used(&place.store(), "t"), 3);
}
