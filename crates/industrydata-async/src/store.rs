//! Stores for the async client. A store that blocks runs on threads.

use std::{future::Future, pin::Pin, sync::Arc};

use industrydata_core::ledger::{Change, Store, StoreError, StoreReply};
use industrydata_system::on_a_thread;
use tokio::{runtime::Handle, sync::oneshot};

/// A store whose replies are futures. It must apply a change under the same conditions as a [`Store`].
///
/// If the future is dropped, a change that was begun must be completed or not be made at all.
pub trait AsyncStore: Send + Sync {
    /// Applies `change` to the ledger it names, durably.
    fn transact(&self, change: Arc<Change>) -> StoreFuture;

    /// Applies a change in the background: the outcome of a dropped start. By default this happens on the runtime of
    /// the calling thread. Without a runtime, or if it ends first, the start is in doubt when its lease ends.
    fn transact_later(&self, change: Arc<Change>) {
        if let Ok(runtime) = Handle::try_current() {
            drop(runtime.spawn(self.transact(change)));
        }
    }
}

/// The future of a reply, boxed so that stores are usable as `dyn`.
pub type StoreFuture = Pin<Box<dyn Future<Output = Result<StoreReply, StoreError>> + Send>>;

/// A blocking store, each change on a new thread.
pub(crate) struct Threaded<S>(pub(crate) Arc<S>);

impl<S: Store + 'static> AsyncStore for Threaded<S> {
    fn transact(&self, change: Arc<Change>) -> StoreFuture {
        let store = Arc::clone(&self.0);
        Box::pin(async move {
            let (sender, receiver) = oneshot::channel();
            // tokio's own threads for blocking work panic if there is none to be had.
            on_a_thread("ledger", move || drop(sender.send(store.transact(&change))))
                .map_err(StoreError::unavailable)?;
            let reply = receiver.await;
            reply.unwrap_or_else(|lost| Err(StoreError::unconfirmed(lost)))
        })
    }

    /// The runtime may be about to end. Without a thread, the start is in doubt when its lease ends.
    fn transact_later(&self, change: Arc<Change>) {
        let store = Arc::clone(&self.0);
        let _ = on_a_thread("ledger", move || drop(store.transact(&change)));
    }
}
