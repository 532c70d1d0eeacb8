//! The connections of a store: kept, made anew when one is lost, and never waited for without end.

use std::{
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use industrydata_core::StoreFault;
use tokio::{
    sync::Semaphore,
    time::{sleep, timeout_at},
};

use super::{
    fault::{Failure, Obstacle},
    memory::Remembered,
    plan::Plan,
    session::Session,
};

/// What the server is given beyond a wait, so that its own limit strikes first and says more.
pub(super) const GRACE: Duration = Duration::from_secs(1);
/// Attempts at a change before anything of it was written.
const ATTEMPTS: u32 = 10;

/// The connections, and what is remembered of the books.
#[derive(Debug)]
pub(super) struct Pool {
    pub(super) plan: Arc<Plan>,
    pub(super) remembered: Arc<Remembered>,
    permits: Semaphore,
    idle: Mutex<Vec<Session>>,
}

impl Pool {
    pub(super) fn new(plan: Arc<Plan>, remembered: Arc<Remembered>) -> Self {
        Self {
            permits: Semaphore::new(plan.connections),
            plan,
            remembered,
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

    /// An attempt that was lost before anything was written is made again, for as long as there is time.
    pub(super) async fn patiently<T, F: Future<Output = Result<T, Failure>>>(
        &self,
        until: Instant,
        attempt: impl Fn() -> F,
    ) -> Result<T, Failure> {
        let mut tried = 0;
        loop {
            tried += 1;
            match attempt().await {
                Err(Failure::Again(_)) if tried < ATTEMPTS && Instant::now() < until => {
                    // Those that were idle beside it are likely to be broken as well.
                    self.idle().clear();
                    sleep(Duration::from_millis(10) * tried).await;
                }
                result => return result,
            }
        }
    }

    /// A connection: one that was kept, or a new one.
    pub(super) async fn session(&self, until: Instant, kept: bool) -> Result<Session, Failure> {
        while let Some(session) = self.idle().pop().filter(|_| kept) {
            if session.is_open() {
                return Ok(session);
            }
        }
        self.limit(until, Session::open(&self.plan)).await
    }

    pub(super) fn keep(&self, session: Session) {
        self.idle().push(session);
    }

    pub(super) async fn permit(
        &self,
        until: Instant,
    ) -> Result<tokio::sync::SemaphorePermit<'_>, StoreFault> {
        match timeout_at(until.into(), self.permits.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(StoreFault::Busy),
        }
    }

    pub(super) async fn limit<T>(
        &self,
        until: Instant,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let silent = || Obstacle::Silent {
            place: self.plan.place.clone(),
            wait: self.plan.wait,
        };
        timeout_at((until + GRACE).into(), work)
            .await
            .unwrap_or_else(|_| Err(Failure::Clean(silent().into())))
    }

    pub(super) fn idle(&self) -> MutexGuard<'_, Vec<Session>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
