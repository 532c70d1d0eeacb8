//! T64: a reset moves the file aside, and the new one gives no slot.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::Ordering,
    time::Duration,
};

use industrydata_core::ledger::{Change, RefusalReason, Reset, StoreReply};
use industrydata_core::policy::Throttle;
use industrydata_ledger::{Ledger, MemoryStore, SqliteStore, Store, StoreError};
use rusqlite::Connection;

#[cfg(unix)]
use crate::is_thorough;
use crate::{child, confirm, fresh, is_granted, key, quota, reserve, set_clock};

/// A file with one start of `t`.
fn used(path: &Path) -> SqliteStore {
    let store = SqliteStore::open(path).unwrap();
    assert!(is_granted(&store.transact(&reserve("t", 1))));
    store.transact(&confirm("t", 1)).unwrap();
    store
}

#[track_caller]
fn moved(reset: Result<Reset, StoreError>) -> PathBuf {
    match reset {
        Ok(Reset::MovedAside(name)) => name.into(),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn quarantined(reply: Result<StoreReply, StoreError>) {
    let refusal = *reply.unwrap().refusal().unwrap();
    assert_eq!(refusal.reason(), RefusalReason::Quarantine);
}

/// The names in the folder of `path`.
fn names(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path.parent().unwrap()).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_healthy_ledger_is_moved_aside_as_it_is() {
    let (_folder, path) = fresh();
    let (seconds, clock) = set_clock();
    let store = SqliteStore::options().clock(clock).open(&path).unwrap();
    assert!(is_granted(&store.transact(&reserve("t", 1))));
    let before = fs::read(&path).unwrap();

    let aside = moved(store.reset());
    let shown = path.display().to_string() + ".reset-20270115T080000.000Z";
    assert_eq!(aside.display().to_string(), shown);
    assert_eq!(fs::read(&aside).unwrap(), before);
    assert_eq!(names(&path).len(), 2, "{:?}", names(&path));
    store.check().unwrap();

    // No tenant has a slot for a window and the margin, in any process.
    let end = 12 * 3600 + 120;
    for passed in [0, 3600, end - 1] {
        seconds.store(1_800_000_000 + passed, Ordering::SeqCst);
        for tenant in ["t", "u"] {
            quarantined(store.transact(&reserve(tenant, 2)));
        }
        let quota = quota(&store, "t").unwrap();
        assert_eq!((quota.used(), quota.available()), (0, 0));
        assert_eq!(
            quota.next_slot_at(),
            Some(quota.quarantine().unwrap().until())
        );
    }
    seconds.store(1_800_000_000 + end, Ordering::SeqCst);
    assert!(is_granted(&store.transact(&reserve("t", 2))));

    // The old file is still a ledger.
    let old = SqliteStore::open(&aside).unwrap();
    assert_eq!(quota(&old, "t").unwrap().used(), 1);
}

#[cfg(unix)]
#[test]
fn the_new_file_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let (_folder, path) = fresh();
    let aside = moved(used(&path).reset());
    for file in [&path, &aside] {
        let mode = fs::metadata(file).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
    }
}

#[test]
fn a_damaged_ledger_is_moved_aside_and_left_as_it_is() {
    type Damage = fn(&mut Vec<u8>);
    let damages: [(&str, Damage); 5] = [
        ("a head that is not SQLite's", |bytes| {
            bytes[..100].fill(b'x')
        }),
        ("zero bytes", |bytes| bytes.fill(0)),
        ("a page of zero bytes", |bytes| bytes[4096..8192].fill(0)),
        ("cut", |bytes| bytes.truncate(5000)),
        ("one byte", |bytes| bytes.truncate(1)),
    ];
    for (what, damage) in damages {
        let (_folder, path) = fresh();
        drop(used(&path));
        let mut bytes = fs::read(&path).unwrap();
        damage(&mut bytes);
        fs::write(&path, &bytes).unwrap();
        let store = SqliteStore::open(&path).unwrap();
        let refused = store.transact(&reserve("t", 2));
        assert!(
            matches!(&refused, Err(StoreError::Damaged(_))),
            "{what}: {refused:?}"
        );
        assert!(
            refused
                .unwrap_err()
                .to_string()
                .contains("industrydata ledger reset")
        );
        let aside = moved(store.reset());
        assert_eq!(fs::read(&aside).unwrap(), bytes, "{what}");
        quarantined(store.transact(&reserve("t", 2)));
        quarantined(SqliteStore::open(&path).unwrap().transact(&reserve("u", 2)));
        store.check().unwrap();
    }
}

#[test]
fn altered_and_newer_ledgers_are_moved_aside() {
    for sql in [
        "PRAGMA user_version = 7",
        "DROP TABLE tenants",
        "DELETE FROM books",
        "DELETE FROM tenants",
        "UPDATE books SET value = x''",
    ] {
        let (_folder, path) = fresh();
        drop(used(&path));
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch(sql).unwrap();
        drop(connection);
        let store = SqliteStore::open(&path).unwrap();
        moved(store.reset());
        quarantined(store.transact(&reserve("t", 2)));
    }
}

#[test]
fn the_files_beside_a_ledger_are_moved_with_it() {
    let (_folder, path) = fresh();
    drop(used(&path));
    // In write-ahead mode, with a change that is in the log alone.
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch("PRAGMA journal_mode = WAL; UPDATE books SET changes = 7")
        .unwrap();
    let beside = |path: &Path, suffix: &str| PathBuf::from(format!("{}{suffix}", path.display()));
    let log = fs::read(beside(&path, "-wal")).unwrap();
    assert!(!log.is_empty());
    let copies = ["", "-wal", "-shm"].map(|suffix| fs::read(beside(&path, suffix)).unwrap());
    drop(connection);
    for (suffix, copy) in ["", "-wal", "-shm"].iter().zip(&copies) {
        fs::write(beside(&path, suffix), copy).unwrap();
    }
    let store = SqliteStore::open(&path).unwrap();
    let aside = moved(store.reset());
    for suffix in ["-wal", "-shm", "-journal"] {
        assert!(!beside(&path, suffix).exists(), "{suffix}");
    }
    let changes: i64 = Connection::open(&aside)
        .unwrap()
        .query_row("SELECT changes FROM books", [], |row| row.get(0))
        .unwrap();
    assert_eq!(changes, 7);
    quarantined(store.transact(&reserve("t", 2)));
}

#[test]
fn an_empty_ledger_stays_and_is_marked() {
    let (_folder, path) = fresh();
    let store = SqliteStore::open(&path).unwrap();
    // There is no file, there is an empty one, and there is one with a mark alone.
    assert_eq!(store.reset().unwrap(), Reset::Marked);
    quarantined(store.transact(&reserve("t", 1)));
    fs::remove_file(&path).unwrap();
    fs::write(&path, "").unwrap();
    private(&path);
    for _ in 0..2 {
        let store = SqliteStore::open(&path).unwrap();
        assert_eq!(store.reset().unwrap(), Reset::Marked);
        quarantined(store.transact(&reserve("t", 1)));
        store.check().unwrap();
    }
    assert_eq!(names(&path), ["ledger.sqlite3"]);
}

#[test]
fn twice_in_a_row() {
    let (_folder, path) = fresh();
    let (seconds, clock) = set_clock();
    let store = SqliteStore::options().clock(clock).open(&path).unwrap();
    assert!(is_granted(&store.transact(&reserve("t", 1))));
    moved(store.reset());
    let first = quota(&store, "t").unwrap().quarantine().unwrap();
    // Nothing was entered since: the same file begins a new quarantine.
    seconds.fetch_add(3600, Ordering::SeqCst);
    assert_eq!(store.reset().unwrap(), Reset::Marked);
    let second = quota(&store, "t").unwrap().quarantine().unwrap();
    assert_eq!(
        second.until() - first.until(),
        Duration::from_secs(3600).try_into().unwrap()
    );
    // A start was entered: the file is moved, and the tenant whose quarantine had ended is in quarantine again.
    let end = Change::end_quarantine(key("t"), Throttle::default(), second);
    assert_eq!(store.transact(&end).unwrap().unresolved(), None);
    assert!(is_granted(&store.transact(&reserve("t", 2))));
    quarantined(store.transact(&reserve("u", 2)));
    seconds.fetch_add(1, Ordering::SeqCst);
    moved(store.reset());
    quarantined(store.transact(&reserve("t", 3)));
    assert_eq!(names(&path).len(), 3);
}

#[cfg(unix)]
#[test]
fn a_store_with_the_old_file_open_stops_using_it() {
    let (_folder, path) = fresh();
    let other = used(&path);
    let idle = SqliteStore::open(&path).unwrap();
    assert_eq!(quota(&idle, "u").unwrap().used(), 0);
    let aside = moved(SqliteStore::open(&path).unwrap().reset());
    let before = fs::read(&aside).unwrap();
    for change in [reserve("t", 2), confirm("t", 1)] {
        let refused = other.transact(&change).unwrap_err();
        assert!(
            refused
                .to_string()
                .contains("was reset, replaced or removed while in use"),
            "{refused}"
        );
    }
    // A store that has read no ledger in the old file uses the new one.
    quarantined(idle.transact(&reserve("u", 2)));
    assert_eq!(fs::read(&aside).unwrap(), before);
    quarantined(SqliteStore::open(&path).unwrap().transact(&reserve("t", 2)));
}

/// A reset comes between the look at the file and the lock of the change.
#[cfg(unix)]
#[test]
fn a_reset_between_look_and_lock_is_noticed() {
    let (_folder, path) = fresh();
    drop(used(&path));
    let resetting = path.clone();
    let readings = std::sync::atomic::AtomicU32::new(0);
    let clock = move || {
        // The first reading is the one before the lock of a writer.
        if readings.fetch_add(1, Ordering::SeqCst) == 0 {
            let wait = Duration::from_millis(10);
            let reset = SqliteStore::options()
                .wait(wait)
                .open(&resetting)
                .unwrap()
                .reset();
            // A reader holds the file.
            assert!(matches!(reset, Err(StoreError::Busy)), "{reset:?}");
        }
        industrydata_core::Timestamp::now()
    };
    let store = SqliteStore::options().clock(clock).open(&path).unwrap();
    assert!(is_granted(&store.transact(&reserve("t", 2))));
    assert_eq!(names(&path), ["ledger.sqlite3"]);
}

#[test]
fn a_reset_waits_for_a_writer_of_another_process() {
    let (_folder, path) = fresh();
    drop(used(&path));
    let mut holder = child::command(&[], "hold", &path).spawn().unwrap();
    child::hear(&mut holder, "holding");
    let store = SqliteStore::options()
        .wait(Duration::from_millis(100))
        .open(&path)
        .unwrap();
    assert!(matches!(store.reset(), Err(StoreError::Busy)));
    assert!(names(&path).iter().all(|name| !name.contains("reset")));
    holder.kill().unwrap();
    holder.wait().unwrap();
    moved(store.reset());
    quarantined(store.transact(&reserve("t", 2)));
}

/// The quarantine covers a start that the reset had to wait for.
#[test]
fn a_reset_is_dated_when_it_has_the_lock() {
    let (_folder, path) = fresh();
    drop(used(&path));
    let (locked, is_locked) = std::sync::mpsc::channel();
    let readings = std::sync::atomic::AtomicU32::new(0);
    let clock = move || {
        // The second reading is the one with the lock of a writer.
        if readings.fetch_add(1, Ordering::SeqCst) == 1 {
            locked.send(()).unwrap();
            std::thread::sleep(Duration::from_millis(200));
        }
        industrydata_core::Timestamp::now()
    };
    let starting = SqliteStore::options().clock(clock).open(&path).unwrap();
    let resetting = SqliteStore::open(&path).unwrap();
    let start = std::thread::spawn(move || starting.transact(&reserve("t", 2)));
    is_locked.recv().unwrap();
    moved(resetting.reset());
    let start = start.join().unwrap();
    assert!(is_granted(&start), "{start:?}");
    let started = start.unwrap().quota().as_of().as_millisecond();
    let quarantine = quota(&resetting, "t").unwrap().quarantine().unwrap();
    assert!(quarantine.reset_at().as_millisecond() >= started);
}

#[test]
fn another_process_finds_the_quarantine() {
    let (_folder, path) = fresh();
    moved(used(&path).reset());
    let child = child::command(&[], "reserve 2 3", &path).spawn().unwrap();
    assert_eq!(
        child::output_lines(child),
        ["refused 2", "refused 3", "refused 4"]
    );
}

/// Resets and starts race in many threads: only starts before the first reset are granted.
#[cfg(unix)]
#[test]
fn starts_that_race_with_resets() {
    for round in 0..8 {
        let (_folder, path) = fresh();
        drop(used(&path));
        let granted: usize = std::thread::scope(|scope| {
            let start = |n: u128| {
                let path = &path;
                scope.spawn(move || {
                    let store = SqliteStore::open(path).unwrap();
                    let ids = n * 100..n * 100 + 10;
                    ids.filter(|id| is_granted(&store.transact(&reserve("t", *id))))
                        .count()
                })
            };
            let starts: Vec<_> = (1..=4).map(start).collect();
            let resets: Vec<_> = (0..2)
                .map(|_| scope.spawn(|| SqliteStore::open(&path).and_then(|it| it.reset())))
                .collect();
            for reset in resets {
                let reset = reset.join().unwrap();
                assert!(matches!(reset, Ok(_) | Err(StoreError::Busy)), "{reset:?}");
            }
            starts.into_iter().map(|it| it.join().unwrap()).sum()
        });
        assert!(granted <= 4, "{round}: {granted}");
        quarantined(SqliteStore::open(&path).unwrap().transact(&reserve("t", 9)));
    }
}

#[cfg(unix)]
#[test]
fn a_read_only_ledger_is_not_reset() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, path) = fresh();
    let store = used(&path);
    let before = fs::read(&path).unwrap();
    let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode));
    set(&path, 0o400).unwrap();
    assert!(matches!(store.reset(), Err(StoreError::Unavailable(_))));
    set(&path, 0o644).unwrap();
    let open_to_others = store.reset().unwrap_err().to_string();
    assert!(open_to_others.contains("chmod 600"), "{open_to_others}");
    set(&path, 0o600).unwrap();
    set(folder.path(), 0o500).unwrap();
    assert!(matches!(store.reset(), Err(StoreError::Unavailable(_))));
    set(folder.path(), 0o700).unwrap();
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(names(&path), ["ledger.sqlite3"]);
    // It goes on as before.
    assert!(is_granted(&store.transact(&reserve("t", 2))));
}

