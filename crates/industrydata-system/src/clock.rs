//! The clocks of the machine and of a client, and the one source of randomness.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use industrydata_clock::{Clock, SystemClock};
use industrydata_core::{Now, Timestamp, lro::StartError};

/// The current time by both clocks of this machine.
#[must_use]
pub fn now() -> Now {
    now_by(&SystemClock)
}

/// The current time by this clock.
#[must_use]
pub fn now_by(clock: &dyn Clock) -> Now {
    Now::new(clock.utc(), clock.steady())
}

/// The clock of a client, whose steady time never goes back, whatever the clock that was set does.
///
/// A closure's steady time is its wall time, which may be set back or stand still. Without this, a pause would last as long
/// as the clock was set back, and a time limit would never pass.
pub struct ClientClock {
    clock: Box<dyn Clock>,
    latest: Mutex<Duration>,
}

impl ClientClock {
    /// A clock that follows `clock`.
    pub fn new(clock: impl Clock + 'static) -> Self {
        Self {
            clock: Box::new(clock),
            latest: Mutex::default(),
        }
    }

    /// Reports that a sleep until this steady time is over: that much has passed, also if the clock does not show it.
    pub fn slept_until(&self, steady: Duration) {
        self.at_least(steady);
    }

    /// The latest steady time that is known, this one included.
    fn at_least(&self, steady: Duration) -> Duration {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        *latest = steady.max(*latest);
        *latest
    }
}

impl Clock for ClientClock {
    fn utc(&self) -> Timestamp {
        self.clock.utc()
    }

    fn steady(&self) -> Duration {
        self.at_least(self.clock.steady())
    }

    fn skip_to(&self, steady: Duration) -> bool {
        let is_there = self.clock.skip_to(steady);
        if is_there {
            self.slept_until(steady);
        }
        is_there
    }
}

impl fmt::Debug for ClientClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientClock").finish_non_exhaustive()
    }
}

/// A seed for a start.
///
/// # Errors
///
/// [`StartError`] if the system gives no random bytes. Nothing was sent.
pub fn seed() -> Result<[u8; 16], StartError> {
    let mut seed = [0; 16];
    getrandom::fill(&mut seed).map_err(StartError::no_randomness)?;
    Ok(seed)
}

/// A seed for polls and reads. Only request ids and jitter derive from it, so without randomness a constant is good
/// enough.
#[must_use]
pub fn any_seed() -> [u8; 16] {
    seed().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    };

    use industrydata_clock::ManualClock;

    use super::*;

    #[test]
    fn a_clock_that_is_set_back_stands_until_it_is_there_again() {
        let second = Arc::new(AtomicI64::new(90));
        let read = Arc::clone(&second);
        let clock = ClientClock::new(move || {
            Timestamp::from_second(read.load(Ordering::Relaxed)).unwrap_or_default()
        });
        let steady = |utc| {
            second.store(utc, Ordering::Relaxed);
            assert_eq!(clock.utc().as_second(), utc);
            clock.steady().as_secs()
        };
        assert_eq!([90, 10, 95].map(steady), [90, 90, 95]);
        clock.slept_until(Duration::from_secs(100));
        assert_eq!([95, 99, 101].map(steady), [100, 100, 101]);
        assert!(!clock.skip_to(Duration::from_secs(200)) && steady(101) == 101);
    }

    #[test]
    fn a_clock_that_says_it_moved_has_moved() {
        struct Stuck;
        impl Clock for Stuck {
            fn utc(&self) -> Timestamp {
                Timestamp::UNIX_EPOCH
            }
            fn steady(&self) -> Duration {
                Duration::ZERO
            }
            fn skip_to(&self, _: Duration) -> bool {
                true
            }
        }
        let hour = Duration::from_secs(3600);
        let manual = ManualClock::frozen(Timestamp::UNIX_EPOCH);
        for clock in [ClientClock::new(Stuck), ClientClock::new(manual.clone())] {
            assert!(clock.skip_to(hour) && clock.steady() == hour);
        }
        assert_eq!(manual.now().as_second(), 3600);
    }
}
