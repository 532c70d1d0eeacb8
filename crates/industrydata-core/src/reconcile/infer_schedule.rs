//! The machine that finds the schedule of a tenant's runs.

use std::fmt;

use jiff::Timestamp;

use crate::lro::{
    machine::{Machine, Sealed},
    read::Read,
    record::{CallKind, CallRecord},
    session::Session,
    step::{Records, Step, Transaction, Writes},
};
use crate::{
    endpoint::list_runs::ListRuns,
    ledger::{
        quota::Quota,
        reply::StoreReply,
        schedule::{Forecast, Schedule},
        store_error::StoreError,
    },
    now::Now,
    reconcile::error::ReconcileError,
};

/// Finds the schedule: the known one, or else the one that fits the start times of the tenant's runs.
///
/// It reads the quota from the ledger and, unless the schedule is known, the list of runs. `T` is the result computed
/// from both: a [`Schedule`] or a [`Forecast`]. It ends with `None` if the runs show no schedule.
pub struct InferSchedule<T> {
    session: Session,
    known: Option<Schedule>,
    take: Take<T>,
    seed: [u8; 16],
    state: State<T>,
}

type Take<T> = fn(&Quota, Schedule) -> T;

enum State<T> {
    Quota,
    Runs(Box<(Quota, Read<ListRuns>)>),
    Ended(Result<Option<T>, ReconcileError>),
}

impl Session {
    /// Infers the schedule from the start times of the runs. Pass it to [`Session::schedule`]. It is valid for as long
    /// as the service keeps to it.
    #[must_use]
    pub fn infer_schedule(&self, seed: [u8; 16]) -> InferSchedule<Schedule> {
        InferSchedule::new(self.clone(), None, |_, schedule| schedule, seed)
    }

    /// The forecast of the schedule. `scheduled` is a time at which a scheduled run is or was due, if known. Without
    /// it, the forecast uses the session's schedule, or else one inferred from the runs.
    #[must_use]
    pub fn forecast(
        &self,
        scheduled: Option<Timestamp>,
        seed: [u8; 16],
    ) -> InferSchedule<Forecast> {
        let known = scheduled.map(Schedule::given).or(self.known_schedule());
        let take: Take<Forecast> = |quota, schedule| quota.forecast_for(&schedule);
        InferSchedule::new(self.clone(), known, take, seed)
    }
}

impl<T> InferSchedule<T> {
    const fn new(session: Session, known: Option<Schedule>, take: Take<T>, seed: [u8; 16]) -> Self {
        Self {
            session,
            known,
            take,
            seed,
            state: State::Quota,
        }
    }

    fn end(&mut self, quota: &Quota, schedule: Option<Schedule>) {
        self.state = State::Ended(Ok(schedule.map(|schedule| (self.take)(quota, schedule))));
    }
}

impl<T: Send + Sync> Sealed for InferSchedule<T> {}

impl<T: Clone + Send + Sync> Machine for InferSchedule<T> {
    type Ledger = Writes;
    type Output = Option<T>;
    type Error = ReconcileError;

    fn step(&mut self) -> Step<'_, Writes, Result<Option<T>, ReconcileError>> {
        if let State::Runs(reading) = &mut self.state
            && let Some(outcome) = reading.1.outcome()
        {
            match outcome {
                Ok(runs) => {
                    let quota = reading.0.clone();
                    self.end(&quota, quota.infer_schedule(&runs));
                }
                Err(kind) => {
                    let error = Read::<ListRuns>::error(kind);
                    self.state = State::Ended(Err(error.into()));
                }
            }
        }
        match self.state {
            State::Quota => {
                let change = self.session.read_quota().into();
                Step::Ledger(Transaction::new(self, change), Writes::WITNESS)
            }
            State::Runs(ref mut reading) => reading.1.lend(),
            State::Ended(ref outcome) => Step::Done(outcome.clone()),
        }
    }

    fn record(&self) -> CallRecord<'_> {
        CallRecord::new(CallKind::Read)
    }

    fn stop(&mut self) {
        if let State::Runs(reading) = &mut self.state {
            reading.1.stop();
        }
    }
}

impl<T: Send + Sync> Records for InferSchedule<T> {
    fn done(&mut self, result: Result<StoreReply, StoreError>, now: Now) {
        match result {
            Err(error) => self.state = State::Ended(Err(error.into())),
            Ok(reply) if self.known.is_some() => self.end(reply.quota(), self.known),
            Ok(reply) => {
                let read = self.session.read(ListRuns, self.seed, now);
                self.state = State::Runs(Box::new((reply.quota().clone(), read)));
            }
        }
    }
}

impl<T> fmt::Debug for InferSchedule<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InferSchedule").finish_non_exhaustive()
    }
}
