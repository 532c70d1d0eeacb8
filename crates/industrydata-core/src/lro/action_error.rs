//! The errors of an action.

use std::fmt;

use jiff::Timestamp;

use crate::lro::may_have_started::MayHaveStarted;
use crate::{
    auth::token::TokenError,
    endpoint::action::Action,
    model::origin::OperationOrigin,
    wire::{
        brief::debug_error, location::error::LocationError, service_error::ServiceError,
        transport::TransportError,
    },
};

/// A validation or a reset that returned nothing to poll. No run was asked for, so none has started. The action itself
/// may have been accepted: see [`ActionError::is_in_doubt`].
///
/// ```
/// use industrydata_core::lro::ActionError;
///
/// fn report(error: &ActionError) -> String {
///     if error.is_in_doubt() {
///         format!("look before it is sent again: {error}")
///     } else {
///         format!("{error}; {}", error.advice())
///     }
/// }
/// ```
#[derive(Clone)]
pub struct ActionError(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ActionErrorKind,
    subject: &'static str,
    object: &'static str,
    permission: &'static str,
    origin: OperationOrigin,
    client_request_id: Option<String>,
}

/// Why an action returned nothing to poll. The service has not acted, unless the variant says otherwise.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ActionErrorKind {
    /// An id cannot be part of a path, so nothing was sent.
    InvalidId,
    /// The service does not have what the action is for (404, 410).
    NotFound(ServiceError),
    /// The service throttles (429).
    Throttled {
        /// When the service accepts requests again.
        until: Timestamp,
        /// The service's answer.
        error: ServiceError,
    },
    /// The service refused the token (401). A fresh one was refused too, or could not be obtained.
    Unauthorized {
        /// The service's answer.
        error: ServiceError,
        /// Why no fresh token could be obtained, if so.
        token: Option<TokenError>,
    },
    /// The token may not do this (403).
    Forbidden(ServiceError),
    /// No usable token could be obtained. Nothing was sent.
    NoToken(TokenError),
    /// The service refused the request.
    Refused(ServiceError),
    /// The service could not be reached. Nothing was sent.
    Unreachable(TransportError),
    /// The time limit passed before the request was sent.
    TimeLimit,
    /// The status of the answer does not show whether the service acted: the action is in doubt.
    AmbiguousAnswer(ServiceError),
    /// The answer was lost: the action is in doubt.
    AnswerLost(TransportError),
    /// The driver dropped the request after it was handed out: the action is in doubt.
    Dropped,
    /// The caller stopped the client before the request was sent.
    Stopped,
    /// The service accepted the action (202), but its operation cannot be polled.
    NotFollowable {
        /// Why the `Location` is refused.
        error: LocationError,
        /// The first `Location` values as text, cut to a readable length, without the token.
        location: Vec<String>,
        /// The service's request id.
        request_id: Option<String>,
    },
}

impl ActionError {
    pub(super) fn new(
        kind: ActionErrorKind,
        action: &Action,
        client_request_id: Option<String>,
    ) -> Self {
        Self(Box::new(Inner {
            kind,
            subject: action.subject(),
            object: action.object(),
            permission: action.permission(),
            origin: action.origin(),
            client_request_id,
        }))
    }

    /// What happened.
    #[must_use]
    pub const fn kind(&self) -> &ActionErrorKind {
        &self.0.kind
    }

    /// What was asked for.
    #[must_use]
    pub const fn origin(&self) -> OperationOrigin {
        self.0.origin
    }

    /// Always [`MayHaveStarted::No`]: no run was asked for.
    #[must_use]
    pub const fn may_have_started(&self) -> MayHaveStarted {
        MayHaveStarted::No
    }

    /// Whether the service throttles (429). [`retry_at`](Self::retry_at) is when to try again.
    #[must_use]
    pub const fn is_throttled(&self) -> bool {
        matches!(&self.0.kind, ActionErrorKind::Throttled { .. })
    }

