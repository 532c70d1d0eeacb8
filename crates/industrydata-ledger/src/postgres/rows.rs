//! The statements of a connection on the row of one key, and the transaction around them.

use std::time::Instant;

use industrydata_core::Timestamp;
use industrydata_core::ledger::LedgerKey;
use industrydata_core::ledger::StoreError;
use tokio_postgres::{
    Client, Row as PgRow, Statement,
    types::{ToSql, Type},
};

use super::{
    plan::Plan,
    schema,
    session::{Row, Session, Snapshot, answered, no_answer},
    store_error::{self, Failure},
};

pub(super) const ALTERED_ROWS: StoreError =
    StoreError::Damaged("the tables do not have the rows that were written");

impl Session {
    /// The server's clock, where there are no tables.
    pub(super) fn clock(&mut self, plan: &Plan, until: Instant) -> Result<Timestamp, Failure> {
        let failed = |error| store_error::of(&plan.place, &error);
        let sql = format!("SELECT {}", schema::CLOCK);
        let rows = self.read_rows(plan, until, &sql, &[])?;
        let row = rows.first().ok_or(ALTERED_ROWS)?;
        time(row.try_get(0).map_err(failed)?)
    }

    /// The rows of a statement that changes nothing, under the same settings as a change: one round trip.
    fn read_rows(
        &mut self,
        plan: &Plan,
        until: Instant,
        sql: &str,
        values: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Vec<PgRow>, Failure> {
        let failed = |error| store_error::of(&plan.place, &error);
        let (client, begin) = (&self.client, self.begin(plan, until));
        // Sent together, executed one after another. The first error is the cause of the others.
        let read = async {
            tokio::join!(
                client.batch_execute(&begin),
                client.query_typed(sql, values),
                client.batch_execute("ROLLBACK"),
            )
        };
        let (begun, rows, ended) = answered(plan, self.wire.run(read))?;
        begun.map_err(failed)?;
        let rows = rows.map_err(failed)?;
        ended.map_err(failed)?;
        Ok(rows)
    }

    /// The tenants that have a ledger at this base.
    pub(super) fn tenants(
        &mut self,
        plan: &Plan,
        base: &str,
        until: Instant,
    ) -> Result<Vec<String>, Failure> {
        let failed = |error| store_error::of(&plan.place, &error);
        if !self.has_tables(plan, until)? {
            return Ok(Vec::new());
        }
        let base = base.as_bytes();
        let rows = self.read_rows(plan, until, &plan.schema.tenants, &[(&base, Type::BYTEA)])?;
        let names = rows.iter().map(|row| {
            let name: Vec<u8> = row.try_get(0).map_err(failed)?;
            String::from_utf8(name).map_err(|_| ALTERED_ROWS.into())
        });
        names.collect()
    }

    /// Reads the ledger of `key` without a lock.
    pub(super) fn read(
        &mut self,
        plan: &Plan,
        key: &LedgerKey,
        until: Instant,
    ) -> Result<Snapshot, Failure> {
        let failed = |error| store_error::of(&plan.place, &error);
        let (base, tenant) = (key.base().as_bytes(), key.tenant().as_bytes());
        let names: [(&(dyn ToSql + Sync), Type); 2] =
            [(&base, Type::BYTEA), (&tenant, Type::BYTEA)];
        if let Some(kept) = self.single(plan, until) {
            let statement = kept.look_up.clone();
            let values = names.each_ref().map(|(value, _)| *value);
            let found = self.wire.run(self.client.query(&statement, &values));
            let rows = answered(plan, found)?
                .map_err(|error| store_error::of_kept(&plan.place, &error))?;
            if let Some(row) = rows.first() {
                return snapshot(plan, row);
            }
        }
        let rows = self.read_rows(plan, until, &plan.schema.read, &names)?;
        let [row] = rows.as_slice() else {
            return Err(ALTERED_ROWS.into());
        };
        schema::known(row.try_get(1).map_err(failed)?)?;
        let changes: Option<i64> = row.try_get(2).map_err(failed)?;
        let row_of = |changes| {
            Ok::<_, Failure>(Row {
                changes,
                writer: row.try_get(5).map_err(failed)?,
                value: row.try_get(3).map_err(failed)?,
            })
        };
        Ok(Snapshot {
            at: time(row.try_get(0).map_err(failed)?)?,
            row: changes.map(row_of).transpose()?,
            mark: row.try_get(4).map_err(failed)?,
        })
    }

    /// Begins a transaction, locks the row of `key` and reads it, then the clock. If `make` is set, a missing row is made;
    /// the snapshot has no row then. `None` where the row is missing all the same.
    pub(super) fn lock(
        &mut self,
        plan: &Plan,
        key: &LedgerKey,
        make: bool,
        until: Instant,
    ) -> Result<Option<Snapshot>, Failure> {
        let failed = |error| store_error::of(&plan.place, &error);
        let (base, tenant) = (key.base().as_bytes(), key.tenant().as_bytes());
        let names: [(&(dyn ToSql + Sync), Type); 2] =
            [(&base, Type::BYTEA), (&tenant, Type::BYTEA)];
        let (client, begin) = (&self.client, self.begin(plan, until));
        let kept = self.kept.as_ref().map(|it| &it.lock);
        let insert = async {
            if make {
                client.execute_typed(&plan.schema.insert, &names).await
            } else {
                Ok(0)
            }
        };
        // Sent together, executed one after another. The first error is the cause of the others.
        let lock = async {
            tokio::join!(
                client.batch_execute(&begin),
                insert,
                run(client, kept, &plan.schema.lock, &names),
            )
        };
        let (begun, made, rows) = answered(plan, self.wire.run(lock))?;
        begun.map_err(failed)?;
        let made = made.map_err(failed)?;
        let rows = rows.map_err(|error| statement_failed(plan, kept.is_some(), &error))?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        let mut snapshot = snapshot(plan, row)?;
        if made > 0 {
            snapshot.row = None;
        }
        Ok(Some(snapshot))
    }

    /// Writes the locked row and commits, in one round trip. Returns the row's count of changes.
    ///
    /// COMMIT is sent before the answer to the UPDATE is there: if that fails, the transaction is aborted, and COMMIT
    /// ends it without a change.
    ///
    /// # Errors
    ///
    /// [`Failure::Commit`] unless the server has answered that the UPDATE failed, and has ended the transaction.
    pub(super) fn write(
        &mut self,
        plan: &Plan,
        key: &LedgerKey,
        value: &[u8],
    ) -> Result<i64, Failure> {
        let (client, kept) = (&self.client, self.kept.as_ref().map(|it| &it.update));
        let (base, tenant) = (key.base().as_bytes(), key.tenant().as_bytes());
        let values: [(&(dyn ToSql + Sync), Type); 3] = [
            (&base, Type::BYTEA),
            (&tenant, Type::BYTEA),
            (&value, Type::BYTEA),
        ];
        // Sent together, executed one after another.
        let write = async {
            tokio::join!(
                run(client, kept, &plan.schema.update, &values),
                client.batch_execute("COMMIT"),
            )
        };
        let is_kept = kept.is_some();
        let (rows, committed) = self
            .wire
            .run(write)
            .ok_or_else(|| Failure::Commit(no_answer(plan).into()))?;
        let rows = match rows {
            // A pooler that has lost the server answers the UPDATE itself, and the COMMIT not at all.
            Err(error) if is_answer(&error) && committed.is_ok() => {
                return Err(statement_failed(plan, is_kept, &error));
            }
            Err(error) => return Err(unconfirmed(plan, &error)),
            Ok(rows) => rows,
        };
        committed.map_err(|error| unconfirmed(plan, &error))?;
        let [row] = rows.as_slice() else {
            return Err(ALTERED_ROWS.into());
        };
        row.try_get(0)
            .map_err(|error| store_error::of(&plan.place, &error))
    }

    /// Writes the row if it is still the one that is known, in one statement that commits. Returns its new count of changes, or
    /// `None` if something has changed it.
    ///
    /// # Errors
    ///
    /// [`Failure::Commit`] unless the server has answered that the UPDATE failed, and then that the row is as before.
    pub(super) fn swap(
        &mut self,
        plan: &Plan,
        key: &LedgerKey,
        value: &[u8],
        known: &Row,
    ) -> Result<Option<i64>, Failure> {
        let Some(kept) = &self.kept else {
            return Ok(None);
        };
        let (base, tenant) = (key.base().as_bytes(), key.tenant().as_bytes());
        let names: [&(dyn ToSql + Sync); 2] = [&base, &tenant];
        let values: [&(dyn ToSql + Sync); 5] =
            [&base, &tenant, &value, &known.changes, &known.writer.0];
        let no_answer = || Failure::Commit(no_answer(plan).into());
        let written = self.wire.run(self.client.query(&kept.swap, &values));
        let rows = match written.ok_or_else(no_answer)? {
            Ok(rows) => rows,
            // A pooler that has lost the server may have said so, after a commit. Only the server has the other statement.
            Err(error) if is_answer(&error) => {
                let found = self.wire.run(self.client.query(&kept.look_up, &names));
                let rows = found.ok_or_else(no_answer)?.unwrap_or_default();
                let row = rows.first().and_then(|row| snapshot(plan, row).ok()?.row);
                let is_as_before =
                    row.is_some_and(|it| (it.changes, it.writer) == (known.changes, known.writer));
                return Err(match is_as_before {
                    true => store_error::of_kept(&plan.place, &error),
                    false => unconfirmed(plan, &error),
                });
            }
            Err(error) => return Err(unconfirmed(plan, &error)),
        };
        let failed = |error| store_error::of(&plan.place, &error);
        rows.first()
            .map(|row| row.try_get(0).map_err(failed))
            .transpose()
    }

    /// Commits the mark of a reset, unless a tenant has a ledger; reports which.
    pub(super) fn mark(&mut self, plan: &Plan, until: Instant) -> Result<bool, Failure> {
        let failed = |error| store_error::of(&plan.place, &error);
        let (begin, schema) = (self.begin(plan, until), &plan.schema);
        self.execute(plan, &begin)?;
        self.execute(plan, &schema.lock_all)?;
        let asked = self
            .wire
            .run(self.client.query_typed(&schema.has_tenants, &[]));
        let rows = answered(plan, asked)?.map_err(failed)?;
        if rows
            .first()
            .ok_or(ALTERED_ROWS)?
            .try_get(0)
            .map_err(failed)?
        {
            self.rollback(plan)?;
            return Ok(false);
        }
        self.execute(plan, &schema.mark)?;
        let committed = self.wire.run(self.client.batch_execute("COMMIT"));
        committed
            .ok_or_else(|| Failure::Commit(no_answer(plan).into()))?
            .map_err(|error| unconfirmed(plan, &error))?;
        Ok(true)
    }
}

/// What a row of `look_up` or `lock` shows.
fn snapshot(plan: &Plan, row: &PgRow) -> Result<Snapshot, Failure> {
    let failed = |error| store_error::of(&plan.place, &error);
    let layout: Option<i32> = row.try_get(3).map_err(failed)?;
    schema::known(layout.ok_or(ALTERED_ROWS)?)?;
    Ok(Snapshot {
        row: Some(Row {
            changes: row.try_get(0).map_err(failed)?,
            writer: row.try_get(5).map_err(failed)?,
            value: row.try_get(1).map_err(failed)?,
        }),
        at: time(row.try_get(2).map_err(failed)?)?,
        mark: row.try_get(4).map_err(failed)?,
    })
}

/// Runs a statement, or the one that was prepared from it.
async fn run(
    client: &Client,
    kept: Option<&Statement>,
    sql: &str,
    values: &[(&(dyn ToSql + Sync), Type)],
) -> Result<Vec<PgRow>, tokio_postgres::Error> {
    match kept {
        Some(statement) => {
            let values: Vec<_> = values.iter().map(|(value, _)| *value).collect();
            client.query(statement, &values).await
        }
        None => client.query_typed(sql, values).await,
    }
}

/// Whether the error is the answer to a statement, on a connection that goes on.
fn is_answer(error: &tokio_postgres::Error) -> bool {
    error.code().is_some() && !store_error::is_end(error)
}

/// The failure of a statement on the row.
fn statement_failed(plan: &Plan, is_kept: bool, error: &tokio_postgres::Error) -> Failure {
    if is_kept {
        store_error::of_kept(&plan.place, error)
    } else {
        store_error::of(&plan.place, error)
    }
}

/// The failure of a COMMIT, after which the change may or may not be durable.
fn unconfirmed(plan: &Plan, error: &tokio_postgres::Error) -> Failure {
    Failure::Commit(store_error::server_error(&plan.place, error, ""))
}

fn time(microseconds: i64) -> Result<Timestamp, Failure> {
    Timestamp::from_microsecond(microseconds).map_err(|_| {
        Failure::Clean(StoreError::unavailable(
            "the server's clock is out of range",
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_in_microseconds_and_within_bounds() {
        let time_read = time(1_773_144_000_123_456).unwrap();
        assert_eq!(time_read.to_string(), "2026-03-10T12:00:00.123456Z");
        for odd in [i64::MIN, i64::MAX] {
            let error = time(odd).unwrap_err().into_error();
            assert!(matches!(error, StoreError::Unavailable(_)), "{odd}");
        }
    }
}
