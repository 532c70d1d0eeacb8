//! The journal's file, which is kept while a program uses a ledger.
#![cfg(unix)]

use std::{
    fs,
    path::{Path, PathBuf},
};

use industrydata_core::ledger::Reset;
use industrydata_ledger::{SqliteStore, Store, StoreError};
use rusqlite::Connection;

use crate::{child, fresh, is_granted, quota, reserve};

fn journal(path: &Path) -> PathBuf {
    PathBuf::from(format!("{}-journal", path.display()))
}

/// Whether a journal is there that SQLite would play back.
fn is_hot(path: &Path) -> bool {
    fs::read(journal(path)).is_ok_and(|bytes| bytes.first().is_some_and(|byte| *byte != 0))
}

/// A ledger with a start, by a store that keeps its journal.
fn in_use() -> (tempfile::TempDir, PathBuf, SqliteStore) {
    let (folder, path) = fresh();
    let store = SqliteStore::open(&path).unwrap();
    for id in 1..=2 {
        assert!(is_granted(&store.transact(&reserve("t", id))));
    }
    assert!(journal(&path).exists() && !is_hot(&path));
    (folder, path, store)
}

#[test]
fn a_journal_is_kept_until_the_last_clone_is_dropped() {
    let (_folder, path, store) = in_use();
    let clone = store.clone();
    drop(store);
    assert!(journal(&path).exists());
    drop(clone);
    assert!(!journal(&path).exists());
    assert_eq!(
        quota(&SqliteStore::open(&path).unwrap(), "t")
            .unwrap()
            .used(),
        2
    );
}

#[test]
fn a_store_that_ends_leaves_the_journal_of_one_that_writes() {
    let (_folder, path, store) = in_use();
    // It changes more pages than its cache holds, so they are in the file and their former state is in the journal.
    let writer = Connection::open(&path).unwrap();
    writer
        .execute_batch("PRAGMA cache_size = 1; BEGIN IMMEDIATE")
        .unwrap();
    for number in 0..100 {
        let value = vec![b'x'; 3000];
        let sql = "INSERT INTO books VALUES ('b', ?1, 1, ?2)";
        writer.execute(sql, (format!("u{number}"), value)).unwrap();
    }
    assert!(is_hot(&path));
    drop(store);
    assert!(is_hot(&path), "without it the ledger would be damaged");
    drop(writer);
    let store = SqliteStore::open(&path).unwrap();
    store.check().unwrap();
    assert_eq!(quota(&store, "t").unwrap().used(), 2);
}

#[test]
fn stores_that_end_do_not_disturb_each_other() {
    let (_folder, path, store) = in_use();
    for id in 3..=5 {
        let other = SqliteStore::open(&path).unwrap();
        assert!(is_granted(&other.transact(&reserve("t", id))));
        assert_eq!(quota(&store, "t").unwrap().used(), id as u32);
        drop(other);
        assert!(is_granted(&store.transact(&reserve("u", id))));
    }
    assert_eq!(quota(&store, "u").unwrap().used(), 3);
    store.check().unwrap();
}

#[test]
fn a_killed_program_leaves_an_empty_journal() {
    let (_folder, path) = fresh();
    let mut killed = child::command(&[], "reserve 1 1000", &path)
        .spawn()
        .unwrap();
    while !journal(&path).exists() || !path.exists() {
        assert!(killed.try_wait().unwrap().is_none());
    }
    killed.kill().unwrap();
    drop(child::output_lines(killed));
    let store = SqliteStore::open(&path).unwrap();
    let used = quota(&store, "t").unwrap().used();
    assert!(used <= 5);
    assert!(matches!(
        store.reset(),
        Ok(Reset::MovedAside(_) | Reset::Marked)
    ));
}

#[test]
fn a_store_whose_file_was_moved_leaves_the_journal_of_the_new_one() {
    let (_folder, path, store) = in_use();
    let aside = path.with_extension("aside");
    fs::rename(&path, &aside).unwrap();
    fs::write(journal(&path), b"of another file").unwrap();
    let refused = store.transact(&reserve("t", 3));
    assert!(matches!(refused, Err(StoreError::Unavailable(_))));
    drop(store);
    assert_eq!(fs::read(journal(&path)).unwrap(), b"of another file");
}

#[test]
fn a_ledger_is_verified_again_once_another_program_has_written() {
    for sql in [
        "PRAGMA user_version = 2",
        "PRAGMA application_id = 7",
        "CREATE TABLE more(a)",
        "CREATE TRIGGER less AFTER INSERT ON books BEGIN DELETE FROM tenants; END",
        "DELETE FROM tenants",
        "PRAGMA journal_mode = WAL",
    ] {
        let (_folder, path, store) = in_use();
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let refused = store.transact(&reserve("t", 3));
        assert!(
            matches!(
                refused,
                Err(StoreError::Damaged(_) | StoreError::Newer { .. })
            ),
            "{sql}: {refused:?}"
        );
    }
}
