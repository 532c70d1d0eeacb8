//! A mutex whose waiters give up at a deadline.

use std::{
    sync::{Mutex, PoisonError},
    time::Instant,
};

use industrydata_core::ledger::StoreError;

use crate::semaphore::{Permit, Semaphore};

/// A value that one thread uses at a time. The thread that waits longest has it next.
#[derive(Debug)]
pub(super) struct TimedMutex<T> {
    permit: Semaphore,
    inside: Mutex<T>,
}

impl<T> TimedMutex<T> {
    pub(super) const fn new(inside: T) -> Self {
        Self {
            permit: Semaphore::new(1),
            inside: Mutex::new(inside),
        }
    }

    /// Runs `work` on the value while no other thread uses it.
    pub(super) fn with<R>(
        &self,
        until: Instant,
        work: impl FnOnce(&mut T) -> R,
    ) -> Result<R, StoreError> {
        let _permit = self.take(until)?;
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(work(&mut inside))
    }

    pub(super) fn take(&self, until: Instant) -> Result<Permit<&Semaphore>, StoreError> {
        Permit::wait(&self.permit, until).ok_or(StoreError::Busy)
    }

    /// The value, which nothing else can use now.
    pub(super) fn get_mut(&mut self) -> &mut T {
        self.inside
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
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
    fn waiting_ends_at_the_deadline() {
        let mutex = TimedMutex::new(());
        let held = mutex.take(in_ms(0)).unwrap();
        let begun = Instant::now();
        assert!(matches!(
            mutex.with(in_ms(50), |()| ()),
            Err(StoreError::Busy)
        ));
        assert!(begun.elapsed() >= Duration::from_millis(50));
        drop(held);
        assert!(mutex.with(in_ms(0), |()| ()).is_ok());
    }

    #[test]
    fn a_panic_unlocks() {
        let mutex = TimedMutex::new(0);
        let panicked = thread::scope(|scope| {
            scope
                .spawn(|| mutex.with(in_ms(0), |_| panic!("on purpose")))
                .join()
        });
        assert!(panicked.is_err());
        assert_eq!(mutex.with(in_ms(0), |n| *n).unwrap(), 0);
    }
}
