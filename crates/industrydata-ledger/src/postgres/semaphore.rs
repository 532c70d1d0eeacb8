//! A fair semaphore whose waiters give up at a deadline.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, MutexGuard, PoisonError,
        mpsc::{self, SyncSender},
    },
    time::Instant,
};

/// Permits for what few threads use at a time. The thread that waits longest has the next one.
#[derive(Debug)]
pub(super) struct Semaphore(Mutex<Permits>);

#[derive(Debug)]
struct Permits {
    free: usize,
    /// Those who wait for a permit, while none is free. Some may have given up.
    waiting: VecDeque<SyncSender<()>>,
}

impl Semaphore {
    pub(super) const fn new(permits: usize) -> Self {
        Self(Mutex::new(Permits {
            free: permits,
            waiting: VecDeque::new(),
        }))
    }

    /// Takes a permit, and waits for it until `until`. Returns whether it has one, which is to be released.
    pub(super) fn acquire(&self, until: Instant) -> bool {
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

    /// Gives a permit to the thread that waits longest, or back.
    pub(super) fn release(&self) {
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
        assert!((0..4).all(|_| semaphore.acquire(soon())));
        let begun = Instant::now();
        assert!(!semaphore.acquire(soon()));
        assert!(begun.elapsed() >= Duration::from_millis(50));
        semaphore.release();
        assert!(semaphore.acquire(soon()));
        // One that waits takes the place of one that ends.
        thread::scope(|scope| {
            let waits = scope.spawn(|| semaphore.acquire(late()));
            thread::sleep(Duration::from_millis(20));
            semaphore.release();
            assert!(waits.join().unwrap());
        });
        assert!(!semaphore.acquire(Instant::now()));
    }

    #[test]
    fn whoever_waits_has_a_permit_before_one_who_comes_later() {
        let semaphore = Semaphore::new(1);
        assert!(semaphore.acquire(soon()));
        // One that has given up is passed over.
        assert!(!semaphore.acquire(Instant::now()));
        thread::scope(|scope| {
            let waits = scope.spawn(|| semaphore.acquire(late()));
            thread::sleep(Duration::from_millis(50));
            semaphore.release();
            assert!(!semaphore.acquire(Instant::now()));
            assert!(waits.join().unwrap());
        });
        semaphore.release();
        assert!(semaphore.acquire(Instant::now()));
    }
}
