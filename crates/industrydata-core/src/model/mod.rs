//! What the service has: operations, runs, their statistics and activities.
//!
//! Members that are missing or of another type are absent, never an error: only an operation's `status` is required.

pub(crate) mod activity;
pub(crate) mod members;
pub(crate) mod open_enum;
pub(crate) mod operation;
pub(crate) mod public_error;
pub(crate) mod run;
pub(crate) mod statistics;
pub(crate) mod status;

pub use self::{
    activity::{ActivityStatus, RunActivity},
    operation::Operation,
    public_error::PublicError,
    run::{IndustryDataRun, RunStatus},
    statistics::{
        ActivityStatistics, AggregatedInboundStatistics, EntityCount, RoleCount, RunStatistics,
    },
    status::OperationStatus,
};
