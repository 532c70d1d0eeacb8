//! The tables: how they are made, how they are checked, and the rows of one tenant.
//!
//! The mark of a reset is the row whose base and tenant are empty, which no key has. A ledger that was never reset has no
//! such row.
//!
//! A tenant has a row in both tables, with the same count of changes. A damaged page can lose or set back a row of one
//! table without SQLite noticing; it cannot do the same to the other.

use industrydata_core::ledger::LedgerKey;
use industrydata_core::ledger::StoreError;
use rusqlite::{Connection, OptionalExtension, params, types::FromSql};

use super::store_error;

/// `idLg`: identifies the file, for `file(1)` too.
const APPLICATION_ID: i32 = 0x6964_4c67;
/// The layout this release writes.
const LAYOUT: i32 = 1;

/// The journal mode of [`keep_journal`].
const KEPT: &str = "persist";

const BOOKS: &str = "CREATE TABLE books(base TEXT NOT NULL, tenant TEXT NOT NULL, changes INTEGER NOT NULL, \
                     value BLOB NOT NULL, PRIMARY KEY(base, tenant)) STRICT, WITHOUT ROWID";
const TENANTS: &str = "CREATE TABLE tenants(base TEXT NOT NULL, tenant TEXT NOT NULL, changes INTEGER NOT NULL, \
                       PRIMARY KEY(base, tenant)) STRICT, WITHOUT ROWID";

/// What is stored for one key.
#[derive(Clone, Debug)]
pub(super) struct Row {
    changes: i64,
    pub(super) value: Vec<u8>,
}

/// Makes the tables and signs the file, within the transaction that runs.
pub(super) fn create(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update(None, "user_version", LAYOUT)?;
    connection.execute_batch(BOOKS)?;
    connection.execute_batch(TENANTS)
}

/// Checks that the file is a ledger of a known layout, with its tables and settings unaltered.
pub(super) fn verify(connection: &Connection) -> Result<(), StoreError> {
    let number = |sql| ask::<i32>(connection, sql);
    if number("PRAGMA application_id")? != APPLICATION_ID {
        return Err(StoreError::Damaged("the file is not a ledger"));
    }
    let layout = number("PRAGMA user_version")?;
    if layout > LAYOUT {
        return Err(StoreError::Newer {
            found: layout.unsigned_abs(),
            known: LAYOUT.unsigned_abs(),
        });
    }
    let encoding: String = ask(connection, "PRAGMA encoding")?;
    if layout != LAYOUT || encoding != "UTF-8" || tables(connection)? != [BOOKS, TENANTS] {
        return Err(StoreError::Damaged(
            "the tables are not those that were made",
        ));
    }
    // In another mode a commit is durable by other rules than those asked for.
    let mode: String = ask(connection, "PRAGMA journal_mode")?;
    if mode != "delete" && mode != KEPT {
        return Err(StoreError::Damaged(
            "its journal mode was changed, set it back to DELETE",
        ));
    }
    Ok(())
}

/// A number that changes with each commit of another connection. As the first statement of a transaction, it takes the
/// readers' lock.
pub(super) fn version(connection: &Connection) -> Result<i64, StoreError> {
    ask(connection, "PRAGMA data_version")
}

/// Takes the writer's lock within the transaction that runs, without a change. Never waits: the holder may itself wait
/// for the readers' lock of this transaction.
pub(super) fn lock(connection: &Connection) -> Result<(), StoreError> {
    run(connection, "DELETE FROM tenants WHERE FALSE")
}

/// Keeps the journal's file from now on, or deletes it. A commit then overwrites the journal's head and syncs it, instead
/// of deleting the file and syncing the folder: the same durability by less work. The mode is that of this connection
/// alone, and other connections may use the other one.
pub(super) fn keep_journal(connection: &Connection, keep: bool) -> Result<(), StoreError> {
    let sql = if keep {
        "PRAGMA journal_mode = PERSIST"
    } else {
        "PRAGMA journal_mode = DELETE"
    };
    ask::<String>(connection, sql).map(drop)
}

/// Runs a statement that returns nothing. It stays prepared.
pub(super) fn run(connection: &Connection, sql: &str) -> Result<(), StoreError> {
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.raw_execute())
        .map(drop)
        .map_err(store_error::of)
}

/// The one value that a statement returns. It stays prepared.
fn ask<T: FromSql>(connection: &Connection, sql: &str) -> Result<T, StoreError> {
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
        .map_err(store_error::of)
}

/// The row of `key`, if its tenant has a ledger.
pub(super) fn read(connection: &Connection, key: &LedgerKey) -> Result<Option<Row>, StoreError> {
    read_row(connection, key.base(), key.tenant())
}

