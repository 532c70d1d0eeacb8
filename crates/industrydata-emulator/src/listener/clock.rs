//! The clock of a listening service.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use jiff::Timestamp;

use crate::time::later;

/// A clock that can be advanced. It runs by itself unless it is frozen, and its clones show the same time.
///
/// It reads the machine's wall clock once, when it is created. From then on it follows the monotonic clock, so it never
/// goes back.
#[derive(Clone, Debug)]
pub struct Clock {
    begin: Timestamp,
    since: Option<Instant>,
    advanced: Arc<Mutex<Duration>>,
}

impl Clock {
    /// A running clock that begins at the machine's time.
    #[must_use]
    pub fn real() -> Self {
        Self::starting_at(Timestamp::now())
    }

    /// A running clock that begins at this time.
    #[must_use]
    pub fn starting_at(begin: Timestamp) -> Self {
        Self {
            since: Some(Instant::now()),
            ..Self::frozen(begin)
        }
    }

    /// A frozen clock: it shows this time until it is advanced.
    #[must_use]
    pub fn frozen(begin: Timestamp) -> Self {
        Self {
            begin,
            since: None,
            advanced: Arc::default(),
        }
    }

    /// The current time of the clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let advanced = *self.advanced.lock().unwrap_or_else(PoisonError::into_inner);
        let elapsed = self.since.map(|since| since.elapsed()).unwrap_or_default();
        later(self.begin, advanced.saturating_add(elapsed))
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let mut advanced = self.advanced.lock().unwrap_or_else(PoisonError::into_inner);
        *advanced = advanced.saturating_add(by);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frozen_clock_and_its_clones_advance_together() {
        let clock = Clock::frozen(Timestamp::UNIX_EPOCH);
        let clone = clock.clone();
        assert_eq!(clone.now(), Timestamp::UNIX_EPOCH);
        clock.advance(Duration::from_secs(5));
        assert_eq!(clone.now(), Timestamp::from_second(5).unwrap());
        clock.advance(Duration::MAX);
        assert_eq!(clone.now(), Timestamp::MAX);
    }

    #[test]
    fn a_running_clock_moves_by_itself() {
        let clock = Clock::starting_at(Timestamp::UNIX_EPOCH);
        std::thread::sleep(Duration::from_millis(2));
        assert!(clock.now() > Timestamp::UNIX_EPOCH);
    }
}
