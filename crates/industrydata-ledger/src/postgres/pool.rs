//! The connections of a store: kept, replaced when one is lost, and waited for only until a deadline.

use std::{
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use industrydata_core::ledger::StoreError;
use tokio::{
    sync::Semaphore,
    time::{sleep, timeout_at},
};

use super::{
    change_counts::ChangeCounts,
    connect,
    full::Full,
    plan::Plan,
    session::Session,
    store_error::{Failure, Obstacle},
};

/// Time beyond a wait, so that the server's own limit strikes first: its message says more.
pub(super) const GRACE: Duration = Duration::from_secs(1);
/// Attempts at a change while nothing of it was written.
const ATTEMPTS: u32 = 10;

/// The connections, and the change counts of the rows read so far.
#[derive(Debug)]
pub(super) struct Pool {
    pub(super) plan: Arc<Plan>,
    pub(super) change_counts: Arc<ChangeCounts>,
    pub(super) full: Full,
    permits: Semaphore,
    idle: Mutex<Vec<Session>>,
}

impl Pool {
    pub(super) fn new(plan: Arc<Plan>, change_counts: Arc<ChangeCounts>) -> Self {
        Self {
            permits: Semaphore::new(plan.connections),
            plan,
            change_counts,
            full: Full::default(),
            idle: Mutex::default(),
        }
    }

    /// Closes what is open.
    pub(super) async fn close(&self) {
        let sessions = std::mem::take(&mut *self.idle());
        for session in sessions {
            session.close().await;
        }
    }

    /// Repeats an attempt that was lost before anything was written, until `until`.
    pub(super) async fn retry<T, F: Future<Output = Result<T, Failure>>>(
        &self,
        until: Instant,
        attempt: impl Fn() -> F,
    ) -> Result<T, Failure> {
        let mut tried = 0;
        loop {
            tried += 1;
            match attempt().await {
                Err(Failure::Again(_)) if tried < ATTEMPTS && Instant::now() < until => {
                    // The idle connections are likely to be broken as well.
                    self.idle().clear();
                    sleep(Duration::from_millis(10) * tried).await;
                }
                result => return result,
            }
        }
    }

    /// A kept connection if `kept` allows it and one is open, else a new one.
    pub(super) async fn session(&self, until: Instant, kept: bool) -> Result<Session, Failure> {
        while let Some(session) = self.idle().pop().filter(|_| kept) {
            if session.is_open() {
                return Ok(session);
            }
        }
        self.limit(until, connect::open(&self.plan, until)).await
    }

    pub(super) fn keep(&self, session: Session) {
        self.idle().push(session);
    }

    pub(super) async fn permit(
        &self,
        until: Instant,
    ) -> Result<tokio::sync::SemaphorePermit<'_>, StoreError> {
        match timeout_at(until.into(), self.permits.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(StoreError::Busy),
        }
    }

    pub(super) async fn limit<T>(
        &self,
        until: Instant,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        self.limit_as(Failure::Clean, until, work).await
    }

    /// The same for work that ends in a COMMIT: without an answer, it may be durable.
    pub(super) async fn limit_commit<T>(
        &self,
        until: Instant,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        self.limit_as(Failure::Commit, until, work).await
    }

    async fn limit_as<T>(
        &self,
        failure: fn(StoreError) -> Failure,
        until: Instant,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let no_answer = || Obstacle::NoAnswer {
            place: self.plan.place.clone(),
            wait: self.plan.wait,
        };
        timeout_at((until + GRACE).into(), work)
            .await
            .unwrap_or_else(|_| Err(failure(no_answer().into())))
    }

    pub(super) fn idle(&self) -> MutexGuard<'_, Vec<Session>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::PgStore;

    fn pool() -> Pool {
        let options = PgStore::options();
        let plan = Plan::new(options, "postgres://u@127.0.0.1/d").unwrap();
        Pool::new(Arc::new(plan), Arc::default())
    }

    /// How many attempts are made until `until` that fail `losses` times with `failure`, and whether the last succeeds.
    async fn attempts(
        until: Instant,
        losses: u32,
        failure: fn(StoreError) -> Failure,
    ) -> (u32, bool) {
        let (pool, made) = (pool(), Cell::new(0));
        let result = pool.retry(until, || {
            made.set(made.get() + 1);
            let is_lost = made.get() <= losses;
            async move {
                if is_lost {
                    Err(failure(StoreError::Busy))
                } else {
                    Ok(())
                }
            }
        });
        let is_done = result.await.is_ok();
        (made.get(), is_done)
    }

    #[tokio::test]
    async fn lost_attempts_are_repeated_ten_times_with_growing_delays() {
        let begun = Instant::now();
        let until = begun + Duration::from_secs(10);
        assert_eq!(attempts(until, 0, Failure::Again).await, (1, true));
        assert_eq!(attempts(until, 2, Failure::Again).await, (3, true));
        assert_eq!(attempts(until, u32::MAX, Failure::Again).await, (10, false));
        assert!(begun.elapsed() >= Duration::from_millis(30 + 450));
        assert_eq!(attempts(until, 1, Failure::Clean).await, (1, false));
        assert_eq!(attempts(until, 1, Failure::Commit).await, (1, false));
        assert_eq!(attempts(begun, 1, Failure::Again).await, (1, false));
    }

    #[tokio::test]
    async fn work_may_overrun_its_limit_by_the_grace() {
        let pool = pool();
        let in_time = async {
            sleep(Duration::from_millis(20)).await;
            Ok(7)
        };
        assert_eq!(pool.limit(Instant::now(), in_time).await.unwrap(), 7);
        let silent = pool.limit(
            Instant::now() - GRACE,
            std::future::pending::<Result<(), _>>(),
        );
        let message = silent.await.unwrap_err().into_error().to_string();
        assert!(message.contains("no answer within 5000 ms"), "{message}");
    }

    #[tokio::test]
    async fn no_more_connections_at_once_than_are_allowed() {
        let pool = pool();
        let until = Instant::now() + Duration::from_millis(50);
        let mut held = Vec::new();
        for _ in 0..4 {
            held.push(pool.permit(until).await.unwrap());
        }
        assert!(matches!(pool.permit(until).await, Err(StoreError::Busy)));
        held.pop();
        assert!(pool.permit(until).await.is_ok());
    }
}
