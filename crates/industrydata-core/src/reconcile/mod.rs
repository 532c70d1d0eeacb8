//! Compares the ledger with the service's lists. This resolves starts in doubt by evidence, enters external starts,
//! finds the run of an operation, reads the details of a failure, and infers the schedule. Nothing in this module starts a run.

pub(crate) mod error;
pub(crate) mod failure_details;
pub(crate) mod find_run;
pub(crate) mod infer_schedule;
pub(crate) mod lists;
pub(crate) mod machine;
pub(crate) mod matching;
pub(crate) mod quarantine;
pub(crate) mod reconciliation;
pub(crate) mod run_match;
pub(crate) mod search;
pub(crate) mod snapshot;
#[cfg(test)]
mod tests;

pub use self::{
    error::{ReconcileError, ResolveError},
    failure_details::{FailureDetails, ReadDetails},
    find_run::FindRun,
    infer_schedule::InferSchedule,
    lists::{Match, ServiceLists},
    machine::Reconcile,
    reconciliation::Reconciliation,
    run_match::{RunMatch, RunMatchedBy},
    snapshot::ServiceSnapshot,
};
