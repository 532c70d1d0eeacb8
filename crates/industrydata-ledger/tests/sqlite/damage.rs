//! T52, T58: files that were altered. None grants a start that the sound file would not, and none is changed.

use std::{fs, io::Write, path::Path};

use industrydata_ledger::{SqliteStore, Store, StoreError};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::{confirm, fresh, is_granted, quota, reserve};

/// A ledger with five starts of `t` and three of `u`.
fn ledger() -> (TempDir, std::path::PathBuf, Vec<u8>) {
    let (folder, path) = fresh();
    let store = SqliteStore::open(&path).unwrap();
    for (tenant, count) in [("t", 5), ("u", 3)] {
        for id in 1..=count {
            assert!(is_granted(&store.transact(&reserve(tenant, id))));
            store.transact(&confirm(tenant, id)).unwrap();
        }
    }
    drop(store);
    let bytes = fs::read(&path).unwrap();
    (folder, path, bytes)
}

/// Reads the file with these bytes. `Ok` if all starts are counted, `Err` with the error; a silent loss panics.
fn look(path: &Path, bytes: &[u8], what: &str) -> Result<(), StoreError> {
    lay(path, bytes);
    let store = SqliteStore::open(path).unwrap();
    let sixth = store.transact(&reserve("t", 6));
    assert!(!is_granted(&sixth), "{what}: a sixth start was let through");
    let of_t = sixth.map(|reply| reply.quota().confirmed());
    let of_u = quota(&store, "u").map(|quota| quota.confirmed());
    assert!(
        *of_t.as_ref().unwrap_or(&5) == 5,
        "{what}: {of_t:?} starts of t"
    );
    assert!(
        *of_u.as_ref().unwrap_or(&3) == 3,
        "{what}: {of_u:?} starts of u"
    );
    drop(store);
    assert!(
        fs::read(path).unwrap() == bytes,
        "{what}: the file was changed"
    );
    of_t.and(of_u).map(drop)
}

/// Overwrites the file in place: creating one each time would take far longer than the test.
fn lay(path: &Path, bytes: &[u8]) {
    let mut file = fs::File::options().write(true).open(path).unwrap();
    file.set_len(bytes.len() as u64).unwrap();
    file.write_all(bytes).unwrap();
}

#[test]
fn t52_every_byte_flipped_in_turn() {
    let (_folder, path, whole) = ledger();
    let patterns: &[u8] = if crate::is_thorough() {
        &[1, 2, 4, 8, 16, 32, 64, 128, 255]
    } else {
        &[0]
    };
    let (mut detected, mut unharmed) = (0, 0);
    for pattern in patterns {
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= if *pattern == 0 {
                1 << (at % 8)
            } else {
                *pattern
            };
            match look(&path, &bytes, &format!("byte {at} flipped by {pattern}")) {
                Ok(()) => unharmed += 1,
                Err(StoreError::Damaged(_) | StoreError::Newer { .. }) => detected += 1,
                Err(other) => panic!("byte {at}: {other}"),
            }
        }
    }
    println!(
        "{} flips: {detected} detected, {unharmed} without effect, 0 silent",
        detected + unharmed
    );
    assert!(detected > 500);
    assert!(look(&path, &whole, "whole").is_ok());
}

#[test]
fn t52_cut_at_every_length() {
    let (_folder, path, whole) = ledger();
    let mut detected = 0;
    let file = fs::File::options().write(true).open(&path).unwrap();
    for length in (1..whole.len()).rev() {
        file.set_len(length as u64).unwrap();
        match SqliteStore::open(&path).unwrap().transact(&reserve("t", 6)) {
            Err(StoreError::Damaged(_)) => detected += 1,
            other => panic!("cut to {length}: {other:?}"),
        }
        assert_eq!(fs::metadata(&path).unwrap().len(), length as u64);
    }
    println!("{detected} lengths, all detected");
}

#[test]
fn t52_pages_that_are_zero_or_another() {
    let (_folder, path, whole) = ledger();
    let pages = whole.len() / 4096;
    let mut detected = 0;
    for page in 0..pages {
        for other in 0..=pages {
            let mut bytes = whole.clone();
            let fill = whole
                .get(other * 4096..(other + 1) * 4096)
                .map_or(vec![0; 4096], <[u8]>::to_vec);
            bytes[page * 4096..(page + 1) * 4096].copy_from_slice(&fill);
            match look(&path, &bytes, &format!("page {page} is {other}")) {
                Err(StoreError::Damaged(_)) => detected += 1,
                // The rows of one table do for the other.
                Ok(()) => assert!(page == other || (page, other) == (2, 1)),
                Err(error) => panic!("page {page} is {other}: {error}"),
            }
        }
    }
    assert!(detected >= pages * pages - 1);
}

