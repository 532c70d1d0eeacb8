//! The reason of a pause, and the progress of a start or a poll.

use std::{fmt, sync::Arc, time::Duration};

use crate::lro::{read_error::ReadError, transient::TransientError};
use crate::{
    ledger::refusal::RefusalReason,
    model::{operation::Operation, run::IndustryDataRun},
};

/// Why a start or a poll pauses.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum PauseReason {
    /// The ledger has no free slot, for this reason.
    Slot(RefusalReason),
    /// Another start with the same key is being made.
    Key,
    /// The service refused the start for now (429).
    Throttled,
    /// The poll interval.
    Interval,
    /// The service asked for a longer pause than the poll interval.
    RetryAfter,
    /// The last poll of the operation failed, and is repeated.
    Retry(TransientError),
    /// The poll interval of a run.
    RunGoesOn,
    /// The last poll of the run failed, and is repeated.
    Unread(ReadError),
}

impl fmt::Display for PauseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slot(reason) => reason.fmt(f),
            Self::Key => f.write_str("another start with this key is being made"),
            Self::Throttled => f.write_str("the service throttles starts"),
            Self::Interval => f.write_str("the operation continues"),
            Self::RetryAfter => f.write_str("the service asked to wait"),
            Self::Retry(error) => write!(f, "the last poll failed ({error})"),
            Self::RunGoesOn => f.write_str("the run continues"),
            Self::Unread(error) => write!(f, "the last poll failed ({error})"),
        }
    }
}

/// The state of a start or a poll at a pause.
///
/// ```
/// use industrydata_core::lro::Progress;
///
/// fn show(progress: &Progress) -> String {
///     format!("{}, {} polls, next in {:?}", progress.reason(), progress.polls(), progress.next_poll_in())
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Progress {
    pub(super) operation: Option<Arc<Operation>>,
    pub(super) run: Option<Arc<IndustryDataRun>>,
    pub(super) reason: PauseReason,
    pub(super) polls: u32,
    pub(super) next_poll_in: Duration,
}

impl Progress {
    /// The operation as of the last poll that returned it; `None` before that.
    #[must_use]
    pub fn operation(&self) -> Option<&Operation> {
        self.operation.as_deref()
    }

    /// The run as of the last poll that returned it, if a run is polled.
    #[must_use]
    pub fn run(&self) -> Option<&IndustryDataRun> {
        self.run.as_deref()
    }

    /// The reason of the pause, such as a failed poll.
    #[must_use]
    pub const fn reason(&self) -> &PauseReason {
        &self.reason
    }

    /// The number of polls made so far. It is 0 for a start.
    #[must_use]
    pub const fn polls(&self) -> u32 {
        self.polls
    }

    /// The whole length of the pause, not what is left of it.
    #[must_use]
    pub const fn next_poll_in(&self) -> Duration {
        self.next_poll_in
    }
}
