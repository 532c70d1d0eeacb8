//! The wait: poll, pause, until the operation has ended.

use std::{sync::Arc, time::Duration};

use http::{Request, StatusCode, response::Parts};
use jiff::Timestamp;

use crate::lro::{
    answer::{error_body, operation},
    operation_poll_error::{OperationPollError, OperationPollErrorKind},
    progress::{PauseReason, Progress},
    step::{Exchange, Machine, OperationPollStep, Pause},
    transient::TransientError,
};
use crate::policy::{
    LAST_POLL_LEAD, LOST_TRACK_AFTER, LOST_TRACK_POLLS, MAX_UNAUTHORIZED, NOT_FOUND_GRACE,
    NOT_FOUND_TRIES, TOKEN_RETRY,
};
use crate::{
    auth::token::{AccessToken, Challenge, TokenError},
    endpoint::service::Service,
    lro::resume::ResumeToken,
    model::{operation::Operation, status::OperationStatus},
    now::Now,
    policy::{Limits, PollingPolicy},
    reconcile::run_match::RunMatch,
    seed::Seed,
    wire::{
        location::OperationUrl,
        retry_after::retry_after,
        service_error::ServiceError,
        transport::{IncompleteBody, TransportError},
    },
};

/// How to watch an operation.
#[derive(Clone, Debug)]
pub struct PollPlan {
    /// The service.
    pub service: Service,
    /// The pauses between polls.
    pub policy: PollingPolicy,
    /// Limits of time; `total` bounds the wait.
    pub limits: Limits,
}

/// The wait for one operation.
#[derive(Debug)]
pub struct OperationPoll {
    plan: PollPlan,
    url: OperationUrl,
    seed: Seed,
    state: State,
    /// When the 202 came, or the wait began, in steady time.
    began: Duration,
    /// How much older than `began` the start is.
    age: Duration,
    accepted: Timestamp,
    deadline: Duration,
    operation: Option<Arc<Operation>>,
    refused: Option<Box<(Challenge, ServiceError)>>,
    requests: u32,
    polls: u32,
    misses: u32,
    missing_since: Duration,
    not_found: u32,
    unauthorized: u32,
    /// Whether this poll was already repeated with a fresh token.
    repeated: bool,
    /// Whether the last poll before the deadline is due or made.
    last_poll: bool,
}

#[derive(Debug)]
enum State {
    Due,
    Out {
        token: AccessToken,
        since: Duration,
    },
    Pausing {
        from: Duration,
        until: Duration,
        reason: PauseReason,
        told: bool,
    },
    Ended(Result<Arc<Operation>, OperationPollError>),
}

impl OperationPoll {
    /// The wait for an operation whose start is not this process's own: polls at once. `accepted` is when the start was
    /// accepted, if that is known.
    #[must_use]
    pub fn new(
        url: OperationUrl,
        plan: PollPlan,
        accepted: Option<Timestamp>,
        seed: [u8; 16],
        now: Now,
    ) -> Self {
        let age = accepted.map_or(Duration::ZERO, |accepted| {
            Duration::try_from(now.utc.duration_since(accepted)).unwrap_or_default()
        });
        let plan = PollPlan {
            limits: plan.limits.clamped(),
            ..plan
        };
        Self {
            deadline: now.steady.saturating_add(plan.limits.total),
            plan,
            url,
            seed: Seed::new(seed),
            state: State::Due,
            began: now.steady,
            age,
            accepted: accepted.unwrap_or(now.utc),
            operation: None,
            refused: None,
            requests: 0,
            polls: 0,
            misses: 0,
            missing_since: now.steady,
            not_found: 0,
            unauthorized: 0,
            repeated: false,
            last_poll: false,
        }
    }

    pub(super) fn after_start(
        plan: PollPlan,
        url: OperationUrl,
        seed: Seed,
        requests: u32,
        accepted: Now,
        deadline: Duration,
        retry_after: Option<Duration>,
    ) -> Self {
        let mut watch = Self::new(url, plan, Some(accepted.utc), [0; 16], accepted);
        watch.seed = seed;
        watch.requests = requests;
        watch.deadline = deadline;
        let pause = watch.plan.policy.interval(Duration::ZERO);
        watch.pause_for(pause, retry_after, PauseReason::Interval, accepted);
        watch
    }

