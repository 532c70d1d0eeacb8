//! What a program remembers of the books it has seen, so that rows that vanish are not taken for books with nothing in
//! them.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use industrydata_core::{BooksKey, StoreFault};

use super::session::Row;

/// The count of changes that each tenant's row had when it was last seen.
#[derive(Debug, Default)]
pub(super) struct Remembered(Mutex<HashMap<BooksKey, i64>>);

impl Remembered {
    /// What is known of `key`. To be asked before the row is: the row may have gone on by then, and never back.
    pub(super) fn of(&self, key: &BooksKey) -> Option<i64> {
        self.counts().get(key).copied()
    }

    pub(super) fn is_any(&self) -> bool {
        !self.counts().is_empty()
    }

    pub(super) fn note(&self, key: &BooksKey, changes: i64) {
        let mut counts = self.counts();
        match counts.get_mut(key) {
            Some(count) => *count = changes.max(*count),
            None => drop(counts.insert(key.clone(), changes)),
        }
    }

    /// Compares a row with what was known of it before it was read.
    pub(super) fn agrees(
        &self,
        key: &BooksKey,
        known: Option<i64>,
        row: Option<&Row>,
    ) -> Result<(), StoreFault> {
        match (known, row) {
            (None, None) => Ok(()),
            (_, Some(row)) if row.changes < 1 => {
                Err(StoreFault::Damaged("a row has no count of its changes"))
            }
            (Some(known), Some(row)) if row.changes < known => Err(StoreFault::Damaged(
                "the tenant's row was set back to an earlier one while in use",
            )),
            (Some(_), None) => Err(StoreFault::Damaged(
                "the tenant's row was removed while in use",
            )),
            (_, Some(row)) => {
                self.note(key, row.changes);
                Ok(())
            }
        }
    }

    /// A count is replaced whole or not at all, so that a panic elsewhere leaves none half written.
    fn counts(&self) -> MutexGuard<'_, HashMap<BooksKey, i64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
