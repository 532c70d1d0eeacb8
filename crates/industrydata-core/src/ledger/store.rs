//! The trait of stores.

use crate::ledger::{change::Change, reply::StoreReply, reset::Reset, store_error::StoreError};

/// A place that keeps ledgers. It has one value of bytes for each [`LedgerKey`](crate::ledger::LedgerKey).
///
/// A store decides nothing. For one change it takes the lock of that key, reads the bytes, calls [`Change::apply`],
/// durably writes the returned bytes, and releases the lock:
///
/// ```
/// use std::{collections::HashMap, sync::Mutex};
/// use industrydata_core::{ledger::{LedgerKey, Change, Store, StoreError, StoreReply}, Timestamp};
///
/// #[derive(Default)]
/// struct Fixed(Mutex<HashMap<LedgerKey, Vec<u8>>>);
///
/// impl Store for Fixed {
///     fn transact(&self, change: &Change) -> Result<StoreReply, StoreError> {
///         let mut values = self.0.lock().map_err(|_| StoreError::Busy)?;
///         let clock = Timestamp::UNIX_EPOCH; // a real store reads its clock here, with the lock held
///         let applied = change.apply(values.get(change.key()).map(Vec::as_slice), clock)?;
///         if let Some(bytes) = applied.write {
///             values.insert(change.key().clone(), bytes);
///         }
///         Ok(applied.reply)
///     }
/// }
/// ```
///
/// A change is idempotent by its reservation's id. If a store does not know whether a commit succeeded, it applies the
/// change again. It returns [`StoreError::Unconfirmed`] only if the outcome is still unknown.
///
/// A change with a [`time_limit`](Change::time_limit) is best effort: a store that waits for a lock or a server gives up
/// after that time. Its caller does not wait longer, unless the store is [immediate](Store::is_immediate).
pub trait Store: Send + Sync {
    /// Applies `change` to the ledger it names, durably.
    ///
    /// # Errors
    ///
    /// [`StoreError`]. If a reservation fails with it, nothing is sent and no run is started.
    fn transact(&self, change: &Change) -> Result<StoreReply, StoreError>;

    /// Whether the ledgers end with this process. The default is no.
    fn is_forgetful(&self) -> bool {
        false
    }

    /// Whether a change is made within microseconds, without I/O and without a wait for anything but other changes of this
    /// store. A client makes it where it is then, and on a thread otherwise. The default is no.
    fn is_immediate(&self) -> bool {
        false
    }

    /// Moves the ledgers of all tenants aside, damaged or not, and begins new ones. An empty store keeps its place.
    ///
    /// The new ledger begins in quarantine: it keeps [`reset_mark`](crate::ledger::reset_mark) and hands it to every
    /// change ([`Stored::reset`](crate::ledger::Stored::reset)). Without the mark, the slots of the starts in the old
    /// ledger would be free at once. By default the error says that the store cannot be reset.
    ///
    /// # Errors
    ///
    /// [`StoreError`]. The old ledger is where it was.
    fn reset(&self) -> Result<Reset, StoreError> {
        Err(StoreError::unavailable("this store cannot be reset"))
    }
}

impl<S: Store + ?Sized> Store for std::sync::Arc<S> {
    fn transact(&self, change: &Change) -> Result<StoreReply, StoreError> {
        (**self).transact(change)
    }

    fn is_forgetful(&self) -> bool {
        (**self).is_forgetful()
    }

    fn is_immediate(&self) -> bool {
        (**self).is_immediate()
    }

    fn reset(&self) -> Result<Reset, StoreError> {
        (**self).reset()
    }
}

impl<S: Store + ?Sized> Store for Box<S> {
    fn transact(&self, change: &Change) -> Result<StoreReply, StoreError> {
        (**self).transact(change)
    }

    fn is_forgetful(&self) -> bool {
        (**self).is_forgetful()
    }

    fn is_immediate(&self) -> bool {
        (**self).is_immediate()
    }

    fn reset(&self) -> Result<Reset, StoreError> {
        (**self).reset()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::{ledger::key::LedgerKey, policy::Throttle, wire::base_url::BaseUrl};

    /// Has nothing but what every store must have.
    struct Plain;

    impl Store for Plain {
        fn transact(&self, _: &Change) -> Result<StoreReply, StoreError> {
            Err(StoreError::Busy)
        }
    }

    struct Full;

    impl Store for Full {
        fn transact(&self, change: &Change) -> Result<StoreReply, StoreError> {
            Plain.transact(change)
        }

        fn is_forgetful(&self) -> bool {
            true
        }

        fn is_immediate(&self) -> bool {
            true
        }
    }

    #[test]
    fn a_shared_or_boxed_store_is_the_store() {
        let read = Change::read(
            LedgerKey::new(&BaseUrl::graph(), &"contoso".parse().unwrap()),
            Throttle::default(),
        );
        let (plain, full) = (std::sync::Arc::new(Plain), std::sync::Arc::new(Full));
        assert!(!plain.is_forgetful() && full.is_forgetful());
        assert!(!plain.is_immediate() && full.is_immediate());
        assert!(matches!(plain.transact(&read), Err(StoreError::Busy)));
        for boxed in [Box::new(plain) as Box<dyn Store>, Box::new(full)] {
            assert!(matches!(boxed.transact(&read), Err(StoreError::Busy)));
            assert!(matches!(boxed.reset(), Err(StoreError::Unavailable(_))));
        }
        let full = Box::new(Full) as Box<dyn Store>;
        assert!(full.is_forgetful() && full.is_immediate());
    }
}
