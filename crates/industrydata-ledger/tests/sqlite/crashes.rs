//! T50, T53, T54: a process that is killed, and system calls that fail, at every point of a change.

use std::{process::Command, sync::atomic::Ordering, time::Duration};

use industrydata_core::ledger::EntryState;
use industrydata_core::policy::Throttle;
use industrydata_ledger::{SqliteStore, Store};

use crate::{LEASE, child, confirm, fresh, is_granted, quota, reserve, set_clock};

#[test]
fn t50_a_reservation_outlives_its_process_and_ends_in_doubt() {
    let (_folder, path) = fresh();
    let (seconds, clock) = set_clock();
    let open = || {
        SqliteStore::options()
            .clock(clock.clone())
            .open(&path)
            .unwrap()
    };
    assert!(is_granted(&open().transact(&reserve("t", 1))));
    let counts = |store: &SqliteStore| {
        let quota = quota(store, "t").unwrap();
        (quota.in_flight(), quota.in_doubt(), quota.available())
    };
    assert_eq!(counts(&open()), (1, 0, 4));
    seconds.fetch_add(LEASE.as_secs() as i64, Ordering::SeqCst);
    let store = open();
    assert_eq!(counts(&store), (0, 1, 4));
    // It counts until the window has passed.
    let window = Throttle::default().window.as_secs() as i64;
    seconds.fetch_add(window + 119, Ordering::SeqCst);
    assert_eq!(counts(&store), (0, 1, 4));
    assert_eq!(
        quota(&store, "t").unwrap().entries()[0].state(clock()),
        EntryState::InDoubt
    );
    seconds.fetch_add(1, Ordering::SeqCst);
    assert_eq!(counts(&store), (0, 0, 5));
    // A clock that is set back frees nothing; one that is set forward does, as the crate documents.
    seconds.fetch_sub(window * 3, Ordering::SeqCst);
    assert_eq!(counts(&store), (1, 0, 4));
}

#[test]
fn t50_killed_at_any_time() {
    let (_folder, path) = fresh();
    let store = SqliteStore::open(&path).unwrap();
    for round in 0..10_u128 {
        let role = format!("reserve {} 100", round * 1000);
        let mut killed = child::command(&[], &role, &path).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(3 + round as u64 * 2));
        killed.kill().unwrap();
        let lines = child::output_lines(killed);
        let quota = quota(&store, "t").unwrap();
        for id in lines
            .iter()
            .filter_map(|line| line.strip_prefix("granted "))
        {
            let id = format!("{:032x}", id.parse::<u128>().unwrap());
            assert!(
                quota.entries().iter().any(|entry| entry.id() == id),
                "{id} was granted and is gone"
            );
        }
        assert!(quota.used() <= 5);
        store.check().unwrap();
    }
}

/// The system calls on the ledger's files: those that change, lock or open something, and the rest.
const CHANGING: [&str; 7] = [
    "openat",
    "fcntl",
    "pwrite64",
    "write",
    "fsync",
    "fdatasync",
    "unlink",
];
const OTHERS: [&str; 8] = [
    "pread64",
    "read",
    "ftruncate",
    "newfstatat",
    "fstat",
    "lseek",
    "statx",
    "close",
];

/// The results of children whose system calls were tampered with.
#[derive(Debug, Default)]
struct Points {
    tampered: u32,
    succeeded: u32,
}

/// Runs `role` over and over, with `what` done to the 1st, 2nd, .. nth of each kind of system call on the ledger.
/// `None` without strace.
fn at_every_call(what: &str, role: &str, prepared: u128) -> Option<Points> {
    let mut probe = Command::new("strace");
    probe
        .args(["-e", "trace=none", "true"])
        .output()
        .ok()
        .filter(|out| out.status.success())?;
    let mut points = Points::default();
    let others: &[&str] = if crate::is_thorough() { &OTHERS } else { &[] };
    for call in CHANGING.iter().chain(others) {
        for n in 1.. {
            let Some(done) = at_call(&format!("{call}:{what}:when={n}"), role, prepared) else {
                break;
            };
            points.tampered += 1;
            points.succeeded += u32::from(done);
        }
    }
    Some(points)
}

/// One run; `None` if there was no such call, else whether the child reported that the change was applied.
fn at_call(inject: &str, role: &str, prepared: u128) -> Option<bool> {
    let (folder, path) = fresh();
    let prepare = SqliteStore::open(&path).unwrap();
    (0..prepared).for_each(|id| assert!(is_granted(&prepare.transact(&reserve("t", id)))));
    drop(prepare);
    let journal = folder.path().join("ledger.sqlite3-journal");
    let log = folder.path().join("log");
    let [log, at, ledger, side] =
        [&log, folder.path(), &path, &journal].map(|path| path.to_str().unwrap());
    let tamper = format!("inject={inject}");
    let around = [
        "strace", "-f", "-o", log, "-P", at, "-P", ledger, "-P", side, "-e", &tamper,
    ];
    let output = child::command(&around, role, &path).output().unwrap();
    let traced = std::fs::read_to_string(log).unwrap();
    if !traced.contains("INJECTED") && !traced.contains("killed by") {
        return None;
    }

    let lines = child::lines_of(&String::from_utf8_lossy(&output.stdout));
    let store = SqliteStore::open(&path).unwrap();
    let after = quota(&store, "t").unwrap_or_else(|error| panic!("{inject}: {error}"));
    let entry = after
        .entries()
        .iter()
        .find(|entry| entry.id().ends_with("63"));
    let settled = entry.is_some_and(|entry| entry.operation() == Some("op-99"));
    match lines.as_slice() {
        [line] if line == "granted 99" => assert!(entry.is_some(), "{inject}: granted, and gone"),
        [line] if line == "confirmed 99" => assert!(settled, "{inject}: confirmed, and gone"),
        [line] if line.contains("the ledger may or may not have been written") => {}
        [line] if line.starts_with("error") => {
            assert!(entry.is_none(), "{inject}: {line}, and it is there")
        }
        [] if inject.contains("signal=KILL") => {}
        other => panic!(
            "{inject}: {other:?} {}",
            String::from_utf8_lossy(&output.stderr)
        ),
    }
    // In every case the other starts are there, and a second try reserves the start once.
    assert_eq!(
        u128::from(after.used()),
        prepared + u128::from(entry.is_some()),
        "{inject}"
    );
    assert!(
        settled || is_granted(&store.transact(&reserve("t", 99))),
        "{inject}"
    );
    store.transact(&confirm("t", 99)).unwrap();
    assert_eq!(
        u128::from(quota(&store, "t").unwrap().used()),
        prepared + 1,
        "{inject}"
    );
    Some(lines.first().is_some_and(|line| !line.starts_with("error")))
}

#[track_caller]
fn check(what: &str, role: &str, prepared: u128) {
    match at_every_call(what, role, prepared) {
        Some(points) => {
            println!("{role} over {prepared}, {what}: {points:?}");
            assert!(points.tampered > 10);
        }
        None => println!("not run: no strace"),
    }
}

#[test]
fn t50_killed_at_every_system_call() {
    check("signal=KILL", "reserve 99 1", 0);
    check("signal=KILL", "confirm 99", 1);
}

#[test]
fn t53_t54_every_system_call_fails_once() {
    check("error=EIO", "reserve 99 1", 0);
    check("error=ENOSPC", "confirm 99", 4);
}
