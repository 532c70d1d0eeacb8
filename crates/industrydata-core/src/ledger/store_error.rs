//! Why a change could not be made durable.

use crate::wire::transport::Cause;

/// Why a change could not be booked.
///
/// Before the POST: a run may have started: no, and none is started. After it, the start's own result stands, the
/// reservation goes on counting, and the result carries this as a warning.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another holder kept the lock for longer than the store waits. Nothing was changed: try again.
    #[error(
        "the books are locked by another process or thread: try again, or look for one that hangs"
    )]
    Busy,
    /// The store could not be opened, reached, read or written. Nothing was changed.
    #[error("the books cannot be used: {0}")]
    Unavailable(Cause),
    /// What is stored is not a value of ours, or was altered. It is left as it is.
    #[error(
        "the books are damaged ({0}) and are left as they are: run `industrydata ledger reset`, which moves the ledger aside and begins a new one in quarantine"
    )]
    Damaged(&'static str),
    /// A newer release wrote them. They are left as they are.
    #[error(
        "the books were written by a newer release (format {found}, this one reads up to {known}): update this program"
    )]
    Newer {
        /// The format found.
        found: u32,
        /// The newest format this release reads.
        known: u32,
    },
    /// It could not be told whether the change is durable; running it again failed too.
    #[error("it cannot be told whether the books were written: {0}")]
    Unconfirmed(Cause),
}

impl StoreError {
    /// A store that cannot be used because of `error`.
    pub fn unavailable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unavailable(Cause::new(error))
    }

    /// A change of which it cannot be told whether it stands, because of `error`.
    pub fn unconfirmed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unconfirmed(Cause::new(error))
    }
}
