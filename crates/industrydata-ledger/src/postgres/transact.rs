//! How a change is applied: first without a lock unless it is sure to write, then under the row's lock if it writes, and again
//! if COMMIT was not answered.
//!
//! Under the lock a change takes two round trips: one locks and reads the row, the other writes it and commits. Without a
//! lock it takes two statements, of which the second writes the row only if it is still the one that the first has read. That
//! needs a connection of the store's own, where the settings of a change hold for the session.

use std::{
    thread,
    time::{Duration, Instant},
};

use industrydata_core::Timestamp;
use industrydata_core::ledger::Change;
use industrydata_core::ledger::LedgerKey;
use industrydata_core::ledger::Reset;
use industrydata_core::ledger::StoreError;
use industrydata_core::ledger::StoreReply;

use super::{
    pool::Pool,
    rows,
    session::{GRACE, Session, Snapshot},
    store_error::Failure,
};

/// How a change is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WriteMode {
    /// To a row that may not exist yet.
    Insert,
    /// To a row that was read.
    Update,
    /// For the second time, even if the first write was committed.
    Rewrite,
}

impl Pool {
    pub(super) fn check(&self, until: Instant) -> Result<(), StoreError> {
        self.with_session(until, |session| session.check(&self.plan, until))
    }

    pub(super) fn tenants(&self, base: &str, until: Instant) -> Result<Vec<String>, StoreError> {
        self.with_session(until, |session| session.tenants(&self.plan, base, until))
    }

    pub(super) fn transact(
        &self,
        change: &Change,
        until: Instant,
    ) -> Result<StoreReply, StoreError> {
        let turn = self
            .is_likely_to_write(change)
            .then(|| self.turns.take(change.key(), until))
            // The ledger may have become full meanwhile, and refusals need no turn.
            .filter(|_| self.is_likely_to_write(change));
        let _permit = self.permit(until)?;
        match self.retry(until, || self.attempt(change, until)) {
            Ok(reply) => Ok(reply),
            Err(Failure::Clean(error) | Failure::Again(error)) => Err(error),
            // A change with a time limit is tried once.
            Err(Failure::Commit(error)) if change.time_limit().is_some() => {
                Err(StoreError::unconfirmed(error))
            }
            Err(Failure::Commit(error)) => {
                drop(turn);
                self.confirm(change, error)
            }
        }
    }

    /// Marks an empty ledger. For any other, returns the SQL for an administrator.
    pub(super) fn reset(&self, until: Instant) -> Result<Reset, StoreError> {
        let marked = self.with_session(until, |session| {
            if !session.has_tables(&self.plan, until)? {
                session.make_tables(&self.plan, until)?;
            }
            session.mark(&self.plan, until)
        });
        match marked {
            Ok(true) => Ok(Reset::Marked),
            Ok(false) | Err(StoreError::Damaged(_) | StoreError::Newer { .. }) => {
                Ok(Reset::Sql(self.plan.schema.reset(Timestamp::now())))
            }
            Err(why) => Err(why),
        }
    }

    /// Does work on a connection, again on another one if it is lost before anything was written.
    fn with_session<T>(
        &self,
        until: Instant,
        work: impl Fn(&mut Session) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let _permit = self.permit(until)?;
        let done = self.retry(until, || {
            let mut session = self.session(until, true)?;
            match work(&mut session) {
                Ok(done) => {
                    self.keep(session);
                    Ok(done)
                }
                Err(failure) => Err(session.explain(&self.plan, failure)),
            }
        });
        done.map_err(Failure::into_error)
    }

    /// Applies a change whose COMMIT was not answered again on new connections, until a COMMIT is answered. The lock of the
    /// row waits for the end of the first transaction. The value is written again even if the first one was committed,
    /// since what can be read may not have reached the disk or the replicas.
    fn confirm(&self, change: &Change, mut last: StoreError) -> Result<StoreReply, StoreError> {
        let until = Instant::now() + self.plan.wait * 2;
        let mut delay = Duration::from_millis(20);
        self.close_idle();
        while Instant::now() < until {
            let again = self.session(until, false).and_then(|mut session| {
                let reply = self.write(&mut session, change, WriteMode::Rewrite, None, until)?;
                self.keep(session);
                Ok(reply)
            });
            match again {
                Ok(reply) => return Ok(reply),
                Err(failure) => last = failure.into_error(),
            }
            if matches!(last, StoreError::Damaged(_) | StoreError::Newer { .. }) {
                break;
            }
            thread::sleep(delay);
            delay = (delay * 2).min(Duration::from_millis(500));
        }
        Err(StoreError::unconfirmed(last))
    }

    fn attempt(&self, change: &Change, until: Instant) -> Result<StoreReply, Failure> {
        let mut session = self.session(until, true)?;
        let result = self.apply(&mut session, change, until);
        match &result {
            Ok(_) => self.keep(session),
            // The connection is sound: a damaged ledger of one tenant costs the others no new connection.
            Err(Failure::Clean(
                StoreError::Busy | StoreError::Damaged(_) | StoreError::Newer { .. },
            )) => {
                session.wire.set_limit(until + GRACE);
                if session.recover(&self.plan).is_ok() {
                    self.keep(session);
                }
            }
            Err(_) => return result.map_err(|failure| session.explain(&self.plan, failure)),
        }
        result
    }

