//! The errors of a store.

use crate::wire::transport::Cause;

/// Why a store could not apply a change.
///
/// If the reservation fails, the start ends with this error and nothing is sent. If recording the outcome fails, the
/// result of the start does not change, the reservation still counts, and the result carries this error as a warning.
///
/// The source of an error with a cause is the store's own error, whose text is also in the message.
///
/// ```
/// use industrydata_core::ledger::StoreError;
///
/// let error = StoreError::unavailable("the disk is full");
/// assert_eq!(error.to_string(), "the ledger is unusable: the disk is full");
/// assert!(std::error::Error::source(&error).is_some());
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process or thread held the lock for longer than the store waits. Nothing was changed. Try again.
    #[error(
        "the ledger is locked by another process or thread: try again, or look for one that hangs"
    )]
    Busy,
    /// The store could not be opened, reached, read or written. Nothing was changed.
    #[error("the ledger is unusable: {0}")]
    Unavailable(#[source] Cause),
    /// The stored bytes are not a ledger, or were altered. They stay as they are.
    #[error(
        "the ledger is damaged ({0}) and left as it is: run `industrydata ledger reset`, which moves the ledger aside and begins a new one in quarantine"
    )]
    Damaged(&'static str),
    /// A newer release wrote the ledger. It stays as it is.
    #[error(
        "the ledger was written by a newer release (format {found}, this one reads up to {known}): update this program"
    )]
    Newer {
        /// The format found.
        found: u32,
        /// The newest format this release reads.
        known: u32,
    },
    /// The change may or may not be durable. A second application failed too.
    #[error("the ledger may or may not have been written: {0}")]
    Unconfirmed(#[source] Cause),
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
