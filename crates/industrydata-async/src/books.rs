//! Books beside a runtime: a store that blocks never does so on a worker.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use industrydata_core::ledger::Change;
use industrydata_core::ledger::Store;
use industrydata_core::ledger::StoreError;
use industrydata_core::ledger::StoreReply;
use tokio::{runtime::Handle, task};

/// A store that answers by a future. Its change is applied under the same conditions as a [`Store`]'s.
///
/// A change that was begun is to be carried to its end even if the future is dropped, or not at all.
pub trait AsyncStore: Send + Sync {
    /// Applies `change` to the books it names, durably.
    fn transact(&self, change: Arc<Change>) -> StoreFuture;

    /// Applies a change that nobody waits for: what a dropped start leaves to book. By default on the runtime of the
    /// calling thread; without one, or if that ends first, a reservation turns into doubt when its lease ends.
    fn book_later(&self, change: Change) {
        if let Ok(runtime) = Handle::try_current() {
            drop(runtime.spawn(self.transact(Arc::new(change))));
        }
    }
}

/// A change being booked.
#[must_use = "futures do nothing unless polled"]
pub struct StoreFuture(Pin<Box<dyn Future<Output = Result<StoreReply, StoreError>> + Send>>);

impl StoreFuture {
    /// Boxes `future`.
    pub fn new(
        future: impl Future<Output = Result<StoreReply, StoreError>> + Send + 'static,
    ) -> Self {
        Self(Box::pin(future))
    }
}

impl Future for StoreFuture {
    type Output = Result<StoreReply, StoreError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for StoreFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BookFuture").finish_non_exhaustive()
    }
}

/// A blocking store, on the runtime's threads for blocking work.
pub(crate) struct Threaded<S>(pub(crate) Arc<S>);

impl<S: Store + 'static> AsyncStore for Threaded<S> {
    fn transact(&self, change: Arc<Change>) -> StoreFuture {
        let store = Arc::clone(&self.0);
        StoreFuture::new(async move {
            let booked = task::spawn_blocking(move || store.transact(&change)).await;
            booked.unwrap_or_else(|lost| Err(StoreError::unconfirmed(lost)))
        })
    }

    /// On a thread of its own: the runtime may be about to end.
    fn book_later(&self, change: Change) {
        let store = Arc::clone(&self.0);
        std::thread::spawn(move || store.transact(&change));
    }
}
