//! A fair semaphore whose waiters give up at a deadline.

use std::{
    collections::VecDeque,
    ops::Deref,
    sync::{
        Mutex, MutexGuard, PoisonError,
        mpsc::{self, SyncSender},
    },
    time::Instant,
};

/// Permits for what few threads use at a time. The thread that waits longest has the next one. A mutex of the standard library
/// has no deadline, and a thread that takes it again and again passes others that wait.
#[derive(Debug)]
pub(crate) struct Semaphore(Mutex<Permits>);

#[derive(Debug)]
struct Permits {
    free: usize,
    /// Those who wait for a permit, while none is free. Some may have given up.
    waiting: VecDeque<SyncSender<()>>,
}

impl Semaphore {
    pub(crate) const fn new(permits: usize) -> Self {
        Self(Mutex::new(Permits {
            free: permits,
            waiting: VecDeque::new(),
        }))
    }

    fn acquire(&self, until: Instant) -> bool {
        let mut permits = self.permits();
        if let Some(rest) = permits.free.checked_sub(1) {
            permits.free = rest;
            return true;
        }
        let (next, turn) = mpsc::sync_channel(1);
        permits.waiting.push_back(next);
        drop(permits);
        let left = until.saturating_duration_since(Instant::now());
        if turn.recv_timeout(left).is_ok() {
            return true;
        }
        // No permit is given while this lock is held. One that was given just before counts.
        let permits = self.permits();
        let is_given = turn.try_recv().is_ok();
        drop(turn);
        drop(permits);
        is_given
    }

    fn release(&self) {
        let mut permits = self.permits();
        while let Some(first) = permits.waiting.pop_front() {
            if first.try_send(()).is_ok() {
                return;
            }
        }
        permits.free += 1;
    }

    /// A panic elsewhere cannot leave these half written, so a poisoned lock is used as it is.
    fn permits(&self) -> MutexGuard<'_, Permits> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A permit, until it is dropped.
#[derive(Debug)]
pub(crate) struct Permit<S: Deref<Target = Semaphore>>(S);

impl<S: Deref<Target = Semaphore>> Permit<S> {
    /// Waits for a permit until `until`. `None` if there was none.
    pub(crate) fn wait(semaphore: S, until: Instant) -> Option<Self> {
        semaphore.acquire(until).then(|| Self(semaphore))
    }
}

impl<S: Deref<Target = Semaphore>> Drop for Permit<S> {
    fn drop(&mut self) {
        self.0.release();
    }
}

#[cfg(test)]
mod tests {
    use std::{thread, time::Duration};

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(50)
    }

    fn late() -> Instant {
        Instant::now() + Duration::from_secs(10)
    }

    #[test]
    fn there_are_no_more_permits_than_it_was_made_with() {
        let semaphore = Semaphore::new(4);
        let mut held: Vec<_> = (0..4).map(|_| Permit::wait(&semaphore, soon())).collect();
        assert!(held.iter().all(Option::is_some));
        let begun = Instant::now();
        assert!(Permit::wait(&semaphore, soon()).is_none());
        assert!(begun.elapsed() >= Duration::from_millis(50));
        held.pop();
        let last = Permit::wait(&semaphore, soon()).unwrap();
        // One that waits takes the place of one that ends.
        thread::scope(|scope| {
            let waits = scope.spawn(|| Permit::wait(&semaphore, late()).is_some());
            thread::sleep(Duration::from_millis(20));
            drop(last);
            assert!(waits.join().unwrap());
        });
    }

    #[test]
    fn whoever_waits_has_a_permit_before_one_who_comes_later() {
        let semaphore = &Semaphore::new(1);
        let first = Permit::wait(semaphore, soon()).unwrap();
        // One that has given up is passed over.
        assert!(Permit::wait(semaphore, Instant::now()).is_none());
        thread::scope(|scope| {
            let waits = scope.spawn(|| Permit::wait(semaphore, late()).unwrap());
            thread::sleep(Duration::from_millis(50));
            drop(first);
            assert!(Permit::wait(semaphore, Instant::now()).is_none());
            drop(waits.join().unwrap());
        });
        assert!(Permit::wait(semaphore, Instant::now()).is_some());
    }
}
