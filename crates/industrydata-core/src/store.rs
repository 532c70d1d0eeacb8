//! Where books are kept, as a trait: the core owns it, stores implement it.

use crate::{
    books::{Change, Verdict},
    fault::Cause,
};

/// A place that keeps books: one value of bytes for each [`BooksKey`](crate::BooksKey).
///
/// A store decides nothing. For one change it takes the lock of that key, reads the bytes, calls
/// [`Change::apply`], writes what that says (durably, before it returns), and gives the lock back:
///
/// ```
/// use std::{collections::HashMap, sync::Mutex};
/// use industrydata_core::{BooksKey, Change, Store, StoreFault, Timestamp, Verdict};
///
/// #[derive(Default)]
/// struct Fixed(Mutex<HashMap<BooksKey, Vec<u8>>>);
///
/// impl Store for Fixed {
///     fn transact(&self, change: &Change) -> Result<Verdict, StoreFault> {
///         let mut books = self.0.lock().map_err(|_| StoreFault::Busy)?;
///         let clock = Timestamp::UNIX_EPOCH; // a real store reads its clock here, with the lock held
///         let applied = change.apply(books.get(change.key()).map(Vec::as_slice), clock)?;
///         if let Some(bytes) = applied.write {
///             books.insert(change.key().clone(), bytes);
///         }
///         Ok(applied.verdict)
///     }
/// }
/// ```
///
/// A change is idempotent by its reservation's id. A store whose commit may or may not have happened runs the change
/// again, and answers [`StoreFault::Unconfirmed`] only if that cannot tell either.
pub trait Store: Send + Sync {
    /// Applies `change` to the books it names, durably.
    ///
    /// # Errors
    ///
    /// [`StoreFault`]; before the POST each of them means that no run was started, and none is.
    fn transact(&self, change: &Change) -> Result<Verdict, StoreFault>;

    /// Whether the books end with this process. The default says no.
    fn is_forgetful(&self) -> bool {
        false
    }
}

impl<S: Store + ?Sized> Store for std::sync::Arc<S> {
    fn transact(&self, change: &Change) -> Result<Verdict, StoreFault> {
        (**self).transact(change)
    }

    fn is_forgetful(&self) -> bool {
        (**self).is_forgetful()
    }
}

/// Why a change could not be booked.
///
/// Before the POST: a run may have started: no, and none is started. After it, the start's own result stands, the
/// reservation goes on counting, and the result carries this as a warning.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreFault {
    /// Another holder kept the lock for longer than the store waits. Nothing was changed: try again.
    #[error(
        "the books are locked by another process or thread: try again, or look for one that hangs"
    )]
    Busy,
    /// The store could not be opened, reached, read or written. Nothing was changed.
    #[error("the books cannot be used: {0}")]
    Unavailable(Cause),
    /// What is stored is not a value of ours, or was altered. It is left as it is.
    #[error(
        "the books are damaged ({0}) and are left as they are: move the ledger aside and begin a new one, which does not count the earlier starts"
    )]
    Damaged(&'static str),
    /// A newer release wrote them. They are left as they are.
    #[error(
        "the books were written by a newer release (format {found}, this one reads up to {known}): update this program"
    )]
    Newer {
        /// The format found.
        found: u32,
        /// The newest format this release reads.
        known: u32,
    },
    /// It could not be told whether the change is durable; running it again failed too.
    #[error("it cannot be told whether the books were written: {0}")]
    Unconfirmed(Cause),
}

impl StoreFault {
    /// A store that cannot be used because of `error`.
    pub fn unavailable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unavailable(Cause::new(error))
    }

    /// A change of which it cannot be told whether it stands, because of `error`.
    pub fn unconfirmed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unconfirmed(Cause::new(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::{base::Base, books::BooksKey, policy::Throttle};

    /// Has nothing but what every store must have.
    struct Plain;

    impl Store for Plain {
        fn transact(&self, _: &Change) -> Result<Verdict, StoreFault> {
            Err(StoreFault::Busy)
        }
    }

    struct Full;

    impl Store for Full {
        fn transact(&self, change: &Change) -> Result<Verdict, StoreFault> {
            Plain.transact(change)
        }

        fn is_forgetful(&self) -> bool {
            true
        }
    }

    #[test]
    fn a_shared_store_is_the_store() {
        let read = Change::read(
            BooksKey::new(&Base::graph(), &"contoso".parse().unwrap()),
            Throttle::default(),
        );
        let (plain, full) = (std::sync::Arc::new(Plain), std::sync::Arc::new(Full));
        assert!(!plain.is_forgetful() && full.is_forgetful());
        assert!(matches!(plain.transact(&read), Err(StoreFault::Busy)));
    }
}
