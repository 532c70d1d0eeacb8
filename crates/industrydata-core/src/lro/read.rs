//! The machine that reads an endpoint: one GET, repeated after transient errors, and one for each page of a list.

use std::{sync::Arc, time::Duration};

use http::{Request, StatusCode, Uri, header::CONTENT_TYPE, response::Parts};

use crate::lro::{
    answer::{error_body, is_encoded, is_whole_success, secret, without_token},
    machine::{Machine, Sealed},
    pace::Pausing,
    progress::PauseReason,
    read_error::{ReadError, ReadErrorKind},
    record::{CallKind, CallRecord},
    step::{Asks, Exchange, Never, Pause, Pauses, Step},
    transient::TransientError,
};
use crate::policy::{
    MAX_LIST_ITEMS, MAX_LIST_PAGES, MAX_READ_BACK_OFF, MAX_READ_TIME, MAX_SHOWN_CHARS,
    MAX_UNAUTHORIZED, READ_BACK_OFF,
};
use crate::{
    auth::token::{AccessToken, Challenge, TokenError},
    endpoint::{
        answer::{Answer, Page},
        contract::Endpoint,
        link::next_link,
        service::Service,
    },
    now::Now,
    policy::Limits,
    seed::Seed,
    wire::{
        body_error::BodyError,
        http_date::date,
        retry_after::retry_after,
        service_error::ServiceError,
        transport::{IncompleteBody, TransportError},
    },
};

/// How to read.
#[derive(Clone, Debug)]
pub struct ReadPlan {
    /// The service.
    pub service: Service,
    /// Limits of time; `total` bounds the read with its retries and pages. No read takes longer than 300 s.
    pub limits: Limits,
}

/// One read of an [`Endpoint`].
///
/// After a transient error (a lost or cut answer, 408, 425, 429, 5xx) it is repeated up to four times, with a back-off
/// that doubles from 1 s with jitter and is never shorter than a Retry-After. A 401 is repeated once with a fresh
/// token. A list is read to its end, up to 200 pages and 20,000 items. Each link to a next page must be under the base
/// URL's `external/industryData/`, and none may occur twice.
#[derive(Debug)]
pub struct Read<E: Endpoint> {
    plan: ReadPlan,
    endpoint: E,
    seed: Seed,
    state: State<E::Output>,
    deadline: Duration,
    tries: u32,
    /// Whether this is one of several polls of the same run.
    is_poll: bool,
    /// The URI of the next request.
    uri: Uri,
    whole: Option<E::Output>,
    /// The URIs of the pages read so far.
    seen: Vec<Uri>,
    refusals: Refusals,
    /// Whether an earlier poll of the same run obtained a token.
    had_token: bool,
    requests: u32,
    errors: u32,
    /// The Retry-After of the last answer.
    asked: Option<Duration>,
    /// The service's id of the last request that it answered with a success.
    request_id: Option<String>,
    /// The latest moment reported.
    last: Now,
}

/// The number of 401 answers in a row, and the last of them.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    count: u32,
    last: Option<Box<(Challenge, ServiceError)>>,
}

#[derive(Debug)]
enum State<T> {
    Due,
    Out(AccessToken),
    Pausing(Pausing),
    Ended(Result<Arc<T>, ReadErrorKind>),
}

impl<E: Endpoint> Read<E> {
    /// A read that begins now. `seed` is random and used for one read only: each `client-request-id` and all jitter
    /// derive from it.
    #[must_use]
    pub fn new(endpoint: E, plan: ReadPlan, seed: [u8; 16], now: Now) -> Self {
        let uri = endpoint
            .request(plan.service.base())
            .filter(|uri| may_go_to(&plan.service, uri));
        Self {
            deadline: now
                .steady
                .saturating_add(plan.limits.total.min(MAX_READ_TIME)),
            state: match &uri {
                Some(_) => State::Due,
                None => State::Ended(Err(ReadErrorKind::InvalidId)),
            },
            uri: uri.unwrap_or_default(),
            plan,
            endpoint,
            seed: Seed::new(seed),
            tries: E::TRIES,
            is_poll: false,
            whole: None,
            seen: Vec::new(),
            refusals: Refusals::default(),
            had_token: false,
            requests: 0,
            errors: 0,
            asked: None,
            request_id: None,
            last: now,
        }
    }

