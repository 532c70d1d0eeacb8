//! The tables: how they are made, how they are checked, and the rows of one tenant.
//!
//! The mark of a reset is the row whose base and tenant are empty, which no key has. A ledger that was never reset has no
//! such row.
//!
//! A tenant has a row in both tables, with the same count of changes. A damaged page can lose or set back a row of one
//! table without SQLite noticing; it cannot do the same to the other.

use industrydata_core::ledger::LedgerKey;
use industrydata_core::ledger::StoreError;
use rusqlite::{Connection, OptionalExtension, params};

use super::store_error;

/// `idLg`: identifies the file, for `file(1)` too.
const APPLICATION_ID: i32 = 0x6964_4c67;
/// The layout this release writes.
const LAYOUT: i32 = 1;

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
    let number = |name| {
        connection
            .pragma_query_value(None, name, |row| row.get::<_, i32>(0))
            .map_err(store_error::of)
    };
    let word = |name| {
        connection
            .pragma_query_value(None, name, |row| row.get::<_, String>(0))
            .map_err(store_error::of)
    };
    if number("application_id")? != APPLICATION_ID {
        return Err(StoreError::Damaged("the file is not a ledger"));
    }
    let layout = number("user_version")?;
    if layout > LAYOUT {
        return Err(StoreError::Newer {
            found: layout.unsigned_abs(),
            known: LAYOUT.unsigned_abs(),
        });
    }
    if layout != LAYOUT || word("encoding")? != "UTF-8" || tables(connection)? != [BOOKS, TENANTS] {
        return Err(StoreError::Damaged(
            "the tables are not those that were made",
        ));
    }
    // In another mode a commit is durable by other rules than those asked for.
    let mode: String = connection
        .pragma_query_value(None, "journal_mode", |row| row.get(0))
        .map_err(store_error::of)?;
    if mode != "delete" {
        return Err(StoreError::Damaged(
            "its journal mode was changed, set it back to DELETE",
        ));
    }
    Ok(())
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