    /// Whether a limit of time passed: that of the action, or that of its request. If the request was sent, the action is
    /// [in doubt](Self::is_in_doubt).
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        if let ActionErrorKind::Unreachable(error) | ActionErrorKind::AnswerLost(error) =
            &self.0.kind
        {
            return error.is_timeout();
        }
        matches!(&self.0.kind, ActionErrorKind::TimeLimit)
    }

    /// Whether the service may have acted although no answer confirms it. The action was not repeated.
    #[must_use]
    pub const fn is_in_doubt(&self) -> bool {
        matches!(
            &self.0.kind,
            ActionErrorKind::AmbiguousAnswer(_)
                | ActionErrorKind::AnswerLost(_)
                | ActionErrorKind::Dropped
        )
    }

    /// What to do now.
    #[must_use]
    pub const fn advice(&self) -> &'static str {
        match &self.0.kind {
            ActionErrorKind::InvalidId => "copy the id again: 1 to 128 bytes, none of / \\ % ? #",
            ActionErrorKind::NotFound(_) => "check the id, the tenant and the base URL",
            ActionErrorKind::Throttled { .. } => "try again at the time given",
            ActionErrorKind::Unauthorized { .. } => {
                "check that the token is for this service and this tenant, and get a new one"
            }
            ActionErrorKind::Forbidden(_) => {
                "have an administrator grant the permission that the message names, then get a new token; a managed identity keeps its token for up to 24 h"
            }
            ActionErrorKind::NoToken(_) => "fix the token source, then try again",
            ActionErrorKind::Refused(_) => {
                "read the service's message and fix the cause: until then the same request will be refused again"
            }
            ActionErrorKind::Unreachable(_) => "check the network and the base URL, then try again",
            ActionErrorKind::TimeLimit => "try again with a longer time limit",
            ActionErrorKind::Stopped => "try again at any time",
            ActionErrorKind::AmbiguousAnswer(_)
            | ActionErrorKind::AnswerLost(_)
            | ActionErrorKind::Dropped => {
                "look at the tenant's operations first; if they do not show it, try again"
            }
            ActionErrorKind::NotFollowable { .. } => {
                "do not repeat it: it was accepted; look for it among the tenant's operations"
            }
        }
    }

    /// The service's answer, if it caused the error.
    #[must_use]
    pub const fn service_error(&self) -> Option<&ServiceError> {
        match &self.0.kind {
            ActionErrorKind::NotFound(error)
            | ActionErrorKind::Throttled { error, .. }
            | ActionErrorKind::Unauthorized { error, .. }
            | ActionErrorKind::Forbidden(error)
            | ActionErrorKind::Refused(error)
            | ActionErrorKind::AmbiguousAnswer(error) => Some(error),
            ActionErrorKind::InvalidId
            | ActionErrorKind::NoToken(_)
            | ActionErrorKind::Unreachable(_)
            | ActionErrorKind::TimeLimit
            | ActionErrorKind::AnswerLost(_)
            | ActionErrorKind::Dropped
            | ActionErrorKind::Stopped
            | ActionErrorKind::NotFollowable { .. } => None,
        }
    }

    /// The service's id of the request that caused the error, for its support.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        if let ActionErrorKind::NotFollowable { request_id, .. } = &self.0.kind {
            return request_id.as_deref();
        }
        self.service_error().and_then(ServiceError::request_id)
    }

    /// The `client-request-id` of the last POST, if one was handed out.
    #[must_use]
    pub fn client_request_id(&self) -> Option<&str> {
        self.0.client_request_id.as_deref()
    }

    /// When to try again, if known.
    #[must_use]
    pub fn retry_at(&self) -> Option<Timestamp> {
        if let ActionErrorKind::Throttled { until, .. } = &self.0.kind {
            return Some(*until);
        }
        None
    }
}

impl fmt::Debug for ActionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rest: &[(&str, &dyn fmt::Debug)] = &[("request_id", &self.request_id())];
        debug_error(f, "ActionError", &self.0.kind, self, rest)
    }
}

impl fmt::Display for ActionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (subject, object) = (self.0.subject, self.0.object);
        match &self.0.kind {
            ActionErrorKind::InvalidId => {
                write!(f, "the id of the {object} cannot be part of a URL")
            }
            ActionErrorKind::NotFound(error) => {
                write!(f, "the service does not have the {object}: {error}")
            }
            ActionErrorKind::Throttled { until, error } => {
                write!(
                    f,
                    "the service throttles {subject} until {until:.0}: {error}"
                )
            }
            ActionErrorKind::Unauthorized { error, token: None } => {
                write!(f, "the service refused the token: {error}")
            }
            ActionErrorKind::Unauthorized {
                error,
                token: Some(token),
            } => write!(f, "the service refused the token ({error}), and {token}"),
            ActionErrorKind::Forbidden(error) => write!(
                f,
                "the token may not request {subject}, which takes {}: {error}",
                self.0.permission
            ),
            ActionErrorKind::NoToken(error) => {
                write!(f, "cannot request {subject} without a token: {error}")
            }
            ActionErrorKind::Refused(error) => {
                write!(f, "the service refused {subject}: {error}")
            }
            ActionErrorKind::Unreachable(error) => {
                write!(f, "the service could not be reached: {error}")
            }
            ActionErrorKind::TimeLimit => {
                f.write_str("the time limit passed before the request was sent")
            }
            ActionErrorKind::AmbiguousAnswer(error) => write!(
                f,
                "in doubt: the answer leaves open whether {subject} was accepted: {error}"
            ),
            ActionErrorKind::AnswerLost(error) => {
                write!(f, "in doubt whether {subject} was accepted: {error}")
            }
            ActionErrorKind::Dropped => write!(
                f,
                "in doubt whether {subject} was accepted: the request was given up"
            ),
            ActionErrorKind::Stopped => f.write_str("stopped before the request was sent"),
            ActionErrorKind::NotFollowable { error, .. } => write!(
                f,
                "{subject} was accepted, but its operation cannot be polled: {error}"
            ),
        }
    }
}

impl std::error::Error for ActionError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.kind {
            ActionErrorKind::Unreachable(error) | ActionErrorKind::AnswerLost(error) => {
                error.source()
            }
            ActionErrorKind::NoToken(error) => error.source(),
            ActionErrorKind::Unauthorized { token, .. } => {
                token.as_ref().and_then(std::error::Error::source)
            }
            ActionErrorKind::InvalidId
            | ActionErrorKind::NotFound(_)
            | ActionErrorKind::Throttled { .. }
            | ActionErrorKind::Forbidden(_)
            | ActionErrorKind::Refused(_)
            | ActionErrorKind::TimeLimit
            | ActionErrorKind::AmbiguousAnswer(_)
            | ActionErrorKind::Dropped
            | ActionErrorKind::Stopped
            | ActionErrorKind::NotFollowable { .. } => None,
        }
    }
}
