//! The machine that polls a run until it ends.

use std::{fmt, sync::Arc, time::Duration};

use http::StatusCode;

use crate::lro::{
    machine::{Machine, Sealed},
    pace::{LostTrack, Pace, Pausing, TimeUp},
    poll_plan::PollPlan,
    progress::{PauseReason, Progress},
    read::{Read, ReadPlan, Refusals},
    read_error::ReadErrorKind,
    record::{CallKind, CallRecord},
    run_poll_error::{RunPollError, RunPollErrorKind},
    step::{Never, Pause, Pauses, Step},
    transient::TransientError,
};
use crate::policy::TOKEN_RETRY;
use crate::{
    endpoint::get_run::GetRun,
    model::run::{IndustryDataRun, RunStatus},
    now::Now,
    seed::Seed,
};

/// Polls one run until it ends.
///
/// Its poll interval is that of [`OperationPoll`](crate::lro::OperationPoll). It depends on the age of the run once the
/// start time of the run is known.
pub struct RunPoll {
    id: String,
    seed: Seed,
    state: State,
    pace: Pace,
    run: Option<Arc<IndustryDataRun>>,
    polls: u32,
    /// The service's id of the poll that returned the end.
    request_id: Option<String>,
    /// The state that the next read takes over from the last one.
    refusals: Refusals,
}

impl fmt::Debug for RunPoll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunPoll")
            .field("run", &self.id)
            .field("status", &self.run().map(IndustryDataRun::status))
            .field("polls", &self.polls)
            .finish_non_exhaustive()
    }
}

enum State {
    Reading(Box<Read<GetRun>>),
    Pausing(Pausing),
    Ended(Result<Arc<IndustryDataRun>, RunPollError>),
}

impl RunPoll {
    /// Polls the run `id`, at once. `seed` is random and used for one poll only.
    #[must_use]
    pub fn new(
        id: impl Into<String>,
        plan: impl Into<Arc<PollPlan>>,
        seed: [u8; 16],
        now: Now,
    ) -> Self {
        let (id, seed) = (id.into(), Seed::new(seed));
        let plan = plan.into();
        let pace = Pace::new(Arc::clone(&plan), Duration::ZERO, now);
        Self {
            state: reading(&plan, &id, seed, 0, pace.deadline, Refusals::default(), now),
            pace,
            id,
            seed,
            run: None,
            polls: 0,
            request_id: None,
            refusals: Refusals::default(),
        }
    }

    /// The run's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The run as of the last poll that returned it.
    #[must_use]
    pub fn run(&self) -> Option<&IndustryDataRun> {
        self.run.as_deref()
    }

    pub(crate) const fn seed(&self) -> Seed {
        self.seed
    }

    /// The time that is left before the time limit of the poll.
    pub(crate) const fn left(&self, now: Now) -> Duration {
        self.pace.left(now)
    }

    /// The plan of the poll.
    #[must_use]
    pub fn plan(&self) -> &PollPlan {
        &self.pace.plan
    }

    fn end(&mut self, kind: RunPollErrorKind) {
        let (run, request_id) = (self.run.clone(), self.request_id.clone());
        let error = RunPollError::new(kind, self.id.clone(), run, request_id);
        self.state = State::Ended(Err(error));
    }

    /// Handles the result of the read, if the read has ended.
    fn settle(&mut self) {
        let State::Reading(read) = &mut self.state else {
            return;
        };
        let Some(outcome) = read.outcome() else {
            return;
        };
        let (asked, now) = (read.asked(), read.last());
        self.request_id = read.take_request_id();
        self.polls = self.polls.saturating_add(read.requests());
        // Any answer but a 401 ends a row of them.
        let goes_on = matches!(&outcome, Err(ReadErrorKind::GaveUp { last, .. }) if match last {
            TransientError::Answer(error) => error.status() == StatusCode::UNAUTHORIZED,
            TransientError::Encoded | TransientError::Unreadable(_) | TransientError::Body(_) => false,
            TransientError::Lost(_) | TransientError::Token(_) | TransientError::Dropped => true,
        });
        let refusals = read.take_refusals();
        self.refusals = if goes_on {
            refusals
        } else {
            Refusals::default()
        };
        match outcome {
            Ok(run) => self.seen(run, asked, now),
            Err(kind @ (ReadErrorKind::GaveUp { .. } | ReadErrorKind::Unreadable(_))) => {
                self.transient(kind, asked, now);
            }
            Err(kind @ ReadErrorKind::NotFound(_))
                if self.run.is_none() && self.pace.is_in_grace(now) =>
            {
                self.transient(kind, asked, now);
            }
            Err(kind @ ReadErrorKind::TimeLimit { .. }) => {
                let last = Read::<GetRun>::error(kind);
                self.end(RunPollErrorKind::TimeLimit {
                    retry_at: last.retry_at(),
                    last: Some(Box::new(last)),
                });
            }
            Err(kind) => self.end(RunPollErrorKind::Read(Read::<GetRun>::error(kind))),
        }
    }

