//! The machine that polls an operation until it ends.

use std::{fmt, sync::Arc, time::Duration};

use http::{HeaderMap, Request, StatusCode, response::Parts};
use jiff::Timestamp;

use crate::lro::{
    answer::{error_body, is_whole_success, operation},
    machine::{Machine, Sealed},
    operation_poll_error::{OperationPollError, OperationPollErrorKind, RequestIds},
    pace::{LostTrack, Pace, Pausing, TimeUp},
    poll_plan::PollPlan,
    progress::{PauseReason, Progress},
    record::{CallKind, CallRecord},
    resume::ResumeToken,
    seen::Seen,
    step::{Asks, Exchange, Never, Pause, Pauses, Step},
    transient::TransientError,
};
use crate::policy::{
    END_SEEN_WITHIN, MARGIN, MAX_UNAUTHORIZED, NOT_FOUND_GRACE, NOT_FOUND_GRACE_IF_UNKNOWN,
    NOT_FOUND_TRIES, NOT_FOUND_TRIES_IF_UNKNOWN, TOKEN_RETRY,
};
use crate::{
    auth::token::{AccessToken, Challenge, TokenError},
    model::{operation::Operation, origin::OperationOrigin, status::OperationStatus},
    now::Now,
    policy::PastDurations,
    seed::Seed,
    wire::{
        brief::cut,
        http_date::date,
        location::OperationUrl,
        retry_after::retry_after,
        service_error::ServiceError,
        transport::{IncompleteBody, TransportError},
    },
};

/// The acceptance with which this process began an operation.
#[derive(Clone, Debug)]
pub(super) struct Begun {
    pub(super) seed: Seed,
    /// The number of requests made so far.
    pub(super) requests: u32,
    pub(super) at: Now,
    pub(super) deadline: Duration,
    pub(super) retry_after: Option<Duration>,
    pub(super) request_id: Option<String>,
    pub(super) past: PastDurations,
}

/// Polls one operation until it ends.
pub struct OperationPoll {
    url: OperationUrl,
    seed: Seed,
    state: State,
    pace: Pace,
    accepted: Timestamp,
    origin: OperationOrigin,
    /// Whether `accepted` is when the service accepted what created the operation, and not when the poll began.
    is_known: bool,
    seen: Seen,
    refused: Option<Box<(Challenge, ServiceError)>>,
    requests: u32,
    polls: u32,
    not_found: u32,
    unauthorized: u32,
    /// Whether this poll was already repeated with a fresh token.
    repeated: bool,
    /// Whether this process created the operation. It obtained a token for that.
    has_begun: bool,
    /// The service's ids of the request that created the operation and of the poll that showed its end.
    request_ids: Option<Box<RequestIds>>,
    /// When the last answer came that did not show the end, in seconds since the poll began. An acceptance is one.
    unended: Option<u32>,
    /// How long the operation took in seconds, if it has ended and that is known.
    took: Option<u32>,
}

impl fmt::Debug for OperationPoll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OperationPoll")
            .field("url", &cut(&self.url.to_string()))
            .field("status", &self.operation().map(Operation::status))
            .field("polls", &self.polls)
            .finish_non_exhaustive()
    }
}

enum State {
    Due,
    Out { token: AccessToken, since: Duration },
    Pausing(Pausing),
    Ended(Result<Arc<Operation>, OperationPollError>),
}

impl OperationPoll {
    /// Polls an operation that another process started, at once. `accepted` is when its start was accepted, if that is
    /// known. If it is not, an operation that is not found within ten seconds is reported as not found.
    #[must_use]
    pub fn new(
        url: OperationUrl,
        plan: impl Into<Arc<PollPlan>>,
        accepted: Option<Timestamp>,
        seed: [u8; 16],
        now: Now,
    ) -> Self {
        let mut plan = plan.into();
        let age = accepted.map_or(Duration::ZERO, |accepted| {
            Duration::try_from(now.utc.duration_since(accepted)).unwrap_or_default()
        });
        let limits = plan.limits.clamped();
        if limits != plan.limits {
            Arc::make_mut(&mut plan).limits = limits;
        }
        Self {
            pace: Pace::new(plan, age, now),
            url,
            seed: Seed::new(seed),
            state: State::Due,
            accepted: accepted.unwrap_or(now.utc),
            origin: OperationOrigin::Start,
            is_known: accepted.is_some(),
            seen: Seen::default(),
            refused: None,
            requests: 0,
            polls: 0,
            not_found: 0,
            unauthorized: 0,
            repeated: false,
            has_begun: false,
            request_ids: None,
            unended: None,
            took: None,
        }
    }

