//! One connection, and the transactions made on it.

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use industrydata_core::Timestamp;
use industrydata_core::ledger::StoreError;
use industrydata_core::ledger::Stored;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::JoinHandle,
    time::timeout,
};
use tokio_postgres::{Client, Connection, Socket, Statement, types::Type};

use super::{
    plan::Plan,
    schema::Found,
    store_error::{self, Failure, Obstacle},
};

/// How long a dropped connection may take to close.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

/// How much longer a statement may take than its locks: less than the pool's grace.
const STATEMENT_GRACE: Duration = Duration::from_millis(500);

/// The row of one key.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) changes: i64,
    pub(super) value: Vec<u8>,
}

/// What the tables hold for one tenant at one moment, by the server's clock.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) row: Option<Row>,
    /// The mark of the last reset.
    pub(super) mark: Option<Vec<u8>>,
    pub(super) at: Timestamp,
}

impl Snapshot {
    pub(super) fn stored(&self) -> Stored<'_> {
        Stored {
            value: self.row.as_ref().map(|row| row.value.as_slice()),
            reset: self.mark.as_deref(),
        }
    }
}

/// One open connection.
#[derive(Debug)]
pub(super) struct Session {
    client: Option<Client>,
    driver: Option<JoinHandle<()>>,
    found: Found,
    /// The statements of a change, if they are kept prepared.
    pub(super) kept: Option<Statements>,
    end: Arc<OnceLock<String>>,
}

/// Statements that are prepared on a connection.
#[derive(Debug)]
pub(super) struct Statements {
    pub(super) lock: Statement,
    pub(super) clock_and_mark: Statement,
    pub(super) update: Statement,
}

