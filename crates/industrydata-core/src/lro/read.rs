//! The read: one GET, repeated while it is missed, page after page if it is a list.

use std::{sync::Arc, time::Duration};

use http::{Request, StatusCode, Uri, header::CONTENT_TYPE, response::Parts};

use crate::lro::{
    answer::{error_body, is_encoded, secret, without_token},
    progress::{PauseReason, Progress},
    read_error::{ReadError, ReadErrorKind},
    step::{Exchange, Machine, Pause},
    transient::TransientError,
};
use crate::policy::{
    MAX_LIST_ITEMS, MAX_LIST_PAGES, MAX_READ_BACK_OFF, MAX_READ_TIME, READ_BACK_OFF, READ_TRIES,
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
    /// Limits of time; `total` bounds the read with its retries and all of its pages, and no read takes longer than 300 s.
    pub limits: Limits,
}

/// What a [`Read`] needs done next. Reads never touch the books: there is no step for it.
#[must_use = "nothing happens until the step is answered"]
#[derive(Debug)]
pub enum ReadStep<'m, T> {
    /// Put one request on the wire, then hand in its one answer.
    Send(Exchange<'m>),
    /// Do nothing for a while.
    Wait(Pause<'m>),
    /// The read has ended.
    Done(Result<Arc<T>, ReadError>),
}

/// One read of an [`Endpoint`]. A run may have started: no, not by this.
///
/// A miss (a lost or cut answer, 408, 425, 429, 5xx) is repeated up to four times, after a pause that doubles from 1 s
/// with jitter, and no sooner than a Retry-After says. A 401 is repeated once with a fresh token. A list is read to its
/// end: up to 200 pages and 20,000 items, each link of which must be of the base's origin and under its
/// `external/industryData/`, and none may come twice.
#[derive(Debug)]
pub struct Read<E: Endpoint> {
    plan: ReadPlan,
    endpoint: E,
    seed: Seed,
    state: State<E::Output>,
    deadline: Duration,
    tries: u32,
    /// Where the next request goes.
    uri: Uri,
    whole: Option<E::Output>,
    /// Where the requests of the pages so far went.
    seen: Vec<Uri>,
    refused: Option<Box<(Challenge, ServiceError)>>,
    requests: u32,
    misses: u32,
    /// The Retry-After of the last answer.
    asked: Option<Duration>,
}

#[derive(Debug)]
enum State<T> {
    Due,
    Out {
        token: AccessToken,
        sent: Now,
    },
    Pausing {
        until: Duration,
        reason: PauseReason,
    },
    Ended(Result<Arc<T>, ReadErrorKind>),
}

impl<E: Endpoint> Read<E> {
    /// A read that begins now. `seed` is random and used for one read: each `client-request-id` and every jitter are made
    /// of it.
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
            tries: READ_TRIES,
            whole: None,
            seen: Vec::new(),
            refused: None,
            requests: 0,
            misses: 0,
            asked: None,
        }
    }

    /// The same read with no second try, for one who repeats it in his own time.
    pub(super) const fn once(mut self) -> Self {
        self.tries = 1;
        self
    }

    /// What to do next.
    pub fn step(&mut self) -> ReadStep<'_, E::Output> {
        self.settle_dropped();
        match &self.state {
            State::Ended(Ok(output)) => ReadStep::Done(Ok(Arc::clone(output))),
            State::Ended(Err(kind)) => ReadStep::Done(Err(Self::error(kind.clone()))),
            State::Pausing { .. } => ReadStep::Wait(Pause { machine: self }),
            State::Due | State::Out { .. } => ReadStep::Send(Exchange { machine: self }),
        }
    }

    /// Ends the read, unless it has ended: the next step is done.
    pub fn stop(&mut self) {
        if !matches!(self.state, State::Ended(_)) {
            self.end(ReadErrorKind::Stopped);
        }
    }

    /// Nobody is left to say what became of a request that was handed out; when that was, if there was one.
    pub(super) fn settle_dropped(&mut self) -> Option<Now> {
        let State::Out { sent, .. } = &self.state else {
            return None;
        };
        let sent = *sent;
        self.miss(TransientError::Dropped, sent);
        Some(sent)
    }

    pub(super) fn outcome(&self) -> Option<Result<Arc<E::Output>, ReadErrorKind>> {
        match &self.state {
            State::Ended(outcome) => Some(outcome.clone()),
            State::Due | State::Out { .. } | State::Pausing { .. } => None,
        }
    }

    /// The Retry-After of the last answer, from when it came.
    pub(super) const fn asked(&self) -> Option<Duration> {
        self.asked
    }

    pub(super) fn error(kind: ReadErrorKind) -> ReadError {
        ReadError::new(kind, E::SUBJECT, E::PERMISSION)
    }

    fn end(&mut self, kind: ReadErrorKind) {
        self.state = State::Ended(Err(kind));
    }

    fn miss(&mut self, miss: TransientError, now: Now) {
        self.misses += 1;
        let left = self.deadline.saturating_sub(now.steady);
        let asked = self.asked.filter(|asked| !asked.is_zero());
        let retry_at = asked.and_then(|asked| now.utc.saturating_add(asked).ok());
        if self.misses >= self.tries {
            self.end(ReadErrorKind::GaveUp {
                last: miss,
                tries: self.misses,
                retry_at,
            });
            return;
        }
        let ceiling = (READ_BACK_OFF * (1 << (self.misses - 1).min(5))).min(MAX_READ_BACK_OFF);
        let share = f64::from(self.seed.jitter(self.requests)) / f64::from(u32::MAX);
        // Half of it is sure, the other half spreads clients.
        let pause = (ceiling / 2).saturating_add((ceiling / 2).mul_f64(share));
        let longer = asked.filter(|asked| *asked > pause);
        let wait = longer.unwrap_or(pause);
        if wait >= left {
            let retry_at = retry_at.filter(|_| longer.is_some());
            self.end(ReadErrorKind::TimeLimit { retry_at });
            return;
        }
        self.state = State::Pausing {
            until: now.steady.saturating_add(wait),
            reason: PauseReason::Retry(miss),
        };
    }

    fn unauthorized(&mut self, token: AccessToken, error: ServiceError) {
        if self.refused.is_some() {
            self.end(ReadErrorKind::Unauthorized { error, token: None });
            return;
        }
        let challenge = Challenge::new(token, error.claims().cloned());
        self.refused = Some(Box::new((challenge, error)));
        self.state = State::Due;
    }

    fn page(&mut self, page: Page<E::Output>, token: &AccessToken) {
        (self.misses, self.refused) = (0, None);
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
                let link = without_token(&link, token).chars().take(300).collect();
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

impl<E: Endpoint> Machine for Read<E> {
    fn challenge(&self) -> Option<&Challenge> {
        self.refused.as_deref().map(|(challenge, _)| challenge)
    }

    fn deadline(&self) -> Duration {
        self.deadline
    }

    fn no_token(&mut self, error: TokenError, now: Now) {
        if error.is_transient() {
            self.asked = None;
            self.miss(TransientError::Token(error), now);
            return;
        }
        let kind = match self.refused.take() {
            Some(refused) => ReadErrorKind::Unauthorized {
                error: refused.1,
                token: Some(error),
            },
            None => ReadErrorKind::NoToken(error),
        };
        self.end(kind);
    }

    fn unsent(&mut self, fault: TransportError, now: Now) {
        self.lost(fault, now);
    }

    fn request(&mut self, token: &AccessToken, now: Now) -> Option<(Request<()>, Duration)> {
        if !matches!(self.state, State::Due) {
            return None;
        }
        if let Some(refused) = self.refused.as_deref()
            && refused.0.refused().is_same_token(token)
        {
            let error = refused.1.clone();
            self.end(ReadErrorKind::Unauthorized { error, token: None });
            return None;
        }
        let left = self.deadline.saturating_sub(now.steady);
        if left.is_zero() {
            self.end(ReadErrorKind::TimeLimit { retry_at: None });
            return None;
        }
        let ordinal = self.requests;
        self.requests = self.requests.wrapping_add(1);
        self.asked = None;
        self.state = State::Out {
            token: token.clone(),
            sent: now,
        };
        let request = self.plan.service.get(&self.uri, token, self.seed, ordinal);
        Some((request, self.plan.limits.request.min(left)))
    }

    fn reads_body(&self, _: StatusCode) -> bool {
        true
    }

    fn answer(&mut self, head: &Parts, body: Result<Vec<u8>, IncompleteBody>, now: Now) {
        let State::Out { token, .. } = std::mem::replace(&mut self.state, State::Due) else {
            return;
        };
        self.asked = retry_after(&head.headers, now.utc);
        if head.status.is_success() {
            match self.read(head, body, &token, now) {
                Ok(Ok(page)) => self.page(page, &token),
                Ok(Err(error)) => self.end(ReadErrorKind::Unreadable(error)),
                // The next answer would be as long, or encoded as well.
                Err(
                    miss @ (TransientError::Encoded
                    | TransientError::Body(IncompleteBody::TooLarge { .. })),
                ) => {
                    self.misses = self.tries.saturating_sub(1);
                    self.miss(miss, now);
                }
                Err(miss) => self.miss(miss, now),
            }
            return;
        }
        let body = error_body(head, body.as_deref().unwrap_or_default());
        let error = ServiceError::decode(head.status, &head.headers, body, token.text());
        match head.status.as_u16() {
            401 => self.unauthorized(token, error),
            403 => self.end(ReadErrorKind::Forbidden(error)),
            404 | 410 => self.end(ReadErrorKind::NotFound(error)),
            408 | 425 | 429 | 500.. => self.miss(TransientError::Answer(Box::new(error)), now),
            _ => self.end(ReadErrorKind::Unexpected(error)),
        }
    }

    fn lost(&mut self, fault: TransportError, now: Now) {
        self.asked = None;
        self.miss(TransientError::Lost(fault), now);
    }

    fn pause(&self) -> (Duration, &PauseReason) {
        match &self.state {
            State::Pausing { until, reason } => (*until, reason),
            State::Due | State::Out { .. } | State::Ended(_) => {
                (Duration::ZERO, &PauseReason::Interval)
            }
        }
    }

    fn news(&mut self) -> Option<Progress> {
        None
    }

    fn over(&mut self, _: Now) {
        if matches!(self.state, State::Pausing { .. }) {
            self.state = State::Due;
        }
    }
}
