//! The connections of a store: kept, replaced when one is lost, and waited for only until a deadline.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use industrydata_core::ledger::StoreError;

use super::{
    change_counts::ChangeCounts,
    connect,
    contested::Contested,
    full::Full,
    plan::Plan,
    session::{GRACE, Session},
    store_error::Failure,
    turns::Turns,
};
use crate::semaphore::{Permit, Semaphore};

/// Attempts at a change while nothing of it was written.
const ATTEMPTS: u32 = 10;

/// The connections, the turns at the ledgers, and what is known of the rows read so far.
#[derive(Debug)]
pub(super) struct Pool {
    pub(super) plan: Arc<Plan>,
    pub(super) change_counts: Arc<ChangeCounts>,
    pub(super) full: Full,
    pub(super) contested: Contested,
    pub(super) turns: Turns,
    permits: Semaphore,
    idle: Mutex<Vec<Session>>,
}

impl Pool {
    pub(super) fn new(plan: Arc<Plan>, change_counts: Arc<ChangeCounts>) -> Self {
        Self {
            permits: Semaphore::new(plan.connections),
            // Where a change takes the lock of its row, the next one waits for that at the server meanwhile.
            turns: Turns::new(if plan.keep_statements { 1 } else { 2 }),
            plan,
            change_counts,
            full: Full::default(),
            contested: Contested::default(),
            idle: Mutex::default(),
        }
    }

    /// Repeats an attempt that was lost before anything was written, until `until`.
    pub(super) fn retry<T>(
        &self,
        until: Instant,
        mut attempt: impl FnMut() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut tried = 0;
        loop {
            tried += 1;
            match attempt() {
                Err(Failure::Again(_)) if tried < ATTEMPTS && Instant::now() < until => {
                    // The idle connections are likely to be broken as well.
                    self.close_idle();
                    thread::sleep(Duration::from_millis(10) * tried);
                }
                result => return result,
            }
        }
    }

    /// A kept connection if `kept` allows it and one is open, else a new one. Work on it is given up soon after `until`.
    pub(super) fn session(&self, until: Instant, kept: bool) -> Result<Session, Failure> {
        let next = || self.idle().pop().filter(|_| kept);
        while let Some(mut session) = next() {
            session.wire.set_limit(until + GRACE);
            if session.wire.is_open() {
                return Ok(session);
            }
        }
        connect::open(&self.plan, until)
    }

    pub(super) fn keep(&self, session: Session) {
        self.idle().push(session);
    }

    /// Closes the connections that are not used.
    pub(super) fn close_idle(&self) {
        let idle = std::mem::take(&mut *self.idle());
        drop(idle);
    }

    /// The right to use one connection.
    pub(super) fn permit(&self, until: Instant) -> Result<Permit<&Semaphore>, StoreError> {
        Permit::wait(&self.permits, until).ok_or(StoreError::Busy)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Session>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PgStore;

    fn pool() -> Pool {
        let options = PgStore::options();
        let plan = Plan::new(options, "postgres://u@127.0.0.1/d").unwrap();
        Pool::new(Arc::new(plan), Arc::default())
    }

    /// How many attempts are made until `until` that fail `losses` times with `failure`, and whether the last succeeds.
    fn attempts(until: Instant, losses: u32, failure: fn(StoreError) -> Failure) -> (u32, bool) {
        let mut made = 0;
        let result = pool().retry(until, || {
            made += 1;
            if made <= losses {
                Err(failure(StoreError::Busy))
            } else {
                Ok(())
            }
        });
        (made, result.is_ok())
    }

    #[test]
    fn lost_attempts_are_repeated_ten_times_with_growing_delays() {
        let begun = Instant::now();
        let until = begun + Duration::from_secs(10);
        assert_eq!(attempts(until, 0, Failure::Again), (1, true));
        assert_eq!(attempts(until, 2, Failure::Again), (3, true));
        assert_eq!(attempts(until, u32::MAX, Failure::Again), (10, false));
        assert!(begun.elapsed() >= Duration::from_millis(30 + 450));
        assert_eq!(attempts(until, 1, Failure::Clean), (1, false));
        assert_eq!(attempts(until, 1, Failure::Commit), (1, false));
        assert_eq!(attempts(begun, 1, Failure::Again), (1, false));
    }

    #[test]
    fn no_more_connections_at_once_than_are_allowed() {
        let pool = pool();
        let permit = || pool.permit(Instant::now());
        let mut held: Vec<_> = (0..4).map(|_| permit().unwrap()).collect();
        assert!(matches!(permit(), Err(StoreError::Busy)));
        held.pop();
        assert!(permit().is_ok());
    }
}
