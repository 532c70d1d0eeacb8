//! The service's lists, and what they show about the starts in the ledger.

use jiff::Timestamp;

use crate::{
    ledger::{evidence::Evidence, resolve::Resolution, schedule::Schedule},
    model::{operation::Operation, run::IndustryDataRun},
};

/// The service's lists. A list is `None` if it could not be read whole.
#[derive(Clone, Copy, Debug, Default)]
pub struct ServiceLists<'a> {
    /// All operations.
    pub operations: Option<&'a [Operation]>,
    /// All runs.
    pub runs: Option<&'a [IndustryDataRun]>,
    /// The schedule, if known. Runs that fit it are not external starts.
    pub schedule: Option<Schedule>,
    /// The time of the lists by the service's clock, which also dates their items. No start is released if it is
    /// unknown, or if the ledger's clock differs from it by more than two minutes.
    pub service_clock: Option<Timestamp>,
}

/// What the lists show about one start.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum Match {
    /// A start in doubt is resolved.
    Resolved {
        /// The entry's id, 32 hexadecimal digits.
        entry: String,
        /// The resolution.
        resolution: Resolution,
        /// By what.
        evidence: Evidence,
    },
    /// An external start, which the ledger lacked.
    External {
        /// By what.
        evidence: Evidence,
        /// When it was made, by the service's clock.
        started: Timestamp,
    },
}
