//! T53, T55: places that cannot hold a ledger, and files that are removed or replaced.

use std::{fs, path::Path};

use industrydata_ledger::{SqliteStore, Store, StoreError};

#[cfg(unix)]
use crate::child;
use crate::{fresh, is_granted, quota, read, reserve};

/// The message of an [`StoreError::Unavailable`].
#[track_caller]
fn unavailable<T: std::fmt::Debug>(result: Result<T, StoreError>) -> String {
    match result {
        Err(error @ StoreError::Unavailable(_)) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_file_is_made_by_the_first_change_that_writes() {
    let (_folder, path) = fresh();
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(store.path(), path);
    assert_eq!(quota(&store, "t").unwrap().available(), 5);
    store.check().unwrap();
    assert!(!path.exists());
    assert!(is_granted(&store.transact(&reserve("t", 1))));
    assert!(path.exists());
    store.check().unwrap();
    // A second store sees it; a refusal and a read change no byte.
    let other = SqliteStore::open(&path).unwrap();
    (2..=5).for_each(|id| assert!(is_granted(&other.transact(&reserve("t", id)))));
    let before = fs::read(&path).unwrap();
    assert!(!is_granted(&other.transact(&reserve("t", 6))));
    assert_eq!(quota(&other, "t").unwrap().used(), 5);
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn an_empty_file_is_an_empty_ledger() {
    let (_folder, path) = fresh();
    make(&path, b"");
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(quota(&store, "t").unwrap().used(), 0);
    assert_eq!(fs::metadata(&path).unwrap().len(), 0);
    assert!(is_granted(&store.transact(&reserve("t", 1))));
}

#[test]
fn t55_no_such_folder() {
    let (folder, path) = fresh();
    let deep = folder.path().join("a/b/ledger.sqlite3");
    assert!(unavailable(SqliteStore::open(&deep)).contains("does not exist"));
    let store = SqliteStore::options()
        .create_parent(true)
        .open(&deep)
        .unwrap();
    assert_eq!(quota(&store, "t").unwrap().used(), 0);
    store.check().unwrap();
    assert!(!folder.path().join("a").exists());
    assert!(is_granted(&store.transact(&reserve("t", 1))));
    assert!(deep.exists());

    make(&path, b"x");
    unavailable(SqliteStore::open(path.join("ledger.sqlite3")));
    unavailable(
        SqliteStore::options()
            .create_parent(true)
            .open(path.join("x/ledger.sqlite3")),
    );
}

#[test]
fn t55_paths_that_are_no_file() {
    let (folder, _) = fresh();
    unavailable(SqliteStore::open(folder.path()));
    for odd in ["", "/", "..", "\0", "a\0b"] {
        unavailable(SqliteStore::open(odd));
    }
    let long = folder.path().join("n".repeat(300));
    let result = SqliteStore::open(long).and_then(|store| store.transact(&reserve("t", 1)));
    unavailable(result);
}

#[test]
fn a_path_is_never_a_uri() {
    let (folder, _) = fresh();
    for name in [
        "file:ledger?mode=memory",
        ":memory:",
        "a?b#c%20",
        "file::memory:",
    ] {
        let path = folder.path().join(name);
        assert!(
            is_granted(&SqliteStore::open(&path).unwrap().transact(&reserve("t", 1))),
            "{name}"
        );
        assert!(path.exists(), "{name}");
        assert_eq!(
            quota(&SqliteStore::open(&path).unwrap(), "t")
                .unwrap()
                .used(),
            1,
            "{name}"
        );
    }
}

#[test]
fn a_file_that_is_removed_is_not_an_empty_ledger() {
    let (folder, path) = fresh();
    let store = SqliteStore::open(&path).unwrap();
    assert!(is_granted(&store.transact(&reserve("t", 1))));
    let aside = folder.path().join("aside");

    fs::rename(&path, &aside).unwrap();
    assert!(unavailable(store.transact(&read("t"))).contains("reset, replaced or removed"));
    unavailable(store.transact(&reserve("t", 2)));
    assert!(!path.exists());
    make(&path, b"");
    unavailable(store.transact(&reserve("t", 2)));
    fs::copy(&aside, &path).unwrap();
    unavailable(store.transact(&reserve("t", 2)));
    // Put back, it is the same ledger.
    fs::rename(&aside, &path).unwrap();
    assert!(is_granted(&store.transact(&reserve("t", 2))));
    assert_eq!(quota(&store, "t").unwrap().used(), 2);

    fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(0)
        .unwrap();
    assert!(matches!(
        store.transact(&reserve("t", 3)),
        Err(StoreError::Damaged(_))
    ));
}

#[test]
fn a_file_replaced_before_the_tenant_had_a_ledger_is_opened_again() {
    let (folder, path) = fresh();
    let other = folder.path().join("other");
    for (path, tenant) in [(&path, "u"), (&other, "t")] {
        let store = SqliteStore::open(path).unwrap();
        assert!(is_granted(&store.transact(&reserve(tenant, 1))));
    }
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(quota(&store, "t").unwrap().used(), 0);
    fs::rename(&other, &path).unwrap();
    assert_eq!(quota(&store, "t").unwrap().used(), 1);
}

#[cfg(unix)]
fn make(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
    mode(path, 0o600);
}

#[cfg(not(unix))]
fn make(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
}

#[cfg(unix)]
fn mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(unix)]
#[test]
fn t55_the_file_is_private() {
    use std::os::unix::fs::MetadataExt;
    let (_folder, path) = fresh();
    let store = SqliteStore::open(&path).unwrap();
    assert!(is_granted(&store.transact(&reserve("t", 1))));
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
    for open in [0o640, 0o604, 0o666, 0o660] {
        mode(&path, open);
        assert!(unavailable(store.transact(&read("t"))).contains("chmod 600"));
        unavailable(SqliteStore::open(&path));
    }
    mode(&path, 0o400);
    assert_eq!(quota(&store, "t").unwrap().used(), 1);
    assert!(unavailable(store.transact(&reserve("t", 2))).contains("read-only"));
    assert!(unavailable(store.check()).contains("read-only"));
}

#[cfg(unix)]
#[test]
fn t55_read_only_and_open_folders() {
    let (folder, path) = fresh();
    let store = SqliteStore::open(&path).unwrap();
    mode(folder.path(), 0o500);
    assert!(unavailable(store.transact(&reserve("t", 1))).contains("read-only"));
    assert!(!path.exists());
    mode(folder.path(), 0o777);
    assert!(unavailable(store.transact(&reserve("t", 1))).contains("chmod o-w"));
    mode(folder.path(), 0o1777);
    assert!(is_granted(&store.transact(&reserve("t", 1))));
    mode(folder.path(), 0o500);
    assert_eq!(quota(&store, "t").unwrap().used(), 1);
    unavailable(store.transact(&reserve("t", 2)));
    mode(folder.path(), 0o700);
}

#[cfg(unix)]
#[test]
fn t55_links_and_special_files() {
    use std::os::unix::{fs::symlink, net::UnixListener};
    let (folder, path) = fresh();
    let link = folder.path().join("link");
    symlink(&path, &link).unwrap();
    assert!(unavailable(SqliteStore::open(&link)).contains("symbolic link"));
    assert!(is_granted(
        &SqliteStore::open(&path).unwrap().transact(&reserve("t", 1))
    ));
    unavailable(SqliteStore::open(&link));
    // A link in the place of the folder is the folder.
    let inner = folder.path().join("inner");
    fs::create_dir(&inner).unwrap();
    symlink(&inner, folder.path().join("way")).unwrap();
    let store = SqliteStore::open(folder.path().join("way/ledger.sqlite3")).unwrap();
    assert!(is_granted(&store.transact(&reserve("t", 1))));
    assert!(inner.join("ledger.sqlite3").exists());

    fs::hard_link(&path, folder.path().join("second")).unwrap();
    assert!(unavailable(SqliteStore::open(&path)).contains("hard link"));
    let socket = folder.path().join("socket");
    let _listener = UnixListener::bind(&socket).unwrap();
    unavailable(SqliteStore::open(&socket));
    unavailable(SqliteStore::open("/dev/null"));
}

#[cfg(unix)]
#[test]
fn t55_files_and_journals_of_other_users() {
    use std::os::unix::fs::{MetadataExt, chown};
    let (folder, path) = fresh();
    let store = SqliteStore::open(&path).unwrap();
    assert!(is_granted(&store.transact(&reserve("t", 1))));
    if fs::metadata(&path).unwrap().uid() != 0 {
        println!("not run: only root can give a file away");
        return;
    }
    let journal = folder.path().join("ledger.sqlite3-journal");
    make(&journal, b"laid there");
    chown(&journal, Some(4711), None).unwrap();
    assert!(unavailable(store.transact(&reserve("t", 2))).contains("uid 4711"));
    fs::remove_file(&journal).unwrap();
    chown(&path, Some(4711), None).unwrap();
    assert!(unavailable(SqliteStore::open(&path)).contains("uid 4711"));
}

#[cfg(unix)]
#[test]
fn t55_a_journal_that_is_a_link() {
    let (folder, path) = fresh();
    let store = SqliteStore::open(&path).unwrap();
    assert!(is_granted(&store.transact(&reserve("t", 1))));
    let journal = folder.path().join("ledger.sqlite3-journal");
    std::os::unix::fs::symlink(&path, &journal).unwrap();
    unavailable(store.transact(&reserve("t", 2)));
    fs::remove_file(&journal).unwrap();
    assert!(is_granted(&store.transact(&reserve("t", 2))));
}

/// T53: no file of the process may grow beyond a few blocks, which looks like a full disk to SQLite.
#[cfg(target_os = "linux")]
#[test]
fn t53_a_disk_that_is_full() {
    let (mut refused, mut granted) = (0, 0);
    for blocks in 0..=28 {
        let (_folder, path) = fresh();
        let limit = format!("ulimit -f {blocks}; trap '' XFSZ; exec \"$@\"");
        let child = child::command(&["sh", "-c", &limit, "sh"], "reserve 1 1", &path)
            .spawn()
            .unwrap();
        let lines = child::output_lines(child);
        let store = SqliteStore::open(&path).unwrap();
        match lines.as_slice() {
            [line] if line == "granted 1" => granted += 1,
            [line] if line.starts_with("error the ledger is unusable") => {
                refused += 1;
                assert_eq!(quota(&store, "t").unwrap().used(), 0);
            }
            other => panic!("{blocks} blocks: {other:?}"),
        }
        // With room again, the ledger works.
        assert!(
            is_granted(&store.transact(&reserve("t", 1))),
            "{blocks} blocks"
        );
        assert_eq!(quota(&store, "t").unwrap().used(), 1);
    }
    assert!(refused > 0 && granted > 0, "{refused} {granted}");
}
