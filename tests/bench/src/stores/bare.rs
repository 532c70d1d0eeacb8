//! The two transactions of a start as a program without this library makes them: lock, read, write, commit.
//!
//! They read and write as many bytes as the library's, check nothing, and keep their statements prepared. In SQLite the
//! threads share a connection, which is faster than one each. In PostgreSQL each has its own.

use std::{
    process,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use industrydata_core::ledger::LedgerKey;
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio_postgres::NoTls;

use super::{Side, Worker, ours};
use crate::Failure;

/// Bare transactions on a store with rows of some tenants.
pub(super) struct Bare {
    place: Place,
    keys: Vec<LedgerKey>,
    /// What the two transactions write.
    values: [Vec<u8>; 2],
}

enum Place {
    Sqlite(
        Mutex<Connection>,
        #[expect(dead_code, reason = "it is removed when dropped")] TempDir,
    ),
    Postgres {
        url: String,
        schema: String,
    },
}

impl Bare {
    pub(super) fn sqlite(tenants: usize) -> Result<Self, Failure> {
        let folder = super::folder()?;
        let connection = Connection::open(folder.path().join("bare.sqlite3"))?;
        connection.execute_batch(
            "PRAGMA synchronous = EXTRA;
             CREATE TABLE tenants(base TEXT NOT NULL, tenant TEXT NOT NULL, changes INTEGER NOT NULL,
                PRIMARY KEY(base, tenant)) STRICT, WITHOUT ROWID;
             CREATE TABLE ledgers(base TEXT NOT NULL, tenant TEXT NOT NULL, changes INTEGER NOT NULL,
                value BLOB NOT NULL, PRIMARY KEY(base, tenant)) STRICT, WITHOUT ROWID;
             BEGIN",
        )?;
        let keys = ours::keys(tenants)?;
        for key in &keys {
            let names = (key.base(), key.tenant());
            connection.execute("INSERT INTO tenants VALUES (?1, ?2, 8)", names)?;
            let row = (names.0, names.1, ours::value(key)?);
            connection.execute("INSERT INTO ledgers VALUES (?1, ?2, 8, ?3)", row)?;
        }
        connection.execute_batch("COMMIT")?;
        let place = Place::Sqlite(Mutex::new(connection), folder);
        Self::at(place, keys)
    }

    pub(super) fn postgres(url: &str, tenants: usize) -> Result<Self, Failure> {
        let (schema, keys) = (new_schema(), ours::keys(tenants)?);
        let (runtime, client) = connect(url)?;
        runtime.block_on(client.batch_execute(&format!(
            "CREATE SCHEMA {schema};
             CREATE TABLE {schema}.ledgers(base bytea NOT NULL, tenant bytea NOT NULL, changes bigint NOT NULL,
                value bytea NOT NULL, PRIMARY KEY (base, tenant))"
        )))?;
        fill(url, &format!("{schema}.ledgers"), &keys, |_, key| {
            ours::value(key)
        })?;
        let place = Place::Postgres {
            url: url.to_owned(),
            schema,
        };
        Self::at(place, keys)
    }

    fn at(place: Place, keys: Vec<LedgerKey>) -> Result<Self, Failure> {
        // The library's ledger of a hot tenant has as many released starts as it keeps, those of others have few.
        let released = if keys.len() == 1 { ours::KEPT } else { 1 };
        let reserved = ours::value_with(keys.first().ok_or("no tenant")?, released)?;
        let mut settled = reserved.clone();
        settled.resize(reserved.len() + 100, b' ');
        Ok(Self {
            place,
            keys,
            values: [reserved, settled],
        })
    }
}

impl Side for Bare {
    fn tenants(&self) -> usize {
        self.keys.len()
    }

    fn worker(&self) -> Result<Worker<'_>, Failure> {
        match &self.place {
            Place::Sqlite(connection, _) => Ok(Box::new(move |tenant| {
                let key = self.keys.get(tenant).ok_or("no such tenant")?;
                for value in &self.values {
                    let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
                    in_sqlite(&connection, key, value)?;
                }
                Ok(())
            })),
            Place::Postgres { url, schema } => {
                let (runtime, client) = connect(url)?;
                let select = format!(
                    "SELECT changes, value FROM {schema}.ledgers WHERE base = $1 AND tenant = $2 FOR UPDATE"
                );
                let update = format!(
                    "UPDATE {schema}.ledgers SET changes = $3, value = $4 WHERE base = $1 AND tenant = $2"
                );
                let select = runtime.block_on(client.prepare(&select))?;
                let update = runtime.block_on(client.prepare(&update))?;
                Ok(Box::new(move |tenant| {
                    let key = self.keys.get(tenant).ok_or("no such tenant")?;
                    let (base, tenant) = (key.base().as_bytes(), key.tenant().as_bytes());
                    runtime.block_on(async {
                        for value in &self.values {
                            client.batch_execute("BEGIN").await?;
                            let row = client.query_one(&select, &[&base, &tenant]).await?;
                            let changes = row.try_get::<_, i64>(0)? + 1;
                            let _read: &[u8] = row.try_get(1)?;
                            client
                                .execute(&update, &[&base, &tenant, &changes, value])
                                .await?;
                            client.batch_execute("COMMIT").await?;
                        }
                        Ok(())
                    })
                }))
            }
        }
    }
}