    /// Polls an operation that this process began. The first poll comes one interval after the acceptance.
    pub(super) fn begun(
        plan: impl Into<Arc<PollPlan>>,
        url: OperationUrl,
        origin: OperationOrigin,
        begun: Begun,
    ) -> Self {
        let mut poll = Self::new(url, plan, Some(begun.at.utc), [0; 16], begun.at);
        poll.seed = begun.seed;
        poll.requests = begun.requests;
        poll.pace.deadline = begun.deadline;
        poll.origin = origin;
        poll.has_begun = true;
        if begun.request_id.is_some() {
            poll.ids().begun = begun.request_id;
        }
        poll.pace.past = begun.past;
        poll.unended = Some(0);
        let pause = poll.pace.interval(begun.at.steady);
        poll.pause_for(pause, begun.retry_after, PauseReason::Interval, begun.at);
        poll
    }

    /// Polls the operation of another process's start, which was accepted at `accepted`, at once.
    pub(super) fn attached(
        plan: impl Into<Arc<PollPlan>>,
        url: OperationUrl,
        accepted: Timestamp,
        begun: Begun,
    ) -> Self {
        let mut poll = Self::new(url, plan, Some(accepted), [0; 16], begun.at);
        poll.seed = begun.seed;
        poll.requests = begun.requests;
        poll.pace.deadline = begun.deadline;
        poll.pace.past = begun.past;
        poll
    }

    /// Sets what created the operation, as a resume token has it.
    #[must_use]
    pub const fn with_origin(mut self, origin: OperationOrigin) -> Self {
        self.origin = origin;
        self
    }

    /// The result, if the poll has ended. A request that was dropped counts as a poll, so the next one comes an
    /// interval later.
    pub(super) fn outcome(&mut self) -> Option<Result<Arc<Operation>, OperationPollError>> {
        self.seen.unpack(&self.url);
        if let State::Out { since, .. } = &self.state {
            let from = *since;
            let until = from.saturating_add(self.pace.interval(from));
            self.state = State::Pausing(Pausing {
                from,
                until: until.min(self.pace.deadline),
                reason: PauseReason::Retry(TransientError::Dropped),
                reported: true,
            });
        }
        match &self.state {
            State::Ended(outcome) => Some(outcome.clone()),
            State::Due | State::Out { .. } | State::Pausing(_) => None,
        }
    }

