//! The machine that reads the details of a failure.

use std::{convert::Infallible, sync::Arc, time::Duration};

use crate::lro::{
    machine::{Machine, Sealed},
    poll_operation::OperationPoll,
    poll_run::RunPoll,
    read::{Read, ReadPlan},
    read_error::ReadErrorKind,
    record::{CallKind, CallRecord},
    session::Session,
    step::{Never, Step},
};
use crate::policy::MAX_DETAILS_TIME;
use crate::{
    endpoint::{
        contract::Endpoint, get_run::GetRun, list_activities::ListActivities,
        run_statistics::GetStatistics,
    },
    model::{
        activity::{ActivityStatus, RunActivity},
        run::IndustryDataRun,
        statistics::RunStatistics,
    },
    now::Now,
    reconcile::{find_run::FindRun, run_match::RunMatch},
    seed::Seed,
};

/// What the service says of a failed operation or run besides its status. Each part is absent if it could not be read.
///
/// ```
/// use industrydata_core::reconcile::FailureDetails;
///
/// fn reasons(details: &FailureDetails) -> Vec<String> {
///     let reasons = details.failed_activities().iter().filter_map(|it| it.blocking_error());
///     reasons.map(ToString::to_string).collect()
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(transparent)
)]
pub struct FailureDetails(
    #[cfg_attr(feature = "serde", serde(with = "crate::serial::shared"))] Arc<Parts>,
);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Parts {
    run_match: Option<RunMatch>,
    run: Option<IndustryDataRun>,
    #[cfg_attr(feature = "serde", serde(default))]
    failed_activities: Vec<RunActivity>,
    statistics: Option<RunStatistics>,
}

impl FailureDetails {
    /// The run of the failed operation, if it was found without doubt. `None` also for a failed run, whose id is known.
    #[must_use]
    pub fn run_match(&self) -> Option<&RunMatch> {
        self.0.run_match.as_ref()
    }

    /// The run, with its blocking error.
    #[must_use]
    pub fn run(&self) -> Option<&IndustryDataRun> {
        self.0.run.as_ref()
    }

    /// The activities of the run that failed.
    #[must_use]
    pub fn failed_activities(&self) -> &[RunActivity] {
        &self.0.failed_activities
    }

    /// The statistics of the run.
    #[must_use]
    pub fn statistics(&self) -> Option<&RunStatistics> {
        self.0.statistics.as_ref()
    }
}

/// Reads the details of a failure: finds the run of a failed operation, then reads the run, its activities and its
/// statistics. A part that cannot be read is left out.
///
/// It takes at most 10 s, and ends with the time limit of the poll. It cannot fail.
#[derive(Debug)]
pub struct ReadDetails {
    plan: ReadPlan,
    deadline: Duration,
    seed: Seed,
    /// The id of the run, once it is known.
    run: String,
    state: State,
    details: Parts,
}

#[derive(Debug)]
enum State {
    Finding(Box<FindRun>),
    Run(Box<Read<GetRun>>),
    Activities(Box<Read<ListActivities>>),
    Statistics(Box<Read<GetStatistics>>),
    Ended,
}

impl Session {
    /// Reads the details of a failed operation. An operation without a run has none.
    #[must_use]
    pub fn failure(&self, poll: &OperationPoll, now: Now) -> ReadDetails {
        let limited = self.limited_details(poll.left(now));
        let mut find = limited.find_run(poll, seed_of(poll.seed(), 1), now);
        if !poll.is_accepted_known() {
            // Nothing is known but when the poll began: a run that started then may be another start's.
            find.only_if_named();
        }
        ReadDetails::new(&limited, State::Finding(Box::new(find)), poll.seed(), now)
    }

    /// Reads the details of a failed run.
    #[must_use]
    pub fn run_failure(&self, poll: &RunPoll, now: Now) -> ReadDetails {
        let limited = self.limited_details(poll.left(now));
        let mut machine = ReadDetails::new(&limited, State::Ended, poll.seed(), now);
        poll.id().clone_into(&mut machine.run);
        machine.details.run = poll.run().cloned();
        machine.state = if machine.details.run.is_some() {
            State::Activities(machine.read(ListActivities::new(poll.id()), 3, now))
        } else {
            State::Run(machine.read(GetRun::new(poll.id()), 2, now))
        };
        machine
    }

    fn limited_details(&self, left: Duration) -> Self {
        self.clone().time_limit(left.min(MAX_DETAILS_TIME))
    }
}

impl ReadDetails {
    fn new(session: &Session, state: State, seed: Seed, now: Now) -> Self {
        let plan = session.read_plan();
        Self {
            deadline: now.steady.saturating_add(plan.limits.total),
            plan,
            seed,
            run: String::new(),
            state,
            details: Parts::default(),
        }
    }