impl Session {
    /// A connection that was made. Its other half runs in a task.
    pub(super) fn new<T>(client: Client, connection: Connection<Socket, T>) -> Self
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let end = Arc::new(OnceLock::new());
        let shared = Arc::clone(&end);
        let driver = tokio::spawn(async move {
            // Without a code the server has said nothing, or to a request that has the error already.
            if let Err(error) = connection.await
                && error.code().is_some()
            {
                let (why, _) = store_error::while_connecting(&error);
                drop(shared.set(why));
            }
        });
        Self {
            client: Some(client),
            driver: Some(driver),
            found: Found::Nothing,
            kept: None,
            end,
        }
    }

    /// Why the connection has ended between two statements, if the server has said so.
    pub(super) fn end(&self) -> Option<&str> {
        self.end.get().map(String::as_str)
    }

    /// The failure with what the server said when it ended the connection: the client reports only that it is closed.
    pub(super) fn explain(&self, plan: &Plan, failure: Failure) -> Failure {
        match (failure, self.end()) {
            (Failure::Again(_), Some(why)) => Failure::Again(
                Obstacle::Server {
                    place: plan.place.clone(),
                    message: why.to_owned(),
                    hint: "",
                }
                .into(),
            ),
            (failure, _) => failure,
        }
    }

    /// Looks at the tables for the first time.
    pub(super) async fn looked(mut self, plan: &Plan, until: Instant) -> Result<Self, Failure> {
        match self.look(plan, until).await {
            Ok(()) => Ok(self),
            Err(failure) => Err(self.explain(plan, failure)),
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.client
            .as_ref()
            .is_some_and(|client| !client.is_closed())
    }

    /// Whether there are tables; looks again if there were none.
    pub(super) async fn has_tables(
        &mut self,
        plan: &Plan,
        until: Instant,
    ) -> Result<bool, Failure> {
        if self.found == Found::Nothing {
            self.look(plan, until).await?;
        }
        Ok(self.found == Found::Tables)
    }

    /// Looks at the tables, under the same settings as for a change.
    async fn look(&mut self, plan: &Plan, until: Instant) -> Result<(), Failure> {
        let failed = |error| store_error::of(&plan.place, &error);
        let begin = begin(until, plan.wait);
        let client = self.client()?;
        // Sent together, executed one after another.
        let (begun, found) = tokio::join!(
            client.batch_execute(&begin),
            plan.schema.look(client, &plan.place)
        );
        begun.map_err(failed)?;
        let found = found?;
        self.rollback(plan).await?;
        self.found = found;
        Ok(())
    }

    /// Prepares the statements of a change, if they are to be kept and are not there. The tables must be there. It uses the
    /// same settings as a change, since names in a statement mean what they meant when it was prepared.
    pub(super) async fn prepare(&mut self, plan: &Plan, until: Instant) -> Result<(), Failure> {
        if !plan.keep_statements || self.kept.is_some() {
            return Ok(());
        }
        let failed = |error| store_error::of(&plan.place, &error);
        let (client, begin, schema) = (self.client()?, begin(until, plan.wait), &plan.schema);
        let [key, row] = [&[Type::BYTEA; 2][..], &[Type::BYTEA; 3][..]];
        // Sent together, executed one after another. The first error is the cause of the others.
        let (begun, lock, clock_and_mark, update, ended) = tokio::join!(
            client.batch_execute(&begin),
            client.prepare_typed(&schema.lock, key),
            client.prepare_typed(&schema.clock_and_mark, &[]),
            client.prepare_typed(&schema.update, row),
            client.batch_execute("ROLLBACK"),
        );
        begun.map_err(failed)?;
        let kept = Statements {
            lock: lock.map_err(failed)?,
            clock_and_mark: clock_and_mark.map_err(failed)?,
            update: update.map_err(failed)?,
        };
        ended.map_err(failed)?;
        self.kept = Some(kept);
        Ok(())
    }

    /// Makes the tables, unless another store has made them.
    pub(super) async fn make_tables(&mut self, plan: &Plan, until: Instant) -> Result<(), Failure> {
        let begin = begin(until, plan.wait);
        plan.schema
            .make(self.client()?, &plan.place, &begin)
            .await?;
        self.found = Found::Tables;
        Ok(())
    }

    /// Ends a transaction that an attempt left open. The tables are looked at again before the next attempt.
    pub(super) async fn recover(&mut self, plan: &Plan) -> Result<(), Failure> {
        self.found = Found::Nothing;
        self.rollback(plan).await
    }

    /// Checks that a change could be written: the server accepts writes, and the role may make them.
    pub(super) async fn check(&mut self, plan: &Plan, until: Instant) -> Result<(), Failure> {
        let failed = |error| store_error::of(&plan.place, &error);
        let has_tables = self.has_tables(plan, until).await?;
        let begin = begin(until, plan.wait);
        let client = self.client()?;
        client.batch_execute(&begin).await.map_err(failed)?;
        client
            .batch_execute(&plan.schema.probe(has_tables))
            .await
            .map_err(failed)?;
        self.rollback(plan).await
    }

    /// Closes the connection.
    pub(super) async fn close(mut self) {
        drop(self.client.take());
        if let Some(driver) = self.driver.take() {
            close_or_abort(driver).await;
        }
    }

    pub(super) fn client(&self) -> Result<&Client, Failure> {
        // Only `close` and `drop` take it.
        self.client.as_ref().ok_or(Failure::Clean(StoreError::Busy))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.client.take());
        if let (Some(driver), Ok(runtime)) =
            (self.driver.take(), tokio::runtime::Handle::try_current())
        {
            drop(runtime.spawn(close_or_abort(driver)));
        }
    }
}

/// A connection ends by itself once its client is dropped and all is answered; one that hangs is aborted.
async fn close_or_abort(mut driver: JoinHandle<()>) {
    if timeout(CLOSE_LIMIT, &mut driver).await.is_err() {
        driver.abort();
    }
}

/// The statements that begin a transaction. It waits for no lock past `until`, relies on no setting of role or database,
/// and loses its locks if this program hangs. The time limit of statements is set first, since a short one of the role holds
/// until then. It is longer than that of locks, so that an error says which of the two ended a statement.
pub(super) fn begin(until: Instant, wait: Duration) -> String {
    let left = until
        .saturating_duration_since(Instant::now())
        .as_millis()
        .max(1);
    let statement = left + STATEMENT_GRACE.as_millis();
    let idle = wait.as_millis().max(1000);
    format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; \
         SET LOCAL statement_timeout = {statement}; \
         SET LOCAL search_path = pg_catalog, pg_temp; \
         SET LOCAL lock_timeout = {left}; \
         SET LOCAL idle_in_transaction_session_timeout = {idle}; \
         SET LOCAL row_security = off; \
         SELECT CASE WHEN current_setting('synchronous_commit') <> 'remote_apply' \
         THEN set_config('synchronous_commit', 'on', true) END, \
         CASE WHEN current_setting('transaction_timeout', true) <> '0' \
         THEN set_config('transaction_timeout', '0', true) END"
    )
}
