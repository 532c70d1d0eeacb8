//! How a change is applied: first without a lock unless it is sure to write, then under the row's lock if it writes, and again
//! if COMMIT was not answered.
//!
//! Under the lock a change takes two round trips: one locks and reads the row, the other writes it and commits.

use std::time::{Duration, Instant};

use industrydata_core::Timestamp;
use industrydata_core::ledger::Change;
use industrydata_core::ledger::LedgerKey;
use industrydata_core::ledger::Reset;
use industrydata_core::ledger::StoreError;
use industrydata_core::ledger::StoreReply;
use tokio::time::sleep;

use super::{
    pool::Pool,
    session::{Session, Snapshot},
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
    pub(super) async fn check(&self, until: Instant) -> Result<(), StoreError> {
        let _permit = self.permit(until).await?;
        self.retry(until, || async {
            let mut session = self.session(until, true).await?;
            match self.limit(until, session.check(&self.plan, until)).await {
                Ok(()) => {
                    self.keep(session);
                    Ok(())
                }
                Err(failure) => Err(session.explain(&self.plan, failure)),
            }
        })
        .await
        .map_err(Failure::into_error)
    }

    pub(super) async fn tenants(
        &self,
        base: &str,
        until: Instant,
    ) -> Result<Vec<String>, StoreError> {
        let _permit = self.permit(until).await?;
        self.retry(until, || async {
            let mut session = self.session(until, true).await?;
            match self
                .limit(until, session.tenants(&self.plan, base, until))
                .await
            {
                Ok(names) => {
                    self.keep(session);
                    Ok(names)
                }
                Err(failure) => Err(session.explain(&self.plan, failure)),
            }
        })
        .await
        .map_err(Failure::into_error)
    }

    pub(super) async fn transact(
        &self,
        change: &Change,
        until: Instant,
    ) -> Result<StoreReply, StoreError> {
        let _permit = self.permit(until).await?;
        match self.retry(until, || self.attempt(change, until)).await {
            Ok(reply) => Ok(reply),
            Err(Failure::Clean(error) | Failure::Again(error)) => Err(error),
            // A change with a time limit is tried once.
            Err(Failure::Commit(error)) if change.time_limit().is_some() => {
                Err(StoreError::unconfirmed(error))
            }
            Err(Failure::Commit(error)) => self.confirm(change, error).await,
        }
    }

    /// Marks an empty ledger. For any other, returns the SQL for an administrator.
    pub(super) async fn reset(&self, until: Instant) -> Result<Reset, StoreError> {
        let _permit = self.permit(until).await?;
        let marked = self.retry(until, || async {
            let mut session = self.session(until, true).await?;
            let marking = async {
                if !session.has_tables(&self.plan, until).await? {
                    session.make_tables(&self.plan, until).await?;
                }
                session.mark(&self.plan, until).await
            };
            match self.limit(until, marking).await {
                Ok(marked) => {
                    self.keep(session);
                    Ok(marked)
                }
                Err(failure) => Err(session.explain(&self.plan, failure)),
            }
        });
        match marked.await.map_err(Failure::into_error) {
            Ok(true) => Ok(Reset::Marked),
            Ok(false) | Err(StoreError::Damaged(_) | StoreError::Newer { .. }) => {
                Ok(Reset::Sql(self.plan.schema.reset(Timestamp::now())))
            }
            Err(why) => Err(why),
        }
    }

    /// Applies a change whose COMMIT was not answered again on new connections, until a COMMIT is answered. The lock of the
    /// row waits for the end of the first transaction. The value is written again even if the first one was committed,
    /// since what can be read may not have reached the disk or the replicas.
    async fn confirm(
        &self,
        change: &Change,
        mut last: StoreError,
    ) -> Result<StoreReply, StoreError> {
        let until = Instant::now() + self.plan.wait * 2;
        let mut delay = Duration::from_millis(20);
        self.idle().clear();
        while Instant::now() < until {
            let again = async {
                let mut session = self.session(until, false).await?;
                let reply = self
                    .write(&mut session, change, WriteMode::Rewrite, until)
                    .await?;
                self.keep(session);
                Ok(reply)
            };
            match self.limit(until, again).await {
                Ok(reply) => return Ok(reply),
                Err(failure) => last = failure.into_error(),
            }
            if matches!(last, StoreError::Damaged(_) | StoreError::Newer { .. }) {
                break;
            }
            sleep(delay).await;
            delay = (delay * 2).min(Duration::from_millis(500));
        }
        Err(StoreError::unconfirmed(last))
    }

    async fn attempt(&self, change: &Change, until: Instant) -> Result<StoreReply, Failure> {
        let mut session = self.session(until, true).await?;
        let result = self.apply(&mut session, change, until).await;
        match &result {
            Ok(_) => self.keep(session),
            // The connection is sound: a damaged ledger of one tenant costs the others no new connection.
            Err(Failure::Clean(
                StoreError::Busy | StoreError::Damaged(_) | StoreError::Newer { .. },
            )) => {
                let recovered = self.limit(until, session.recover(&self.plan)).await;
                if recovered.is_ok() {
                    self.keep(session);
                }
            }
            Err(_) => return result.map_err(|failure| session.explain(&self.plan, failure)),
        }
        result
    }

    /// A change that writes nothing takes no lock; all others are applied again under it. An outcome, and a reservation where
    /// slots were free, take it at once if the row was read before.
    async fn apply(
        &self,
        session: &mut Session,
        change: &Change,
        until: Instant,
    ) -> Result<StoreReply, Failure> {
        let key = change.key();
        let writes = change.is_outcome() || change.is_reservation() && !self.full.has(key);
        if writes && self.change_counts.get(key).is_some() {
            return self.write(session, change, WriteMode::Update, until).await;
        }
        let snapshot = self.limit(until, self.read(session, key, until)).await?;
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
        self.write(session, change, mode, until).await
    }

    async fn read(
        &self,
        session: &mut Session,
        key: &LedgerKey,
        until: Instant,
    ) -> Result<Snapshot, Failure> {
        let known = self.change_counts.get(key);
        if session.has_tables(&self.plan, until).await? {
            let snapshot = session.read(&self.plan, key, until).await?;
            self.change_counts
                .check(key, known, snapshot.row.as_ref())?;
            return Ok(snapshot);
        }
        self.check_no_tables_lost()?;
        let at = session.clock(&self.plan, until).await?;
        Ok(Snapshot {
            row: None,
            mark: None,
            at,
        })
    }

    /// Writes `change` under the lock of its row.
    async fn write(
        &self,
        session: &mut Session,
        change: &Change,
        mode: WriteMode,
        until: Instant,
    ) -> Result<StoreReply, Failure> {
        let (plan, key) = (&*self.plan, change.key());
        let known = self.change_counts.get(key);
        let transaction = async {
            if !session.has_tables(plan, until).await? {
                self.check_no_tables_lost()?;
                session.make_tables(plan, until).await?;
            }
            session.prepare(plan, until).await?;
            let snapshot = session
                .lock(plan, key, mode != WriteMode::Update, until)
                .await?;
            self.change_counts
                .check(key, known, snapshot.row.as_ref())?;
            let applied = change.apply(snapshot.stored(), snapshot.at)?;
            let committed = snapshot
                .stored()
                .value
                .filter(|_| mode == WriteMode::Rewrite);
            let value = applied.write.or_else(|| committed.map(<[u8]>::to_vec));
            if value.is_none() {
                session.rollback(plan).await?;
            }
            Ok((applied.reply, value))
        };
        let (reply, value) = self.limit(until, transaction).await?;
        self.full.note(key, &reply);
        if let Some(value) = value {
            let answer_by = Instant::now() + plan.wait;
            let changes = self
                .limit_commit(answer_by, session.write(plan, key, &value))
                .await?;
            self.change_counts.record(key, changes);
        }
        Ok(reply)
    }

    /// Checks that missing tables were never there.
    fn check_no_tables_lost(&self) -> Result<(), Failure> {
        if self.change_counts.has_any() {
            return Err(StoreError::Damaged("the tables are gone that were there before").into());
        }
        Ok(())
    }
}
