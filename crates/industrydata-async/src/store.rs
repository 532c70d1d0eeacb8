//! Stores for the async client. A store that blocks runs on threads.

use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
};

use industrydata_core::ledger::{Change, Store, StoreError, StoreReply};
use industrydata_system::on_a_thread;
use tokio::{runtime::Handle, sync::oneshot, task::coop::consume_budget};

/// A store whose replies are futures. It must apply a change under the same conditions as a [`Store`].
///
/// If the future is dropped, a change that was begun must be completed or not be made at all.
///
/// ```
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// # use industrydata_async::{Client, FixedToken};
/// # use industrydata_emulator::{Config, Emulator, Fault, Lose, On};
/// # use industrydata_ledger::Ledger;
/// # let emulator = Emulator::start(Config::default())?;
/// # let ledger = Ledger::memory_with_clock(emulator.clock());
/// # let client = Client::builder(FixedToken::new(emulator.token())?, ledger);
/// # let client = client.base(emulator.base_url()).clock(emulator.clock()).build()?;
/// # let contoso = client.tenant("contoso")?;
/// use std::sync::Arc;
/// use industrydata_async::{AsyncStore, StoreFuture, core::ledger::{Change, Store}};
///
/// /// A store that answers at once, so that no thread is needed.
/// struct AtOnce(Ledger);
///
/// impl AsyncStore for AtOnce {
///     fn transact(&self, change: Arc<Change>) -> StoreFuture {
///         Box::pin(std::future::ready(self.0.transact(&change)))
///     }
/// }
///
/// let tokens = FixedToken::new(emulator.token())?;
/// let client = Client::with_async_store(tokens, AtOnce(Ledger::memory())).base(emulator.base_url()).build()?;
/// assert_eq!(client.tenant("contoso")?.quota().await?.available(), 5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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

/// A blocking store: each change on a new thread, unless the store is immediate.
pub(crate) struct Threaded<S>(pub(crate) Arc<S>);

impl<S: Store + 'static> AsyncStore for Threaded<S> {
    fn transact(&self, change: Arc<Change>) -> StoreFuture {
        let store = Arc::clone(&self.0);
        Box::pin(async move {
            if store.is_immediate() {
                // A task that only makes such changes lets others run now and then.
                consume_budget().await;
                let reply = catch_unwind(AssertUnwindSafe(|| store.transact(&change)));
                return reply
                    .unwrap_or_else(|_| Err(StoreError::unconfirmed("the store panicked")));
            }
            let (sender, receiver) = oneshot::channel();
            // tokio's own threads for blocking work panic if there is none to be had.
            let work = move || {
                let reply = store.transact(&change);
                // Before the reply, after which the process may end without closing it.
                drop(store);
                drop(sender.send(reply));
            };
            on_a_thread("ledger", work).map_err(StoreError::unavailable)?;
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