/// The row of the mark, if the ledger was reset.
pub(super) fn read_mark(connection: &Connection) -> Result<Option<Row>, StoreError> {
    read_row(connection, "", "")
}

fn read_row(connection: &Connection, base: &str, tenant: &str) -> Result<Option<Row>, StoreError> {
    let name = params![base, tenant];
    let listed: Option<i64> = connection
        .prepare_cached("SELECT changes FROM tenants WHERE base = ?1 AND tenant = ?2")
        .and_then(|mut select| select.query_row(name, |row| row.get(0)).optional())
        .map_err(store_error::of)?;
    let kept: Option<Row> = connection
        .prepare_cached("SELECT changes, value FROM books WHERE base = ?1 AND tenant = ?2")
        .and_then(|mut select| {
            let row = select.query_row(name, |row| {
                Ok(Row {
                    changes: row.get(0)?,
                    value: row.get(1)?,
                })
            });
            row.optional()
        })
        .map_err(store_error::of)?;
    match (listed, kept) {
        (None, None) => Ok(None),
        (Some(changes), Some(row)) if changes == row.changes => Ok(Some(row)),
        (Some(_), Some(_)) => Err(StoreError::Damaged(
            "the tables differ in when a tenant was last changed",
        )),
        (Some(_), None) | (None, Some(_)) => Err(StoreError::Damaged(
            "a tenant is in one of the two tables only",
        )),
    }
}

/// Writes `value` as the row of `key`, which was `old`.
pub(super) fn write(
    connection: &Connection,
    key: &LedgerKey,
    old: Option<&Row>,
    value: &[u8],
) -> Result<(), StoreError> {
    write_row(connection, key.base(), key.tenant(), old, value)
}

/// Writes the mark of a reset over the one before.
pub(super) fn write_mark(connection: &Connection, mark: &[u8]) -> Result<(), StoreError> {
    let old = read_mark(connection)?;
    write_row(connection, "", "", old.as_ref(), mark)
}

/// Whether a tenant has a ledger.
pub(super) fn has_tenants(connection: &Connection) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM books WHERE tenant != '') \
               OR EXISTS (SELECT 1 FROM tenants WHERE tenant != '')";
    connection
        .query_row(sql, [], |row| row.get(0))
        .map_err(store_error::of)
}

/// The tenants that have a ledger at this base, in the order of their names.
pub(super) fn tenants(connection: &Connection, base: &str) -> Result<Vec<String>, StoreError> {
    connection
        .prepare_cached("SELECT tenant FROM books WHERE base = ?1 AND tenant != '' ORDER BY tenant")
        .and_then(|mut select| select.query_map([base], |row| row.get(0))?.collect())
        .map_err(store_error::of)
}

fn write_row(
    connection: &Connection,
    base: &str,
    tenant: &str,
    old: Option<&Row>,
    value: &[u8],
) -> Result<(), StoreError> {
    let changes = old.map_or(0, |row| row.changes).wrapping_add(1);
    connection
        .prepare_cached("REPLACE INTO tenants(base, tenant, changes) VALUES (?1, ?2, ?3)")
        .and_then(|mut replace| replace.execute(params![base, tenant, changes]))
        .map_err(store_error::of)?;
    connection
        .prepare_cached("REPLACE INTO books(base, tenant, changes, value) VALUES (?1, ?2, ?3, ?4)")
        .and_then(|mut replace| replace.execute(params![base, tenant, changes, value]))
        .map_err(store_error::of)?;
    Ok(())
}

/// Checks that all pages are sound and the two tables agree.
pub(super) fn check(connection: &Connection) -> Result<(), StoreError> {
    let found: String = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(store_error::of)?;
    if found != "ok" {
        return Err(StoreError::Damaged("SQLite finds the file malformed"));
    }
    let differs: bool = connection
        .query_row(
            "SELECT (SELECT count(*) FROM tenants) != (SELECT count(*) FROM books) OR EXISTS \
             (SELECT base, tenant, changes FROM tenants EXCEPT SELECT base, tenant, changes FROM books)",
            [],
            |row| row.get(0),
        )
        .map_err(store_error::of)?;
    if differs {
        return Err(StoreError::Damaged(
            "the two tables do not name the same tenants",
        ));
    }
    Ok(())
}

fn tables(connection: &Connection) -> Result<Vec<String>, StoreError> {
    connection
        .prepare_cached("SELECT sql FROM sqlite_schema ORDER BY name")
        .and_then(|mut select| select.query_map([], |row| row.get(0))?.collect())
        .map_err(store_error::of)
}
