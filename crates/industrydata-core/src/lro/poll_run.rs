//! The wait for a run itself: read, pause, until the run has ended.

use std::{sync::Arc, time::Duration};

use http::{Request, StatusCode, response::Parts};

use crate::lro::{
    poll_operation::PollPlan,
    progress::{PauseReason, Progress},
    read::{Read, ReadPlan},
    read_error::ReadErrorKind,
    run_poll_error::{RunPollError, RunPollErrorKind},
    step::{Exchange, Machine, Pause},
};
use crate::policy::{LAST_POLL_LEAD, LOST_TRACK_AFTER, LOST_TRACK_POLLS, NOT_FOUND_GRACE};
use crate::{
    auth::token::{AccessToken, Challenge, TokenError},
    endpoint::get_run::GetRun,
    model::run::{IndustryDataRun, RunStatus},
    now::Now,
    seed::Seed,
    wire::transport::{IncompleteBody, TransportError},
};

/// What a [`RunPoll`] needs done next. It never touches the books: there is no step for it.
#[must_use = "nothing happens until the step is answered"]
#[derive(Debug)]
pub enum RunPollStep<'m> {
    /// Put one request on the wire, then hand in its one answer.
    Send(Exchange<'m>),
    /// Do nothing for a while.
    Wait(Pause<'m>),
    /// The run has ended well enough (`completed`, with errors or warnings perhaps), or an error.
    Done(Result<Arc<IndustryDataRun>, RunPollError>),
}

/// The wait for one run. A run may have started: yes; it is the run.
///
/// The pace is that of [`OperationPoll`](crate::lro::OperationPoll), reckoned from the run's own start once that is known.
#[derive(Debug)]
pub struct RunPoll {
    plan: PollPlan,
    id: String,
    seed: Seed,
    state: State,
    deadline: Duration,
    began: Duration,
    /// How much older than `began` the run is, once it was seen.
    age: Duration,
    run: Option<Arc<IndustryDataRun>>,
    polls: u32,
    misses: u32,
    missing_since: Duration,
    last_read: bool,
}

#[derive(Debug)]
enum State {
    Reading(Box<Read<GetRun>>),
    Pausing {
        from: Duration,
        until: Duration,
        reason: PauseReason,
        told: bool,
    },
    Ended(Result<Arc<IndustryDataRun>, RunPollError>),
}

impl RunPoll {
    /// The wait for the run `id`: reads it at once. `seed` is random and used for one wait.
    #[must_use]
    pub fn new(id: impl Into<String>, plan: PollPlan, seed: [u8; 16], now: Now) -> Self {
        let (id, seed) = (id.into(), Seed::new(seed));
        Self {
            state: reading(&plan, &id, seed, 0, now),
            deadline: now.steady.saturating_add(plan.limits.total),
            plan,
            id,
            seed,
            began: now.steady,
            age: Duration::ZERO,
            run: None,
            polls: 0,
            misses: 0,
            missing_since: now.steady,
            last_read: false,
        }
    }

    /// What to do next.
    pub fn step(&mut self) -> RunPollStep<'_> {
        if let State::Reading(fetch) = &mut self.state
            && let Some(sent) = fetch.settle_dropped()
        {
            self.settle(sent);
        }
        match &self.state {
            State::Ended(outcome) => RunPollStep::Done(outcome.clone()),
            State::Pausing { .. } => RunPollStep::Wait(Pause { machine: self }),
            State::Reading(_) => RunPollStep::Send(Exchange { machine: self }),
        }
    }

    /// Ends the wait, unless it has ended: the next step is done.
    pub fn stop(&mut self) {
        if !matches!(self.state, State::Ended(_)) {
            self.end(RunPollErrorKind::Stopped);
        }
    }

    /// The run's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The run as last seen.
    #[must_use]
    pub fn run(&self) -> Option<&IndustryDataRun> {
        self.run.as_deref()
    }

    /// How it is followed.
    #[must_use]
    pub const fn plan(&self) -> &PollPlan {
        &self.plan
    }

    fn end(&mut self, kind: RunPollErrorKind) {
        let error = RunPollError::new(kind, self.id.clone(), self.run.clone());
        self.state = State::Ended(Err(error));
    }

    fn since_start(&self, now: Now) -> Duration {
        now.steady
            .saturating_sub(self.began)
            .saturating_add(self.age)
    }

    /// Takes in what the read has come to, if it has ended.
    fn settle(&mut self, now: Now) {
        let State::Reading(fetch) = &self.state else {
            return;
        };
        let asked = fetch.asked();
        let Some(outcome) = fetch.outcome() else {
            return;
        };
        match outcome {
            Ok(run) => self.seen(run, asked, now),
            Err(kind @ (ReadErrorKind::GaveUp { .. } | ReadErrorKind::Unreadable(_))) => {
                self.miss(kind, asked, now);
            }
            Err(kind @ ReadErrorKind::NotFound(_))
                if self.run.is_none()
                    && now.steady.saturating_sub(self.began) < NOT_FOUND_GRACE =>
            {
                self.miss(kind, asked, now);
            }
            Err(ReadErrorKind::TimeLimit { retry_at }) => {
                self.end(RunPollErrorKind::TimeLimit { retry_at });
            }
            Err(kind) => self.end(RunPollErrorKind::Read(Read::<GetRun>::error(kind))),
        }
    }

    fn seen(&mut self, run: Arc<IndustryDataRun>, asked: Option<Duration>, now: Now) {
        self.misses = 0;
        if let Some(started) = run.started() {
            let age = Duration::try_from(now.utc.duration_since(started)).unwrap_or_default();
            self.age = age.saturating_sub(now.steady.saturating_sub(self.began));
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
                let pause = self.plan.policy.interval(self.since_start(now));
                self.pause_for(pause, asked, PauseReason::RunGoesOn, now);
            }
        }
    }

    fn miss(&mut self, kind: ReadErrorKind, asked: Option<Duration>, now: Now) {
        if self.misses == 0 {
            self.missing_since = now.steady;
        }
        self.misses = self.misses.saturating_add(1);
        let since = now.steady.saturating_sub(self.missing_since);
        let last = Read::<GetRun>::error(kind);
        if since >= LOST_TRACK_AFTER && self.misses >= LOST_TRACK_POLLS {
            self.end(RunPollErrorKind::LostTrack { last, since });
            return;
        }
        let jitter = self.seed.jitter(self.polls);
        let since_start = self.since_start(now);
        let pause = self.plan.policy.back_off(since_start, self.misses, jitter);
        self.pause_for(pause, asked, PauseReason::Unread(last), now);
    }

    /// Pauses, or ends at the time limit: a wait is clipped so that one last read fits before it.
    fn pause_for(
        &mut self,
        pause: Duration,
        asked: Option<Duration>,
        reason: PauseReason,
        now: Now,
    ) {
        let longer = asked.filter(|asked| *asked > pause);
        let left = self.deadline.saturating_sub(now.steady);
        if let Some(asked) = asked.filter(|asked| *asked > left) {
            let retry_at = now.utc.saturating_add(asked).ok();
            self.end(RunPollErrorKind::TimeLimit { retry_at });
            return;
        }
        if self.last_read || left.is_zero() {
            self.end(RunPollErrorKind::TimeLimit { retry_at: None });
            return;
        }
        let limits = self.plan.limits;
        let room = LAST_POLL_LEAD.min(limits.total / 10).min(limits.request);
        let last = self.deadline.saturating_sub(room).max(now.steady);
        let until = now.steady.saturating_add(longer.unwrap_or(pause));
        self.last_read = until >= last;
        self.state = State::Pausing {
            from: now.steady,
            // What the service asked for is never undercut, not even for a last read.
            until: until
                .min(last)
                .max(now.steady.saturating_add(asked.unwrap_or_default())),
            reason: match (longer, reason) {
                (Some(_), PauseReason::RunGoesOn) => PauseReason::RetryAfter,
                (_, reason) => reason,
            },
            told: false,
        };
    }
}

