//! One connection, and the transactions made on it.

use std::{
    error::Error,
    time::{Duration, Instant},
};

use industrydata_core::Timestamp;
use industrydata_core::ledger::Stored;
use tokio_postgres::{
    Client, Statement,
    types::{FromSql, Type},
};

use super::{
    plan::Plan,
    schema::Found,
    store_error::{self, Failure, Obstacle},
    wire::Wire,
};

/// Time beyond a wait, so that the server's own limit strikes first: its message says more.
pub(super) const GRACE: Duration = Duration::from_secs(1);

/// How much longer a statement may take than its locks: less than the grace of a wait.
const STATEMENT_GRACE: Duration = Duration::from_millis(500);

/// The most by which a limit of a session is shorter than the wait.
const SESSION_MARGIN: Duration = Duration::from_millis(250);

/// The row of one key.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) changes: i64,
    pub(super) writer: Writer,
    pub(super) value: Vec<u8>,
}

/// The transaction that wrote a row: the 32 bits of its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Writer(pub(super) i32);

impl FromSql<'_> for Writer {
    fn from_sql(_: &Type, raw: &[u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(i32::from_be_bytes(raw.try_into()?)))
    }

    fn accepts(kind: &Type) -> bool {
        *kind == Type::XID
    }
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
    // Dropped before the wire, which then ends the connection.
    pub(super) client: Client,
    pub(super) wire: Wire,
    found: Found,
    /// Whether the settings of a change hold for the whole session.
    is_set: bool,
    /// The statements of a change, if they are kept prepared.
    pub(super) kept: Option<Statements>,
}

/// Statements that are prepared on a connection.
#[derive(Debug)]
pub(super) struct Statements {
    pub(super) look_up: Statement,
    pub(super) swap: Statement,
    pub(super) lock: Statement,
    pub(super) update: Statement,
}

impl Session {
    /// A connection that was made.
    pub(super) fn new(client: Client, wire: Wire) -> Self {
        Self {
            client,
            wire,
            found: Found::Nothing,
            is_set: false,
            kept: None,
        }
    }

