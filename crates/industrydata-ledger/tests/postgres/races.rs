//! T50, T51: threads and processes that want the same slots.

use std::{
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use industrydata_core::Timestamp;
use industrydata_core::ledger::Caller;
use industrydata_core::ledger::Change;
use industrydata_core::policy::Throttle;
use industrydata_ledger::{PgStore, Store, StoreError};

use crate::{
    child, fresh, is_granted, key_at,
    proxy::{Fate, Proxy},
    quota, reserve, used,
};

#[test]
fn t51_threads_race_for_five_slots() {
    let Some(place) = fresh() else { return };
    let shared = place.store();
    let barrier = Barrier::new(16);
    let begun = Instant::now();
    let granted: usize = thread::scope(|scope| {
        let start = |n: u128| {
            // Half of the threads share a store, half have one each.
            let store = if n.is_multiple_of(2) {
                shared.clone()
            } else {
                place.store()
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
    println!("64 reservations of 16 threads took {:?}", begun.elapsed());
    assert_eq!(granted, 5);
    assert_eq!(used(&shared, "t"), 5);
}

#[test]
fn t51_processes_race_at_first_use() {
    for _ in 0..5 {
        let Some(place) = fresh() else { return };
        let spawn = |n: u128| child::reserve_some(&place, "t", n * 100, 2);
        let children: Vec<_> = (0..16).map(spawn).collect();
        let lines: Vec<String> = children.into_iter().flat_map(child::output_lines).collect();
        let count = |what: &str| lines.iter().filter(|line| line.starts_with(what)).count();
        assert_eq!(
            (lines.len(), count("granted"), count("refused")),
            (32, 5, 27),
            "{lines:?}"
        );
        assert_eq!(used(&place.store(), "t"), 5);
    }
}

#[test]
fn t51_threads_race_to_make_the_schema() {
    for _ in 0..10 {
        let Some(place) = fresh() else { return };
        let barrier = Barrier::new(12);
        thread::scope(|scope| {
            for n in 0..12_u128 {
                let (store, barrier) = (place.store(), &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    let result = store.transact(&reserve(&format!("t{n}"), n));
                    assert!(is_granted(&result), "{result:?}");
                });
            }
        });
        let store = place.store();
        (0..12).for_each(|n| assert_eq!(used(&store, &format!("t{n}")), 1));
    }
}

#[test]
fn t50_killed_at_any_time() {
    let Some(place) = fresh() else { return };
    let store = place.with_starts(0);
    let mut granted = 0;
    for round in 0..25_u128 {
        let tenant = format!("t{}", round / 5);
        let mut killed = child::reserve_some(&place, &tenant, round * 1000, 100);
        thread::sleep(Duration::from_millis(10 + round as u64 * 4));
        killed.kill().unwrap();
        let lines = child::output_lines(killed);
        let quota = quota(&store, &tenant).unwrap();
        for id in lines
            .iter()
            .filter_map(|line| line.strip_prefix("granted "))
        {
            granted += 1;
            let id = format!("{:032x}", id.parse::<u128>().unwrap());
            let is_there = quota.entries().iter().any(|entry| entry.id() == id);
            assert!(is_there, "{id} was granted and is gone");
        }
        assert!(quota.used() <= 5);
    }
    println!("25 kills, {granted} starts granted");
}

#[test]
fn the_same_change_twice_is_one() {
    let Some(place) = fresh() else { return };
    let store = place.store();
    for _ in 0..3 {
        assert!(is_granted(&store.transact(&reserve("t", 1))));
        assert!(is_granted(&place.store().transact(&reserve("t", 1))));
    }
    for _ in 0..3 {
        store.transact(&crate::confirm("t", 1)).unwrap();
    }
    let quota = quota(&store, "t").unwrap();
    assert_eq!((quota.used(), quota.confirmed()), (1, 1));
}

#[test]
fn tenants_bases_and_schemas_do_not_share_slots() {
    let (Some(place), Some(other)) = (fresh(), fresh()) else {
        return;
    };
    let keys = [
        key_at("http://127.0.0.1:1/beta", "t"),
        key_at("http://127.0.0.1:2/beta", "t"),
        key_at("http://127.0.0.1:1/beta", "T"),
    ];
    for store in [place.store(), other.store()] {
        for key in &keys {
            let granted = (0..8_u128).filter(|id| {
                let (throttle, id) = (Throttle::default(), id.to_be_bytes());
                let change =
                    Change::reserve(key.clone(), throttle, id, crate::LEASE, Caller::default());
                is_granted(&store.transact(&change))
            });
            assert_eq!(granted.count(), 5, "{key:?}");
        }
    }
}

#[test]
fn the_clock_is_the_databases() {
    let Some(place) = fresh() else { return };
    let ahead = Duration::from_secs(30 * 24 * 60 * 60);
    let proxy = Proxy::new(&place.url, |_| Fate::Pass);
    proxy.set_ahead(ahead);
    let store: PgStore = place
        .options()
        .connect(&(place.url_via(&proxy.place) + "?sslmode=disable"))
        .unwrap();
    let is_near = |time: Timestamp, ahead: Duration| {
        let off = time.duration_since(Timestamp::now()).as_secs() - ahead.as_secs() as i64;
        off.abs() < 300
    };
    // Without tables, in a read, and under the lock.
    assert!(is_near(quota(&store, "t").unwrap().as_of(), ahead));
    let reply = store.transact(&reserve("t", 1)).unwrap();
    assert!(is_near(reply.quota().as_of(), ahead));
    assert!(is_near(reply.quota().entries()[0].date(), ahead));
    assert!(is_near(quota(&store, "t").unwrap().as_of(), ahead));
    let admin = place.admin();
    let now = || -> i64 {
        let sql = "SELECT floor(extract(epoch FROM clock_timestamp()) * 1000000)::int8";
        admin.ask_one(sql).parse().unwrap()
    };
    let (before, read, after) = (now(), quota(&place.store(), "u").unwrap().as_of(), now());
    assert!(
        (before..=after).contains(&read.as_microsecond()),
        "{before} {read} {after}"
    );
}

#[test]
fn statements_that_are_kept_change_nothing_else() {
    let Some(place) = fresh() else { return };
    let open = || {
        let options = place.options().keep_statements(true);
        options.connect(&place.url).unwrap()
    };
    let (one, other, usual) = (open(), open(), place.store());
    for id in 1..=5_u128 {
        let store = if id.is_multiple_of(2) { &one } else { &other };
        assert!(is_granted(&store.transact(&reserve("t", id))));
        store.transact(&crate::confirm("t", id)).unwrap();
        assert_eq!(u128::from(used(&usual, "t")), id);
    }
    assert!(!is_granted(&one.transact(&reserve("t", 6))));
    assert!(is_granted(&one.transact(&reserve("u", 1))));

    // Tables that are altered under a prepared statement are damage, and those that were set right are used again.
    let alter = |sql: &str| {
        place
            .admin()
            .run(&format!("ALTER TABLE {}.books {sql}", place.schema));
    };
    alter("ALTER changes TYPE int");
    let damaged = one.transact(&crate::confirm("u", 1));
    assert!(
        matches!(damaged, Err(StoreError::Damaged(_))),
        "{damaged:?}"
    );
    alter("ALTER changes TYPE bigint");
    one.transact(&crate::confirm("u", 1)).unwrap();
    assert_eq!(quota(&usual, "u").unwrap().confirmed(), 1);
}

/// A lock and a read in one round trip, a write and its COMMIT in another: 12 messages, of which a query has five. With kept
/// statements, a read and a write of three each.
#[test]
fn a_change_takes_few_messages() {
    for (is_kept, writes, reads) in [(false, 12, 7), (true, 6, 3)] {
        let Some(place) = fresh() else { return };
        let proxy = Proxy::new(&place.url, |_| Fate::Pass);
        let url = place.url_via(&proxy.place) + "?sslmode=disable";
        let options = place.options().keep_statements(is_kept);
        let store: PgStore = options.connect(&url).unwrap();
        assert!(is_granted(&store.transact(&reserve("t", 1))));
        let count = |change: &Change| {
            let before = proxy.messages();
            store.transact(change).unwrap();
            proxy.messages() - before
        };
        for id in 2..=5 {
            assert_eq!(count(&reserve("t", id)), writes);
            assert_eq!(count(&crate::confirm("t", id)), writes);
        }
        // The first change of another program's ledger begins with what it has read.
        let other = place.store();
        assert!(is_granted(&other.transact(&reserve("u", 1))));
        let first = if is_kept { 6 } else { 7 + writes };
        assert_eq!(count(&reserve("u", 2)), first);
        // A reader has one query.
        assert_eq!(count(&crate::read("t")), reads);
        // No slot is left, so a reservation is a reader too.
        assert_eq!(count(&reserve("t", 6)), reads);
    }
}

/// No change is lost or made twice, with and without the row's lock.
#[test]
fn t51_changes_without_a_lock_race_with_those_that_take_it() {
    let Some(place) = fresh() else { return };
    let stores: Vec<PgStore> = [true, true, false]
        .map(|keeps| {
            let options = place.options().keep_statements(keeps).connections(8);
            options.connect(&place.url).unwrap()
        })
        .into();
    let throttle = Throttle {
        limit: 120,
        ..Throttle::default()
    };
    let begin = |id: u128| {
        let (id, key) = (id.to_be_bytes(), crate::key("t"));
        Change::reserve(key, throttle, id, crate::LEASE, Caller::default())
    };
    for store in &stores {
        assert!(is_granted(&store.transact(&begin(0))));
    }
    let granted: usize = thread::scope(|scope| {
        let threads: Vec<_> = (0..9_u128)
            .map(|n| {
                let store = &stores[n as usize % 3];
                scope.spawn(move || {
                    let reserved = (1..=20).map(|i| store.transact(&begin(n * 100 + i)));
                    reserved
                        .inspect(|r| assert!(r.is_ok(), "{r:?}"))
                        .filter(is_granted)
                        .count()
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    });
    assert_eq!(granted, 119);
    let changes = format!("SELECT changes FROM {}.books", place.schema);
    assert_eq!(place.admin().ask_one(&changes), "120");
}

/// A row that others have changed is not overwritten, although its count is the one that was read.
#[test]
fn t51_a_row_changed_without_its_count_is_not_overwritten() {
    use std::sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    };
    let (Some(place), Some(other)) = (fresh(), fresh()) else {
        return;
    };
    drop((place.with_starts(1), other.with_starts(4)));
    let sql = format!(
        "UPDATE {}.books SET value = (SELECT value FROM {}.books)",
        place.schema, other.schema
    );
    let (admin, binds) = (Mutex::new(place.admin()), Arc::new(AtomicU32::new(0)));
    let count = Arc::clone(&binds);
    let proxy = Proxy::new(&place.url, move |message| {
        // The second statement of a change without a lock.
        if message.kind == b'B' && count.fetch_sub(1, Ordering::SeqCst) == 1 {
            admin.lock().unwrap().run(&sql);
        }
        Fate::Pass
    });
    let options = place.options().keep_statements(true);
    let store = options
        .connect(&(place.url_via(&proxy.place) + "?sslmode=disable"))
        .unwrap();
    assert!(is_granted(&store.transact(&reserve("t", 8))));
    binds.store(2, Ordering::SeqCst);
    assert!(is_granted(&store.transact(&reserve("t", 9))));
    assert_eq!(used(&place.store(), "t"), 5);
}

/// The clock of a change is read once it has the lock, and not when it begins to wait for it. Without a lock it is read with
/// the row, and so after the last change.
#[test]
fn the_clock_is_read_under_the_lock() {
    for keep in [false, true] {
        let Some(place) = fresh() else { return };
        let store = place
            .options()
            .keep_statements(keep)
            .connect(&place.url)
            .unwrap();
        assert!(is_granted(&store.transact(&reserve("t", 1))));
        for (id, statement) in [(2, "ROLLBACK"), (3, "COMMIT")] {
            let holder = place.admin();
            let lock = if statement == "COMMIT" {
                "UPDATE {s}.books SET changes = changes + 1"
            } else {
                "SELECT FROM {s}.books FOR UPDATE"
            };
            holder.run(&format!("BEGIN; {}", lock.replace("{s}", &place.schema)));
            let waiting = {
                let store = store.clone();
                thread::spawn(move || store.transact(&reserve("t", id)).unwrap())
            };
            thread::sleep(Duration::from_millis(700));
            let freed = Timestamp::now();
            holder.run(statement);
            let reply = waiting.join().unwrap();
            let is_after = reply.quota().as_of() >= freed;
            assert_eq!(is_after, !keep || statement == "COMMIT", "{keep}");
        }
    }
}
