//! The ledgers without a free slot.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use industrydata_core::ledger::LedgerKey;
use industrydata_core::ledger::StoreReply;

/// The keys of the ledgers that had no free slot when a change was last applied to them. A reservation there is likely to be
/// refused, and a refusal takes no lock.
#[derive(Debug, Default)]
pub(super) struct Full(Mutex<HashSet<LedgerKey>>);

impl Full {
    pub(super) fn has(&self, key: &LedgerKey) -> bool {
        self.keys().contains(key)
    }

    /// Keeps what the reply to a change of `key` shows.
    pub(super) fn note(&self, key: &LedgerKey, reply: &StoreReply) {
        let is_full = reply.refusal().is_some() || reply.quota().available() == 0;
        let mut keys = self.keys();
        if !is_full {
            keys.remove(key);
        } else if !keys.contains(key) {
            keys.insert(key.clone());
        }
    }

    /// A panic elsewhere cannot leave a set half written, so a poisoned lock is used as it is.
    fn keys(&self) -> MutexGuard<'_, HashSet<LedgerKey>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use industrydata_core::{
        Timestamp, ledger::Caller, ledger::Change, policy::Throttle, wire::BaseUrl,
    };

    use super::*;

    #[test]
    fn a_ledger_is_full_if_no_slot_is_left_or_a_reservation_was_refused() {
        let key = |name: &str| LedgerKey::new(&BaseUrl::graph(), &name.parse().unwrap());
        let full = Full::default();
        for (limit, is_full) in [(2, false), (1, true), (0, true), (2, false)] {
            let throttle = Throttle {
                limit,
                ..Throttle::default()
            };
            let (lease, caller) = (Duration::from_secs(150), Caller::default());
            let change = Change::reserve(key("t"), throttle, [1; 16], lease, caller);
            let applied = change.apply(None, Timestamp::UNIX_EPOCH).unwrap();
            full.note(&key("t"), &applied.reply);
            assert_eq!(full.has(&key("t")), is_full, "{limit}");
            assert!(!full.has(&key("u")));
        }
    }
}
