//! The moment something happens, as an argument.

use std::time::Duration;

use jiff::Timestamp;

/// The moment of an event: the caller reads both clocks, the core reads none.
///
/// Waits, deadlines and paces are reckoned in `steady` alone. `utc` goes into the books, tokens and
/// messages, and moves no wait.
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
    /// Wall-clock time, UTC.
    pub utc: Timestamp,
    /// Time since an arbitrary fixed moment of this process; never goes back.
    pub steady: Duration,
}

impl Now {
    /// A moment told by both clocks.
    #[must_use]
    pub const fn new(utc: Timestamp, steady: Duration) -> Self {
        Self { utc, steady }
    }
}
