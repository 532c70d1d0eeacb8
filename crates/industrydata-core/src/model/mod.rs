//! What the service has: operations, runs, their statistics and their activities.
//!
//! | start here | for |
//! | --- | --- |
//! | [`Operation`] | the long-running operation that a start or a validation creates |
//! | [`IndustryDataRun`] | the run that imports the data |
//! | [`RunStatistics`] | what a run counted |
//! | [`RunActivity`] | what a run does with one of its flows |
//!
//! Every type is read leniently. A member that is missing or has another type than documented is absent; only an
//! operation's `status`, a run's `id` and a statistic's `runId` or `status` are required. A status that this release does
//! not know keeps its text in `Other`.
//!
//! Text is kept as received, except that the token of the request is redacted. To show it, use
//! [`escape_controls`](crate::wire::escape_controls).

pub(crate) mod activity;
pub(crate) mod members;
pub(crate) mod open_enum;
pub(crate) mod operation;
pub(crate) mod origin;
pub(crate) mod others;
pub(crate) mod public_error;
pub(crate) mod run;
#[cfg(feature = "serde")]
mod serial;
pub(crate) mod statistics;
pub(crate) mod status;

pub use self::{
    activity::{ActivityStatus, RunActivity},
    operation::Operation,
    origin::OperationOrigin,
    public_error::PublicError,
    run::{IndustryDataRun, RunStatus},
    statistics::{
        ActivityStatistics, AggregatedInboundStatistics, EntityCount, RoleCount, RunStatistics,
    },
    status::OperationStatus,
};
