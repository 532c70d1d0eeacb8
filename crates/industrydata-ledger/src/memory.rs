//! Books in memory.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use industrydata_core::{BooksKey, Change, Store, StoreFault, Timestamp, Verdict};

use crate::clock::Clock;

/// Books that end with the process: for tests, and for programs that keep account of their starts elsewhere.
///
/// A clone shares the books. Nothing else does: a second process, or the same program started anew, counts from
/// zero while the service goes on counting. [`Store::is_forgetful`] says so.
#[derive(Clone, Default)]
pub struct MemoryStore {
    books: Arc<Mutex<HashMap<BooksKey, Vec<u8>>>>,
    clock: Clock,
}

impl MemoryStore {
    /// Empty books, kept by this machine's clock.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Empty books, kept by `clock`.
    #[must_use]
    pub fn with_clock(clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self {
            books: Arc::default(),
            clock: Clock::new(clock),
        }
    }
}

impl Store for MemoryStore {
    /// Applies `change`. A run may have started: no.
    ///
    /// # Errors
    ///
    /// None of the store's own.
    fn transact(&self, change: &Change) -> Result<Verdict, StoreFault> {
        // A value is replaced whole or not at all, so that a panic elsewhere leaves none half written.
        let mut books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        let stored = books.get(change.key()).map(Vec::as_slice);
        let applied = change.apply(stored, self.clock.now())?;
        if let Some(bytes) = applied.write {
            books.insert(change.key().clone(), bytes);
        }
        Ok(applied.verdict)
    }

    fn is_forgetful(&self) -> bool {
        true
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}