    /// Makes the read one of several polls: it has a single try, ends by `deadline`, and takes over the state of the
    /// polls before it.
    pub(super) fn once_before(
        mut self,
        deadline: Duration,
        had_token: bool,
        refusals: Refusals,
    ) -> Self {
        (self.tries, self.is_poll) = (1, true);
        self.deadline = self.deadline.min(deadline);
        (self.had_token, self.refusals) = (had_token, refusals);
        self
    }

    /// The refusals that the next poll takes over.
    pub(super) fn take_refusals(&mut self) -> Refusals {
        std::mem::take(&mut self.refusals)
    }

    /// The result, if the read has ended. A request that was dropped counts as a transient error.
    pub(crate) fn outcome(&mut self) -> Option<Result<Arc<E::Output>, ReadErrorKind>> {
        if matches!(self.state, State::Out(_)) {
            self.transient(TransientError::Dropped, self.last);
        }
        match &self.state {
            State::Ended(outcome) => Some(outcome.clone()),
            State::Due | State::Out(_) | State::Pausing(_) => None,
        }
    }

    pub(super) const fn has_ended(&self) -> bool {
        matches!(self.state, State::Ended(_))
    }

    /// The next step before the end.
    pub(crate) fn lend<L, T>(&mut self) -> Step<'_, L, T> {
        match &self.state {
            State::Pausing(pausing) => {
                let (until, reason) = (pausing.until, pausing.reason.clone());
                Step::Wait(Pause::new(self, until, reason))
            }
            State::Due | State::Out(_) | State::Ended(_) => Step::Send(Exchange::new(self)),
        }
    }

    /// The Retry-After of the last answer, counted from when it came.
    pub(super) const fn asked(&self) -> Option<Duration> {
        self.asked
    }

    /// The latest moment reported.
    pub(crate) const fn last(&self) -> Now {
        self.last
    }

    /// The service's id of the last request that it answered with a success.
    pub(super) fn take_request_id(&mut self) -> Option<String> {
        self.request_id.take()
    }

    /// The number of requests made so far.
    pub(super) const fn requests(&self) -> u32 {
        self.requests
    }

    pub(crate) fn error(kind: ReadErrorKind) -> ReadError {
        ReadError::new(kind, E::SUBJECT, E::PERMISSION)
    }

    fn end(&mut self, kind: ReadErrorKind) {
        self.state = State::Ended(Err(kind));
    }

    fn transient(&mut self, error: TransientError, now: Now) {
        self.errors += 1;
        let left = self.deadline.saturating_sub(now.steady);
        let asked = self.asked.filter(|asked| !asked.is_zero());
        let retry_at = asked.and_then(|asked| now.utc.saturating_add(asked).ok());
        if self.errors >= self.tries {
            self.end(ReadErrorKind::GaveUp {
                last: error,
                tries: self.errors,
                retry_at,
            });
            return;
        }
        let ceiling = (READ_BACK_OFF * (1 << (self.errors - 1).min(5))).min(MAX_READ_BACK_OFF);
        let share = f64::from(self.seed.jitter(self.requests)) / f64::from(u32::MAX);
        // Half of the pause is fixed. The other half is jitter, so that clients do not retry at the same moment.
        let pause = (ceiling / 2).saturating_add((ceiling / 2).mul_f64(share));
        let longer = asked.filter(|asked| *asked > pause);
        let wait = longer.unwrap_or(pause);
        if wait >= left {
            let retry_at = retry_at.filter(|_| longer.is_some());
            let last = Some(Box::new(error));
            self.end(ReadErrorKind::TimeLimit { retry_at, last });
            return;
        }
        self.state = State::Pausing(Pausing {
            from: now.steady,
            until: now.steady.saturating_add(wait),
            reason: PauseReason::Retry(error),
            reported: true,
        });
    }

    fn unauthorized(&mut self, token: AccessToken, error: ServiceError, now: Now) {
        self.refusals.count += 1;
        if self.refusals.count >= if self.is_poll { MAX_UNAUTHORIZED } else { 2 } {
            self.end(ReadErrorKind::Unauthorized { error, token: None });
            return;
        }
        let challenge = Challenge::new(token, error.claims().cloned());
        self.refusals.last = Some(Box::new((challenge, error.clone())));
        if self.is_poll && self.requests > 1 {
            self.transient(TransientError::Answer(Box::new(error)), now);
        } else {
            self.state = State::Due;
        }
    }

    fn page(&mut self, page: Page<E::Output>, token: &AccessToken) {
        (self.errors, self.refusals) = (0, Refusals::default());
        let whole = match self.whole.take() {
            Some(mut whole) => {
                E::extend(&mut whole, page.content);
                whole
            }
            None => page.content,
        };
        let Some(link) = page.next else {
            self.state = State::Ended(Ok(Arc::new(whole)));
            return;
        };
        self.seen.push(self.uri.clone());
        let pages = u32::try_from(self.seen.len()).unwrap_or(u32::MAX);
        let items = E::items(&whole);
        match next_link(self.plan.service.base(), &link) {
            Err(error) => {
                let link = without_token(&link, token)
                    .chars()
                    .take(MAX_SHOWN_CHARS)
                    .collect();
                self.end(ReadErrorKind::Link { link, error });
            }
            Ok(next)
                if self.seen.contains(&next)
                    || pages >= MAX_LIST_PAGES
                    || items >= MAX_LIST_ITEMS =>
            {
                self.end(ReadErrorKind::Endless { pages, items });
            }
            Ok(next) => {
                (self.uri, self.whole) = (next, Some(whole));
                self.state = State::Due;
            }
        }
    }

    fn read(
        &self,
        head: &Parts,
        body: Result<Vec<u8>, IncompleteBody>,
        token: &AccessToken,
        now: Now,
    ) -> Result<Result<Page<E::Output>, BodyError>, TransientError> {
        if is_encoded(head) {
            return Err(TransientError::Encoded);
        }
        let body = body.map_err(TransientError::Body)?;
        let content_type = head.headers.get(CONTENT_TYPE).map(|it| it.as_bytes());
        let answer = Answer::new(content_type, &body)
            .redacting(secret(token))
            .at(date(&head.headers, now.utc));
        Ok(self.endpoint.decode(&answer))
    }
}

