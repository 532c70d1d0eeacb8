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
