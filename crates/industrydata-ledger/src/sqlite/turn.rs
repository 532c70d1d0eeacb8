//! The threads of one process, one at a time and for no longer than they are willing to wait.

use std::{
    sync::{Condvar, Mutex, PoisonError},
    time::Instant,
};

use industrydata_core::ledger::StoreError;

/// A value that one thread uses at a time. A mutex alone would wait without end.
#[derive(Debug)]
pub(super) struct Turns<T> {
    taken: Mutex<bool>,
    freed: Condvar,
    inside: Mutex<T>,
}

impl<T> Turns<T> {
    pub(super) const fn new(inside: T) -> Self {
        Self {
            taken: Mutex::new(false),
            freed: Condvar::new(),
            inside: Mutex::new(inside),
        }
    }

    /// Runs `work` on the value once no other thread does.
    pub(super) fn with<R>(
        &self,
        until: Instant,
        work: impl FnOnce(&mut T) -> R,
    ) -> Result<R, StoreError> {
        let _turn = self.take(until)?;
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(work(&mut inside))
    }

    fn take(&self, until: Instant) -> Result<Turn<'_, T>, StoreError> {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let patience = until.saturating_duration_since(Instant::now());
        let (mut taken, _) = self
            .freed
            .wait_timeout_while(taken, patience, |taken| *taken)
            .unwrap_or_else(PoisonError::into_inner);
        if *taken {
            return Err(StoreError::Busy);
        }
        *taken = true;
        Ok(Turn(self))
    }
}

/// Gives the turn back when dropped, after a panic too.
struct Turn<'a, T>(&'a Turns<T>);

impl<T> Drop for Turn<'_, T> {
    fn drop(&mut self) {
        *self.0.taken.lock().unwrap_or_else(PoisonError::into_inner) = false;
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::{thread, time::Duration};

    use super::*;

    fn in_ms(ms: u64) -> Instant {
        Instant::now() + Duration::from_millis(ms)
    }

    #[test]
    fn waiting_ends() {
        let turns = Turns::new(());
        let held = turns.take(in_ms(0)).unwrap();
        let begun = Instant::now();
        assert!(matches!(
            turns.with(in_ms(50), |()| ()),
            Err(StoreError::Busy)
        ));
        assert!(begun.elapsed() >= Duration::from_millis(50));
        drop(held);
        assert!(turns.with(in_ms(0), |()| ()).is_ok());
    }

    #[test]
    fn a_panic_gives_the_turn_back() {
        let turns = Turns::new(0);
        let panicked = thread::scope(|scope| {
            scope
                .spawn(|| turns.with(in_ms(0), |_| panic!("on purpose")))
                .join()
        });
        assert!(panicked.is_err());
        assert_eq!(turns.with(in_ms(0), |n| *n).unwrap(), 0);
    }
}
