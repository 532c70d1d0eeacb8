//! The machine that performs an action: one POST that uses no slot.

use std::time::Duration;

use http::{Request, StatusCode, Uri, header::LOCATION, response::Parts};
use jiff::Timestamp;

use crate::lro::{
    acceptance::Acceptance,
    action_error::{ActionError, ActionErrorKind},
    answer::{error_body, readable, redacted},
    machine::{Machine, Sealed},
    poll_operation::{Begun, OperationPoll},
    poll_plan::PollPlan,
    read::ReadPlan,
    record::{CallKind, CallRecord},
    step::{Asks, Exchange, Never, Step},
};
use crate::policy::{DEFAULT_THROTTLE, MAX_SHOWN_LOCATIONS, MIN_REQUEST_TIME};
use crate::{
    auth::token::{AccessToken, Challenge, TokenError},
    endpoint::{action::Action, service::Service},
    now::Now,
    policy::{Limits, PastDurations, PollingPolicy},
    seed::Seed,
    wire::{
        location::{OperationUrl, error::LocationError},
        retry_after::retry_after,
        service_error::ServiceError,
        transport::{IncompleteBody, TransportError},
    },
};

/// Performs one [`Action`]: sends its POST once, and once more only after a 401, with another token.
///
/// It uses no slot and never touches the ledger. After an answer that was lost or leaves it open, the action is in doubt
/// and is not repeated.
#[derive(Debug)]
pub struct Perform {
    plan: ReadPlan,
    action: Action,
    uri: Uri,
    seed: Seed,
    requests: u32,
    deadline: Duration,
    client_request_id: Option<String>,
    state: State,
}

#[derive(Debug)]
enum State {
    Due(Option<Box<(Challenge, ServiceError)>>),
    /// The request was handed out.
    Out {
        token: AccessToken,
        repeated: bool,
    },
    Ended(Result<Performed, ActionError>),
}

/// An action that the service accepted (202), and its operation, if the answer named one.
#[derive(Clone, Debug)]
pub struct Performed(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    service: Service,
    limits: Limits,
    action: Action,
    begun: Begun,
    operation: Option<OperationUrl>,
    request_id: Option<String>,
}

impl Performed {
    /// The URL of the operation, checked. `None` if the answer had no `Location`.
    #[must_use]
    pub fn operation(&self) -> Option<&OperationUrl> {
        self.0.operation.as_ref()
    }

    /// When the answer came.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.0.begun.at.utc
    }

    /// The service's id of the request.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// The poll of its operation, within the rest of the action's time limit. The first poll comes one interval after the
    /// acceptance. `None` if the answer named no operation.
    #[must_use]
    pub fn poll(&self, policy: PollingPolicy) -> Option<OperationPoll> {
        let plan = PollPlan {
            service: self.0.service.clone(),
            policy,
            limits: self.0.limits,
        };
        let url = self.operation()?.clone();
        Some(OperationPoll::begun(
            plan,
            url,
            self.0.action.origin(),
            self.0.begun.clone(),
        ))
    }

    /// The error of an accepted action whose answer lacks the `Location` that it should have.
    pub(super) fn without_location(&self) -> ActionError {
        let kind = ActionErrorKind::NotFollowable {
            error: LocationError::Missing,
            location: Vec::new(),
            request_id: self.0.request_id.clone(),
        };
        ActionError::new(kind, &self.0.action, None)
    }
}

impl Perform {
    /// An action that begins now. `seed` is random and used for one action only: each `client-request-id` derives from it.
    #[must_use]
    pub fn new(action: Action, plan: ReadPlan, seed: [u8; 16], now: Now) -> Self {
        let plan = ReadPlan {
            limits: plan.limits.clamped(),
            ..plan
        };
        let uri = action.uri(plan.service.base());
        let mut machine = Self {
            deadline: now.steady.saturating_add(plan.limits.total),
            uri: uri.clone().unwrap_or_default(),
            plan,
            action,
            seed: Seed::new(seed),
            requests: 0,
            client_request_id: None,
            state: State::Due(None),
        };
        if uri.is_none() {
            machine.end(ActionErrorKind::InvalidId);
        }
        machine
    }

    fn end(&mut self, kind: ActionErrorKind) {
        let error = ActionError::new(kind, &self.action, self.client_request_id.clone());
        self.state = State::Ended(Err(error));
    }

    fn accepted(&mut self, head: &Parts, token: &AccessToken, now: Now) {
        let base = self.plan.service.base();
        let values = head.headers.get_all(LOCATION).iter();
        let values = values.map(|value| value.as_bytes());
        let location = OperationUrl::resolve(base, &self.uri.to_string(), values)
            .and_then(|url| redacted(url, token));
        let request_id = ServiceError::request_id_of(&head.headers, token.text());
        let operation = match location {
            Ok(url) => Some(url),
            Err(LocationError::Missing) => None,
            Err(error) => {
                let values = head.headers.get_all(LOCATION).iter();
                let values = values.take(MAX_SHOWN_LOCATIONS);
                let location = values.map(|value| readable(value.as_bytes(), token));
                self.end(ActionErrorKind::NotFollowable {
                    error,
                    location: location.collect(),
                    request_id,
                });
                return;
            }
        };
        self.state = State::Ended(Ok(Performed(Box::new(Inner {
            service: self.plan.service.clone(),
            limits: self.plan.limits,
            action: self.action.clone(),
            begun: Begun {
                past: PastDurations::default(),
                seed: self.seed,
                requests: self.requests,
                at: now,
                deadline: self.deadline,
                retry_after: retry_after(&head.headers, now.utc),
                request_id: request_id.clone(),
            },
            operation,
            request_id,
        }))));
    }
}

impl Sealed for Perform {}

