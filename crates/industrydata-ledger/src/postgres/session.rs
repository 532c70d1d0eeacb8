//! One connection, and the transactions made on it.

use std::time::{Duration, Instant};

use industrydata_core::{BooksKey, StoreFault, Timestamp};
use tokio::{task::JoinHandle, time::timeout};
use tokio_postgres::{Client, NoTls, Row as Line, types::Type};

use super::{
    fault::{self, Failure},
    plan::Plan,
    schema::{self, Found},
};

/// How long a connection that is given up may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// The row of one key.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) changes: i64,
    pub(super) value: Vec<u8>,
}

/// The books as they stood at one moment, by the server's clock.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) row: Option<Row>,
    pub(super) at: Timestamp,
}

impl Seen {
    pub(super) fn value(&self) -> Option<&[u8]> {
        self.row.as_ref().map(|row| row.value.as_slice())
    }
}

/// One open connection.
#[derive(Debug)]
pub(super) struct Session {
    client: Option<Client>,
    driver: Option<JoinHandle<()>>,
    found: Found,
}

impl Session {
    pub(super) async fn open(plan: &Plan) -> Result<Self, Failure> {
        let failed = |error| fault::of_connecting(&plan.place, &error);
        let (client, driver) = match &plan.tls {
            None => {
                let (client, connection) = plan.config.connect(NoTls).await.map_err(failed)?;
                (client, tokio::spawn(async { drop(connection.await) }))
            }
            Some(tls) => {
                let (client, connection) =
                    plan.config.connect(tls.clone()).await.map_err(failed)?;
                (client, tokio::spawn(async { drop(connection.await) }))
            }
        };
        let mut session = Self {
            client: Some(client),
            driver: Some(driver),
            found: Found::Nothing,
        };
        session.found = plan.schema.look(session.client()?, &plan.place).await?;
        Ok(session)
    }

    pub(super) fn is_open(&self) -> bool {
        self.client
            .as_ref()
            .is_some_and(|client| !client.is_closed())
    }

    /// Whether the tables stand; looks again if they did not.
    pub(super) async fn has_tables(&mut self, plan: &Plan) -> Result<bool, Failure> {
        if self.found == Found::Nothing {
            self.found = plan.schema.look(self.client()?, &plan.place).await?;
        }
        Ok(self.found == Found::Tables)
    }

    /// Makes the tables if they are missing.
    pub(super) async fn make_tables(&mut self, plan: &Plan, until: Instant) -> Result<(), Failure> {
        if !self.has_tables(plan).await? {
            let begin = begin(until, plan.wait);
            plan.schema
                .make(self.client()?, &plan.place, &begin)
                .await?;
        }
        Ok(())
    }

    /// The server's clock, where there are no tables to be read with it.
    pub(super) async fn clock(&self, plan: &Plan) -> Result<Timestamp, Failure> {
        let failed = |error| fault::of(&plan.place, &error);
        let sql = format!("SELECT {}", schema::CLOCK);
        let rows = self
            .client()?
            .query_typed(&sql, &[])
            .await
            .map_err(failed)?;
        let row = rows.first().ok_or(WRONG)?;
        time(row.try_get(0).map_err(failed)?)
    }

