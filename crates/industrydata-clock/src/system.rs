//! The clocks of this machine.

use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};

use jiff::Timestamp;

use crate::clock::Clock;

static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The machine's wall clock and its monotonic clock.
///
/// ```
/// use industrydata_clock::{Clock, SystemClock};
///
/// let before = SystemClock.steady();
/// assert!(SystemClock.steady() >= before);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn utc(&self) -> Timestamp {
        Timestamp::now()
    }

    fn steady(&self) -> Duration {
        ORIGIN.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_clock_moves_by_itself_alone() {
        let (utc, steady) = (SystemClock.utc(), SystemClock.steady());
        std::thread::sleep(Duration::from_millis(2));
        assert!(SystemClock.steady() > steady && SystemClock.utc() > utc);
        assert!(!SystemClock.skip_to(Duration::MAX));
        assert!(SystemClock.steady() < Duration::from_secs(3600));
    }
}