    /// What to do next.
    pub fn step(&mut self) -> OperationPollStep<'_> {
        if let State::Out { since, .. } = &self.state {
            // Dropped on the way: it was a poll, so the next one comes an interval later.
            let from = *since;
            let until = from.saturating_add(self.interval(from)).min(self.deadline);
            self.state = State::Pausing {
                from,
                until,
                reason: PauseReason::Retry(TransientError::Dropped),
                told: true,
            };
        }
        match &self.state {
            State::Ended(outcome) => OperationPollStep::Done(outcome.clone()),
            State::Pausing { .. } => OperationPollStep::Wait(Pause { machine: self }),
            State::Due | State::Out { .. } => OperationPollStep::Send(Exchange { machine: self }),
        }
    }

    /// Ends the wait, unless it has ended: the next step is done.
    pub fn stop(&mut self) {
        if !matches!(self.state, State::Ended(_)) {
            self.end(OperationPollErrorKind::Stopped);
        }
    }

    /// The operation's URL.
    #[must_use]
    pub const fn url(&self) -> &OperationUrl {
        &self.url
    }

    /// The operation as last seen.
    #[must_use]
    pub fn operation(&self) -> Option<&Operation> {
        self.operation.as_deref()
    }

    /// When the start was accepted, or the wait began.
    #[must_use]
    pub const fn accepted(&self) -> Timestamp {
        self.accepted
    }

    /// How it is watched.
    #[must_use]
    pub const fn plan(&self) -> &PollPlan {
        &self.plan
    }

    /// The run of the operation, if its `resourceLocation` names it; else it is to be looked for by its start time
    /// ([`RunMatch::by_start_time`]).
    #[must_use]
    pub fn run_found(&self) -> Option<RunMatch> {
        RunMatch::by_resource_location(self.plan.service.base(), self.operation()?)
    }

    /// The id in the operation last seen, if it is another than the URL's. The URL's is kept; the documentation's own sample
    /// of [Get longRunningOperation](https://learn.microsoft.com/graph/api/longrunningoperation-get) differs so.
    #[must_use]
    pub fn other_id(&self) -> Option<&str> {
        let id = self.operation()?.id()?;
        (id != self.url.operation_id()).then_some(id)
    }

    /// Polls made so far.
    #[must_use]
    pub const fn polls(&self) -> u32 {
        self.polls
    }

    /// What another process needs to take up the wait.
    #[must_use]
    pub fn resume_token(&self) -> ResumeToken {
        ResumeToken::new(self.plan.service.base(), &self.url, self.accepted)
    }

    fn since_start(&self, steady: Duration) -> Duration {
        steady.saturating_sub(self.began).saturating_add(self.age)
    }

    fn interval(&self, steady: Duration) -> Duration {
        self.plan.policy.interval(self.since_start(steady))
    }

    fn end(&mut self, kind: OperationPollErrorKind) {
        let error = OperationPollError::new(kind, self.operation.clone(), self.resume_token());
        self.state = State::Ended(Err(error));
    }

    /// Pauses, or ends at the time limit: a wait is clipped so that one last poll fits before it.
    fn pause_for(
        &mut self,
        pause: Duration,
        asked: Option<Duration>,
        reason: PauseReason,
        now: Now,
    ) {
        self.repeated = false;
        let longer = asked.filter(|asked| *asked > pause);
        let left = self.deadline.saturating_sub(now.steady);
        if let Some(asked) = asked.filter(|asked| *asked > left) {
            let retry_at = now.utc.saturating_add(asked).ok();
            let last = last_miss(reason);
            self.end(OperationPollErrorKind::TimeLimit { retry_at, last });
            return;
        }
        if self.last_poll || left.is_zero() {
            let last = last_miss(reason);
            self.end(OperationPollErrorKind::TimeLimit {
                retry_at: None,
                last,
            });
            return;
        }
        let room = LAST_POLL_LEAD
            .min(self.plan.limits.total / 10)
            .min(self.plan.limits.request);
        let last = self.deadline.saturating_sub(room).max(now.steady);
        let until = now.steady.saturating_add(longer.unwrap_or(pause));
        self.last_poll = until >= last;
        self.state = State::Pausing {
            from: now.steady,
            // What the service asked for is never undercut, not even for a last poll.
            until: until
                .min(last)
                .max(now.steady.saturating_add(asked.unwrap_or_default())),
            reason: match (longer, reason) {
                (Some(_), PauseReason::Interval) => PauseReason::RetryAfter,
                (_, reason) => reason,
            },
            told: false,
        };
    }

    fn miss(&mut self, miss: TransientError, asked: Option<Duration>, now: Now) {
        if self.misses == 0 {
            self.missing_since = now.steady;
        }
        self.misses = self.misses.saturating_add(1);
        let since = now.steady.saturating_sub(self.missing_since);
        if since >= LOST_TRACK_AFTER && self.misses >= LOST_TRACK_POLLS {
            self.end(OperationPollErrorKind::LostTrack { last: miss, since });
            return;
        }
        let jitter = self.seed.jitter(self.requests);
        let pause = self
            .plan
            .policy
            .back_off(self.since_start(now.steady), self.misses, jitter);
        let pause = match &miss {
            TransientError::Token(_) => pause.max(TOKEN_RETRY),
            TransientError::Lost(_)
            | TransientError::Answer(_)
            | TransientError::Body(_)
            | TransientError::Encoded
            | TransientError::Unreadable(_)
            | TransientError::Dropped => pause,
        };
        self.pause_for(pause, asked, PauseReason::Retry(miss), now);
    }

    fn seen(&mut self, operation: Operation, asked: Option<Duration>, now: Now) {
        self.misses = 0;
        let operation = Arc::new(operation);
        self.operation = Some(Arc::clone(&operation));
        match operation.status() {
            OperationStatus::Succeeded => self.state = State::Ended(Ok(operation)),
            OperationStatus::Failed => self.end(OperationPollErrorKind::Failed),
            OperationStatus::NotStarted
            | OperationStatus::Running
            | OperationStatus::UnknownFutureValue
            | OperationStatus::Other(_) => {
                self.pause_for(self.interval(now.steady), asked, PauseReason::Interval, now);
            }
        }
    }

    fn unauthorized(&mut self, token: AccessToken, error: ServiceError, now: Now) {
        self.unauthorized += 1;
        if self.unauthorized >= MAX_UNAUTHORIZED {
            self.end(OperationPollErrorKind::Unauthorized { error, token: None });
            return;
        }
        let challenge = Challenge::new(token, error.claims().cloned());
        self.refused = Some(Box::new((challenge, error.clone())));
        if self.repeated {
            self.miss(TransientError::Answer(Box::new(error)), None, now);
        } else {
            self.repeated = true;
            self.state = State::Due;
        }
    }

    fn not_found(&mut self, error: ServiceError, asked: Option<Duration>, now: Now) {
        self.not_found += 1;
        let in_grace = now.steady.saturating_sub(self.began) < NOT_FOUND_GRACE
            || self.not_found < NOT_FOUND_TRIES;
        if self.operation.is_none() && in_grace {
            self.miss(TransientError::Answer(Box::new(error)), asked, now);
        } else {
            self.end(OperationPollErrorKind::Gone(error));
        }
    }
}

