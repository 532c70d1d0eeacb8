//! The errors of an operation poll.

use std::{fmt, sync::Arc, time::Duration};

use jiff::Timestamp;

use crate::lro::{may_have_started::MayHaveStarted, transient::TransientError};
use crate::{
    auth::token::TokenError,
    ledger::store_error::StoreError,
    lro::resume::ResumeToken,
    model::{operation::Operation, origin::OperationOrigin},
    wire::{brief::debug_error, service_error::ServiceError},
};

/// An operation poll that did not end in success. A run has started, unless the operation was
/// [not found](OperationPollErrorKind::NotFound) or belongs to no start ([`origin`](Self::origin)).
///
/// ```
/// use industrydata_core::{OperationPollError, lro::OperationPollErrorKind};
///
/// /// What a job prints before it ends.
/// fn report(error: &OperationPollError) -> String {
///     match (error.kind(), error.resume_token()) {
///         (OperationPollErrorKind::Failed, _) => format!("failed: {:?}", error.operation()),
///         (_, Some(token)) if error.is_timeout() => format!("still running, resume with {token}"),
///         _ => format!("{error}; {} ({:?})", error.advice(), error.request_ids().collect::<Vec<_>>()),
///     }
/// }
/// ```
#[derive(Clone)]
pub struct OperationPollError(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: OperationPollErrorKind,
    operation: Option<Arc<Operation>>,
    resume: ResumeToken,
    request_ids: RequestIds,
    ledger: Option<StoreError>,
}

/// The service's ids of the requests that matter to its support.
#[derive(Clone, Debug, Default)]
pub(super) struct RequestIds {
    /// Of the request that created the operation.
    pub(super) begun: Option<String>,
    /// Of the poll that returned the end.
    pub(super) ended: Option<String>,
}

impl RequestIds {
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        [&self.begun, &self.ended]
            .into_iter()
            .filter_map(|id| id.as_deref())
    }
}

/// Why an operation poll ended without success.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum OperationPollErrorKind {
    /// The operation ended with `failed`.
    Failed,
    /// The service no longer has the operation (410, or 404 after it was seen or should be readable). Its outcome is
    /// unknown.
    Gone(ServiceError),
    /// The service has no such operation (404), and nothing else is known of its start. The id may be a mistake.
    NotFound(ServiceError),
    /// All polls failed with transient errors, for ten minutes and at least ten polls. The run continues.
    LostTrack {
        /// The last error.
        last: TransientError,
        /// How long the polls have failed.
        since: Duration,
    },
    /// The service refused the token (401). A fresh one was refused too, or could not be obtained.
    Unauthorized {
        /// The service's answer.
        error: ServiceError,
        /// Why no fresh token could be obtained, if so.
        token: Option<TokenError>,
    },
    /// The token may not read operations (403): that takes `IndustryData.ReadBasic.All`, which
    /// `IndustryData-Run.Start` does not contain.
    Forbidden(ServiceError),
    /// No usable token could be obtained.
    NoToken(TokenError),
    /// The answer has a status that no poll expects.
    Unexpected(ServiceError),
    /// The time limit passed, or a Retry-After reaches past it. The run continues.
    TimeLimit {
        /// When the service asked to be polled again, if its Retry-After reaches past the limit.
        retry_at: Option<Timestamp>,
        /// Why the last poll failed, if it did.
        last: Option<Box<TransientError>>,
    },
    /// The caller stopped the poll. The run continues.
    Stopped,
}

impl OperationPollError {
    pub(super) fn new(
        kind: OperationPollErrorKind,
        operation: Option<Arc<Operation>>,
        resume: ResumeToken,
        request_ids: RequestIds,
    ) -> Self {
        Self(Box::new(Inner {
            kind,
            operation,
            resume,
            request_ids,
            ledger: None,
        }))
    }

    /// Adds the store's error if the start's outcome could not be recorded.
    #[must_use]
    pub fn with_ledger_warning(mut self, error: Option<StoreError>) -> Self {
        self.0.ledger = error;
        self
    }

    /// What happened.
    #[must_use]
    pub const fn kind(&self) -> &OperationPollErrorKind {
        &self.0.kind
    }

    /// What created the operation.
    #[must_use]
    pub const fn origin(&self) -> OperationOrigin {
        self.0.resume.origin()
    }

    /// [`MayHaveStarted::Yes`], because such an operation exists only after a start was accepted.
    /// [`MayHaveStarted::Unknown`] if the operation was not found and its start is not known. [`MayHaveStarted::No`] if
    /// the operation belongs to a validation or a reset.
    #[must_use]
    pub const fn may_have_started(&self) -> MayHaveStarted {
        if !self.origin().has_run() {
            return MayHaveStarted::No;
        }
        match &self.0.kind {
            OperationPollErrorKind::NotFound(_) => MayHaveStarted::Unknown,
            OperationPollErrorKind::Failed
            | OperationPollErrorKind::Gone(_)
            | OperationPollErrorKind::LostTrack { .. }
            | OperationPollErrorKind::Unauthorized { .. }
            | OperationPollErrorKind::Forbidden(_)
            | OperationPollErrorKind::NoToken(_)
            | OperationPollErrorKind::Unexpected(_)
            | OperationPollErrorKind::TimeLimit { .. }
            | OperationPollErrorKind::Stopped => MayHaveStarted::Yes,
        }
    }