    /// A change that writes nothing takes no lock; all others are applied again under it. An outcome, and a reservation where
    /// slots were free, take it at once if the row was read before.
    fn apply(
        &self,
        session: &mut Session,
        change: &Change,
        until: Instant,
    ) -> Result<StoreReply, Failure> {
        let key = change.key();
        if self.is_likely_to_write(change) && self.change_counts.get(key).is_some() {
            return self.write(session, change, WriteMode::Update, None, until);
        }
        let snapshot = self.read(session, key, until)?;
        let applied = change.apply(snapshot.stored(), snapshot.at)?;
        if applied.write.is_none() {
            self.full.note(key, &applied.reply);
            return Ok(applied.reply);
        }
        let mode = if snapshot.row.is_some() {
            WriteMode::Update
        } else {
            WriteMode::Insert
        };
        self.write(session, change, mode, Some(snapshot), until)
    }

    fn is_likely_to_write(&self, change: &Change) -> bool {
        change.is_outcome() || change.is_reservation() && !self.full.has(change.key())
    }

    fn read(
        &self,
        session: &mut Session,
        key: &LedgerKey,
        until: Instant,
    ) -> Result<Snapshot, Failure> {
        let known = self.change_counts.get(key);
        if session.has_tables(&self.plan, until)? {
            let snapshot = session.read(&self.plan, key, until)?;
            self.change_counts
                .check(key, known, snapshot.row.as_ref())?;
            return Ok(snapshot);
        }
        self.check_no_tables_lost()?;
        let at = session.clock(&self.plan, until)?;
        Ok(Snapshot {
            row: None,
            mark: None,
            at,
        })
    }

    /// Writes `change`, under the lock of its row unless it can do without. `seen` is what was just read.
    fn write(
        &self,
        session: &mut Session,
        change: &Change,
        mode: WriteMode,
        seen: Option<Snapshot>,
        until: Instant,
    ) -> Result<StoreReply, Failure> {
        let (plan, key) = (&*self.plan, change.key());
        let known = self.change_counts.get(key);
        if !session.has_tables(plan, until)? {
            self.check_no_tables_lost()?;
            session.make_tables(plan, until)?;
        }
        session.prepare(plan, until)?;
        let swaps = mode == WriteMode::Update && session.single(plan, until).is_some();
        if swaps
            && self.contested.may_swap(key)
            && let Some(reply) = self.swap(session, change, seen, until)?
        {
            return Ok(reply);
        }
        let snapshot = session.lock(plan, key, mode != WriteMode::Update, until)?;
        let row = snapshot.as_ref().and_then(|it| it.row.as_ref());
        self.change_counts.check(key, known, row)?;
        let snapshot = snapshot.ok_or(rows::ALTERED_ROWS)?;
        let applied = change.apply(snapshot.stored(), snapshot.at)?;
        let committed = snapshot
            .stored()
            .value
            .filter(|_| mode == WriteMode::Rewrite);
        let value = applied.write.or_else(|| committed.map(<[u8]>::to_vec));
        if value.is_none() {
            session.rollback(plan)?;
        }
        self.full.note(key, &applied.reply);
        if let Some(value) = value {
            // COMMIT is waited for as long again, whatever time the change has left, unless it is the second one.
            let end = Instant::now() + plan.wait;
            let end = match mode {
                WriteMode::Insert | WriteMode::Update => end,
                WriteMode::Rewrite => end.min(until),
            };
            session.wire.set_limit(end + GRACE);
            let changes = session.write(plan, key, &value)?;
            self.change_counts.record(key, changes);
        }
        Ok(applied.reply)
    }

    /// Applies `change` to a row without a lock. `None` if something else has changed the row since it was read, or the read has
    /// left less time than the session's limits.
    fn swap(
        &self,
        session: &mut Session,
        change: &Change,
        seen: Option<Snapshot>,
        until: Instant,
    ) -> Result<Option<StoreReply>, Failure> {
        let (plan, key) = (&*self.plan, change.key());
        let snapshot = match seen {
            Some(snapshot) => snapshot,
            None => self.read(session, key, until)?,
        };
        let Some(row) = &snapshot.row else {
            return Ok(None);
        };
        let applied = change.apply(snapshot.stored(), snapshot.at)?;
        if let Some(value) = applied.write {
            if session.single(plan, until).is_none() {
                return Ok(None);
            }
            // It commits, as above.
            session.wire.set_limit(Instant::now() + plan.wait + GRACE);
            let Some(changes) = session.swap(plan, key, &value, row)? else {
                self.contested.note(key);
                session.wire.set_limit(until + GRACE);
                // Another change had the row for all that time.
                return if Instant::now() < until {
                    Ok(None)
                } else {
                    Err(StoreError::Busy.into())
                };
            };
            self.change_counts.record(key, changes);
        }
        self.full.note(key, &applied.reply);
        Ok(Some(applied.reply))
    }

    /// Checks that missing tables were never there.
    fn check_no_tables_lost(&self) -> Result<(), Failure> {
        if self.change_counts.has_any() {
            return Err(StoreError::Damaged("the tables are gone that were there before").into());
        }
        Ok(())
    }
}