impl Machine for OperationPoll {
    fn challenge(&self) -> Option<&Challenge> {
        self.refused.as_deref().map(|(challenge, _)| challenge)
    }

    fn deadline(&self) -> Duration {
        self.deadline
    }

    fn no_token(&mut self, error: TokenError, now: Now) {
        // A source that worked before may work again; one that never did, or that has nothing against a refusal, ends it.
        if error.is_transient() && self.polls > 0 && self.refused.is_none() {
            self.miss(TransientError::Token(error), None, now);
            return;
        }
        let kind = match self.refused.take() {
            Some(refused) => OperationPollErrorKind::Unauthorized {
                error: refused.1,
                token: Some(error),
            },
            None => OperationPollErrorKind::NoToken(error),
        };
        self.end(kind);
    }

    fn unsent(&mut self, fault: TransportError, now: Now) {
        self.miss(TransientError::Lost(fault), None, now);
    }

    fn request(&mut self, token: &AccessToken, now: Now) -> Option<(Request<()>, Duration)> {
        if !matches!(self.state, State::Due) {
            return None;
        }
        if let Some(refused) = self.refused.take_if(|r| r.0.refused().is_same_token(token)) {
            self.end(OperationPollErrorKind::Unauthorized {
                error: refused.1,
                token: None,
            });
            return None;
        }
        let left = self.deadline.saturating_sub(now.steady);
        if left.is_zero() {
            self.end(OperationPollErrorKind::TimeLimit {
                retry_at: None,
                last: None,
            });
            return None;
        }
        let ordinal = self.requests;
        self.requests = self.requests.wrapping_add(1);
        self.polls = self.polls.saturating_add(1);
        self.state = State::Out {
            token: token.clone(),
            since: now.steady,
        };
        let request = self
            .plan
            .service
            .get(self.url.uri(), token, self.seed, ordinal);
        Some((request, self.plan.limits.request.min(left)))
    }

