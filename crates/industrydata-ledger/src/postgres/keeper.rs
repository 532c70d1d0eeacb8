//! How a change is kept: looked at first, written if it writes, run again if its COMMIT was not answered.

use std::time::{Duration, Instant};

use industrydata_core::Timestamp;
use industrydata_core::ledger::Change;
use industrydata_core::ledger::LedgerKey;
use industrydata_core::ledger::Reset;
use industrydata_core::ledger::StoreError;
use industrydata_core::ledger::StoreReply;
use tokio::time::sleep;

use super::{
    fault::Failure,
    pool::Pool,
    session::{Session, Snapshot},
};

/// How a change is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    /// To a row that may have to be made first.
    New,
    /// Over a row that was seen.
    Over,
    /// For the second time, even if it stands already.
    Again,
}

impl Pool {
    pub(super) async fn check(&self, until: Instant) -> Result<(), StoreError> {
        let _permit = self.permit(until).await?;
        self.patiently(until, || async {
            let mut session = self.session(until, true).await?;
            let checked = self.limit(until, session.check(&self.plan, until)).await;
            checked.map(|()| self.keep(session))
        })
        .await
        .map_err(Failure::fault)
    }

    pub(super) async fn transact(
        &self,
        change: &Change,
        until: Instant,
    ) -> Result<StoreReply, StoreError> {
        let _permit = self.permit(until).await?;
        match self.patiently(until, || self.attempt(change, until)).await {
            Ok(verdict) => Ok(verdict),
            Err(Failure::Clean(fault) | Failure::Again(fault)) => Err(fault),
            Err(Failure::Commit(fault)) => self.confirm(change, fault).await,
        }
    }

    /// Marks an empty ledger; of another one the reply is what to run.
    pub(super) async fn reset(&self, until: Instant) -> Result<Reset, StoreError> {
        let _permit = self.permit(until).await?;
        let marked = self.patiently(until, || async {
            let mut session = self.session(until, true).await?;
            let marking = async {
                if !session.has_tables(&self.plan).await? {
                    session.make_tables(&self.plan, until).await?;
                }
                session.mark(&self.plan, until).await
            };
            let marked = self.limit(until, marking).await?;
            self.keep(session);
            Ok(marked)
        });
        match marked.await.map_err(Failure::fault) {
            Ok(true) => Ok(Reset::Marked),
            Ok(false) | Err(StoreError::Damaged(_) | StoreError::Newer { .. }) => {
                Ok(Reset::Sql(self.plan.schema.reset(Timestamp::now())))
            }
            Err(why) => Err(why),
        }
    }

    /// After a COMMIT that was not answered: the change is run again on a fresh connection until one is. It waits for the
    /// lock of the transaction it was, and so for its end; it is written again even if it stands, since what can be read
    /// there may not have reached the disk or the replicas.
    async fn confirm(
        &self,
        change: &Change,
        mut last: StoreError,
    ) -> Result<StoreReply, StoreError> {
        let until = Instant::now() + self.plan.wait * 2;
        let mut pause = Duration::from_millis(20);
        self.idle().clear();
        while Instant::now() < until {
            let again = async {
                let mut session = self.session(until, false).await?;
                let verdict = self.write(&mut session, change, How::Again, until).await?;
                self.keep(session);
                Ok(verdict)
            };
            match self.limit(until, again).await {
                Ok(verdict) => return Ok(verdict),
                Err(failure) => last = failure.fault(),
            }
            if matches!(last, StoreError::Damaged(_) | StoreError::Newer { .. }) {
                break;
            }
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(500));
        }
        Err(StoreError::unconfirmed(last))
    }

    async fn attempt(&self, change: &Change, until: Instant) -> Result<StoreReply, Failure> {
        let mut session = self.session(until, true).await?;
        let result = self.book(&mut session, change, until).await;
        match &result {
            Ok(_) => self.keep(session),
            // Damaged books of one tenant are no reason to connect anew for all others.
            Err(Failure::Clean(
                StoreError::Busy | StoreError::Damaged(_) | StoreError::Newer { .. },
            )) => {
                let reset = self.limit(until, session.reset(&self.plan)).await;
                if reset.is_ok() {
                    self.keep(session);
                }
            }
            Err(_) => {}
        }
        result
    }

    /// A change that writes nothing takes no lock; all others are applied again under it.
    async fn book(
        &self,
        session: &mut Session,
        change: &Change,
        until: Instant,
    ) -> Result<StoreReply, Failure> {
        let seen = self.limit(until, self.read(session, change.key())).await?;
        let applied = change.apply(seen.stored(), seen.at)?;
        if applied.write.is_none() {
            return Ok(applied.reply);
        }
        let how = if seen.row.is_some() {
            How::Over
        } else {
            How::New
        };
        self.write(session, change, how, until).await
    }

    async fn read(&self, session: &mut Session, key: &LedgerKey) -> Result<Snapshot, Failure> {
        let known = self.remembered.of(key);
        if session.has_tables(&self.plan).await? {
            let seen = session.read(&self.plan, key).await?;
            self.remembered.agrees(key, known, seen.row.as_ref())?;
            return Ok(seen);
        }
        self.has_lost_nothing()?;
        let at = session.clock(&self.plan).await?;
        Ok(Snapshot {
            row: None,
            mark: None,
            at,
        })
    }

    /// Books `change` under the lock.
    async fn write(
        &self,
        session: &mut Session,
        change: &Change,
        how: How,
        until: Instant,
    ) -> Result<StoreReply, Failure> {
        let (plan, key) = (&*self.plan, change.key());
        let known = self.remembered.of(key);
        let booking = async {
            if !session.has_tables(plan).await? {
                self.has_lost_nothing()?;
                session.make_tables(plan, until).await?;
            }
            let seen = session.lock(plan, key, how != How::Over, until).await?;
            self.remembered.agrees(key, known, seen.row.as_ref())?;
            let applied = change.apply(seen.stored(), seen.at)?;
            let standing = seen.stored().value.filter(|_| how == How::Again);
            let Some(value) = applied.write.as_deref().or(standing) else {
                session.rollback(plan).await?;
                return Ok((applied.reply, None));
            };
            let changes = session.write(plan, key, value).await?;
            Ok((applied.reply, Some(changes)))
        };
        let (verdict, changes) = self.limit(until, booking).await?;
        if let Some(changes) = changes {
            let answer_by = Instant::now() + plan.wait;
            self.limit(answer_by, session.commit(plan))
                .await
                .map_err(|failure| Failure::Commit(failure.fault()))?;
            self.remembered.note(key, changes);
        }
        Ok(verdict)
    }

    /// Where there are no tables there were none before.
    fn has_lost_nothing(&self) -> Result<(), Failure> {
        if self.remembered.is_any() {
            return Err(StoreError::Damaged("the tables are gone that were there before").into());
        }
        Ok(())
    }
}
