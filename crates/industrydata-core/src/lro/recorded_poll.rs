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
    ledger::{change::Change, reply::StoreReply, store_error::StoreError, took::Took},
    model::{operation::Operation, origin::OperationOrigin},
    now::Now,
    policy::{PollingPolicy, Throttle},
    tenant::Tenant,
};

/// An operation poll that ends with one more attempt to record the acceptance, if the start could not record it. Then it
/// records in one change the id of the operation's body, if that differs from the `Location`'s, and how long the operation
/// took.
///
/// The poll itself never touches the ledger. Neither change affects the result of the poll. The first takes as long as the
/// store allows, as the attempt right after the acceptance does: without it the start stays in doubt until someone reconciles
/// it, which costs more than a late end. If it fails, the reservation still counts and the warning stays. The second takes a second at most and makes no ledger. If it fails, a
/// reconciliation may count the start twice, and the next start learns nothing from this operation.
pub struct RecordedPoll {
    poll: OperationPoll,
    accepted: Option<Accepted>,
    /// What is left of it after a rest, or what is known of it after a resume.
    entry: Option<Box<EntryOf>>,
    /// The acceptance, until that attempt is made.
    unrecorded: Option<Arc<Change>>,
    warning: Option<Box<StoreError>>,
    /// Whether what the end showed was handed to the ledger.
    has_recorded: bool,
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
            has_recorded: false,
        }
    }

    /// The poll of an operation of which no start is known. It has nothing to record.
    #[must_use]
    pub const fn of(poll: OperationPoll) -> Self {
        Self {
            poll,
            accepted: None,
            entry: None,
            unrecorded: None,
            warning: None,
            has_recorded: false,
        }
    }

    /// The poll of an operation that another process started for `tenant`, at a known time.
    pub(super) fn resumed(poll: OperationPoll, tenant: Tenant, throttle: Throttle) -> Self {
        Self {
            entry: Some(Box::new(EntryOf::unknown(tenant, throttle))),
            ..Self::of(poll)
        }
    }

    /// What the end of the poll has shown, for the ledger.
    fn shown(&self) -> Option<Change> {
        // A store that has just failed is not asked again, and without the acceptance it has no entry to complete.
        if self.warning.is_some() {
            return None;
        }
        let own = self.accepted.as_ref().map(Accepted::entry);
        let entry = own.as_ref().or(self.entry.as_deref())?;
        let is_start = self.poll.origin() == OperationOrigin::Start;
        let took = self.poll.took().filter(|_| is_start).map(|duration| Took {
            operation: self.poll.url().operation_id().to_owned(),
            accepted: self.poll.accepted(),
            duration,
            needs_start: !entry.is_known(),
        });
        entry.ended(self.poll.plan().service.base(), self.poll.other_id(), took)
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
        if !self.has_recorded
            && let Some(change) = self.shown()
        {
            return Step::Ledger(Transaction::new(self, Arc::new(change)), Writes::WITNESS);
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
            self.has_recorded = true;
        }
    }
}
