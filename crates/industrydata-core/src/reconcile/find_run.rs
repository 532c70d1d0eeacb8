//! The machine that finds the run of an operation.

use crate::lro::{
    machine::{Machine, Sealed},
    poll_operation::OperationPoll,
    read::Read,
    read_error::ReadError,
    session::Session,
    step::{Never, Step},
};
use crate::{endpoint::list_runs::ListRuns, now::Now, reconcile::run_match::RunMatch};
use jiff::Timestamp;

/// Finds the run of an operation: by the operation's `resourceLocation`, or else by one read of the runs.
///
/// It ends with `None` if no run fits. Use it after the operation has succeeded.
#[derive(Debug)]
pub struct FindRun {
    known: Option<RunMatch>,
    read: Read<ListRuns>,
    accepted: Timestamp,
}

impl Session {
    /// Finds the run of `operation`.
    #[must_use]
    pub fn find_run(&self, poll: &OperationPoll, seed: [u8; 16], now: Now) -> FindRun {
        let base = self.service().base();
        let known = |operation| RunMatch::by_resource_location(base, operation);
        FindRun {
            known: poll.operation().and_then(known),
            read: self.read(ListRuns, seed, now),
            accepted: poll.accepted(),
        }
    }
}

impl Sealed for FindRun {}

impl Machine for FindRun {
    type Ledger = Never;
    type Output = Option<RunMatch>;
    type Error = ReadError;

    fn step(&mut self) -> Step<'_, Never, Result<Option<RunMatch>, ReadError>> {
        if self.known.is_some() {
            return Step::Done(Ok(self.known.clone()));
        }
        match self.read.outcome() {
            None => self.read.lend(),
            Some(Ok(runs)) => Step::Done(Ok(RunMatch::by_start_time(&runs, self.accepted))),
            Some(Err(kind)) => Step::Done(Err(Read::<ListRuns>::error(kind))),
        }
    }

    fn stop(&mut self) {
        self.read.stop();
    }
}
