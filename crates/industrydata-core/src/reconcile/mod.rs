//! What the service lists beside the ledger: doubt resolved by evidence, starts made elsewhere, and the run of an operation.

pub(crate) mod matching;
pub(crate) mod quarantine;
pub(crate) mod reconciliation;
pub(crate) mod run_match;
pub(crate) mod search;
pub(crate) mod snapshot;
#[cfg(test)]
mod tests;

pub use self::{
    reconciliation::{Match, Reconciliation, ServiceLists},
    run_match::{RunMatch, RunMatchedBy},
    snapshot::{ReconcileError, ResolveError, ServiceSnapshot},
};
