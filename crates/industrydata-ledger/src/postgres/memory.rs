//! What a program remembers of the books it has seen, so that rows that vanish are not taken for books with nothing in
//! them.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use industrydata_core::ledger::LedgerKey;
use industrydata_core::ledger::StoreError;

use super::session::Row;

/// The count of changes that each tenant's row had when it was last seen.
#[derive(Debug, Default)]
pub(super) struct Remembered(Mutex<HashMap<LedgerKey, i64>>);

impl Remembered {
    /// What is known of `key`. To be asked before the row is: the row may have gone on by then, and never back.
    pub(super) fn of(&self, key: &LedgerKey) -> Option<i64> {
        self.counts().get(key).copied()
    }

    pub(super) fn is_any(&self) -> bool {
        !self.counts().is_empty()
    }

    pub(super) fn note(&self, key: &LedgerKey, changes: i64) {
        let mut counts = self.counts();
        match counts.get_mut(key) {
            Some(count) => *count = changes.max(*count),
            None => drop(counts.insert(key.clone(), changes)),
        }
    }

    /// Compares a row with what was known of it before it was read.
    pub(super) fn agrees(
        &self,
        key: &LedgerKey,
        known: Option<i64>,
        row: Option<&Row>,
    ) -> Result<(), StoreError> {
        match (known, row) {
            (None, None) => Ok(()),
            (_, Some(row)) if row.changes < 1 => {
                Err(StoreError::Damaged("a row has no count of its changes"))
            }
            (Some(known), Some(row)) if row.changes < known => Err(StoreError::Damaged(
                "the tenant's row was set back to an earlier one while in use",
            )),
            (Some(_), None) => Err(StoreError::Damaged(
                "the tenant's row was removed while in use",
            )),
            (_, Some(row)) => {
                self.note(key, row.changes);
                Ok(())
            }
        }
    }

    /// A count is replaced whole or not at all, so that a panic elsewhere leaves none half written.
    fn counts(&self) -> MutexGuard<'_, HashMap<LedgerKey, i64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use industrydata_core::wire::BaseUrl;

    use super::*;

    fn key(tenant: &str) -> LedgerKey {
        LedgerKey::new(&BaseUrl::graph(), &tenant.parse().unwrap())
    }

    fn row(changes: i64) -> Row {
        let value = Vec::new();
        Row { changes, value }
    }

    #[test]
    fn a_count_never_goes_back() {
        let (remembered, key) = (Remembered::default(), key("t"));
        assert!(!remembered.is_any());
        assert_eq!(remembered.of(&key), None);
        for (noted, known) in [(2, 2), (5, 5), (3, 5)] {
            remembered.note(&key, noted);
            assert_eq!(remembered.of(&key), Some(known));
        }
        assert!(remembered.is_any());
        assert_eq!(remembered.of(&self::key("u")), None);
    }

    #[test]
    fn rows_that_vanish_or_go_back_are_damage() {
        let (remembered, key) = (Remembered::default(), key("t"));
        let agrees = |known, row: Option<i64>| {
            let row = row.map(self::row);
            remembered.agrees(&key, known, row.as_ref())
        };
        assert!(agrees(None, None).is_ok());
        assert_eq!(remembered.of(&key), None);
        for (known, row) in [(None, 1), (Some(1), 1), (Some(1), 2)] {
            assert!(agrees(known, Some(row)).is_ok());
            assert_eq!(remembered.of(&key), Some(row));
        }
        for (known, row, why) in [
            (Some(2), Some(1), "set back"),
            (Some(1), None, "removed"),
            (None, Some(0), "no count"),
            (Some(1), Some(-1), "no count"),
        ] {
            let fault = agrees(known, row).unwrap_err();
            assert!(
                matches!(fault, StoreError::Damaged(told) if told.contains(why)),
                "{known:?} {row:?}"
            );
        }
        assert_eq!(remembered.of(&key), Some(2), "what is damaged is not noted");
    }
}
