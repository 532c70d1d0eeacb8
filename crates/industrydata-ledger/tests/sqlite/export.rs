//! The way out of a file, sound or damaged, and into another.

use std::{fs, path::Path};

use industrydata_core::{ExportError, LedgerExport};
use industrydata_ledger::{Books, SqliteStore, Store, StoreFault};
use rusqlite::Connection;

use crate::{confirm, fresh, is_granted, quota, reserve, set_clock};

/// Five starts of `t` and three of `u`.
fn fill(path: &Path) {
    let store = SqliteStore::open(path).unwrap();
    for (tenant, count) in [("t", 5), ("u", 3)] {
        for id in 1..=count {
            assert!(is_granted(&store.transact(&reserve(tenant, id))));
            store.transact(&confirm(tenant, id)).unwrap();
        }
    }
}

/// Through the document into fresh books in memory.
fn moved(export: &LedgerExport) -> Books {
    let read = LedgerExport::from_json(export.to_json().as_bytes()).unwrap();
    let books = Books::memory();
    books.import(&read).unwrap();
    books
}

fn used(books: &Books, tenant: &str) -> u32 {
    let verdict = books.transact(&crate::read(tenant)).unwrap();
    verdict.quota().used()
}

#[test]
fn books_go_from_file_to_file() {
    let (_folder, path) = fresh();
    let names = [
        "t",
        "'; DROP TABLE books; --",
        "ß 日本語",
        &"é".repeat(128),
        "u ",
    ];
    let old = Books::sqlite(&path).unwrap();
    for (n, name) in names.iter().enumerate() {
        for id in 0..=n as u128 {
            assert!(is_granted(&old.transact(&reserve(name, id))), "{name}");
        }
    }
    let export = old.export().unwrap();
    assert!(export.is_whole());
    assert_eq!(export.books().len(), names.len());
    let export = LedgerExport::from_json(export.to_json().as_bytes()).unwrap();

    let (_folder, path) = fresh();
    let new = Books::sqlite(&path).unwrap();
    assert!(is_granted(&new.transact(&reserve("t", 77))));
    assert_eq!(new.import(&export).unwrap(), 15);
    for (n, name) in names.iter().enumerate() {
        let own = u32::from(*name == "t");
        assert_eq!(used(&new, name), n as u32 + 1 + own, "{name}");
    }
    assert_eq!(used(&new, "u"), 0, "another name");
    // Again it changes nothing, not even the file.
    let before = fs::read(&path).unwrap();
    assert_eq!(new.import(&export).unwrap(), 0);
    assert_eq!(fs::read(&path).unwrap(), before);
    // Nor does it go back over what came later: into the old books it changes nothing either.
    assert_eq!(old.import(&export).unwrap(), 0);
}

#[test]
fn an_empty_ledger_is_an_empty_document() {
    let (_folder, path) = fresh();
    let export = Books::sqlite(&path).unwrap().export().unwrap();
    assert!(export.is_whole() && export.books().is_empty());
    assert!(!path.exists());
}

#[test]
fn an_export_is_as_of_the_books_clock() {
    let (_folder, path) = fresh();
    let (_, clock) = set_clock();
    let store = SqliteStore::options()
        .clock(clock.clone())
        .open(&path)
        .unwrap();
    assert_eq!(store.holdings().unwrap().as_of, clock(), "there is no file");
    assert!(is_granted(&store.transact(&reserve("t", 1))));
    assert_eq!(store.holdings().unwrap().as_of, clock());
}

#[test]
fn what_is_no_file_of_books_is_refused() {
    let (_folder, path) = fresh();
    fs::write(&path, "not a database, though long enough ".repeat(400)).unwrap();
    set_private(&path);
    let export = |path: &Path| Books::sqlite(path).unwrap().export();
    assert!(matches!(export(&path), Err(StoreFault::Damaged(_))));
    fs::remove_file(&path).unwrap();
    let foreign = Connection::open(&path).unwrap();
    foreign
        .execute_batch("CREATE TABLE a(b TEXT); INSERT INTO a VALUES ('c'); CREATE TABLE d(e)")
        .unwrap();
    drop(foreign);
    set_private(&path);
    assert!(matches!(export(&path), Err(StoreFault::Damaged(_))));
    fs::remove_file(&path).unwrap();
    fill(&path);
    let connection = Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", 2).unwrap();
    drop(connection);
    assert!(matches!(export(&path), Err(StoreFault::Newer { .. })));
}

