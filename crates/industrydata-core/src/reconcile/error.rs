//! The errors of a reconciliation and of a resolution by hand. Neither starts a run.

use jiff::Timestamp;

use crate::{
    ledger::{resolve::Unresolved, store_error::StoreError},
    lro::{read_error::ReadError, record::Failure},
};

/// Why the ledger could not be compared with the service.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReconcileError {
    /// The ledger cannot be read or written. Changes made before the error stay, and a repeat of the reconciliation
    /// does not make them twice.
    #[error(transparent)]
    Ledger(#[from] StoreError),
    /// The service's lists cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl ReconcileError {
    /// Whether the service throttles reads (429).
    #[must_use]
    pub fn is_throttled(&self) -> bool {
        matches!(self, Self::Read(error) if error.is_throttled())
    }

    /// Whether a limit of time passed.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Read(error) if error.is_timeout())
    }

    /// When to ask again, if the service asked for that.
    #[must_use]
    pub const fn retry_at(&self) -> Option<Timestamp> {
        match self {
            Self::Ledger(_) => None,
            Self::Read(error) => error.retry_at(),
        }
    }
}

/// Why a start could not be resolved by hand.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// The ledger cannot be read or written.
    #[error(transparent)]
    Ledger(#[from] StoreError),
    /// The entry is left as it is.
    #[error(transparent)]
    Unresolved(#[from] Unresolved),
}

impl Failure for ReconcileError {
    fn error_type(&self) -> String {
        match self {
            Self::Ledger(error) => error.error_type(),
            Self::Read(error) => error.error_type(),
        }
    }
}

impl Failure for ResolveError {
    fn error_type(&self) -> String {
        match self {
            Self::Ledger(error) => error.error_type(),
            Self::Unresolved(_) => "unresolved".to_owned(),
        }
    }
}