    /// The operation as last seen.
    #[must_use]
    pub fn operation(&self) -> Option<&Operation> {
        self.0.operation.as_deref()
    }

    /// The token with which any process can resume the poll. `None` if the operation failed or was not found.
    #[must_use]
    pub const fn resume_token(&self) -> Option<&ResumeToken> {
        match &self.0.kind {
            OperationPollErrorKind::Failed | OperationPollErrorKind::NotFound(_) => None,
            OperationPollErrorKind::Gone(_)
            | OperationPollErrorKind::LostTrack { .. }
            | OperationPollErrorKind::Unauthorized { .. }
            | OperationPollErrorKind::Forbidden(_)
            | OperationPollErrorKind::NoToken(_)
            | OperationPollErrorKind::Unexpected(_)
            | OperationPollErrorKind::TimeLimit { .. }
            | OperationPollErrorKind::Stopped => Some(&self.0.resume),
        }
    }

    /// Whether the last poll failed because the service throttles (429).
    #[must_use]
    pub fn is_throttled(&self) -> bool {
        self.last().is_some_and(TransientError::is_throttled)
    }

    /// Whether a limit of time passed: that of the poll, or, if all polls failed, that of the last request. The operation
    /// continues.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self.0.kind, OperationPollErrorKind::TimeLimit { .. })
            || self.last().is_some_and(TransientError::is_timeout)
    }

    /// When to resume the poll, if the service asked not to be polled before then.
    #[must_use]
    pub const fn retry_at(&self) -> Option<Timestamp> {
        if let OperationPollErrorKind::TimeLimit { retry_at, .. } = &self.0.kind {
            return *retry_at;
        }
        None
    }

    /// Why the last poll failed, if the poll ended by that.
    fn last(&self) -> Option<&TransientError> {
        if let OperationPollErrorKind::LostTrack { last, .. } = &self.0.kind {
            return Some(last);
        }
        if let OperationPollErrorKind::TimeLimit { last, .. } = &self.0.kind {
            return last.as_deref();
        }
        None
    }

    /// What to do now.
    #[must_use]
    pub const fn advice(&self) -> &'static str {
        if !self.origin().has_run() {
            return self.advice_without_run();
        }
        match &self.0.kind {
            OperationPollErrorKind::Failed => {
                "read the status detail and the run's blocking error, fix the data or the flow, then start again"
            }
            OperationPollErrorKind::Gone(_) => {
                "look at the tenant's runs for the outcome: the service does not keep operations for ever"
            }
            OperationPollErrorKind::NotFound(_) => {
                "check the operation's id and the base URL; look at the tenant's runs if a start may have been made"
            }
            OperationPollErrorKind::LostTrack { .. }
            | OperationPollErrorKind::TimeLimit { .. }
            | OperationPollErrorKind::Stopped => {
                "resume with the resume token; do not start again: the run continues"
            }
            OperationPollErrorKind::Unauthorized { .. } | OperationPollErrorKind::NoToken(_) => {
                "get a new token, then resume with the resume token; the run continues"
            }
            OperationPollErrorKind::Forbidden(_) => {
                "have an administrator grant IndustryData.ReadBasic.All, then resume with the resume token; the run continues (a preflight checks this before a start); a token from before the grant lacks it, and a managed identity keeps its token for up to 24 h"
            }
            OperationPollErrorKind::Unexpected(_) => {
                "check the base URL and any proxy on the way to the service, then resume with the resume token"
            }
        }
    }

    /// What to do now if no run belongs to the operation.
    const fn advice_without_run(&self) -> &'static str {
        match &self.0.kind {
            OperationPollErrorKind::Failed => {
                "read the status detail, fix the data or the flow, then try again"
            }
            OperationPollErrorKind::Gone(_) => {
                "try again to learn the outcome: the service does not keep operations for ever"
            }
            OperationPollErrorKind::NotFound(_) => "check the operation's id and the base URL",
            OperationPollErrorKind::LostTrack { .. }
            | OperationPollErrorKind::TimeLimit { .. }
            | OperationPollErrorKind::Stopped => {
                "resume with the resume token: the operation continues"
            }
            OperationPollErrorKind::Unauthorized { .. } | OperationPollErrorKind::NoToken(_) => {
                "get a new token, then resume with the resume token; the operation continues"
            }
            OperationPollErrorKind::Forbidden(_) => {
                "have an administrator grant IndustryData.ReadBasic.All, then resume with the resume token; the operation continues; a token from before the grant lacks it, and a managed identity keeps its token for up to 24 h"
            }
            OperationPollErrorKind::Unexpected(_) => {
                "check the base URL and any proxy on the way to the service, then resume with the resume token"
            }
        }
    }

    /// The service's answer, if it caused the error.
    #[must_use]
    pub const fn service_error(&self) -> Option<&ServiceError> {
        match &self.0.kind {
            OperationPollErrorKind::Gone(error)
            | OperationPollErrorKind::NotFound(error)
            | OperationPollErrorKind::Unauthorized { error, .. }
            | OperationPollErrorKind::Forbidden(error)
            | OperationPollErrorKind::Unexpected(error) => Some(error),
            OperationPollErrorKind::LostTrack { last, .. } => last.service_error(),
            OperationPollErrorKind::TimeLimit { last, .. } => match last {
                Some(error) => error.service_error(),
                None => None,
            },
            OperationPollErrorKind::Failed
            | OperationPollErrorKind::NoToken(_)
            | OperationPollErrorKind::Stopped => None,
        }
    }

    /// The service's id of the request that caused the error, for its support. If the operation failed, this is the poll
    /// that returned the failure.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        if let OperationPollErrorKind::Failed = &self.0.kind {
            return self.0.request_ids.ended.as_deref();
        }
        self.service_error().and_then(ServiceError::request_id)
    }

    /// The service's ids of the requests that matter to its support: of the one that created the operation, if this
    /// process made it, and of the poll that returned the failure.
    pub fn request_ids(&self) -> impl Iterator<Item = &str> {
        self.0.request_ids.iter()
    }

    /// The store's error if the start's outcome could not be recorded.
    #[must_use]
    pub const fn ledger_warning(&self) -> Option<&StoreError> {
        self.0.ledger.as_ref()
    }
}

