//! What the service lists beside the ledger, and what follows from it.

use jiff::Timestamp;

use crate::{
    ledger::{evidence::Evidence, resolve::Resolution, schedule::Schedule},
    model::{operation::Operation, run::IndustryDataRun},
};

/// What the service lists. A list is `None` if it could not be read whole.
#[derive(Clone, Copy, Debug, Default)]
pub struct ServiceLists<'a> {
    /// All operations.
    pub operations: Option<&'a [Operation]>,
    /// All runs.
    pub runs: Option<&'a [IndustryDataRun]>,
    /// The schedule, if it is known: runs that fit it are not external starts.
    pub schedule: Option<Schedule>,
    /// The service's clock when it gave the lists, which are dated by it. Nothing is freed if it is unknown, or if the
    /// ledger's clock differs from it by more than two minutes.
    pub service_clock: Option<Timestamp>,
}

/// What the lists show about one start.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Match {
    /// A start in doubt is resolved.
    Resolved {
        /// The entry's id, 32 hexadecimal digits.
        entry: String,
        /// To what.
        resolution: Resolution,
        /// By what.
        evidence: Evidence,
    },
    /// An external start, which the ledger did not have.
    External {
        /// By what.
        evidence: Evidence,
        /// When it was made, by the service's clock.
        started: Timestamp,
    },
}