    fn seen(&mut self, run: Arc<IndustryDataRun>, asked: Option<Duration>, now: Now) {
        self.pace.answered();
        if let Some(started) = run.started() {
            let age = Duration::try_from(now.utc.duration_since(started)).unwrap_or_default();
            self.pace.age = age.saturating_sub(self.pace.since_began(now));
        }
        self.run = Some(Arc::clone(&run));
        match run.status() {
            RunStatus::Completed
            | RunStatus::CompletedWithErrors
            | RunStatus::CompletedWithWarnings => self.state = State::Ended(Ok(run)),
            RunStatus::Failed => self.end(RunPollErrorKind::Failed),
            RunStatus::UnknownFutureValue | RunStatus::Other(_) if run.ended().is_some() => {
                self.end(RunPollErrorKind::Unrecognised);
            }
            RunStatus::Running | RunStatus::UnknownFutureValue | RunStatus::Other(_) => {
                let pause = self.pace.interval(now.steady);
                self.pause_for(pause, asked, PauseReason::RunGoesOn, now);
            }
        }
    }

    fn transient(&mut self, kind: ReadErrorKind, asked: Option<Duration>, now: Now) {
        let is_token = matches!(
            kind,
            ReadErrorKind::GaveUp {
                last: TransientError::Token(_),
                ..
            }
        );
        let last = Read::<GetRun>::error(kind);
        let jitter = self.seed.jitter(self.polls);
        match self.pace.retry(jitter, now) {
            Err(LostTrack(since)) => self.end(RunPollErrorKind::LostTrack { last, since }),
            Ok(pause) => {
                let pause = if is_token {
                    pause.max(TOKEN_RETRY)
                } else {
                    pause
                };
                self.pause_for(pause, asked, PauseReason::Unread(last), now);
            }
        }
    }

    fn pause_for(
        &mut self,
        pause: Duration,
        asked: Option<Duration>,
        reason: PauseReason,
        now: Now,
    ) {
        match self.pace.pause(pause, asked, reason, now) {
            Ok(pausing) => self.state = State::Pausing(pausing),
            Err(TimeUp { retry_at, reason }) => {
                let last = if let PauseReason::Unread(error) = reason {
                    Some(Box::new(error))
                } else {
                    None
                };
                self.end(RunPollErrorKind::TimeLimit { retry_at, last });
            }
        }
    }
}

fn reading(
    plan: &PollPlan,
    id: &str,
    seed: Seed,
    polls: u32,
    deadline: Duration,
    refusals: Refusals,
    now: Now,
) -> State {
    let read = ReadPlan {
        service: plan.service.clone(),
        limits: plan.limits,
    };
    let seed = seed.reservation(polls);
    let read = Read::new(GetRun::new(id), read, seed, now);
    State::Reading(Box::new(read.once_before(deadline, polls > 0, refusals)))
}

impl Sealed for RunPoll {}

impl Machine for RunPoll {
    type Ledger = Never;
    type Output = Arc<IndustryDataRun>;
    type Error = RunPollError;

    fn step(&mut self) -> Step<'_, Never, Result<Arc<IndustryDataRun>, RunPollError>> {
        self.settle();
        match self.state {
            State::Reading(ref mut read) => read.lend(),
            State::Pausing(ref pausing) => {
                let (until, reason) = (pausing.until, pausing.reason.clone());
                Step::Wait(Pause::new(self, until, reason))
            }
            State::Ended(ref outcome) => Step::Done(outcome.clone()),
        }
    }

    fn record(&self) -> CallRecord<'_> {
        CallRecord {
            run: Some(&self.id),
            ..CallRecord::new(CallKind::Follow)
        }
    }

    fn stop(&mut self) {
        // A read that has ended decides before the stop.
        if let State::Reading(read) = &self.state
            && read.has_ended()
        {
            self.settle();
        }
        if !matches!(self.state, State::Ended(_)) {
            self.end(RunPollErrorKind::Stopped);
        }
    }
}

impl Pauses for RunPoll {
    fn progress(&mut self) -> Option<Progress> {
        match &mut self.state {
            State::Pausing(pausing) => pausing.progress(None, self.run.as_ref(), self.polls),
            State::Reading(_) | State::Ended(_) => None,
        }
    }

    fn over(&mut self, now: Now) {
        if matches!(self.state, State::Pausing(_)) {
            let (seed, polls, deadline) = (self.seed, self.polls, self.pace.deadline);
            let refusals = std::mem::take(&mut self.refusals);
            self.state = reading(
                &self.pace.plan,
                &self.id,
                seed,
                polls,
                deadline,
                refusals,
                now,
            );
        }
    }
}
