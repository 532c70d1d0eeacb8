//! A clock that is moved.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};

use crate::clock::Clock;

/// A clock that can be advanced. It runs by itself unless it is frozen, and its clones show the same time.
///
/// It reads the machine's wall clock once, when it is created. From then on it follows the monotonic clock, so it never
/// goes back. A client that would sleep on it moves it instead, frozen or not.
///
/// ```
/// use std::time::Duration;
/// use industrydata_clock::ManualClock;
///
/// let clock = ManualClock::frozen("2026-03-10T06:00:00Z".parse()?);
/// clock.advance(Duration::from_secs(90));
/// assert_eq!(clock.now().to_string(), "2026-03-10T06:01:30Z");
/// assert!(ManualClock::real().now() > clock.now());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ManualClock {
    begin: Timestamp,
    since: Option<Instant>,
    advanced: Arc<Mutex<Duration>>,
}

impl ManualClock {
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
        let passed = self.with(|passed, _| passed);
        SignedDuration::try_from(passed)
            .ok()
            .and_then(|passed| self.begin.checked_add(passed).ok())
            .unwrap_or(Timestamp::MAX)
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.with(|_, advanced| *advanced = advanced.saturating_add(by));
    }

    /// Calls `look` with the time that has passed, and with the part of it that was added.
    fn with<T>(&self, look: impl FnOnce(Duration, &mut Duration) -> T) -> T {
        let mut advanced = self.advanced.lock().unwrap_or_else(PoisonError::into_inner);
        let elapsed = self.since.map(|since| since.elapsed()).unwrap_or_default();
        look(advanced.saturating_add(elapsed), &mut advanced)
    }
}

impl Clock for ManualClock {
    fn utc(&self) -> Timestamp {
        self.now()
    }

    fn steady(&self) -> Duration {
        self.with(|passed, _| passed)
    }

    fn skip_to(&self, steady: Duration) -> bool {
        self.with(|passed, advanced| {
            *advanced = advanced.saturating_add(steady.saturating_sub(passed));
        });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frozen_clock_and_its_clones_advance_together() {
        let clock = ManualClock::frozen(Timestamp::UNIX_EPOCH);
        let clone = clock.clone();
        assert_eq!(clone.now(), Timestamp::UNIX_EPOCH);
        clock.advance(Duration::from_secs(5));
        assert_eq!(clone.now(), Timestamp::from_second(5).unwrap());
        assert_eq!(clone.steady(), Duration::from_secs(5));
        clock.advance(Duration::MAX);
        assert_eq!(
            (clone.now(), clone.steady()),
            (Timestamp::MAX, Duration::MAX)
        );
    }

    #[test]
    fn a_running_clock_moves_by_itself() {
        let clock = ManualClock::starting_at(Timestamp::UNIX_EPOCH);
        std::thread::sleep(Duration::from_millis(2));
        assert!(clock.now() > Timestamp::UNIX_EPOCH && !clock.steady().is_zero());
    }

    #[test]
    fn sleeps_side_by_side_move_a_clock_once() {
        for clock in [
            ManualClock::frozen(Timestamp::UNIX_EPOCH),
            ManualClock::starting_at(Timestamp::UNIX_EPOCH),
        ] {
            let hour = Duration::from_secs(3600);
            let until = clock.steady() + hour;
            for _ in 0..3 {
                assert!(clock.clone().skip_to(until));
            }
            let over = clock.steady() - until;
            assert!(over < Duration::from_secs(60), "{over:?}");
            // A moment that has passed moves nothing back.
            assert!(clock.skip_to(Duration::ZERO) && clock.steady() >= until);
        }
    }
}