    /// Reads the books of `key` without a lock.
    pub(super) async fn read(&self, plan: &Plan, key: &BooksKey) -> Result<Seen, Failure> {
        let failed = |error| fault::of(&plan.place, &error);
        let (base, tenant) = (key.base().as_bytes(), key.tenant().as_bytes());
        let names: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 2] =
            [(&base, Type::BYTEA), (&tenant, Type::BYTEA)];
        let rows = self
            .client()?
            .query_typed(&plan.schema.read, &names)
            .await
            .map_err(failed)?;
        let [row] = rows.as_slice() else {
            return Err(WRONG.into());
        };
        schema::known(row.try_get(1).map_err(failed)?)?;
        let changes: Option<i64> = row.try_get(2).map_err(failed)?;
        let row_of = |changes| {
            Ok::<_, Failure>(Row {
                changes,
                value: row.try_get(3).map_err(failed)?,
            })
        };
        Ok(Seen {
            at: time(row.try_get(0).map_err(failed)?)?,
            row: changes.map(row_of).transpose()?,
        })
    }

    /// Begins a transaction, locks the row of `key` and reads it, then the clock. A row is made if there is none and
    /// `make` says so; it is then read as none.
    pub(super) async fn lock(
        &self,
        plan: &Plan,
        key: &BooksKey,
        make: bool,
        until: Instant,
    ) -> Result<Seen, Failure> {
        let failed = |error| fault::of(&plan.place, &error);
        let client = self.client()?;
        let (base, tenant) = (key.base().as_bytes(), key.tenant().as_bytes());
        let names: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 2] =
            [(&base, Type::BYTEA), (&tenant, Type::BYTEA)];
        let begin = begin(until, plan.wait);
        let insert = async {
            if make {
                client.execute_typed(&plan.schema.insert, &names).await
            } else {
                Ok(0)
            }
        };
        // Sent all at once, carried out one after another.
        let ((), made, rows, clock) = tokio::try_join!(
            client.batch_execute(&begin),
            insert,
            client.query_typed(&plan.schema.lock, &names),
            client.query_typed(&plan.schema.clock, &[]),
        )
        .map_err(failed)?;
        let [clock] = clock.as_slice() else {
            return Err(WRONG.into());
        };
        schema::known(clock.try_get(1).map_err(failed)?)?;
        let row_of = |row: &Line| {
            Ok::<_, Failure>(Row {
                changes: row.try_get(0).map_err(failed)?,
                value: row.try_get(1).map_err(failed)?,
            })
        };
        Ok(Seen {
            at: time(clock.try_get(0).map_err(failed)?)?,
            row: rows.first().filter(|_| made == 0).map(row_of).transpose()?,
        })
    }

    /// Writes the row that is locked, and tells its count of changes.
    pub(super) async fn write(
        &self,
        plan: &Plan,
        key: &BooksKey,
        value: &[u8],
    ) -> Result<i64, Failure> {
        let failed = |error| fault::of(&plan.place, &error);
        let client = self.client()?;
        let (base, tenant) = (key.base().as_bytes(), key.tenant().as_bytes());
        let values: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 3] = [
            (&base, Type::BYTEA),
            (&tenant, Type::BYTEA),
            (&value, Type::BYTEA),
        ];
        // A time limit that strikes while COMMIT waits for a replica would let it answer before the replica has it.
        let (rows, ()) = tokio::try_join!(
            client.query_typed(&plan.schema.update, &values),
            client.batch_execute("SET LOCAL statement_timeout = 0"),
        )
        .map_err(failed)?;
        let [row] = rows.as_slice() else {
            return Err(WRONG.into());
        };
        row.try_get(0).map_err(failed)
    }

    /// Whatever goes wrong here, the change may stand.
    pub(super) async fn commit(&self, plan: &Plan) -> Result<(), Failure> {
        let sent = self.client()?.batch_execute("COMMIT").await;
        sent.map_err(|error| Failure::Commit(fault::told(&plan.place, &error, "")))
    }

    pub(super) async fn rollback(&self, plan: &Plan) -> Result<(), Failure> {
        let failed = |error| fault::of(&plan.place, &error);
        self.client()?
            .batch_execute("ROLLBACK")
            .await
            .map_err(failed)
    }

    /// Ends what an attempt left open, and looks at the tables again before the next.
    pub(super) async fn reset(&mut self, plan: &Plan) -> Result<(), Failure> {
        self.found = Found::Nothing;
        self.rollback(plan).await
    }

    /// Whether a change could be booked: the server takes writes, and the role may make them.
    pub(super) async fn check(&mut self, plan: &Plan, until: Instant) -> Result<(), Failure> {
        let failed = |error| fault::of(&plan.place, &error);
        let has_tables = self.has_tables(plan).await?;
        let begin = begin(until, plan.wait);
        let client = self.client()?;
        client.batch_execute(&begin).await.map_err(failed)?;
        client
            .batch_execute(&plan.schema.probe(has_tables))
            .await
            .map_err(failed)?;
        self.rollback(plan).await
    }

    /// Says goodbye to the server.
    pub(super) async fn close(mut self) {
        drop(self.client.take());
        if let Some(driver) = self.driver.take() {
            farewell(driver).await;
        }
    }

    fn client(&self) -> Result<&Client, Failure> {
        // It is taken by the closing alone.
        self.client.as_ref().ok_or(Failure::Clean(StoreFault::Busy))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.client.take());
        if let (Some(driver), Ok(runtime)) =
            (self.driver.take(), tokio::runtime::Handle::try_current())
        {
            drop(runtime.spawn(farewell(driver)));
        }
    }
}

/// A connection ends by itself once its client is gone and all is answered; one that hangs is cut.
async fn farewell(mut driver: JoinHandle<()>) {
    if timeout(GOODBYE, &mut driver).await.is_err() {
        driver.abort();
    }
}

const WRONG: StoreFault = StoreFault::Damaged("the tables have not the rows that were written");

/// Begins a transaction that waits for no lock past `until`, trusts no setting of role or database, and loses its locks
/// if this program hangs.
fn begin(until: Instant, wait: Duration) -> String {
    let left = until
        .saturating_duration_since(Instant::now())
        .as_millis()
        .max(1);
    let idle = wait.as_millis().max(1000);
    format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; \
         SET LOCAL search_path = pg_catalog, pg_temp; \
         SET LOCAL lock_timeout = {left}; \
         SET LOCAL statement_timeout = {left}; \
         SET LOCAL idle_in_transaction_session_timeout = {idle}; \
         SET LOCAL row_security = off; \
         SELECT set_config('synchronous_commit', 'on', true) \
         WHERE current_setting('synchronous_commit') <> 'remote_apply'"
    )
}

fn time(microseconds: i64) -> Result<Timestamp, Failure> {
    Timestamp::from_microsecond(microseconds).map_err(|_| {
        Failure::Clean(StoreFault::unavailable(
            "the server's clock is out of all bounds",
        ))
    })
}
