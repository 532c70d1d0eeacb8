//! T64: a reset that is killed, or fails, at any system call on the files of the ledger. The ledger never begins anew without
//! the mark, and the next reset succeeds.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use industrydata_core::ledger::{RefusalReason, Reset};
use industrydata_ledger::{SqliteStore, Store, StoreError};
use rusqlite::Connection;

use crate::{child, fresh, is_granted, is_thorough, quota, reserve};

/// The system calls that change, lock or open something.
const CHANGING: [&str; 9] = [
    "?link,linkat",
    "?rename,?renameat,renameat2",
    "?unlink,unlinkat",
    "openat",
    "fsync",
    "fdatasync",
    "pwrite64",
    "write",
    "fcntl",
];

fn beside(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

/// A ledger with one start.
fn sound(path: &Path) {
    assert!(is_granted(
        &SqliteStore::open(path).unwrap().transact(&reserve("t", 1))
    ));
}

/// A ledger in write-ahead mode, which no reset can lock, with a change that is in its log alone.
fn with_log(path: &Path) {
    sound(path);
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch("PRAGMA journal_mode = WAL; UPDATE books SET changes = 7")
        .unwrap();
    let files = ["", "-wal", "-shm"].map(|suffix| beside(path, suffix));
    let copies = files.each_ref().map(|file| fs::read(file).unwrap());
    drop(connection);
    for (file, copy) in files.iter().zip(copies) {
        fs::write(file, copy).unwrap();
    }
}

/// Whether the change that was in the log is still to be read.
fn has_log(path: &Path) -> bool {
    let connection = Connection::open(path).unwrap();
    let changes: i64 = connection
        .query_row("SELECT max(changes) FROM books", [], |row| row.get(0))
        .unwrap();
    changes == 7
}

/// The old files that resets have left, without what is beside them.
fn asides(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path.parent().unwrap()).unwrap();
    entries
        .map(|entry| entry.unwrap().path())
        .filter(|file| {
            let name = file.file_name().unwrap().to_str().unwrap();
            name.contains(".reset-") && name.ends_with('Z')
        })
        .collect()
}

/// What a start does: `None` if it is refused by a quarantine.
#[track_caller]
fn start(what: &str, path: &Path, id: u128) -> Option<Result<(), StoreError>> {
    let reply = SqliteStore::open(path).and_then(|store| store.transact(&reserve("t", id)));
    match reply {
        Ok(reply) => match reply.refusal() {
            Some(refusal) => {
                assert_eq!(refusal.reason(), RefusalReason::Quarantine, "{what}");
                None
            }
            None => Some(Ok(())),
        },
        Err(error) => Some(Err(error)),
    }
}

/// Resets a ledger with `inject` done to the reset. Returns whether there was such a call.
fn at_call(inject: &str, prepare: fn(&Path)) -> bool {
    let (folder, path) = fresh();
    prepare(&path);
    let log = folder.path().join("log");
    let new = beside(&path, ".reset");
    let traced = [
        folder.path().to_owned(),
        path.clone(),
        beside(&path, "-journal"),
        beside(&path, "-wal"),
        beside(&path, "-shm"),
        beside(&new, "-journal"),
        new.clone(),
    ];
    let tamper = format!("inject={inject}");
    let mut around = vec!["strace", "-f", "-o", log.to_str().unwrap(), "-e", &tamper];
    for path in &traced {
        around.extend(["-P", path.to_str().unwrap()]);
    }
    let output = child::command(&around, "reset", &path).output().unwrap();
    let trace = fs::read_to_string(&log).unwrap();
    if !trace.contains("INJECTED") && !trace.contains("killed by") {
        assert!(
            trace.contains("rename"),
            "{inject}: {trace} {}",
            String::from_utf8_lossy(&output.stderr)
        );
        return false;
    }
    let said = child::lines_of(&String::from_utf8_lossy(&output.stdout));
    let is_reset = said == ["reset"];
    let is_logged = beside(&path, "-wal").exists() || {
        let aside = asides(&path);
        aside.iter().any(|it| beside(it, "-wal").exists())
    };
    // Without its lock, a sound file is not moved.
    let is_not_opened = |line: &str| {
        line.contains("INJECTED") && line.contains("openat(") && line.contains(".sqlite3\",")
    };
    if !is_logged && trace.lines().any(is_not_opened) {
        assert!(!is_reset && asides(&path).is_empty(), "{inject}: {said:?}");
    }

    // A start is made with the old ledger, or with none.
    match start(inject, &path, 2) {
        // The last sync failed, or the process was killed in it.
        None => {
            let is_reported = |said: &String| said.contains("was reset and its old file is");
            assert!(
                is_reset || said.first().is_none_or(is_reported),
                "{inject}: {said:?}"
            );
        }
        Some(Ok(())) => {
            assert!(!is_reset, "{inject}: {said:?}");
            let store = SqliteStore::open(&path).unwrap();
            assert_eq!(quota(&store, "t").unwrap().used(), 2, "{inject}");
        }
        Some(Err(error)) => {
            assert!(!is_reset, "{inject}: {said:?} {error}");
            let message = error.to_string();
            assert!(
                message.contains("`industrydata ledger reset`"),
                "{inject}: {message}"
            );
        }
    }
    let store = SqliteStore::open(&path).unwrap();
    let reset = store.reset();
    assert!(
        matches!(reset, Ok(Reset::Marked | Reset::MovedAside(_))),
        "{inject}: {reset:?}"
    );
    store.check().unwrap();
    assert!(start(inject, &path, 3).is_none(), "{inject}");
    assert!(!new.exists(), "{inject}");
    // The old ledger is kept once, and whole.
    let kept = asides(&path);
    assert_eq!(kept.len(), 1, "{inject}: {kept:?}");
    if is_logged {
        assert!(has_log(&kept[0]), "{inject}");
    }
    assert!(!beside(&path, "-wal").exists(), "{inject}");
    true
}

fn check(what: &str, prepare: fn(&Path)) {
    let probe = Command::new("strace")
        .args(["-e", "trace=none", "true"])
        .output();
    if !probe.is_ok_and(|out| out.status.success()) {
        println!("not run: no strace");
        return;
    }
    let mut tampered = 0;
    for call in CHANGING {
        // Locks are many, and those of the new file all alike.
        let step = if call == "fcntl" && !is_thorough() {
            7
        } else {
            1
        };
        for n in (1..).step_by(step) {
            if !at_call(&format!("{call}:{what}:when={n}"), prepare) {
                break;
            }
            tampered += 1;
        }
    }
    println!("{what}: {tampered}");
    assert!(tampered > 20, "{tampered}");
}

#[test]
fn t64_a_reset_killed_at_every_system_call() {
    check("signal=KILL", sound);
}

#[test]
fn t64_a_reset_of_a_ledger_with_a_log_killed_at_every_system_call() {
    check("signal=KILL", with_log);
}

#[test]
fn t64_every_system_call_of_a_reset_fails_once() {
    check("error=EIO", sound);
    check("error=EIO", with_log);
}