    /// The next step before the end.
    pub(super) fn lend<L, T>(&mut self) -> Step<'_, L, T> {
        match &self.state {
            State::Pausing(pausing) => {
                let (until, reason) = (pausing.until, pausing.reason.clone());
                Step::Wait(Pause::new(self, until, reason))
            }
            State::Due | State::Out { .. } | State::Ended(_) => Step::Send(Exchange::new(self)),
        }
    }

    /// The operation's URL.
    #[must_use]
    pub const fn url(&self) -> &OperationUrl {
        &self.url
    }

    /// The operation as of the last poll that returned it.
    #[must_use]
    pub fn operation(&self) -> Option<&Operation> {
        self.seen.whole().map(|operation| &**operation)
    }

    /// When the service accepted what created the operation. If only its id or its URL was given, this is when the
    /// operation was created, once a poll has returned that; until then it is when the poll began.
    #[must_use]
    pub fn accepted(&self) -> Timestamp {
        let created = || self.seen.read(&self.url, Operation::created).flatten();
        let created = (!self.is_known).then(created).flatten();
        created.unwrap_or(self.accepted)
    }

    /// Whether [`accepted`](Self::accepted) is more than the time when the poll began.
    #[must_use]
    pub fn is_accepted_known(&self) -> bool {
        let created = || self.seen.read(&self.url, Operation::created).flatten();
        self.is_known || created().is_some()
    }

    pub(crate) const fn seed(&self) -> Seed {
        self.seed
    }

    /// The time that is left before the time limit of the poll.
    pub(crate) const fn left(&self, now: Now) -> Duration {
        self.pace.left(now)
    }

    /// What created the operation. If this process did not, an operation that says so is a validation's.
    #[must_use]
    pub fn origin(&self) -> OperationOrigin {
        let is_validation = || self.seen.read(&self.url, Operation::is_validation);
        if self.origin == OperationOrigin::Start && !self.has_begun && is_validation() == Some(true)
        {
            return OperationOrigin::Validation;
        }
        self.origin
    }

    /// The service's ids of the requests that matter to its support: of the one that created the operation, if this
    /// process made it, and of the poll that returned the end.
    pub fn request_ids(&self) -> impl Iterator<Item = &str> {
        self.request_ids.iter().flat_map(|ids| ids.iter())
    }

    /// The plan of the poll.
    #[must_use]
    pub fn plan(&self) -> &PollPlan {
        &self.pace.plan
    }

    /// The id in the operation, if it differs from the URL's in more than letter case. Polls use the URL's. The ids
    /// differ even in the documentation of [Get
    /// longRunningOperation](https://learn.microsoft.com/graph/api/longrunningoperation-get).
    #[must_use]
    pub fn other_id(&self) -> Option<&str> {
        let id = self.operation()?.id()?;
        (!id.eq_ignore_ascii_case(self.url.operation_id())).then_some(id)
    }

    /// How long the tenant's last operations took, as far as the poll knows.
    #[must_use]
    pub const fn past_durations(&self) -> &PastDurations {
        &self.pace.past
    }

    /// How long the operation took, if it has ended and that is known: from the acceptance to the first answer that showed
    /// the end.
    pub(super) fn took(&self) -> Option<Duration> {
        self.took.map(|seconds| Duration::from_secs(seconds.into()))
    }

    /// The steady time at which the time limit ends the poll.
    #[must_use]
    pub const fn deadline(&self) -> Duration {
        self.pace.deadline
    }

    /// The number of polls made so far.
    #[must_use]
    pub const fn polls(&self) -> u32 {
        self.polls
    }

    /// The pause that the poll is in, and when the next poll is; `None` if a poll is due or has been sent, or the poll has
    /// ended. The poll of a start that was made here begins with a pause, which is never reported as progress.
    #[must_use]
    pub fn pause(&self) -> Option<Progress> {
        let State::Pausing(pausing) = &self.state else {
            return None;
        };
        Some(pausing.shown(self.seen.whole(), None, self.polls))
    }

    /// The token with which any process can resume the poll.
    #[must_use]
    pub fn resume_token(&self) -> ResumeToken {
        ResumeToken::new(self.pace.plan.service.base(), &self.url, self.accepted())
            .with_origin(self.origin())
    }

    /// Makes the poll small until its next step. [`operation`](Self::operation) has nothing meanwhile.
    pub(super) fn rest(&mut self) {
        self.seen.pack(&self.url);
    }

    pub(super) fn wake(&mut self) {
        self.seen.unpack(&self.url);
    }

    fn end(&mut self, kind: OperationPollErrorKind) {
        let (operation, resume) = (self.seen.whole().cloned(), self.resume_token());
        let error = OperationPollError::new(
            kind,
            operation,
            resume,
            self.request_ids.as_deref().cloned().unwrap_or_default(),
        );
        self.state = State::Ended(Err(error));
    }

    fn ids(&mut self) -> &mut RequestIds {
        self.request_ids.get_or_insert_default()
    }

    fn time_limit(&mut self) {
        self.end(OperationPollErrorKind::TimeLimit {
            retry_at: None,
            last: None,
        });
    }

    fn pause_for(
        &mut self,
        pause: Duration,
        asked: Option<Duration>,
        reason: PauseReason,
        now: Now,
    ) {
        self.repeated = false;
        match self.pace.pause(pause, asked, reason, now) {
            Ok(pausing) => self.state = State::Pausing(pausing),
            Err(TimeUp { retry_at, reason }) => {
                let last = if let PauseReason::Retry(error) = reason {
                    Some(Box::new(error))
                } else {
                    None
                };
                self.end(OperationPollErrorKind::TimeLimit { retry_at, last });
            }
        }
    }

    fn transient(&mut self, error: TransientError, asked: Option<Duration>, now: Now) {
        let jitter = self.seed.jitter(self.requests);
        match self.pace.retry(jitter, now) {
            Err(LostTrack(since)) => {
                self.end(OperationPollErrorKind::LostTrack { last: error, since });
            }
            Ok(pause) => {
                let is_token = matches!(error, TransientError::Token(_));
                let is_not_found = error
                    .service_error()
                    .is_some_and(|error| error.status() == StatusCode::NOT_FOUND);
                let pause = if is_token {
                    pause.max(TOKEN_RETRY)
                } else if is_not_found && !self.is_known {
                    // Such an operation has a short grace period, in which a back-off leaves too few polls.
                    self.pace.interval(now.steady)
                } else {
                    pause
                };
                self.pause_for(pause, asked, PauseReason::Retry(error), now);
            }
        }
    }

    /// Notes when an answer did not show the end, or how long the operation took.
    fn measure(&mut self, operation: &Operation, headers: &HeaderMap, now: Now) {
        let seconds = |time: Duration| u32::try_from(time.as_secs()).ok();
        if !operation.status().is_terminal() {
            self.unended = seconds(self.pace.since_began(now));
            return;
        }
        let took = self.pace.since_start(now.steady);
        let unseen = self.unended.map(|unended| {
            let unended = Duration::from_secs(unended.into());
            self.pace.since_began(now).saturating_sub(unended)
        });
        let is_seen = unseen.is_some_and(|unseen| unseen <= END_SEEN_WITHIN.max(took / 4));
        let is_near =
            |one: Timestamp, other: Timestamp| one.duration_since(other).unsigned_abs() <= MARGIN;
        // A clock that was set, or a machine that was suspended.
        let is_steady = self
            .accepted
            .saturating_add(took)
            .is_ok_and(|ended| is_near(ended, now.utc));
        // The clock of another process dated the acceptance.
        let agrees = || {
            let date = date(headers, now.utc);
            let created = operation.created();
            date.is_some_and(|date| is_near(date, now.utc))
                && created.is_none_or(|created| is_near(created, self.accepted))
        };
        let usual = PastDurations::SHORTEST..=self.pace.plan.limits.total;
        let is_known = self.is_known && usual.contains(&took);
        let is_kept = is_known && is_seen && is_steady && (self.has_begun || agrees());
        self.took = seconds(took).filter(|_| is_kept);
    }

    fn seen(
        &mut self,
        operation: Arc<Operation>,
        request_id: impl FnOnce() -> Option<String>,
        asked: Option<Duration>,
        now: Now,
    ) {
        self.pace.answered();
        if operation.status().is_terminal() {
            self.ids().ended = request_id();
        }
        self.seen = Seen::Whole(Arc::clone(&operation));
        match operation.status() {
            OperationStatus::Succeeded => self.state = State::Ended(Ok(operation)),
            OperationStatus::Failed => self.end(OperationPollErrorKind::Failed),
            OperationStatus::NotStarted
            | OperationStatus::Running
            | OperationStatus::UnknownFutureValue
            | OperationStatus::Other(_) => {
                let pause = self.pace.interval(now.steady);
                self.pause_for(pause, asked, PauseReason::Interval, now);
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
            self.transient(TransientError::Answer(Box::new(error)), None, now);
        } else {
            self.repeated = true;
            self.state = State::Due;
        }
    }

    fn not_found(&mut self, error: ServiceError, asked: Option<Duration>, now: Now) {
        self.not_found += 1;
        let (grace, tries) = if self.is_known {
            (NOT_FOUND_GRACE, NOT_FOUND_TRIES)
        } else {
            (NOT_FOUND_GRACE_IF_UNKNOWN, NOT_FOUND_TRIES_IF_UNKNOWN)
        };
        let is_in_grace = self.pace.since_began(now) < grace || self.not_found < tries;
        if self.seen.whole().is_some() {
            self.end(OperationPollErrorKind::Gone(error));
        } else if is_in_grace {
            self.transient(TransientError::Answer(Box::new(error)), asked, now);
        } else if self.is_known {
            self.end(OperationPollErrorKind::Gone(error));
        } else {
            self.end(OperationPollErrorKind::NotFound(error));
        }
    }
}

