//! The connections of a store: kept, replaced when one is lost, and waited for only until a deadline.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{self, SyncSender},
    },
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
};

/// Attempts at a change while nothing of it was written.
const ATTEMPTS: u32 = 10;

/// The connections, and the change counts of the rows read so far.
#[derive(Debug)]
pub(super) struct Pool {
    pub(super) plan: Arc<Plan>,
    pub(super) change_counts: Arc<ChangeCounts>,
    pub(super) full: Full,
    pub(super) contested: Contested,
    permits: Mutex<Permits>,
    idle: Mutex<Vec<Session>>,
}

/// The permits that are free.
#[derive(Debug)]
struct Permits {
    /// How many connections may still be used at the same time.
    free: usize,
    /// Those who wait for a permit, while none is free. Some may have given up.
    waiting: VecDeque<SyncSender<()>>,
}

/// The right to use one connection. The thread that waits longest has it next.
#[derive(Debug)]
pub(super) struct Permit<'p>(&'p Pool);

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut permits = self.0.permits();
        while let Some(first) = permits.waiting.pop_front() {
            if first.try_send(()).is_ok() {
                return;
            }
        }
        permits.free += 1;
    }
}

impl Pool {
    pub(super) fn new(plan: Arc<Plan>, change_counts: Arc<ChangeCounts>) -> Self {
        Self {
            permits: Mutex::new(Permits {
                free: plan.connections,
                waiting: VecDeque::new(),
            }),
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

    pub(super) fn permit(&self, until: Instant) -> Result<Permit<'_>, StoreError> {
        let (next, turn) = mpsc::sync_channel(1);
        {
            let mut permits = self.permits();
            if let Some(rest) = permits.free.checked_sub(1) {
                permits.free = rest;
                return Ok(Permit(self));
            }
            permits.waiting.push_back(next);
        }
        let left = until.saturating_duration_since(Instant::now());
        if turn.recv_timeout(left).is_ok() {
            return Ok(Permit(self));
        }
        // No permit is given while this lock is held. One that was given just before counts.
        let permits = self.permits();
        let is_given = turn.try_recv().is_ok();
        drop(turn);
        drop(permits);
        if is_given {
            return Ok(Permit(self));
        }
        Err(StoreError::Busy)
    }

    fn permits(&self) -> MutexGuard<'_, Permits> {
        self.permits.lock().unwrap_or_else(PoisonError::into_inner)
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
        let soon = || Instant::now() + Duration::from_millis(50);
        let mut held: Vec<_> = (0..4).map(|_| pool.permit(soon()).unwrap()).collect();
        let begun = Instant::now();
        assert!(matches!(pool.permit(soon()), Err(StoreError::Busy)));
        assert!(begun.elapsed() >= Duration::from_millis(50));
        held.pop();
        drop(pool.permit(soon()).unwrap());
        // One that waits takes the place of one that ends.
        let next = pool.permit(soon()).unwrap();
        thread::scope(|scope| {
            let until = Instant::now() + Duration::from_secs(10);
            let pool = &pool;
            let waits = scope.spawn(move || pool.permit(until).is_ok());
            thread::sleep(Duration::from_millis(20));
            drop(next);
            assert!(waits.join().unwrap());
        });
    }

    #[test]
    fn whoever_waits_for_a_connection_has_it_before_one_who_comes_later() {
        let pool = &pool();
        let held: Vec<_> = (0..4)
            .map(|_| pool.permit(Instant::now()).unwrap())
            .collect();
        thread::scope(|scope| {
            let until = Instant::now() + Duration::from_secs(10);
            // One that has given up is passed over.
            assert!(pool.permit(Instant::now()).is_err());
            let waits = scope.spawn(move || pool.permit(until).unwrap());
            thread::sleep(Duration::from_millis(50));
            drop(held);
            let later: Vec<_> = (0..4).map(|_| pool.permit(Instant::now())).collect();
            drop(waits.join().unwrap());
            assert_eq!(later.iter().filter(|it| it.is_ok()).count(), 3);
        });
        let all: Vec<_> = (0..4)
            .map(|_| pool.permit(Instant::now()).unwrap())
            .collect();
        assert!(pool.permit(Instant::now()).is_err());
        drop(all);
    }
}