#[cfg(unix)]
#[test]
fn a_flipped_byte_of_a_new_ledger_ends_no_quarantine() {
    use std::os::unix::fs::FileExt;
    let (_folder, path) = fresh();
    assert_eq!(
        SqliteStore::open(&path).unwrap().reset().unwrap(),
        Reset::Marked
    );
    let whole = fs::read(&path).unwrap();
    let file = fs::File::options().write(true).open(&path).unwrap();
    for at in 0..whole.len() {
        // Most of the file is free space.
        if whole[at] == 0 && at % 32 != 0 && !is_thorough() {
            continue;
        }
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        file.write_all_at(&bytes, 0).unwrap();
        let store = SqliteStore::open(&path).unwrap();
        let reply = store.transact(&reserve("t", 1));
        assert!(!is_granted(&reply), "byte {at} of {}", whole.len());
    }
}

#[test]
fn stores_without_a_reset_say_so_and_a_handle_passes_it_on() {
    let memory = MemoryStore::new();
    assert!(matches!(memory.reset(), Err(StoreError::Unavailable(_))));
    let (_folder, path) = fresh();
    let ledger = Ledger::from(used(&path));
    assert!(matches!(ledger.reset(), Ok(Reset::MovedAside(_))));
    assert!(Ledger::from(memory).reset().is_err());
}

#[cfg(unix)]
fn private(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[cfg(not(unix))]
fn private(_: &Path) {}