impl Machine for Perform {
    type Ledger = Never;
    type Output = Performed;
    type Error = ActionError;

    fn step(&mut self) -> Step<'_, Never, Result<Performed, ActionError>> {
        if matches!(self.state, State::Out { .. }) {
            // The driver dropped the request after it was handed out.
            self.end(ActionErrorKind::Dropped);
        }
        match &self.state {
            State::Ended(outcome) => Step::Done(outcome.clone()),
            State::Due(_) | State::Out { .. } => Step::Send(Exchange::new(self)),
        }
    }

    fn record(&self) -> CallRecord<'_> {
        CallRecord {
            operation: match &self.state {
                State::Ended(Ok(performed)) => {
                    performed.operation().map(OperationUrl::operation_id)
                }
                State::Due(_) | State::Out { .. } | State::Ended(Err(_)) => None,
            },
            ..CallRecord::new(CallKind::Action)
        }
    }

    /// If the request was handed out, the action is in doubt.
    fn stop(&mut self) {
        match self.state {
            State::Due(_) => self.end(ActionErrorKind::Stopped),
            State::Out { .. } => self.end(ActionErrorKind::Dropped),
            State::Ended(_) => {}
        }
    }
}

impl Asks for Perform {
    fn challenge(&self) -> Option<&Challenge> {
        match &self.state {
            State::Due(refused) => refused.as_deref().map(|(challenge, _)| challenge),
            State::Out { .. } | State::Ended(_) => None,
        }
    }

    fn deadline(&self) -> Duration {
        self.deadline
    }

    fn no_token(&mut self, error: TokenError, now: Now) {
        let State::Due(refused) = &mut self.state else {
            return;
        };
        let kind = match refused.take() {
            // The call of the source may have ended because of the time limit, which is then the error to report.
            None if error.is_transient() && now.steady >= self.deadline => {
                ActionErrorKind::TimeLimit
            }
            None => ActionErrorKind::NoToken(error),
            Some(refused) => ActionErrorKind::Unauthorized {
                error: refused.1,
                token: Some(error),
            },
        };
        self.end(kind);
    }

    fn unsent(&mut self, error: TransportError, now: Now) {
        if matches!(self.state, State::Due(_)) {
            self.end(if now.steady >= self.deadline {
                ActionErrorKind::TimeLimit
            } else {
                ActionErrorKind::Unreachable(error)
            });
        }
    }

    fn request_limit(&self) -> Duration {
        self.plan.limits.request
    }

    fn request(&mut self, token: &AccessToken, now: Now) -> Option<Request<()>> {
        let State::Due(refused) = &mut self.state else {
            return None;
        };
        let repeated = refused.is_some();
        if let Some(refused) = refused.take_if(|it| it.0.refused().is_same_token(token)) {
            self.end(ActionErrorKind::Unauthorized {
                error: refused.1,
                token: None,
            });
            return None;
        }
        let left = self.deadline.saturating_sub(now.steady);
        let limits = self.plan.limits;
        // A request without time for its answer would only put the action in doubt.
        let least = MIN_REQUEST_TIME.min(limits.request).min(limits.total / 10);
        if left.is_zero() || left < least {
            self.end(ActionErrorKind::TimeLimit);
            return None;
        }
        let ordinal = self.requests;
        self.requests = self.requests.wrapping_add(1);
        let id = self.seed.client_request_id(ordinal);
        self.client_request_id = Some(String::from_utf8_lossy(&id).into_owned());
        self.state = State::Out {
            token: token.clone(),
            repeated,
        };
        let service = &self.plan.service;
        Some(service.post(self.uri.clone(), token, self.seed, ordinal))
    }

    fn reads_body(&self, status: StatusCode) -> bool {
        status != StatusCode::ACCEPTED
    }

    fn answer(&mut self, head: &Parts, body: Result<Vec<u8>, IncompleteBody>, now: Now) {
        let State::Out { token, repeated } = &self.state else {
            return;
        };
        let (token, repeated) = (token.clone(), *repeated);
        if Acceptance::of_status(head.status) == Acceptance::Confirmed {
            self.accepted(head, &token, now);
            return;
        }
        let body = error_body(head, body.as_deref().unwrap_or_default());
        let error = ServiceError::decode(head.status, &head.headers, body, token.text());
        let kind = match (Acceptance::of_status(head.status), head.status.as_u16()) {
            (Acceptance::Released, 401) if !repeated => {
                let challenge = Challenge::new(token, error.claims().cloned());
                self.state = State::Due(Some(Box::new((challenge, error))));
                return;
            }
            (Acceptance::Released, 401) => ActionErrorKind::Unauthorized { error, token: None },
            (Acceptance::Released, 403) => ActionErrorKind::Forbidden(error),
            (Acceptance::Released, 404 | 410) => ActionErrorKind::NotFound(error),
            (Acceptance::Released, 429) => {
                let pause = retry_after(&head.headers, now.utc).unwrap_or(DEFAULT_THROTTLE);
                let until = now.utc.saturating_add(pause).unwrap_or(Timestamp::MAX);
                ActionErrorKind::Throttled { until, error }
            }
            (Acceptance::Released, _) => ActionErrorKind::Refused(error),
            (Acceptance::Confirmed | Acceptance::Unknown, _) => {
                ActionErrorKind::AmbiguousAnswer(error)
            }
        };
        self.end(kind);
    }

    fn lost(&mut self, error: TransportError, _: Now) {
        if matches!(self.state, State::Out { .. }) {
            self.end(match Acceptance::of_transport_error(&error) {
                Acceptance::Released => ActionErrorKind::Unreachable(error),
                Acceptance::Confirmed | Acceptance::Unknown => ActionErrorKind::AnswerLost(error),
            });
        }
    }
}