impl Sealed for OperationPoll {}

impl Machine for OperationPoll {
    type Ledger = Never;
    type Output = Arc<Operation>;
    type Error = OperationPollError;

    fn step(&mut self) -> Step<'_, Never, Result<Arc<Operation>, OperationPollError>> {
        match self.outcome() {
            Some(outcome) => Step::Done(outcome),
            None => self.lend(),
        }
    }

    fn record(&self) -> CallRecord<'_> {
        CallRecord {
            operation: Some(self.url.operation_id()),
            ..CallRecord::new(CallKind::Poll)
        }
    }

    fn stop(&mut self) {
        self.seen.unpack(&self.url);
        if !matches!(self.state, State::Ended(_)) {
            self.end(OperationPollErrorKind::Stopped);
        }
    }
}

impl Asks for OperationPoll {
    fn challenge(&self) -> Option<&Challenge> {
        self.refused.as_deref().map(|(challenge, _)| challenge)
    }

    fn deadline(&self) -> Duration {
        self.pace.deadline
    }

    fn resends(&self) -> u32 {
        u32::from(self.repeated)
    }

    fn no_token(&mut self, error: TokenError, now: Now) {
        // A source that worked before may work again, whatever its error is.
        let has_worked = self.polls > 0 || self.has_begun;
        if has_worked && !matches!(error, TokenError::Refused(_)) {
            self.transient(TransientError::Token(error), None, now);
            return;
        }
        // The call of the source may have ended because of the time limit, which is then the error to report.
        if error.is_transient() && self.refused.is_none() && self.pace.left(now).is_zero() {
            self.time_limit();
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

    fn unsent(&mut self, error: TransportError, now: Now) {
        self.transient(TransientError::Lost(error), None, now);
    }

    fn request_limit(&self) -> Duration {
        self.pace.plan.limits.request
    }

    fn request(&mut self, token: &AccessToken, now: Now) -> Option<Request<()>> {
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
        let left = self.pace.left(now);
        if left.is_zero() {
            self.time_limit();
            return None;
        }
        let ordinal = self.requests;
        self.requests = self.requests.wrapping_add(1);
        self.polls = self.polls.saturating_add(1);
        self.state = State::Out {
            token: token.clone(),
            since: now.steady,
        };
        let service = &self.pace.plan.service;
        Some(service.get(self.url.uri(), token, self.seed, ordinal))
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
        if is_whole_success(head.status) {
            match operation(head, body, &token) {
                Ok(operation) => {
                    self.measure(&operation, &head.headers, now);
                    let id = || ServiceError::request_id_of(&head.headers, token.text());
                    self.seen(operation, id, asked, now);
                }
                Err(error) => self.transient(error, asked, now),
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
                self.transient(TransientError::Answer(Box::new(error)), asked, now)
            }
            _ => self.end(OperationPollErrorKind::Unexpected(error)),
        }
    }

    fn lost(&mut self, error: TransportError, now: Now) {
        self.state = State::Due;
        self.transient(TransientError::Lost(error), None, now);
    }
}

impl Pauses for OperationPoll {
    fn progress(&mut self) -> Option<Progress> {
        match &mut self.state {
            State::Pausing(pausing) if self.polls > 0 => {
                pausing.progress(self.seen.whole(), None, self.polls)
            }
            State::Due | State::Out { .. } | State::Pausing(_) | State::Ended(_) => None,
        }
    }

    fn over(&mut self, now: Now) {
        if matches!(self.state, State::Pausing(_)) {
            self.state = State::Due;
            if self.pace.left(now).is_zero() {
                self.time_limit();
            }
        }
    }
}
