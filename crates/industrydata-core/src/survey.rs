//! What the service lists, read so far as it could be, beside the books.

use crate::{
    base::Base,
    books::{Listed, Quota, Reconciliation, Unresolved},
    machine::ReadError,
    operation::Operation,
    run::IndustryDataRun,
    schedule::Schedule,
    store::StoreFault,
    tenant::Tenant,
};

/// Both lists of the service, at least one of them read whole.
#[derive(Clone, Debug)]
pub struct Survey {
    operations: Result<Vec<Operation>, ReadError>,
    runs: Result<Vec<IndustryDataRun>, ReadError>,
}

impl Survey {
    /// What came of reading both lists.
    ///
    /// # Errors
    ///
    /// The first list's, if neither could be read: nothing can be said then.
    pub fn new(
        operations: Result<Vec<Operation>, ReadError>,
        runs: Result<Vec<IndustryDataRun>, ReadError>,
    ) -> Result<Self, ReadError> {
        match (operations, runs) {
            (Err(error), Err(_)) => Err(error),
            (operations, runs) => Ok(Self { operations, runs }),
        }
    }

    /// The schedule that the runs fit which no known start explains, if any.
    #[must_use]
    pub fn schedule(&self, quota: &Quota) -> Option<Schedule> {
        let mut on_demand = quota.starts();
        let operations = self.operations.iter().flatten();
        on_demand.extend(operations.filter_map(Operation::created));
        Schedule::inferred(self.runs.as_ref().ok()?, &on_demand)
    }

    /// Compares the lists with the books, by the quota's own schedule if it has one. Without one of the lists nothing is freed, and the reconciliation says so.
    pub fn reconcile(self, base: &Base, tenant: &Tenant, quota: &Quota) -> Reconciliation {
        let listed = Listed {
            operations: self.operations.as_deref().ok(),
            runs: self.runs.as_deref().ok(),
            schedule: quota.schedule().copied().or_else(|| self.schedule(quota)),
        };
        let found = Reconciliation::of(base, tenant, quota, listed);
        found.with_unread(self.operations.err().or(self.runs.err()))
    }
}

/// Why the books could not be compared with the service. A run may have started: no, not by this.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReconcileError {
    /// The books cannot be read or written. What was changed before stands; to reconcile again changes nothing more.
    #[error(transparent)]
    Books(#[from] StoreFault),
    /// What the service lists cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Why a start could not be resolved by hand. A run may have started: no, not by this.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// The books cannot be read or written.
    #[error(transparent)]
    Books(#[from] StoreFault),
    /// The entry is left as it is.
    #[error(transparent)]
    Unresolved(#[from] Unresolved),
}