    fn reads_body(&self, _: StatusCode) -> bool {
        true
    }

    fn answer(&mut self, head: &Parts, body: Result<Vec<u8>, IncompleteBody>, now: Now) {
        let State::Out { token, .. } = std::mem::replace(&mut self.state, State::Due) else {
            return;
        };
        let asked = retry_after(&head.headers, now.utc);
        if head.status != StatusCode::UNAUTHORIZED {
            self.unauthorized = 0;
            self.refused = None;
        }
        if head.status.is_success() {
            match operation(head, body, &token) {
                Ok(operation) => self.seen(operation, asked, now),
                Err(miss) => self.miss(miss, asked, now),
            }
            return;
        }
        let body = error_body(head, body.as_deref().unwrap_or_default());
        let error = ServiceError::decode(head.status, &head.headers, body, token.text());
        match head.status.as_u16() {
            401 => self.unauthorized(token, error, now),
            403 => self.end(OperationPollErrorKind::Forbidden(error)),
            404 => self.not_found(error, asked, now),
            410 => self.end(OperationPollErrorKind::Gone(error)),
            408 | 425 | 429 | 500.. => {
                self.miss(TransientError::Answer(Box::new(error)), asked, now)
            }
            _ => self.end(OperationPollErrorKind::Unexpected(error)),
        }
    }

    fn lost(&mut self, fault: TransportError, now: Now) {
        self.state = State::Due;
        self.miss(TransientError::Lost(fault), None, now);
    }

    fn pause(&self) -> (Duration, &PauseReason) {
        match &self.state {
            State::Pausing { until, reason, .. } => (*until, reason),
            State::Due | State::Out { .. } | State::Ended(_) => {
                (Duration::ZERO, &PauseReason::Interval)
            }
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
        if std::mem::replace(told, true) || self.polls == 0 {
            return None;
        }
        Some(Progress {
            operation: self.operation.clone(),
            run: None,
            reason: reason.clone(),
            polls: self.polls,
            next_poll_in: until.saturating_sub(*from),
        })
    }

    fn over(&mut self, now: Now) {
        if matches!(self.state, State::Pausing { .. }) {
            self.state = State::Due;
            if now.steady >= self.deadline {
                self.end(OperationPollErrorKind::TimeLimit {
                    retry_at: None,
                    last: None,
                });
            }
        }
    }
}

/// The miss that a pause would have followed.
fn last_miss(reason: PauseReason) -> Option<Box<TransientError>> {
    if let PauseReason::Retry(miss) = reason {
        return Some(Box::new(miss));
    }
    None
}
