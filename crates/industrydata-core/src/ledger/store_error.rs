//! Why a change could not be made durable.

use crate::wire::transport::Cause;

/// Why a store could not apply a change.
///
/// Before the POST, the start ends with this error and nothing is sent. After it, the result of the start is what it was,
/// the reservation keeps counting, and the result carries this error as a warning.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another holder kept the lock for longer than the store waits. Nothing was changed: try again.
    #[error(
        "the ledger is locked by another process or thread: try again, or look for one that hangs"
    )]
    Busy,
    /// The store could not be opened, reached, read or written. Nothing was changed.
    #[error("the ledger is unusable: {0}")]
    Unavailable(Cause),
    /// The stored bytes are not a ledger, or were altered. They are left as they are.
    #[error(
        "the ledger is damaged ({0}) and left as it is: run `industrydata ledger reset`, which moves the ledger aside and begins a new one in quarantine"
    )]
    Damaged(&'static str),
    /// A newer release wrote the ledger. It is left as it is.
    #[error(
        "the ledger was written by a newer release (format {found}, this one reads up to {known}): update this program"
    )]
    Newer {
        /// The format found.
        found: u32,
        /// The newest format this release reads.
        known: u32,
    },
    /// The change may or may not be durable; applying it again failed too.
    #[error("the ledger may or may not have been written: {0}")]
    Unconfirmed(Cause),
}

impl StoreError {
    /// A store that cannot be used because of `error`.
    pub fn unavailable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unavailable(Cause::new(error))
    }

    /// A change that may or may not be durable, because of `error`.
    pub fn unconfirmed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unconfirmed(Cause::new(error))
    }
}
