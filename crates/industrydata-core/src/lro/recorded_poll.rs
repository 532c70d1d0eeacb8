//! The operation poll of a start, which also records what the ledger lacks.

use std::{fmt, sync::Arc};

use crate::lro::{
    accepted::{Accepted, EntryOf},
    machine::{Machine, Sealed},
    operation_poll_error::OperationPollError,
    poll_operation::OperationPoll,
    poll_plan::PollPlan,
    record::CallRecord,
    step::{Records, Step, Transaction, Writes},
};
use crate::{
    ledger::{change::Change, reply::StoreReply, store_error::StoreError},
    model::operation::Operation,
    now::Now,
    policy::PollingPolicy,
};

/// An operation poll that ends with one more attempt to record the acceptance, if the start could not record it, and
/// records the id of the operation's body, if that differs from the `Location`'s.
///
/// The poll itself never touches the ledger. Neither attempt changes the result of the poll. If the first fails, the
/// reservation still counts and the warning stays. If the second fails, a reconciliation may count the start twice.
pub struct RecordedPoll {
    poll: OperationPoll,
    accepted: Option<Accepted>,
    /// What is left of it after a rest.
    entry: Option<Box<EntryOf>>,
    /// The acceptance, until that attempt is made.
    unrecorded: Option<Arc<Change>>,
    warning: Option<Box<StoreError>>,
    /// Whether the other id of the operation was handed to the ledger.
    has_named: bool,
}

impl fmt::Debug for RecordedPoll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.poll.fmt(f)
    }
}

impl RecordedPoll {
    /// The poll that follows a start, within the rest of the start's time limit. The first poll comes one interval
    /// after the acceptance.
    #[must_use]
    pub fn after(accepted: Accepted, policy: PollingPolicy) -> Self {
        let poll = accepted.poll(policy);
        Self::following(accepted, poll)
    }

    /// The same with the policy of `plan`, which is shared as far as possible.
    pub(super) fn within(accepted: Accepted, plan: &Arc<PollPlan>) -> Self {
        let poll = accepted.poll_within(plan);
        Self::following(accepted, poll)
    }

    fn following(accepted: Accepted, poll: OperationPoll) -> Self {
        Self {
            poll,
            entry: None,
            unrecorded: accepted.unrecorded().cloned(),
            warning: accepted.ledger_warning().cloned().map(Box::new),
            accepted: Some(accepted),
            has_named: false,
        }
    }

    /// The poll of an operation that another process started. It has nothing to record.
    #[must_use]
    pub const fn of(poll: OperationPoll) -> Self {
        Self {
            poll,
            accepted: None,
            entry: None,
            unrecorded: None,
            warning: None,
            has_named: false,
        }
    }

    /// The change that keeps another id of the operation, if this process made the start.
    fn entry_change(&self, id: &str) -> Option<Arc<Change>> {
        let base = self.poll.plan().service.base();
        let change = match (&self.accepted, &self.entry) {
            (Some(accepted), _) => accepted.entry().other_id(base, id),
            (None, Some(entry)) => entry.other_id(base, id),
            (None, None) => return None,
        };
        Some(Arc::new(change))
    }

    /// The poll itself.
    #[must_use]
    pub const fn poll(&self) -> &OperationPoll {
        &self.poll
    }

    /// The accepted start, if this process made it or found it by its key.
    #[must_use]
    pub const fn accepted(&self) -> Option<&Accepted> {
        self.accepted.as_ref()
    }

    /// Makes the poll small until its next step, for a program that has very many. [`accepted`](Self::accepted) has nothing
    /// from now on, and the poll has no [`operation`](OperationPoll::operation) until that step. Nothing else changes.
    pub fn rest(&mut self) {
        if let Some(accepted) = self.accepted.take() {
            self.entry = Some(Box::new(accepted.entry()));
        }
        self.poll.rest();
    }

    /// Ends a rest, as the next step does.
    pub fn wake(&mut self) {
        self.poll.wake();
    }

    /// The store's error if the acceptance is not recorded. Its reservation still counts.
    #[must_use]
    pub fn ledger_warning(&self) -> Option<&StoreError> {
        self.warning.as_deref()
    }
}

impl Sealed for RecordedPoll {}

impl Machine for RecordedPoll {
    type Ledger = Writes;
    type Output = Arc<Operation>;
    type Error = OperationPollError;

    fn step(&mut self) -> Step<'_, Writes, Result<Arc<Operation>, OperationPollError>> {
        let Some(outcome) = self.poll.outcome() else {
            return self.poll.lend();
        };
        if let Some(change) = self.unrecorded.clone() {
            return Step::Ledger(Transaction::new(self, change), Writes::WITNESS);
        }
        if !self.has_named
            && let Some(id) = self.poll.other_id()
            && let Some(change) = self.entry_change(id)
        {
            return Step::Ledger(Transaction::new(self, change), Writes::WITNESS);
        }
        Step::Done(
            outcome.map_err(|error| error.with_ledger_warning(self.warning.as_deref().cloned())),
        )
    }

    fn record(&self) -> CallRecord<'_> {
        self.poll.record()
    }

    fn stop(&mut self) {
        self.poll.stop();
    }
}

impl Records for RecordedPoll {
    fn done(&mut self, result: Result<StoreReply, StoreError>, _: Now) {
        if self.unrecorded.take().is_some() {
            self.warning = result.err().map(Box::new);
        } else {
            self.has_named = true;
        }
    }
}
