//! Why there is a pause, and what is known in it.

use std::{fmt, sync::Arc, time::Duration};

use crate::lro::{read_error::ReadError, transient::TransientError};
use crate::{
    ledger::refusal::RefusalReason,
    model::{operation::Operation, run::IndustryDataRun},
};

/// Why there is a pause.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum PauseReason {
    /// The books have no slot for a start, for this reason.
    Slot(RefusalReason),
    /// The service refused the start for now (429).
    Throttled,
    /// The interval between two polls.
    Interval,
    /// The service asked for a longer pause than the interval.
    RetryAfter,
    /// The last poll brought no news.
    Retry(TransientError),
    /// The interval between two reads of a run.
    RunGoesOn,
    /// The last read of a run brought no news.
    Unread(ReadError),
}

impl fmt::Display for PauseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slot(reason) => reason.fmt(f),
            Self::Throttled => f.write_str("the service throttles starts"),
            Self::Interval => f.write_str("the operation goes on"),
            Self::RetryAfter => f.write_str("the service asked to wait"),
            Self::Retry(miss) => write!(f, "the last poll brought no news ({miss})"),
            Self::RunGoesOn => f.write_str("the run goes on"),
            Self::Unread(error) => write!(f, "the last read brought no news ({error})"),
        }
    }
}

/// What a wait knows after a poll.
#[derive(Clone, Debug)]
pub struct Progress {
    pub(super) operation: Option<Arc<Operation>>,
    pub(super) run: Option<Arc<IndustryDataRun>>,
    pub(super) reason: PauseReason,
    pub(super) polls: u32,
    pub(super) next_poll_in: Duration,
}

impl Progress {
    /// The operation as last seen; `None` until a poll has brought it.
    #[must_use]
    pub fn operation(&self) -> Option<&Operation> {
        self.operation.as_deref()
    }

    /// The run as last seen, if a run is what is followed.
    #[must_use]
    pub fn run(&self) -> Option<&IndustryDataRun> {
        self.run.as_deref()
    }

    /// Why the next poll is not made at once; tells a miss from news.
    #[must_use]
    pub const fn reason(&self) -> &PauseReason {
        &self.reason
    }

    /// Polls made so far.
    #[must_use]
    pub const fn polls(&self) -> u32 {
        self.polls
    }

    /// The pause before the next poll.
    #[must_use]
    pub const fn next_poll_in(&self) -> Duration {
        self.next_poll_in
    }
}