    /// A read within what is left of the time.
    fn read<E: Endpoint>(&self, endpoint: E, ordinal: u32, now: Now) -> Box<Read<E>> {
        let mut plan = self.plan.clone();
        plan.limits.total = self.deadline.saturating_sub(now.steady);
        let seed = seed_of(self.seed, ordinal);
        Box::new(Read::new(endpoint, plan, seed, now))
    }

    /// Keeps what was read, and begins the next read.
    fn advance(&mut self) {
        loop {
            let (ended, now) = match &mut self.state {
                State::Finding(find) => match find.outcome() {
                    None => return,
                    Some(outcome) => {
                        let now = find.last();
                        let found = outcome.ok().flatten().filter(|it| !it.is_ambiguous());
                        let Some(found) = found else {
                            self.state = State::Ended;
                            return;
                        };
                        found.id().clone_into(&mut self.run);
                        self.details.run_match = Some(found);
                        (None, now)
                    }
                },
                State::Run(read) => match read.outcome() {
                    None => return,
                    Some(outcome) => {
                        let (run, ended) = split(outcome);
                        self.details.run = run;
                        (ended, read.last())
                    }
                },
                State::Activities(read) => match read.outcome() {
                    None => return,
                    Some(outcome) => {
                        let (activities, ended) = split(outcome);
                        let all = activities.into_iter().flatten();
                        let failed = all.filter(|it| *it.status() == ActivityStatus::Failed);
                        self.details.failed_activities = failed.collect();
                        (ended, read.last())
                    }
                },
                State::Statistics(read) => match read.outcome() {
                    None => return,
                    Some(outcome) => {
                        (self.details.statistics, _) = split(outcome);
                        self.state = State::Ended;
                        return;
                    }
                },
                State::Ended => return,
            };
            let run = self.run.clone();
            self.state = match self.state {
                _ if ended.is_some() => State::Ended,
                State::Finding(_) => State::Run(self.read(GetRun::new(run), 2, now)),
                State::Run(_) => State::Activities(self.read(ListActivities::new(run), 3, now)),
                State::Activities(_) => {
                    State::Statistics(self.read(GetStatistics::new(run), 4, now))
                }
                State::Statistics(_) | State::Ended => State::Ended,
            };
        }
    }
}

/// The seed of one read, derived from that of the poll. The poll itself has used the first ordinals.
fn seed_of(seed: Seed, ordinal: u32) -> [u8; 16] {
    seed.reservation(u32::MAX - ordinal)
}

/// Why nothing more is read: the next read would end in the same way.
struct GiveUp;

/// The value that was read, or whether the next read is still worth a try.
fn split<T: Clone>(outcome: Result<Arc<T>, ReadErrorKind>) -> (Option<T>, Option<GiveUp>) {
    match outcome {
        Ok(value) => (Some(Arc::unwrap_or_clone(value)), None),
        Err(
            ReadErrorKind::NotFound(_)
            | ReadErrorKind::Forbidden(_)
            | ReadErrorKind::Unexpected(_)
            | ReadErrorKind::Unreadable(_)
            | ReadErrorKind::InvalidId
            | ReadErrorKind::Link { .. }
            | ReadErrorKind::Endless { .. },
        ) => (None, None),
        Err(
            ReadErrorKind::Unauthorized { .. }
            | ReadErrorKind::NoToken(_)
            | ReadErrorKind::GaveUp { .. }
            | ReadErrorKind::TimeLimit { .. }
            | ReadErrorKind::Stopped,
        ) => (None, Some(GiveUp)),
    }
}

impl Sealed for ReadDetails {}

impl Machine for ReadDetails {
    type Ledger = Never;
    type Output = FailureDetails;
    type Error = Infallible;

    fn step(&mut self) -> Step<'_, Never, Result<FailureDetails, Infallible>> {
        self.advance();
        match &mut self.state {
            State::Finding(find) => find.lend(),
            State::Run(read) => read.lend(),
            State::Activities(read) => read.lend(),
            State::Statistics(read) => read.lend(),
            State::Ended => Step::Done(Ok(FailureDetails(Arc::new(self.details.clone())))),
        }
    }

    fn record(&self) -> CallRecord<'_> {
        CallRecord {
            run: Some(self.run.as_str()).filter(|run| !run.is_empty()),
            ..CallRecord::new(CallKind::Read)
        }
    }

    /// What was read so far is the result.
    fn stop(&mut self) {
        self.advance();
        self.state = State::Ended;
    }
}