fn may_go_to(service: &Service, uri: &Uri) -> bool {
    next_link(service.base(), &uri.to_string()).is_ok_and(|checked| checked == *uri)
}

impl<E: Endpoint> Sealed for Read<E> {}

impl<E: Endpoint> Machine for Read<E> {
    type Ledger = Never;
    type Output = Arc<E::Output>;
    type Error = ReadError;

    fn step(&mut self) -> Step<'_, Never, Result<Arc<E::Output>, ReadError>> {
        match self.outcome() {
            Some(outcome) => Step::Done(outcome.map_err(Self::error)),
            None => self.lend(),
        }
    }

    fn record(&self) -> CallRecord<'_> {
        CallRecord::new(CallKind::Read)
    }

    fn stop(&mut self) {
        if !matches!(self.state, State::Ended(_)) {
            self.end(ReadErrorKind::Stopped);
        }
    }
}

impl<E: Endpoint> Asks for Read<E> {
    fn challenge(&self) -> Option<&Challenge> {
        let last = self.refusals.last.as_deref();
        last.map(|(challenge, _)| challenge)
    }

    fn deadline(&self) -> Duration {
        self.deadline
    }

    fn resends(&self) -> u32 {
        if self.tries == 1 {
            return self.requests;
        }
        self.errors.saturating_add(self.refusals.count)
    }

