//! The trait that every machine implements.

use std::sync::Arc;

use crate::{
    ledger::change::Change,
    lro::{
        record::{CallRecord, Failure},
        step::Step,
    },
};

/// Keeps [`Machine`] closed: the machines are all in this crate.
#[expect(unnameable_types, reason = "it is what keeps the trait closed")]
pub trait Sealed: Send + Sync {}

/// A state machine of the protocol, without I/O. It lends one [`Step`] at a time, and the step receives its own result.
///
/// An adapter needs one loop for all machines:
///
/// - [`Step::Ledger`]: make the change durable, then call [`Transaction::done`](crate::lro::Transaction::done).
/// - [`Step::Send`]: get a token, send the request once, then hand in its answer.
/// - [`Step::Wait`]: pause, then call [`Pause::over`](crate::lro::Pause::over).
/// - [`Step::Done`]: the machine has ended. It gives the same result when asked again.
///
/// Dropping a step leaves the machine where it was, so a cancelled driver may ask again.
pub trait Machine: Sealed {
    /// [`Writes`](crate::lro::Writes) if the machine uses the ledger, [`Never`](crate::lro::Never) if it cannot.
    type Ledger: Send;
    /// The result of success; cheap to clone.
    type Output: Send;
    /// The error it can end with.
    type Error: Failure + Send;

    /// The next step.
    fn step(&mut self) -> Step<'_, Self::Ledger, Result<Self::Output, Self::Error>>;

    /// What the call is about, as far as it is known now, for logs and traces.
    fn record(&self) -> CallRecord<'_>;

    /// Ends the machine early. If an outcome is still to be recorded, it lends that step first.
    fn stop(&mut self);

    /// The change to record if the driver drops the machine now; `None` if there is none.
    fn abandon(&self) -> Option<Arc<Change>> {
        None
    }
}