fn in_sqlite(connection: &Connection, key: &LedgerKey, value: &[u8]) -> Result<(), Failure> {
    let names = (key.base(), key.tenant());
    let run = |sql| connection.prepare_cached(sql)?.execute(());
    run("BEGIN IMMEDIATE")?;
    let sql = "SELECT changes, value FROM ledgers WHERE base = ?1 AND tenant = ?2";
    let (changes, _): (i64, Vec<u8>) = connection
        .prepare_cached(sql)?
        .query_row(names, |row| Ok((row.get(0)?, row.get(1)?)))?;
    let changes = changes + 1;
    connection
        .prepare_cached("REPLACE INTO tenants VALUES (?1, ?2, ?3)")?
        .execute((names.0, names.1, changes))?;
    connection
        .prepare_cached("REPLACE INTO ledgers VALUES (?1, ?2, ?3, ?4)")?
        .execute((names.0, names.1, changes, value))?;
    run("COMMIT")?;
    Ok(())
}

/// A connection with a separate runtime, as that of a blocking program.
fn connect(url: &str) -> Result<(Runtime, tokio_postgres::Client), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (client, connection) = runtime.block_on(tokio_postgres::connect(url, NoTls))?;
    // It is driven whenever the thread waits for an answer.
    drop(runtime.spawn(connection));
    Ok((runtime, client))
}

/// A name for a schema that no other run has.
pub(super) fn new_schema() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("bench{}_{number}", process::id())
}

/// Writes the rows of all tenants.
pub(super) fn fill(
    url: &str,
    table: &str,
    keys: &[LedgerKey],
    value: impl Fn(usize, &LedgerKey) -> Result<Vec<u8>, Failure>,
) -> Result<(), Failure> {
    let (runtime, client) = connect(url)?;
    let sql = format!(
        "INSERT INTO {table} SELECT base, tenant, 8, value \
         FROM unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS row (base, tenant, value) \
         ON CONFLICT (base, tenant) DO UPDATE SET changes = 8, value = excluded.value"
    );
    let insert = runtime.block_on(client.prepare(&sql))?;
    let keys: Vec<_> = keys.iter().enumerate().collect();
    for some in keys.chunks(5000) {
        let bases: Vec<&[u8]> = some.iter().map(|(_, key)| key.base().as_bytes()).collect();
        let tenants: Vec<&[u8]> = some
            .iter()
            .map(|(_, key)| key.tenant().as_bytes())
            .collect();
        let values = some
            .iter()
            .map(|(at, key)| value(*at, key))
            .collect::<Result<Vec<_>, _>>()?;
        runtime.block_on(client.execute(&insert, &[&bases, &tenants, &values]))?;
    }
    runtime.block_on(client.batch_execute(&format!("VACUUM ANALYZE {table}")))?;
    Ok(())
}
