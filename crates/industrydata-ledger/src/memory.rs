//! A ledger in memory.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use industrydata_core::ledger::Change;
use industrydata_core::ledger::LedgerKey;
use industrydata_core::ledger::Store;
use industrydata_core::ledger::StoreError;
use industrydata_core::ledger::StoreReply;

use crate::clock::Clock;

/// A ledger that ends with the process. Use it for tests, and in programs that count their starts in another way.
///
/// Only clones share it. A second process, or the same program after a restart, counts from zero, while the service
/// does not. [`Store::is_forgetful`] is true.
///
/// ```
/// use industrydata_clock::ManualClock;
/// use industrydata_ledger::{MemoryStore, Store};
///
/// let store = MemoryStore::with_clock(ManualClock::real());
/// assert!(store.is_forgetful());
/// ```
#[derive(Clone, Default)]
pub struct MemoryStore {
    /// Each in as much memory as it needs: a change leaves room in the buffer that it wrote.
    values: Arc<Mutex<HashMap<LedgerKey, Box<[u8]>>>>,
    clock: Clock,
}

impl MemoryStore {
    /// An empty ledger with this machine's clock.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty ledger with `clock`: that of an emulator, another one that a test moves, or a closure that returns the time.
    #[must_use]
    pub fn with_clock(clock: impl industrydata_clock::Clock + 'static) -> Self {
        Self {
            values: Arc::default(),
            clock: Clock::new(clock),
        }
    }
}

impl Store for MemoryStore {
    /// Applies `change`.
    ///
    /// # Errors
    ///
    /// Those of [`Change::apply`].
    fn transact(&self, change: &Change) -> Result<StoreReply, StoreError> {
        // A panic elsewhere cannot leave a value half written, so a poisoned lock is used as it is.
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        let stored = values.get(change.key());
        let applied = change.apply(stored.map(|bytes| &**bytes), self.clock.now())?;
        if let Some(bytes) = applied.write {
            values.insert(change.key().clone(), bytes.into_boxed_slice());
        }
        Ok(applied.reply)
    }

    fn is_forgetful(&self) -> bool {
        true
    }

    fn is_immediate(&self) -> bool {
        true
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{panic, thread, time::Duration};

    use industrydata_core::Timestamp;
    use industrydata_core::ledger::Caller;
    use industrydata_core::policy::Throttle;
    use industrydata_core::wire::BaseUrl;

    use super::*;

    fn reserve(tenant: &str, id: u128) -> Change {
        let key = LedgerKey::new(&BaseUrl::graph(), &tenant.parse().unwrap());
        let lease = Duration::from_secs(150);
        Change::reserve(
            key,
            Throttle::default(),
            id.to_be_bytes(),
            lease,
            Caller::default(),
        )
    }

    fn is_granted(store: &MemoryStore, tenant: &str, id: u128) -> bool {
        store
            .transact(&reserve(tenant, id))
            .unwrap()
            .refusal()
            .is_none()
    }

    #[test]
    fn t51_threads_race_for_five_slots() {
        let store = MemoryStore::new();
        let granted: usize = thread::scope(|scope| {
            let race = |n: u128| {
                let store = store.clone();
                scope.spawn(move || {
                    (0..50)
                        .filter(|i| is_granted(&store, "t", n * 100 + i))
                        .count()
                })
            };
            let threads: Vec<_> = (0..8).map(race).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .sum()
        });
        assert_eq!(granted, 5);
        assert!(is_granted(&store, "u", 1), "tenants do not share slots");
        assert!(store.is_forgetful() && store.is_immediate());
        assert_eq!(format!("{store:?}"), "MemoryStore { .. }");
    }

    #[test]
    fn a_panic_with_the_lock_held_leaves_the_ledger_as_it_was() {
        let panics = Arc::new(Mutex::new(false));
        let switch = Arc::clone(&panics);
        let store = MemoryStore::with_clock(move || {
            assert!(
                !*switch.lock().unwrap_or_else(PoisonError::into_inner),
                "on purpose"
            );
            Timestamp::UNIX_EPOCH
        });
        assert!(is_granted(&store, "t", 1));
        *panics.lock().unwrap() = true;
        let panicked = panic::catch_unwind(panic::AssertUnwindSafe(|| is_granted(&store, "t", 2)));
        assert!(panicked.is_err());
        *panics.lock().unwrap_or_else(PoisonError::into_inner) = false;
        assert!(is_granted(&store, "t", 3));
        assert_eq!(store.transact(&reserve("t", 3)).unwrap().quota().used(), 2);
    }
}