impl fmt::Debug for OperationPollError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rest: &[(&str, &dyn fmt::Debug)] = &[
            ("may_have_started", &self.may_have_started()),
            ("request_id", &self.request_id()),
        ];
        debug_error(f, "OperationPollError", &self.0.kind, self, rest)
    }
}

impl fmt::Display for OperationPollError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.kind {
            OperationPollErrorKind::Failed => {
                f.write_str("the operation failed")?;
                match self.operation().and_then(Operation::status_detail) {
                    Some(detail) if !detail.is_empty() => {
                        write!(f, ": {}", crate::wire::text::escape_controls(detail))
                    }
                    Some(_) | None => Ok(()),
                }
            }
            OperationPollErrorKind::Gone(error) => {
                write!(f, "the service no longer has the operation: {error}")
            }
            OperationPollErrorKind::NotFound(error) => {
                write!(f, "the service has no such operation: {error}")
            }
            OperationPollErrorKind::LostTrack { last, since } => write!(
                f,
                "the operation could not be polled for {} s, most recently: {last}",
                since.as_secs()
            ),
            OperationPollErrorKind::Unauthorized { error, token: None } => {
                write!(f, "the service refused the token: {error}")
            }
            OperationPollErrorKind::Unauthorized {
                error,
                token: Some(token),
            } => write!(f, "the service refused the token ({error}), and {token}"),
            OperationPollErrorKind::Forbidden(error) => write!(
                f,
                "the token may not read operations, which takes IndustryData.ReadBasic.All: {error}"
            ),
            OperationPollErrorKind::NoToken(error) => {
                write!(f, "cannot poll without a token: {error}")
            }
            OperationPollErrorKind::Unexpected(error) => {
                write!(f, "the service answered a poll unexpectedly: {error}")
            }
            OperationPollErrorKind::Stopped => f.write_str("stopped; the operation continues"),
            OperationPollErrorKind::TimeLimit { retry_at, last } => {
                match retry_at {
                    None => f.write_str("the time limit passed; the operation continues")?,
                    Some(at) => write!(
                        f,
                        "the service asked not to be polled before {at:.0}, which is past the time limit; the operation continues"
                    )?,
                }
                match last {
                    None => Ok(()),
                    Some(error) => write!(f, "; the last poll failed: {error}"),
                }
            }
        }
    }
}

impl std::error::Error for OperationPollError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.kind {
            OperationPollErrorKind::LostTrack { last, .. } => last.source(),
            OperationPollErrorKind::TimeLimit { last, .. } => {
                last.as_ref().and_then(|last| last.source())
            }
            OperationPollErrorKind::NoToken(error) => error.source(),
            OperationPollErrorKind::Unauthorized { token, .. } => {
                token.as_ref().and_then(std::error::Error::source)
            }
            OperationPollErrorKind::Failed
            | OperationPollErrorKind::Gone(_)
            | OperationPollErrorKind::NotFound(_)
            | OperationPollErrorKind::Forbidden(_)
            | OperationPollErrorKind::Unexpected(_)
            | OperationPollErrorKind::Stopped => None,
        }
    }
}
