//! The one shape of every machine.

use std::sync::Arc;

use crate::{ledger::change::Change, lro::step::Step};

/// Keeps [`Machine`] closed: the machines are all in this crate.
#[expect(unnameable_types, reason = "it is what keeps the trait closed")]
pub trait Sealed: Send + Sync {}

/// A protocol run without I/O: it lends one [`Step`] at a time, and the step takes its own result.
///
/// An adapter needs one loop for all machines:
///
/// - [`Step::Ledger`]: make the change durable, then call [`Transaction::done`](crate::lro::Transaction::done).
/// - [`Step::Send`]: get a token, send the request once, then hand in its answer.
/// - [`Step::Wait`]: pause, then call [`Pause::over`](crate::lro::Pause::over).
/// - [`Step::Done`]: the machine has ended. It gives the same result when asked again.
///
/// A step that is dropped leaves the machine where it was, so a cancelled driver may ask again.
pub trait Machine: Sealed {
    /// [`Writes`](crate::lro::Writes) if the machine uses the ledger, [`Never`](crate::lro::Never) if it cannot.
    type Ledger: Send;
    /// What it ends with; cheap to clone.
    type Output: Send;
    /// How else it can end.
    type Error: Send;

    /// What to do next.
    fn step(&mut self) -> Step<'_, Self::Ledger, Result<Self::Output, Self::Error>>;

    /// Ends the machine early. What it still has to write to the ledger comes first; then it is done.
    fn stop(&mut self);

    /// What is still to be written to the ledger if the driver gives the machine up now.
    fn abandon(&self) -> Option<Arc<Change>> {
        None
    }
}
