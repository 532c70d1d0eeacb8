//! The turns of a process at each ledger.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use industrydata_core::ledger::LedgerKey;

use crate::semaphore::{Permit, Semaphore};

/// Lets the threads of a process change a ledger in turn.
///
/// Changes of one ledger at the same time would be correct, but the server would wake each of them for the row's lock, and all
/// of them would keep a connection. A thread that waits for long goes on without its turn: the connection of the one that has
/// it may be lost.
#[derive(Debug)]
pub(super) struct Turns {
    /// How many threads change a ledger at the same time.
    at_once: usize,
    ledgers: Mutex<HashMap<LedgerKey, Arc<Semaphore>>>,
}

/// A turn, or the time for it has passed.
#[derive(Debug)]
pub(super) struct Turn<'t> {
    turns: &'t Turns,
    key: &'t LedgerKey,
    permit: Option<Permit<Arc<Semaphore>>>,
}

impl Turns {
    pub(super) fn new(at_once: usize) -> Self {
        Self {
            at_once,
            ledgers: Mutex::default(),
        }
    }

    /// Waits for the turn for half of the time that is left until `until`.
    pub(super) fn take<'t>(&'t self, key: &'t LedgerKey, until: Instant) -> Turn<'t> {
        let semaphore = {
            let mut ledgers = self.ledgers();
            let made = || Arc::new(Semaphore::new(self.at_once));
            Arc::clone(ledgers.entry(key.clone()).or_insert_with(made))
        };
        let now = Instant::now();
        let half = until.saturating_duration_since(now) / 2;
        Turn {
            turns: self,
            key,
            permit: Permit::wait(semaphore, now + half),
        }
    }

    /// A panic elsewhere cannot leave a map half written, so a poisoned lock is used as it is.
    fn ledgers(&self) -> MutexGuard<'_, HashMap<LedgerKey, Arc<Semaphore>>> {
        self.ledgers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        drop(self.permit.take());
        // Those who wait or have a turn have a copy. No copy is made without this lock.
        let mut ledgers = self.turns.ledgers();
        if let Some(semaphore) = ledgers.get(self.key)
            && Arc::strong_count(semaphore) == 1
        {
            ledgers.remove(self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{thread, time::Duration};

    use industrydata_core::wire::BaseUrl;

    use super::*;

    fn key(name: &str) -> LedgerKey {
        LedgerKey::new(&BaseUrl::graph(), &name.parse().unwrap())
    }

    fn in_ms(ms: u64) -> Instant {
        Instant::now() + Duration::from_millis(ms)
    }

    #[test]
    fn a_ledger_is_changed_in_turn_and_others_at_the_same_time() {
        let (turns, [t, u]) = (Turns::new(1), ["t", "u"].map(key));
        let first = turns.take(&t, in_ms(0));
        assert!(first.permit.is_some());
        assert!(turns.take(&u, in_ms(0)).permit.is_some());
        thread::scope(|scope| {
            let waits = scope.spawn(|| turns.take(&t, in_ms(20_000)).permit.is_some());
            thread::sleep(Duration::from_millis(20));
            assert!(!waits.is_finished());
            drop(first);
            assert!(waits.join().unwrap());
        });
        assert!(turns.ledgers().is_empty());
    }

    #[test]
    fn one_that_waits_for_long_goes_on_without() {
        let (turns, t) = (Turns::new(1), key("t"));
        let first = turns.take(&t, in_ms(0));
        let begun = Instant::now();
        let second = turns.take(&t, in_ms(100));
        assert!(second.permit.is_none());
        assert!(begun.elapsed() >= Duration::from_millis(50));
        drop(second);
        let third = turns.take(&t, in_ms(0));
        assert!(third.permit.is_none(), "the first has it still");
        drop((first, third));
        assert!(turns.take(&t, in_ms(0)).permit.is_some());
        assert!(turns.ledgers().is_empty());
    }
}
