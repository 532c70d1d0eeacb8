//! The ledgers that others change at the same time.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use industrydata_core::ledger::LedgerKey;

/// How many changes of a ledger take its lock after one found that another change came between: then most of them would, and
/// changes that wait for the lock have it in turn.
const LOCKED: u8 = 64;

/// The keys of the ledgers whose next changes take the lock, and how many of them do.
#[derive(Debug, Default)]
pub(super) struct Contested(Mutex<HashMap<LedgerKey, u8>>);

impl Contested {
    /// Whether the next change of `key` may be written without its lock.
    pub(super) fn may_swap(&self, key: &LedgerKey) -> bool {
        let mut keys = self.keys();
        let Some(left) = keys.get_mut(key) else {
            return true;
        };
        *left -= 1;
        if *left == 0 {
            keys.remove(key);
        }
        false
    }

    /// Keeps that a change of `key` found another one between.
    pub(super) fn note(&self, key: &LedgerKey) {
        self.keys().insert(key.clone(), LOCKED);
    }

    /// A panic elsewhere cannot leave a map half written, so a poisoned lock is used as it is.
    fn keys(&self) -> MutexGuard<'_, HashMap<LedgerKey, u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use industrydata_core::wire::BaseUrl;

    use super::*;

    #[test]
    fn a_contested_ledger_is_locked_by_its_next_changes() {
        let key = |name: &str| LedgerKey::new(&BaseUrl::graph(), &name.parse().unwrap());
        let contested = Contested::default();
        assert!(contested.may_swap(&key("t")));
        for _ in 0..2 {
            contested.note(&key("t"));
            assert!(contested.may_swap(&key("u")));
            for _ in 0..LOCKED {
                assert!(!contested.may_swap(&key("t")));
            }
            assert!(contested.may_swap(&key("t")));
        }
    }
}