fn reading(plan: &PollPlan, id: &str, seed: Seed, ordinal: u32, now: Now) -> State {
    let fetch = ReadPlan {
        service: plan.service.clone(),
        limits: plan.limits,
    };
    let seed = seed.reservation(ordinal);
    State::Reading(Box::new(
        Read::new(GetRun::new(id), fetch, seed, now).once(),
    ))
}

impl Machine for RunPoll {
    fn challenge(&self) -> Option<&Challenge> {
        match &self.state {
            State::Reading(fetch) => fetch.challenge(),
            State::Pausing { .. } | State::Ended(_) => None,
        }
    }

    fn deadline(&self) -> Duration {
        self.deadline
    }

    fn no_token(&mut self, error: TokenError, now: Now) {
        if let State::Reading(fetch) = &mut self.state {
            fetch.no_token(error, now);
            self.settle(now);
        }
    }

    fn unsent(&mut self, fault: TransportError, now: Now) {
        self.lost(fault, now);
    }

    fn request(&mut self, token: &AccessToken, now: Now) -> Option<(Request<()>, Duration)> {
        let left = self.deadline.saturating_sub(now.steady);
        let State::Reading(fetch) = &mut self.state else {
            return None;
        };
        if left.is_zero() {
            self.end(RunPollErrorKind::TimeLimit { retry_at: None });
            return None;
        }
        let request = fetch.request(token, now);
        match request {
            Some((request, limit)) => {
                self.polls = self.polls.saturating_add(1);
                Some((request, limit.min(left)))
            }
            None => {
                self.settle(now);
                None
            }
        }
    }

    fn reads_body(&self, _: StatusCode) -> bool {
        true
    }

    fn answer(&mut self, head: &Parts, body: Result<Vec<u8>, IncompleteBody>, now: Now) {
        if let State::Reading(fetch) = &mut self.state {
            fetch.answer(head, body, now);
            self.settle(now);
        }
    }

    fn lost(&mut self, fault: TransportError, now: Now) {
        if let State::Reading(fetch) = &mut self.state {
            fetch.lost(fault, now);
            self.settle(now);
        }
    }

    fn pause(&self) -> (Duration, &PauseReason) {
        match &self.state {
            State::Pausing { until, reason, .. } => (*until, reason),
            State::Reading(_) | State::Ended(_) => (Duration::ZERO, &PauseReason::RunGoesOn),
        }
    }

    fn news(&mut self) -> Option<Progress> {
        let State::Pausing {
            from,
            until,
            reason,
            told,
        } = &mut self.state
        else {
            return None;
        };
        if std::mem::replace(told, true) {
            return None;
        }
        Some(Progress {
            operation: None,
            run: self.run.clone(),
            reason: reason.clone(),
            polls: self.polls,
            next_poll_in: until.saturating_sub(*from),
        })
    }

    fn over(&mut self, now: Now) {
        if matches!(self.state, State::Pausing { .. }) {
            self.state = reading(&self.plan, &self.id, self.seed, self.polls, now);
        }
    }
}
