//! The client's clock, unless one is set.

use std::time::Duration;

use industrydata_clock::{Clock, SystemClock};
use industrydata_core::Timestamp;
use tokio::time::Instant;

/// The machine's wall clock, and tokio's monotonic clock: the machine's too, unless the caller has paused it.
#[derive(Clone, Copy, Debug)]
pub struct TokioClock(Instant);

/// A runtime that was paused before the clock was made is behind it by that long.
const HEAD_START: Duration = Duration::from_secs(24 * 60 * 60);

impl Default for TokioClock {
    /// The clock from now on.
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Clock for TokioClock {
    fn utc(&self) -> Timestamp {
        SystemClock.utc()
    }

    fn steady(&self) -> Duration {
        let now = Instant::now().checked_add(HEAD_START);
        now.map_or(HEAD_START, |now| now.saturating_duration_since(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_machines_clock() {
        let clock = TokioClock::default();
        let (utc, steady) = (clock.utc(), clock.steady());
        std::thread::sleep(Duration::from_millis(2));
        assert!(clock.utc() > utc && clock.steady() > steady);
        assert!(clock.steady() < HEAD_START + Duration::from_secs(60));
        assert!(!clock.skip_to(Duration::MAX));
    }

    #[tokio::test]
    async fn it_does_not_go_back_before_its_beginning() {
        let clock = TokioClock(Instant::now() + Duration::from_secs(60));
        let steady = clock.steady();
        assert!(steady > Duration::ZERO && steady < HEAD_START);
    }
}
