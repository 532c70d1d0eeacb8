//! The change counts of the rows a store has read, so that a row that vanishes is not treated as an empty ledger.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use industrydata_core::ledger::LedgerKey;
use industrydata_core::ledger::StoreError;

use super::{session::Row, store_error::Obstacle};

/// The count of changes that each tenant's row had when it was last read.
#[derive(Debug, Default)]
pub(super) struct ChangeCounts(Mutex<HashMap<LedgerKey, i64>>);

impl ChangeCounts {
    /// The last count of `key`. Read it before the row: by then the row may have a higher count, never a lower one.
    pub(super) fn get(&self, key: &LedgerKey) -> Option<i64> {
        self.counts().get(key).copied()
    }

    pub(super) fn has_any(&self) -> bool {
        !self.counts().is_empty()
    }

    pub(super) fn record(&self, key: &LedgerKey, changes: i64) {
        let mut counts = self.counts();
        match counts.get_mut(key) {
            Some(count) => *count = changes.max(*count),
            None => drop(counts.insert(key.clone(), changes)),
        }
    }

    /// Compares a row with the count that was known before the row was read.
    pub(super) fn check(
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
            (Some(known), Some(row)) if row.changes < known => {
                Err(Obstacle::RowLost("set back").into())
            }
            (Some(_), None) => Err(Obstacle::RowLost("removed").into()),
            (_, Some(row)) => {
                self.record(key, row.changes);
                Ok(())
            }
        }
    }

    /// A panic elsewhere cannot leave a count half written, so a poisoned lock is used as it is.
    fn counts(&self) -> MutexGuard<'_, HashMap<LedgerKey, i64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use industrydata_core::wire::BaseUrl;

    use super::{super::session::Writer, *};

    fn key(tenant: &str) -> LedgerKey {
        LedgerKey::new(&BaseUrl::graph(), &tenant.parse().unwrap())
    }

    fn row(changes: i64) -> Row {
        let value = Vec::new();
        let writer = Writer(3);
        Row {
            changes,
            writer,
            value,
        }
    }

    #[test]
    fn counts_never_decrease() {
        let (change_counts, key) = (ChangeCounts::default(), key("t"));
        assert!(!change_counts.has_any());
        assert_eq!(change_counts.get(&key), None);
        for (noted, known) in [(2, 2), (5, 5), (3, 5)] {
            change_counts.record(&key, noted);
            assert_eq!(change_counts.get(&key), Some(known));
        }
        assert!(change_counts.has_any());
        assert_eq!(change_counts.get(&self::key("u")), None);
    }

    #[test]
    fn rows_that_vanish_or_go_back_are_errors() {
        let (change_counts, key) = (ChangeCounts::default(), key("t"));
        let check = |known, row: Option<i64>| {
            let row = row.map(self::row);
            change_counts.check(&key, known, row.as_ref())
        };
        assert!(check(None, None).is_ok());
        assert_eq!(change_counts.get(&key), None);
        for (known, row) in [(None, 1), (Some(1), 1), (Some(1), 2)] {
            assert!(check(known, Some(row)).is_ok());
            assert_eq!(change_counts.get(&key), Some(row));
        }
        for (known, row, is_damaged, why) in [
            (Some(2), Some(1), false, "set back"),
            (Some(1), None, false, "removed"),
            (None, Some(0), true, "no count"),
            (Some(1), Some(-1), true, "no count"),
        ] {
            let error = check(known, row).unwrap_err();
            assert!(error.to_string().contains(why), "{known:?} {row:?}");
            assert_eq!(
                matches!(error, StoreError::Damaged(_)),
                is_damaged,
                "{known:?} {row:?}"
            );
        }
        assert_eq!(
            change_counts.get(&key),
            Some(2),
            "a damaged row is not recorded"
        );
    }
}
