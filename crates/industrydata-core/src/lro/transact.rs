//! One change to the ledger, as a machine.

use std::{fmt, sync::Arc};

use crate::lro::{
    machine::{Machine, Sealed},
    record::{CallKind, CallRecord, Failure},
    step::{Records, Step, Transaction, Writes},
};
use crate::{
    ledger::{change::Change, reply::StoreReply, schedule::Schedule, store_error::StoreError},
    now::Now,
};

/// Computes the result from the store's reply and the known schedule.
pub(crate) type Take<T, E> = fn(&StoreReply, Option<Schedule>) -> Result<T, E>;

/// One change to the ledger, and the part of the reply that its caller needs. Nothing is sent.
pub struct Transact<T, E> {
    state: State<T, E>,
}

enum State<T, E> {
    Due {
        change: Arc<Change>,
        schedule: Option<Schedule>,
        take: Take<T, E>,
    },
    Ended(Result<T, E>),
}

impl<T, E> Transact<T, E> {
    pub(crate) fn new(change: Change, schedule: Option<Schedule>, take: Take<T, E>) -> Self {
        let change = Arc::new(change);
        let state = State::Due {
            change,
            schedule,
            take,
        };
        Self { state }
    }

    pub(crate) const fn failed(error: E) -> Self {
        let state = State::Ended(Err(error));
        Self { state }
    }
}

impl<T: Send + Sync, E: Send + Sync> Sealed for Transact<T, E> {}

impl<T, E> Machine for Transact<T, E>
where
    T: Clone + Send + Sync,
    E: Clone + Failure + From<StoreError> + Send + Sync,
{
    type Ledger = Writes;
    type Output = T;
    type Error = E;

    fn step(&mut self) -> Step<'_, Writes, Result<T, E>> {
        let change = match &self.state {
            State::Due { change, .. } => Arc::clone(change),
            State::Ended(outcome) => return Step::Done(outcome.clone()),
        };
        Step::Ledger(Transaction::new(self, change), Writes::WITNESS)
    }

    fn record(&self) -> CallRecord<'_> {
        CallRecord::new(CallKind::Ledger)
    }

    /// A change that was begun is completed.
    fn stop(&mut self) {}
}

impl<T, E> Records for Transact<T, E>
where
    T: Send + Sync,
    E: From<StoreError> + Send + Sync,
{
    fn done(&mut self, result: Result<StoreReply, StoreError>, _: Now) {
        if let State::Due { schedule, take, .. } = &self.state {
            let outcome = result.map_err(E::from);
            self.state = State::Ended(outcome.and_then(|reply| take(&reply, *schedule)));
        }
    }
}

impl<T, E> fmt::Debug for Transact<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transact").finish_non_exhaustive()
    }
}