#[test]
fn one_damaged_value_keeps_the_others_in_no_longer() {
    let (_folder, path) = fresh();
    fill(&path);
    let connection = Connection::open(&path).unwrap();
    let alter = "UPDATE books SET value = CAST(replace(CAST(value AS TEXT), 'op-2', 'op-3') AS BLOB) WHERE tenant = 't'";
    assert_eq!(connection.execute(alter, []).unwrap(), 1);
    drop(connection);
    let store = SqliteStore::open(&path).unwrap();
    let told = quota(&store, "t").unwrap_err().to_string();
    assert!(told.contains("industrydata ledger export"), "{told}");
    let export = Books::from(store).export().unwrap();
    assert!(!export.is_whole() && export.damage().is_empty());
    let of = |tenant: &str| {
        let mut books = export.books().iter();
        books.find(|it| it.key().tenant() == tenant).unwrap()
    };
    assert_eq!(of("t").damage(), Some("the checksum does not match"));
    assert_eq!(of("u").damage(), None);
    let books = moved(&export);
    assert_eq!(used(&books, "u"), 3);
    assert!(!is_granted(&books.transact(&reserve("t", 6))));
    assert!(is_granted(&books.transact(&reserve("u", 6))));
}

#[test]
fn t52_no_flipped_byte_loses_a_start_on_the_way_out() {
    let (_folder, path) = fresh();
    fill(&path);
    let whole = fs::read(&path).unwrap();
    let step = if crate::is_thorough() { 1 } else { 9 };
    let (mut sound, mut told, mut refused) = (0, 0, 0);
    for at in (0..whole.len()).step_by(step) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        fs::write(&path, &bytes).unwrap();
        match Books::sqlite(&path).unwrap().export() {
            Ok(export) => {
                let books = moved(&export);
                let (t, u) = (used(&books, "t"), used(&books, "u"));
                assert!(t >= 5 && u >= 3, "byte {at}: {t} and {u} of {export:?}");
                if export.is_whole() {
                    assert_eq!((t, u), (5, 3), "byte {at}");
                    sound += 1;
                } else {
                    told += 1;
                }
            }
            // A layout of a newer release, by its number.
            Err(StoreFault::Newer { .. }) => refused += 1,
            Err(other) => panic!("byte {at}: {other}"),
        }
        assert_eq!(
            fs::read(&path).unwrap(),
            bytes,
            "byte {at}: the file was changed"
        );
    }
    println!("{sound} whole, {told} told, {refused} refused as newer, 0 lost");
    assert!(told > 100 && refused <= 4);
}

#[test]
fn t52_pages_that_are_gone_are_told_on_the_way_out() {
    let (_folder, path) = fresh();
    fill(&path);
    let whole = fs::read(&path).unwrap();
    for page in 0..whole.len() / 4096 {
        let mut bytes = whole.clone();
        bytes[page * 4096..(page + 1) * 4096].fill(0);
        fs::write(&path, &bytes).unwrap();
        let export = Books::sqlite(&path).unwrap().export().unwrap();
        assert!(!export.is_whole(), "page {page}");
        let books = moved(&export);
        assert!(
            used(&books, "t") >= 5 && used(&books, "u") >= 3,
            "page {page}"
        );
    }
    for length in (1..whole.len()).step_by(if crate::is_thorough() { 1 } else { 97 }) {
        fs::write(&path, &whole[..length]).unwrap();
        match Books::sqlite(&path).unwrap().export() {
            Ok(export) => {
                assert!(!export.is_whole(), "{length}");
                let books = moved(&export);
                let is_named = used(&books, "t") >= 5 && used(&books, "u") >= 3;
                let is_told = export
                    .damage()
                    .iter()
                    .any(|it| it.contains("may be missing"));
                assert!(is_named || is_told, "{length}: {export:?}");
            }
            Err(StoreFault::Damaged(_)) => {}
            Err(other) => panic!("{length}: {other}"),
        }
    }
}

/// Sixty tenants on many pages, with a start each.
fn sixty(path: &Path) -> impl Fn(u32) -> String {
    let store = SqliteStore::open(path).unwrap();
    let name = |n: u32| format!("tenant-{n:03}-{}", "x".repeat(200));
    for n in 0..60 {
        assert!(is_granted(
            &store.transact(&reserve(&name(n), u128::from(n)))
        ));
    }
    name
}

