//! The machine that reconciles: it reads both lists, then the ledger, and makes the changes one by one.

use std::sync::Arc;

use jiff::Timestamp;

use crate::lro::{
    machine::{Machine, Sealed},
    read::Read,
    read_error::ReadError,
    record::{CallKind, CallRecord},
    session::Session,
    step::{Records, Step, Transaction, Writes},
    transact::Transact,
};
use crate::{
    endpoint::{dated::Dated, list_operations::ListOperations, list_runs::ListRuns},
    ledger::{change::Change, reply::StoreReply, resolve::Resolution, store_error::StoreError},
    model::operation::Operation,
    now::Now,
    reconcile::{
        error::{ReconcileError, ResolveError},
        reconciliation::Reconciliation,
        snapshot::ServiceSnapshot,
    },
    seed::Seed,
};

/// Compares the ledger with what the service lists, and changes it: starts in doubt are resolved by evidence, starts
/// made elsewhere are entered as external.
///
/// No start is released if one of the two lists could not be read, or if the ledger's clock differs from the service's
/// by more than two minutes.
#[derive(Debug)]
pub struct Reconcile {
    session: Session,
    seed: Seed,
    state: State,
    is_stopped: bool,
    /// The latest moment reported.
    last: Now,
}

type Operations = Result<(Vec<Operation>, Option<Timestamp>), ReadError>;

#[derive(Debug)]
enum State {
    Operations(Box<Read<Dated<ListOperations>>>),
    Runs(Box<(Operations, Read<Dated<ListRuns>>)>),
    Quota(Box<ServiceSnapshot>),
    Changes {
        reconciliation: Arc<Reconciliation>,
        next: usize,
    },
    Ended(Result<Arc<Reconciliation>, ReconcileError>),
}

impl Session {
    /// Compares the ledger with what the service lists, and changes it.
    #[must_use]
    pub fn reconcile(&self, seed: [u8; 16], now: Now) -> Reconcile {
        let seed = Seed::new(seed);
        let read = self.read(Dated(ListOperations), seed.reservation(0), now);
        Reconcile {
            session: self.clone(),
            seed,
            state: State::Operations(Box::new(read)),
            is_stopped: false,
            last: now,
        }
    }

    /// Resolves a start in doubt by hand, by its entry's id, with a note on why.
    #[must_use]
    pub fn resolve(
        &self,
        id: &str,
        resolution: Resolution,
        note: &str,
    ) -> Transact<(), ResolveError> {
        let (key, throttle) = self.ledger();
        match Change::resolve_by_hand(key, throttle, id, resolution, note) {
            Err(unresolved) => Transact::failed(unresolved.into()),
            Ok(change) => Transact::new(change, None, |reply, _| match reply.unresolved() {
                Some(unresolved) => Err(unresolved.into()),
                None => Ok(()),
            }),
        }
    }
}

impl Reconcile {
    /// The result, if the reconciliation has ended.
    pub(super) fn outcome(&mut self) -> Option<Result<Arc<Reconciliation>, ReconcileError>> {
        self.proceed();
        match &self.state {
            State::Ended(outcome) => Some(outcome.clone()),
            State::Changes {
                reconciliation,
                next,
            } if *next >= reconciliation.changes().len() => Some(Ok(Arc::clone(reconciliation))),
            State::Operations(_) | State::Runs(_) | State::Quota(_) | State::Changes { .. } => None,
        }
    }

    /// The latest moment reported.
    pub(super) const fn last(&self) -> Now {
        self.last
    }

    /// The next step before the end.
    pub(super) fn lend<T>(&mut self) -> Step<'_, Writes, T> {
        let change = match self.state {
            State::Operations(ref mut read) => return read.lend(),
            State::Runs(ref mut reading) => return reading.1.lend(),
            State::Changes {
                ref reconciliation,
                next,
            } => reconciliation.changes().get(next).cloned(),
            State::Quota(_) | State::Ended(_) => None,
        };
        let change = change.unwrap_or_else(|| self.session.read_quota());
        Step::Ledger(Transaction::new(self, change.into()), Writes::WITNESS)
    }

    /// Moves to the next state once the read has ended.
    fn proceed(&mut self) {
        if let State::Operations(read) = &mut self.state
            && let Some(outcome) = read.outcome()
        {
            let operations = outcome.map(Arc::unwrap_or_clone);
            let operations = operations.map_err(Read::<Dated<ListOperations>>::error);
            let (seed, now) = (self.seed.reservation(1), read.last());
            let mut runs = self.session.read(Dated(ListRuns), seed, now);
            if self.is_stopped {
                runs.stop();
            }
            self.state = State::Runs(Box::new((operations, runs)));
        }
        if let State::Runs(reading) = &mut self.state
            && let Some(outcome) = reading.1.outcome()
        {
            self.last = reading.1.last();
            let runs = outcome.map(Arc::unwrap_or_clone);
            let runs = runs.map_err(Read::<Dated<ListRuns>>::error);
            self.state = match ServiceSnapshot::new(reading.0.clone(), runs) {
                Ok(snapshot) => State::Quota(Box::new(snapshot)),
                Err(error) => State::Ended(Err(error.into())),
            };
        }
    }
}

impl Sealed for Reconcile {}

impl Machine for Reconcile {
    type Ledger = Writes;
    type Output = Arc<Reconciliation>;
    type Error = ReconcileError;

    fn step(&mut self) -> Step<'_, Writes, Result<Arc<Reconciliation>, ReconcileError>> {
        match self.outcome() {
            Some(outcome) => Step::Done(outcome),
            None => self.lend(),
        }
    }

    fn record(&self) -> CallRecord<'_> {
        CallRecord::new(CallKind::Reconcile)
    }

    /// Ends the reads. If the changes were begun, all of them are made.
    fn stop(&mut self) {
        self.is_stopped = true;
        match &mut self.state {
            State::Operations(read) => read.stop(),
            State::Runs(reading) => reading.1.stop(),
            State::Quota(_) | State::Changes { .. } | State::Ended(_) => {}
        }
    }
}

impl Records for Reconcile {
    fn done(&mut self, result: Result<StoreReply, StoreError>, now: Now) {
        self.last = now;
        match (&mut self.state, result) {
            (_, Err(error)) => self.state = State::Ended(Err(error.into())),
            (State::Quota(snapshot), Ok(reply)) => {
                let quota = reply.quota().clone();
                let quota = quota.with_schedule(self.session.known_schedule());
                let (base, tenant) = (self.session.service().base(), self.session.tenant());
                let reconciliation = snapshot.as_ref().clone().reconcile(base, tenant, &quota);
                self.state = State::Changes {
                    reconciliation: Arc::new(reconciliation),
                    next: 0,
                };
            }
            (State::Changes { next, .. }, Ok(_)) => *next += 1,
            // Only the two states above lend a transaction.
            (State::Operations(_) | State::Runs(_) | State::Ended(_), Ok(_)) => {}
        }
    }
}
