//! Stopping from another task or thread.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::Notify;

/// Ends what a [`Client`](crate::Client) is doing, from any task or thread, for good.
///
/// Pauses end at once and requests in flight are given up. A start that was not sent gives its slot back; one that was sent
/// is in doubt, and recorded as such; a poll ends with its resume token. Each call then returns its error. Dropping a future
/// does the same for that call alone, without a result.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    stopped: AtomicBool,
    changed: Notify,
}

impl Stop {
    /// Stops. Calling it again does nothing more.
    pub fn stop(&self) {
        self.0.stopped.store(true, Ordering::Release);
        self.0.changed.notify_waiters();
    }

    /// Whether it was stopped.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.0.stopped.load(Ordering::Acquire)
    }

    /// Ends once it is stopped.
    pub(crate) async fn stopped(&self) {
        loop {
            let changed = self.0.changed.notified();
            if self.is_stopped() {
                return;
            }
            changed.await;
        }
    }

    /// Sleeps, but no longer than until it is stopped. A time of zero is not slept.
    pub(crate) async fn sleep(&self, time: Duration) {
        if !time.is_zero() {
            tokio::select! {
                () = tokio::time::sleep(time) => {}
                () = self.stopped() => {}
            }
        }
    }
}