    fn no_token(&mut self, error: TokenError, now: Now) {
        self.last = now;
        // A source that worked before may work again, whatever its error is.
        let has_worked = self.tries == 1 && (self.had_token || self.requests > 0);
        if error.is_transient() || (has_worked && !matches!(error, TokenError::Refused(_))) {
            self.asked = None;
            self.transient(TransientError::Token(error), now);
            return;
        }
        let kind = match self.refusals.last.take() {
            Some(refused) => ReadErrorKind::Unauthorized {
                error: refused.1,
                token: Some(error),
            },
            None => ReadErrorKind::NoToken(error),
        };
        self.end(kind);
    }

    fn unsent(&mut self, error: TransportError, now: Now) {
        self.lost(error, now);
    }

    fn request_limit(&self) -> Duration {
        self.plan.limits.request
    }

    fn request(&mut self, token: &AccessToken, now: Now) -> Option<Request<()>> {
        self.last = now;
        if !matches!(self.state, State::Due) {
            return None;
        }
        if let Some(refused) = self.refusals.last.as_deref()
            && refused.0.refused().is_same_token(token)
        {
            let error = refused.1.clone();
            self.end(ReadErrorKind::Unauthorized { error, token: None });
            return None;
        }
        let left = self.deadline.saturating_sub(now.steady);
        if left.is_zero() {
            let (retry_at, last) = (None, None);
            self.end(ReadErrorKind::TimeLimit { retry_at, last });
            return None;
        }
        let ordinal = self.requests;
        self.requests = self.requests.wrapping_add(1);
        self.asked = None;
        self.state = State::Out(token.clone());
        let service = &self.plan.service;
        Some(service.get(self.uri.clone(), token, self.seed, ordinal))
    }

    fn reads_body(&self, _: StatusCode) -> bool {
        true
    }

    fn answer(&mut self, head: &Parts, body: Result<Vec<u8>, IncompleteBody>, now: Now) {
        self.last = now;
        let State::Out(token) = std::mem::replace(&mut self.state, State::Due) else {
            return;
        };
        self.asked = retry_after(&head.headers, now.utc);
        if is_whole_success(head.status) {
            self.request_id = ServiceError::request_id_of(&head.headers, token.text());
            match self.read(head, body, &token, now) {
                Ok(Ok(page)) => self.page(page, &token),
                Ok(Err(error)) => self.end(ReadErrorKind::Unreadable(error)),
                // A repeat would be answered in the same way.
                Err(
                    error @ (TransientError::Encoded
                    | TransientError::Body(IncompleteBody::TooLarge { .. })),
                ) => {
                    self.errors = self.tries.saturating_sub(1);
                    self.transient(error, now);
                }
                Err(error) => self.transient(error, now),
            }
            return;
        }
        let body = error_body(head, body.as_deref().unwrap_or_default());
        let error = ServiceError::decode(head.status, &head.headers, body, token.text());
        match head.status.as_u16() {
            401 => self.unauthorized(token, error, now),
            403 => self.end(ReadErrorKind::Forbidden(error)),
            404 | 410 => self.end(ReadErrorKind::NotFound(error)),
            408 | 425 | 429 | 500.. => self.transient(TransientError::Answer(Box::new(error)), now),
            _ => self.end(ReadErrorKind::Unexpected(error)),
        }
    }

    fn lost(&mut self, error: TransportError, now: Now) {
        self.last = now;
        self.asked = None;
        self.transient(TransientError::Lost(error), now);
    }
}

impl<E: Endpoint> Pauses for Read<E> {
    fn over(&mut self, now: Now) {
        self.last = now;
        if matches!(self.state, State::Pausing(_)) {
            self.state = State::Due;
        }
    }
}