#[test]
fn t52_an_earlier_page_is_detected() {
    let (_folder, path, whole) = ledger();
    let mut later = whole.clone();
    fs::write(&path, &whole).unwrap();
    let store = SqliteStore::open(&path).unwrap();
    assert!(is_granted(&store.transact(&reserve("u", 4))));
    drop(store);
    later.copy_from_slice(&fs::read(&path).unwrap());
    // A write of one page that never reached the disk, for each of the pages with rows.
    for page in 1..whole.len() / 4096 {
        let mut bytes = later.clone();
        bytes[page * 4096..(page + 1) * 4096]
            .copy_from_slice(&whole[page * 4096..(page + 1) * 4096]);
        fs::write(&path, &bytes).unwrap();
        let result = quota(&SqliteStore::open(&path).unwrap(), "u");
        assert!(
            matches!(result, Err(StoreError::Damaged(_))),
            "page {page}: {result:?}"
        );
    }
}

#[test]
fn t52_altered_with_another_program() {
    for (sql, newer) in [
        ("PRAGMA user_version = 2", true),
        ("PRAGMA user_version = 0", false),
        ("PRAGMA user_version = -1", false),
        ("PRAGMA application_id = 7", false),
        ("PRAGMA journal_mode = WAL", false),
        ("DROP TABLE tenants", false),
        ("DROP TABLE books", false),
        ("CREATE TABLE more(a)", false),
        ("CREATE TRIGGER less AFTER INSERT ON books BEGIN DELETE FROM tenants; END", false),
        ("DELETE FROM tenants", false),
        ("DELETE FROM books", false),
        ("DELETE FROM books WHERE tenant = 't'; DELETE FROM books WHERE tenant = 'u'", false),
        ("UPDATE books SET tenant = 'x' || tenant", false),
        ("UPDATE books SET tenant = 'x' || tenant; UPDATE tenants SET tenant = 'x' || tenant;
          UPDATE books SET tenant = iif(tenant = 'xt', 'u', 't'); UPDATE tenants SET tenant = iif(tenant = 'xt', 'u', 't')", false),
        ("UPDATE books SET value = (SELECT value FROM books WHERE tenant = 'u') WHERE tenant = 't'", false),
        ("UPDATE books SET value = x''", false),
        ("UPDATE books SET value = cast(replace(cast(value AS TEXT), 'confirmed', 'released') AS BLOB)", false),
        ("UPDATE books SET changes = changes + 1", false),
    ] {
        let (_folder, path, _) = ledger();
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let result = look(&path, &fs::read(&path).unwrap(), sql);
        match result {
            Err(StoreError::Newer { found: 2, known: 1 }) if newer => {}
            Err(StoreError::Damaged(_)) if !newer => {}
            other => panic!("{sql}: {other:?}"),
        }
        // The check of a file does not read the values.
        let of_values = sql.contains("SET value") || sql.contains("iif");
        assert_eq!(SqliteStore::open(&path).unwrap().check().is_ok(), of_values, "{sql}");
    }
}

#[test]
fn t52_foreign_files_stay_unchanged() {
    let (_folder, path, _) = ledger();
    let foreign = path.with_file_name("foreign.sqlite3");
    Connection::open(&foreign)
        .unwrap()
        .execute_batch("CREATE TABLE theirs(a)")
        .unwrap();
    for bytes in [
        b"x".to_vec(),
        b"not a database at all, but longer than its header would be".repeat(200),
        vec![0; 1],
        vec![0; 4096],
        vec![0xff; 12_288],
        fs::read(&foreign).unwrap(),
    ] {
        let result = look(&path, &bytes, "another's file");
        assert!(matches!(result, Err(StoreError::Damaged(_))), "{result:?}");
    }
}

#[test]
fn t58_a_value_of_a_newer_release_is_refused() {
    let (_folder, path, _) = ledger();
    let connection = Connection::open(&path).unwrap();
    let sql = "UPDATE books SET value = cast('industrydata-books 2 00000000' || char(10) || '{}' AS BLOB)";
    connection.execute_batch(sql).unwrap();
    drop(connection);
    let result = look(&path, &fs::read(&path).unwrap(), "newer value");
    assert!(
        matches!(result, Err(StoreError::Newer { found: 2, .. })),
        "{result:?}"
    );
}
