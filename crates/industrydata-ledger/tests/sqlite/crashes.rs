//! T50, T53, T54: a process that is killed, and system calls that fail, at every point of a change.

use std::{process::Command, sync::atomic::Ordering, time::Duration};

use industrydata_core::{EntryState, Throttle};
use industrydata_ledger::{SqliteStore, Store};

use crate::{LEASE, child, confirm, fresh, is_granted, quota, reserve, set_clock};

#[test]
fn t50_a_reservation_outlives_its_process_and_comes_to_be_in_doubt() {
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
    // It is never given back by itself, but for the window that passes.
    let window = Throttle::default().window.as_secs() as i64;
    seconds.fetch_add(window + 119, Ordering::SeqCst);
    assert_eq!(counts(&store), (0, 1, 4));
    assert_eq!(
        quota(&store, "t").unwrap().entries()[0].state(clock()),
        EntryState::Unknown
    );
    seconds.fetch_add(1, Ordering::SeqCst);
    assert_eq!(counts(&store), (0, 0, 5));
    // The clock set back frees nothing, set forward it does: told on the front page.
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
        let told = child::told(killed);
        let booked = quota(&store, "t").unwrap();
        for id in told.iter().filter_map(|line| line.strip_prefix("granted ")) {
            let id = format!("{:032x}", id.parse::<u128>().unwrap());
            assert!(
                booked.entries().iter().any(|entry| entry.id() == id),
                "{id} was granted and is gone"
            );
        }
        assert!(booked.used() <= 5);
        store.check().unwrap();
    }
}

/// Runs `role` under strace, which does `what` at the nth system call on the books, for n = 1, 2, .. until none is left.
/// Returns n, and how often the child said that it was done.
fn at_every_call(what: &str, role: &str, prepared: u128) -> Option<(u32, u32)> {
    Command::new("strace")
        .args(["-e", "trace=none", "true"])
        .output()
        .ok()
        .filter(|out| out.status.success())?;
    let mut done = 0;
    for n in 1..400 {
        let (folder, path) = fresh();
        let prepare = SqliteStore::open(&path).unwrap();
        (0..prepared).for_each(|id| assert!(is_granted(&prepare.transact(&reserve("t", id)))));
        drop(prepare);
        let journal = folder.path().join("books.sqlite3-journal");
        let calls = "openat,fcntl,pread64,read,pwrite64,write,fsync,fdatasync,ftruncate,unlink,newfstatat,fstat,lseek,statx";
        let log = folder.path().join("log");
        let [log, at, books, side] =
            [&log, folder.path(), &path, &journal].map(|path| path.to_str().unwrap());
        let inject = format!("inject={calls}:{what}:when={n}");
        let around = [
            "strace", "-f", "-o", log, "-P", at, "-P", books, "-P", side, "-e", &inject,
        ];
        let output = child::command(&around, role, &path).output().unwrap();
        let told = child::ours(&String::from_utf8_lossy(&output.stdout));
        let store = SqliteStore::open(&path).unwrap();
        let booked = quota(&store, "t").unwrap_or_else(|fault| panic!("call {n}: {fault}"));
        let entry = booked
            .entries()
            .iter()
            .find(|entry| entry.id().ends_with("63"));
        match told.as_slice() {
            [line] if line == "granted 99" => {
                assert!(entry.is_some(), "call {n}: granted, and gone")
            }
            [line] if line == "confirmed 99" => {
                assert_eq!(entry.unwrap().operation(), Some("op-99"))
            }
            // What was not changed is as it was, unless it cannot be told.
            [line] if line.contains("it cannot be told") => {}
            [line] if line.starts_with("fault") => {
                assert!(entry.is_none(), "call {n}: {line}, and it stands")
            }
            _ if what.starts_with("signal") && told.is_empty() => {}
            other => panic!(
                "call {n}: {other:?}\n{}",
                String::from_utf8_lossy(&output.stderr)
            ),
        }
        done += u32::from(told.first().is_some_and(|line| !line.starts_with("fault")));
        // Whatever happened, the start is booked when it is tried again, once.
        assert_eq!(
            u128::from(booked.used()),
            prepared + u128::from(entry.is_some())
        );
        assert!(
            is_granted(&store.transact(&reserve("t", 99)))
                || entry.is_some_and(|entry| entry.operation().is_some())
        );
        store.transact(&confirm("t", 99)).unwrap();
        assert_eq!(u128::from(quota(&store, "t").unwrap().used()), prepared + 1);
        let traced = std::fs::read_to_string(log).unwrap();
        if !traced.contains("INJECTED") && !traced.contains("killed by") {
            return Some((n - 1, done));
        }
    }
    panic!("more calls than thought");
}

#[test]
fn t50_killed_at_every_system_call() {
    for (role, prepared) in [("reserve 99 1", 0), ("reserve 99 1", 4), ("confirm 99", 1)] {
        match at_every_call("signal=KILL", role, prepared) {
            Some((points, _)) => {
                println!("{role} over {prepared}: killed at {points} of {points} calls")
            }
            None => println!("not run: no strace"),
        }
    }
}

#[test]
fn t53_t54_every_system_call_fails_once() {
    for error in ["error=EIO", "error=ENOSPC"] {
        for (role, prepared) in [("reserve 99 1", 0), ("reserve 99 1", 4)] {
            match at_every_call(error, role, prepared) {
                Some((points, done)) => println!(
                    "{role} over {prepared}, {error}: {points} calls failed, {done} booked all the same"
                ),
                None => println!("not run: no strace"),
            }
        }
    }
}
