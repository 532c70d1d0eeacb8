//! The current time, as an argument.

use std::time::Duration;

use jiff::Timestamp;

/// The current time by two clocks. The caller reads both, because this crate reads none.
///
/// Waits and deadlines use `steady` alone, so a wall clock that jumps does not change them. The ledger, tokens and messages
/// use `utc`.
///
/// ```
/// use std::time::Duration;
/// use industrydata_core::Now;
///
/// let now = Now::new("2026-03-10T12:00:00Z".parse()?, Duration::from_secs(5));
/// assert_eq!(now.steady, Duration::from_secs(5));
/// # Ok::<(), jiff::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// The wall clock, in UTC.
    pub utc: Timestamp,
    /// The time since a fixed moment of this process. It must never go back.
    pub steady: Duration,
}

impl Now {
    /// The readings of both clocks.
    #[must_use]
    pub const fn new(utc: Timestamp, steady: Duration) -> Self {
        Self { utc, steady }
    }
}

/// The latest moment at which a request may leave, by both clocks.
///
/// A process that was stopped sees it on the steady clock, a machine that was suspended on the wall clock alone. Look at it
/// right before the first byte of a request, and send nothing once it has passed.
///
/// ```
/// use std::time::Duration;
/// use industrydata_core::{Deadline, Now, Timestamp};
///
/// let now = Now::new(Timestamp::UNIX_EPOCH, Duration::ZERO);
/// let deadline = Deadline::after(Duration::from_secs(30), now);
/// assert_eq!(deadline.remaining(now), Duration::from_secs(30));
/// let suspended = Now::new(now.utc + Duration::from_secs(31), Duration::from_secs(1));
/// assert!(deadline.has_passed(suspended));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    steady: Duration,
    utc: Timestamp,
}

impl Deadline {
    /// The moment that is `limit` after `now`.
    #[must_use]
    pub fn after(limit: Duration, now: Now) -> Self {
        Self {
            steady: now.steady.saturating_add(limit),
            utc: now.utc.saturating_add(limit).unwrap_or(Timestamp::MAX),
        }
    }

    /// The time left by the steady clock.
    #[must_use]
    pub const fn remaining(&self, now: Now) -> Duration {
        self.steady.saturating_sub(now.steady)
    }

    /// Whether it has passed by one of the clocks.
    #[must_use]
    pub fn has_passed(&self, now: Now) -> bool {
        now.steady >= self.steady || now.utc >= self.utc
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_passes_by_either_clock() {
        let at = |utc: i64, steady: u64| {
            let utc = Timestamp::from_second(utc).unwrap();
            Now::new(utc, Duration::from_secs(steady))
        };
        let deadline = Deadline::after(Duration::from_secs(5), at(100, 10));
        assert!(!deadline.has_passed(at(104, 14)));
        assert!(deadline.has_passed(at(105, 11)));
        assert!(deadline.has_passed(at(101, 15)));
        // A wall clock that is set back keeps nothing open.
        assert!(deadline.has_passed(at(0, 15)));
        assert_eq!(deadline.remaining(at(0, 12)).as_secs(), 3);
        assert_eq!(deadline.remaining(at(0, 99)).as_secs(), 0);
        let longest = Deadline::after(Duration::MAX, at(100, 10));
        assert!(!longest.has_passed(at(1_000_000, 1_000_000)));
    }
}