    /// The failure with what the server said when it ended the connection: the client reports only that it is closed.
    pub(super) fn explain(&self, plan: &Plan, failure: Failure) -> Failure {
        match (failure, self.wire.end()) {
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
    pub(super) fn looked(mut self, plan: &Plan, until: Instant) -> Result<Self, Failure> {
        match self.look(plan, until) {
            Ok(()) => Ok(self),
            Err(failure) => Err(self.explain(plan, failure)),
        }
    }

    /// Whether there are tables; looks again if there were none.
    pub(super) fn has_tables(&mut self, plan: &Plan, until: Instant) -> Result<bool, Failure> {
        if self.found == Found::Nothing {
            self.look(plan, until)?;
        }
        Ok(self.found == Found::Tables)
    }

    /// Looks at the tables, under the same settings as for a change. If the connection is the store's own, they hold for the
    /// session from then on.
    fn look(&mut self, plan: &Plan, until: Instant) -> Result<(), Failure> {
        let failed = |error| store_error::of(&plan.place, &error);
        let begin = begin(until, plan.wait);
        let set = async {
            match plan.keep_statements {
                true => {
                    self.client
                        .batch_execute(&session_settings(plan.wait))
                        .await
                }
                false => Ok(()),
            }
        };
        // Sent together, executed one after another.
        let look = async {
            tokio::join!(
                set,
                self.client.batch_execute(&begin),
                plan.schema.look(&self.client, &plan.place)
            )
        };
        let (set, begun, found) = answered(plan, self.wire.run(look))?;
        set.map_err(failed)?;
        begun.map_err(failed)?;
        let found = found?;
        self.rollback(plan)?;
        self.is_set = plan.keep_statements;
        self.found = found;
        Ok(())
    }

    /// Prepares the statements of a change, if they are to be kept and are not there. The tables must be there. It uses the
    /// same settings as a change, since names in a statement mean what they meant when it was prepared.
    pub(super) fn prepare(&mut self, plan: &Plan, until: Instant) -> Result<(), Failure> {
        if !plan.keep_statements || self.kept.is_some() {
            return Ok(());
        }
        let failed = |error| store_error::of(&plan.place, &error);
        let (client, begin, schema) = (&self.client, self.begin(plan, until), &plan.schema);
        let [key, row] = [&[Type::BYTEA; 2][..], &[Type::BYTEA; 3][..]];
        let known = [
            Type::BYTEA,
            Type::BYTEA,
            Type::BYTEA,
            Type::INT8,
            Type::INT4,
        ];
        // Sent together, executed one after another. The first error is the cause of the others.
        let prepare = async {
            tokio::join!(
                client.batch_execute(&begin),
                client.prepare_typed(&schema.look_up, key),
                client.prepare_typed(&schema.swap, &known),
                client.prepare_typed(&schema.lock, key),
                client.prepare_typed(&schema.update, row),
                client.batch_execute("ROLLBACK"),
            )
        };
        let (begun, look_up, swap, lock, update, ended) = answered(plan, self.wire.run(prepare))?;
        begun.map_err(failed)?;
        let kept = Statements {
            look_up: look_up.map_err(failed)?,
            swap: swap.map_err(failed)?,
            lock: lock.map_err(failed)?,
            update: update.map_err(failed)?,
        };
        ended.map_err(failed)?;
        self.kept = Some(kept);
        Ok(())
    }

    /// Makes the tables, unless another store has made them.
    pub(super) fn make_tables(&mut self, plan: &Plan, until: Instant) -> Result<(), Failure> {
        let begin = self.begin(plan, until);
        let make = plan.schema.make(&self.client, &plan.place, &begin);
        answered(plan, self.wire.run(make))??;
        self.found = Found::Tables;
        Ok(())
    }

    /// Ends a transaction that an attempt left open. The tables are looked at again before the next attempt.
    pub(super) fn recover(&mut self, plan: &Plan) -> Result<(), Failure> {
        self.found = Found::Nothing;
        self.rollback(plan)
    }

    /// Checks that a change could be written: the server accepts writes, and the role may make them.
    pub(super) fn check(&mut self, plan: &Plan, until: Instant) -> Result<(), Failure> {
        let has_tables = self.has_tables(plan, until)?;
        let begin = self.begin(plan, until);
        self.execute(plan, &begin)?;
        self.execute(plan, &plan.schema.probe(has_tables))?;
        self.rollback(plan)
    }

    /// Executes statements without a result, in one round trip.
    pub(super) fn execute(&mut self, plan: &Plan, sql: &str) -> Result<(), Failure> {
        let executed = self.wire.run(self.client.batch_execute(sql));
        answered(plan, executed)?.map_err(|error| store_error::of(&plan.place, &error))
    }

    pub(super) fn rollback(&mut self, plan: &Plan) -> Result<(), Failure> {
        self.execute(plan, "ROLLBACK")
    }

    /// Whether the settings of the session hold for a statement that may take until then.
    fn fits_session(&self, plan: &Plan, left: Duration) -> bool {
        self.is_set && left >= session_limit(plan.wait)
    }

    /// The kept statements, if a single one needs no transaction around it for its settings.
    pub(super) fn single(&self, plan: &Plan, until: Instant) -> Option<&Statements> {
        let fits = self.fits_session(plan, left(until));
        self.kept.as_ref().filter(|_| fits)
    }

    /// The statements that begin a transaction under the settings of a change, as [`begin`] has them. Those that hold for the
    /// session are left out.
    pub(super) fn begin(&self, plan: &Plan, until: Instant) -> String {
        if !self.is_set {
            return begin(until, plan.wait);
        }
        let left = left(until);
        if self.fits_session(plan, left) {
            return BEGIN.to_owned();
        }
        let (lock, statement) = (left.as_millis(), (left + STATEMENT_GRACE).as_millis());
        format!(
            "{BEGIN}; SET LOCAL statement_timeout = {statement}; SET LOCAL lock_timeout = {lock}"
        )
    }
}

/// What was answered in time.
pub(super) fn answered<T>(plan: &Plan, answer: Option<T>) -> Result<T, Failure> {
    answer.ok_or_else(|| Failure::Clean(no_answer(plan).into()))
}

pub(super) fn no_answer(plan: &Plan) -> Obstacle {
    Obstacle::NoAnswer {
        place: plan.place.clone(),
        wait: plan.wait,
    }
}

const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";

/// The statements that begin a transaction. It waits for no lock past `until`, relies on no setting of role or database,
/// and loses its locks if this program hangs.
fn begin(until: Instant, wait: Duration) -> String {
    format!("{BEGIN}; {}", settings("LOCAL", left(until), wait))
}

/// The same settings for all transactions of a session. A transaction that has less time sets shorter limits.
fn session_settings(wait: Duration) -> String {
    let settings = settings("SESSION", session_limit(wait), wait);
    format!(
        "{settings}; SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED READ WRITE"
    )
}

/// How long a transaction may wait for a lock unless it sets a limit: somewhat less than the wait, a little of which has passed
/// when it begins.
fn session_limit(wait: Duration) -> Duration {
    wait - (wait / 20).min(SESSION_MARGIN)
}

fn left(until: Instant) -> Duration {
    until
        .saturating_duration_since(Instant::now())
        .max(Duration::from_millis(1))
}

/// What a change must not take from the role. The time limit of statements is set first, since a short one of the role holds
/// until then. It is longer than that of locks, so that an error says which of the two ended a statement.
fn settings(scope: &str, lock: Duration, wait: Duration) -> String {
    let (statement, lock) = ((lock + STATEMENT_GRACE).as_millis(), lock.as_millis());
    let idle = wait.as_millis().max(1000);
    let is_local = scope == "LOCAL";
    format!(
        "SET {scope} statement_timeout = {statement}; \
         SET {scope} search_path = pg_catalog, pg_temp; \
         SET {scope} lock_timeout = {lock}; \
         SET {scope} idle_in_transaction_session_timeout = {idle}; \
         SET {scope} row_security = off; \
         SELECT set_config('synchronous_commit', \
         CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, {is_local}), \
         CASE WHEN current_setting('transaction_timeout', true) <> '0' \
         THEN set_config('transaction_timeout', '0', {is_local}) END"
    )
}
