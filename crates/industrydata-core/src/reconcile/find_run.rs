//! The machine that finds the run of an operation.

use crate::lro::{
    machine::{Machine, Sealed},
    poll_operation::OperationPoll,
    read::Read,
    read_error::{ReadError, ReadErrorKind},
    record::{CallKind, CallRecord},
    session::Session,
    step::{Never, Step},
};
use crate::{endpoint::list_runs::ListRuns, now::Now, reconcile::run_match::RunMatch};
use jiff::Timestamp;

/// Finds the run of an operation: by the operation's `resourceLocation`, or else by one read of the runs.
///
/// It ends with `None` if no run fits. For an operation without a run, such as a validation's, it reads nothing. Use it
/// after the operation has ended.
#[derive(Debug)]
pub struct FindRun {
    known: Option<RunMatch>,
    read: Read<ListRuns>,
    /// When the operation was accepted; `None` if it has no run.
    accepted: Option<Timestamp>,
}

impl Session {
    /// Finds the run of `operation`.
    #[must_use]
    pub fn find_run(&self, poll: &OperationPoll, seed: [u8; 16], now: Now) -> FindRun {
        let base = self.service().base();
        let known = |operation| RunMatch::by_resource_location(base, operation);
        let operation = poll.operation().filter(|_| poll.origin().has_run());
        FindRun {
            known: operation.and_then(known),
            read: self.read(ListRuns, seed, now),
            accepted: poll.origin().has_run().then(|| poll.accepted()),
        }
    }
}

impl FindRun {
    /// The result, if the search has ended.
    pub(super) fn outcome(&mut self) -> Option<Result<Option<RunMatch>, ReadErrorKind>> {
        let (None, Some(accepted)) = (&self.known, self.accepted) else {
            return Some(Ok(self.known.clone()));
        };
        let read = self.read.outcome()?;
        Some(read.map(|runs| RunMatch::by_start_time(&runs, accepted)))
    }

    /// Leaves the list of runs unread.
    pub(super) const fn only_if_named(&mut self) {
        self.accepted = None;
    }

    /// The next step before the end.
    pub(super) fn lend<L, T>(&mut self) -> Step<'_, L, T> {
        self.read.lend()
    }

    /// The latest moment reported.
    pub(super) const fn last(&self) -> Now {
        self.read.last()
    }
}

impl Sealed for FindRun {}

impl Machine for FindRun {
    type Ledger = Never;
    type Output = Option<RunMatch>;
    type Error = ReadError;

    fn step(&mut self) -> Step<'_, Never, Result<Option<RunMatch>, ReadError>> {
        match self.outcome() {
            Some(outcome) => Step::Done(outcome.map_err(Read::<ListRuns>::error)),
            None => self.read.lend(),
        }
    }

    fn record(&self) -> CallRecord<'_> {
        CallRecord::new(CallKind::Read)
    }

    fn stop(&mut self) {
        self.read.stop();
    }
}
