//! The time that a listener gives to its service.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use jiff::Timestamp;

use crate::time::later;

/// A clock that goes on by itself, unless it is frozen, and can be advanced. Clones are the same clock.
///
/// It reads the machine's wall clock once, when it is made; from there it goes by the monotonic clock, so that it never
/// goes back.
#[derive(Clone, Debug)]
pub struct Clock {
    begin: Timestamp,
    since: Option<Instant>,
    advanced: Arc<Mutex<Duration>>,
}

impl Clock {
    /// A clock that shows the machine's time.
    #[must_use]
    pub fn real() -> Self {
        Self::starting_at(Timestamp::now())
    }

    /// A clock that shows this time now, and goes on.
    #[must_use]
    pub fn starting_at(begin: Timestamp) -> Self {
        Self {
            since: Some(Instant::now()),
            ..Self::frozen(begin)
        }
    }

    /// A clock that shows this time until it is advanced.
    #[must_use]
    pub fn frozen(begin: Timestamp) -> Self {
        Self {
            begin,
            since: None,
            advanced: Arc::default(),
        }
    }

    /// The time it shows.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let advanced = *self.advanced.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = self.since.map(|since| since.elapsed()).unwrap_or_default();
        later(self.begin, advanced.saturating_add(gone))
    }

    /// Moves it forward.
    pub fn advance(&self, by: Duration) {
        let mut advanced = self.advanced.lock().unwrap_or_else(PoisonError::into_inner);
        *advanced = advanced.saturating_add(by);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frozen_clock_moves_by_hand_and_its_clones_with_it() {
        let clock = Clock::frozen(Timestamp::UNIX_EPOCH);
        let clone = clock.clone();
        assert_eq!(clone.now(), Timestamp::UNIX_EPOCH);
        clock.advance(Duration::from_secs(5));
        assert_eq!(clone.now(), Timestamp::from_second(5).unwrap());
        clock.advance(Duration::MAX);
        assert_eq!(clone.now(), Timestamp::MAX);
    }

    #[test]
    fn a_going_clock_goes() {
        let clock = Clock::starting_at(Timestamp::UNIX_EPOCH);
        std::thread::sleep(Duration::from_millis(2));
        assert!(clock.now() > Timestamp::UNIX_EPOCH);
    }
}
