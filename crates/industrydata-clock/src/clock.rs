//! What a clock is.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;

/// A clock with the two readings of a machine. Closures that return a [`Timestamp`] are clocks whose readings agree.
///
/// A client does not follow a closure that goes back or stands still: its steady time is the latest that it has read, or the
/// end of the pause that it has slept.
///
/// ```
/// use std::time::Duration;
/// use industrydata_clock::{Clock, SystemClock};
///
/// let closure = || "2026-03-10T06:00:00Z".parse().unwrap();
/// assert_eq!(closure.utc().to_string(), "2026-03-10T06:00:00Z");
/// // Neither can be moved.
/// assert!(!closure.skip_to(Duration::MAX) && !SystemClock.skip_to(Duration::MAX));
/// ```
pub trait Clock: Send + Sync {
    /// The wall clock, in UTC. It may be set, also backwards.
    fn utc(&self) -> Timestamp;

    /// The time since a fixed moment. It never goes back.
    fn steady(&self) -> Duration;

    /// Moves the clock to this steady time, unless it is there already, and returns true: the caller need not
    /// sleep. A clock that cannot be moved returns false, which is the default.
    fn skip_to(&self, steady: Duration) -> bool {
        let _ = steady;
        false
    }
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn utc(&self) -> Timestamp {
        (**self).utc()
    }

    fn steady(&self) -> Duration {
        (**self).steady()
    }

    fn skip_to(&self, steady: Duration) -> bool {
        (**self).skip_to(steady)
    }
}

impl Clock for Box<dyn Clock> {
    fn utc(&self) -> Timestamp {
        (**self).utc()
    }

    fn steady(&self) -> Duration {
        (**self).steady()
    }

    fn skip_to(&self, steady: Duration) -> bool {
        (**self).skip_to(steady)
    }
}

impl<F: Fn() -> Timestamp + Send + Sync> Clock for F {
    fn utc(&self) -> Timestamp {
        self()
    }

    fn steady(&self) -> Duration {
        let since = self().duration_since(Timestamp::UNIX_EPOCH);
        Duration::try_from(since).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manual::ManualClock;

    #[test]
    fn a_closure_is_a_clock_that_is_read() {
        let clock = || Timestamp::from_second(90).unwrap_or_default();
        assert_eq!(clock.steady(), Duration::from_secs(90));
        let shared: Arc<dyn Clock> = Arc::new(clock);
        assert_eq!(shared.utc(), clock.utc());
        assert!(!shared.skip_to(Duration::MAX));
        assert_eq!((|| Timestamp::MIN).steady(), Duration::ZERO);
    }

    #[test]
    fn a_shared_clock_is_moved() {
        let clock = ManualClock::frozen(Timestamp::UNIX_EPOCH);
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let boxed: Box<dyn Clock> = Box::new(clock.clone());
        assert!(shared.skip_to(Duration::from_secs(5)) && boxed.skip_to(Duration::from_secs(6)));
        assert_eq!(
            (clock.steady(), boxed.utc()),
            (Duration::from_secs(6), shared.utc())
        );
        assert_eq!(boxed.steady(), shared.steady());
    }
}