#[test]
fn many_tenants_and_one_page_that_is_gone() {
    let (_folder, path) = fresh();
    let name = sixty(&path);
    let whole = fs::read(&path).unwrap();
    for page in 1..whole.len() / 4096 {
        let mut bytes = whole.clone();
        bytes[page * 4096..(page + 1) * 4096].fill(0xa5);
        fs::write(&path, &bytes).unwrap();
        let export = Books::sqlite(&path).unwrap().export().unwrap();
        assert!(!export.is_whole(), "page {page}");
        let [damage] = export.damage() else {
            panic!(
                "page {page}: the other table names all tenants: {:?}",
                export.damage()
            );
        };
        assert!(damage.contains("the file is damaged"), "{damage}");
        // The first page of a table leads to all others of it; without another, what stands before and behind is read.
        let lost = export.books().iter().filter(|it| it.damage().is_some());
        let most = if page < 3 { 60 } else { 30 };
        let count = lost.count();
        assert!((1..=most).contains(&count), "page {page}: {count} lost");
        let books = moved(&export);
        for n in 0..60 {
            assert!(used(&books, &name(n)) >= 1, "page {page}: {n} is lost");
        }
    }
}

#[test]
fn names_that_are_lost_from_both_tables_are_told() {
    let (_folder, path) = fresh();
    drop(sixty(&path));
    let whole = fs::read(&path).unwrap();
    let pages = whole.len() / 4096;
    let (mut fewer, mut told) = (0, 0);
    for (one, two) in (3..pages).flat_map(|one| (one + 1..pages).map(move |two| (one, two))) {
        let mut bytes = whole.clone();
        for page in [one, two] {
            bytes[page * 4096..(page + 1) * 4096].fill(0xa5);
        }
        fs::write(&path, &bytes).unwrap();
        let export = Books::sqlite(&path).unwrap().export().unwrap();
        let is_told = export
            .damage()
            .iter()
            .any(|it| it.contains("whose names cannot be read may be missing"));
        let is_fewer = export.books().len() < 60;
        assert!(is_told || !is_fewer, "pages {one} and {two}: {export:?}");
        fewer += usize::from(is_fewer);
        told += usize::from(is_told);
    }
    assert!(fewer > 0 && told > fewer, "{fewer} {told}");
}

#[test]
fn tables_that_differ_are_told_with_the_tenant() {
    let (_folder, path) = fresh();
    fill(&path);
    let connection = Connection::open(&path).unwrap();
    let alter = "UPDATE tenants SET changes = changes + 1 WHERE tenant = 't'";
    assert_eq!(connection.execute(alter, []).unwrap(), 1);
    let export = Books::sqlite(&path).unwrap().export().unwrap();
    let told: Vec<_> = export.books().iter().map(|it| it.damage()).collect();
    assert_eq!(
        told,
        [
            Some("the tables differ in when they were last changed"),
            None
        ]
    );
}

/// Tables without types take what those of books do not: rows that no release has written.
#[test]
fn rows_that_cannot_be_read_are_counted() {
    let (_folder, path) = fresh();
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch(
            "CREATE TABLE books(base, tenant, changes, value, PRIMARY KEY(base, tenant)) WITHOUT ROWID; \
             CREATE TABLE tenants(base, tenant, changes, PRIMARY KEY(base, tenant)) WITHOUT ROWID;",
        )
        .unwrap();
    let told = || {
        let export = Books::sqlite(&path).unwrap().export().unwrap();
        assert!(!export.is_whole());
        export.damage().to_vec()
    };
    set_private(&path);
    let insert = |sql: &str| {
        connection.execute_batch(sql).unwrap();
        told()
    };
    let sound = insert(
        "INSERT INTO books VALUES ('https://a.example', 't', 1, x''); \
         INSERT INTO tenants VALUES ('https://a.example', 't', 1)",
    );
    assert_eq!(sound.len(), 1, "{sound:?}");
    let one = insert("INSERT INTO tenants VALUES ('https://a.example', 'u', 'one')");
    assert!(one[1].starts_with("1 rows cannot be read"), "{one:?}");
    let three = insert(
        "INSERT INTO books VALUES ('https://a.example', 'u', 1, 2), ('https://a.example', 7, 1, x'')",
    );
    assert!(three[1].starts_with("3 rows cannot be read"), "{three:?}");
}

#[test]
fn an_export_is_checked_before_it_is_taken() {
    let (_folder, path) = fresh();
    fill(&path);
    let text = Books::sqlite(&path).unwrap().export().unwrap().to_json();
    let altered = text.replacen("op-1", "op-9", 1);
    assert_eq!(
        LedgerExport::from_json(altered.as_bytes()),
        Err(ExportError::Checksum)
    );
}

fn set_private(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}
