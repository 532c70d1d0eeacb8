//! The errors of a read.

use std::fmt;

use jiff::Timestamp;

use crate::lro::{may_have_started::MayHaveStarted, transient::TransientError};
use crate::{
    auth::token::TokenError,
    endpoint::link::LinkError,
    wire::{
        body_error::BodyError, brief::debug_error, service_error::ServiceError,
        text::escape_controls,
    },
};

/// A read that failed. A read starts nothing.
///
/// ```
/// use industrydata_core::ReadError;
///
/// fn report(error: &ReadError) -> String {
///     match error.retry_at() {
///         Some(at) => format!("{} cannot be read before {at}", error.subject()),
///         None => format!("{error}; it takes {}; {}", error.permission(), error.advice()),
///     }
/// }
/// ```
#[derive(Clone)]
pub struct ReadError(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ReadErrorKind,
    subject: &'static str,
    permission: &'static str,
}

/// Why a read failed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ReadErrorKind {
    /// The id cannot be part of a path, so nothing was sent.
    InvalidId,
    /// The service does not have the subject (404, 410). It may have been removed, or belong to another tenant.
    NotFound(ServiceError),
    /// The token may not read this (403).
    Forbidden(ServiceError),
    /// The service refused the token (401). A fresh one was refused too, or could not be obtained.
    Unauthorized {
        /// The service's answer.
        error: ServiceError,
        /// Why no fresh token could be obtained, if so.
        token: Option<TokenError>,
    },
    /// No usable token could be obtained.
    NoToken(TokenError),
    /// The answer has a status that no read expects, such as a redirect.
    Unexpected(ServiceError),
    /// The answer cannot be read.
    Unreadable(BodyError),
    /// All tries ended in transient errors (lost answers, 408, 425, 429, 5xx).
    GaveUp {
        /// The last error.
        last: TransientError,
        /// The number of tries.
        tries: u32,
        /// When the service asked to be asked again, if it did so.
        retry_at: Option<Timestamp>,
    },
    /// The link to the next page is not under the base URL. Nothing was sent to it.
    Link {
        /// The link as received, cut to 300 characters, without the token.
        link: String,
        /// Why the link is refused.
        error: LinkError,
    },
    /// The list did not end within 200 pages and 20,000 items, or linked to a page twice.
    Endless {
        /// Pages read.
        pages: u32,
        /// Items read.
        items: usize,
    },
    /// The time limit passed, or a Retry-After reaches past it.
    TimeLimit {
        /// When the service asked to be asked again, if its Retry-After reaches past the limit.
        retry_at: Option<Timestamp>,
        /// Why the last try failed, if it did.
        last: Option<Box<TransientError>>,
    },
    /// The caller stopped the read.
    Stopped,
}

impl ReadError {
    pub(super) fn new(
        kind: ReadErrorKind,
        subject: &'static str,
        permission: &'static str,
    ) -> Self {
        Self(Box::new(Inner {
            kind,
            subject,
            permission,
        }))
    }

    /// What happened.
    #[must_use]
    pub const fn kind(&self) -> &ReadErrorKind {
        &self.0.kind
    }

    /// The subject of the read, such as `the list of runs`.
    #[must_use]
    pub const fn subject(&self) -> &'static str {
        self.0.subject
    }

    /// The least permission that the read takes, such as `IndustryData.ReadBasic.All`.
    #[must_use]
    pub const fn permission(&self) -> &'static str {
        self.0.permission
    }

    /// Always [`MayHaveStarted::No`]: a read starts nothing. The outcome of an earlier start does not depend on it.
    #[must_use]
    pub const fn may_have_started(&self) -> MayHaveStarted {
        MayHaveStarted::No
    }

    /// Whether the service throttles reads: the last try ended with 429.
    #[must_use]
    pub fn is_throttled(&self) -> bool {
        self.last().is_some_and(TransientError::is_throttled)
    }

    /// Whether a limit of time passed: that of the read, or that of its last request.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self.0.kind, ReadErrorKind::TimeLimit { .. })
            || self.last().is_some_and(TransientError::is_timeout)
    }

    /// When to ask again, if the service asked for that.
    #[must_use]
    pub const fn retry_at(&self) -> Option<Timestamp> {
        if let ReadErrorKind::GaveUp { retry_at, .. } | ReadErrorKind::TimeLimit { retry_at, .. } =
            &self.0.kind
        {
            return *retry_at;
        }
        None
    }

    /// Why the last try failed, if the read ended by that.
    fn last(&self) -> Option<&TransientError> {
        if let ReadErrorKind::GaveUp { last, .. } = &self.0.kind {
            return Some(last);
        }
        if let ReadErrorKind::TimeLimit { last, .. } = &self.0.kind {
            return last.as_deref();
        }
        None
    }

    /// What to do now.
    #[must_use]
    pub const fn advice(&self) -> &'static str {
        match &self.0.kind {
            ReadErrorKind::InvalidId => "copy the id again: 1 to 128 bytes, none of / \\ % ? #",
            ReadErrorKind::NotFound(_) => {
                "check the id and the tenant: the service does not keep operations and runs for ever"
            }
            ReadErrorKind::Forbidden(_) => {
                "have an administrator grant the permission that the message names, then get a new token; a managed identity keeps its token for up to 24 h"
            }
            ReadErrorKind::Unauthorized { .. } | ReadErrorKind::NoToken(_) => {
                "get a new token and ask again"
            }
            ReadErrorKind::Unexpected(_) | ReadErrorKind::Unreadable(_) => {
                "check the base URL and any proxy on the way to the service"
            }
            ReadErrorKind::GaveUp { .. } | ReadErrorKind::TimeLimit { .. } => "ask again later",
            ReadErrorKind::Link { .. } | ReadErrorKind::Endless { .. } => {
                "check the base URL, and report the service's paging to its support"
            }
            ReadErrorKind::Stopped => "ask again",
        }
    }

    /// The service's answer, if it caused the error.
    #[must_use]
    pub const fn service_error(&self) -> Option<&ServiceError> {
        match &self.0.kind {
            ReadErrorKind::NotFound(error)
            | ReadErrorKind::Forbidden(error)
            | ReadErrorKind::Unauthorized { error, .. }
            | ReadErrorKind::Unexpected(error) => Some(error),
            ReadErrorKind::GaveUp { last, .. } => last.service_error(),
            ReadErrorKind::InvalidId
            | ReadErrorKind::NoToken(_)
            | ReadErrorKind::Unreadable(_)
            | ReadErrorKind::Link { .. }
            | ReadErrorKind::Endless { .. }
            | ReadErrorKind::TimeLimit { .. }
            | ReadErrorKind::Stopped => None,
        }
    }

    /// The service's id of the request that caused the error, for its support.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.service_error().and_then(ServiceError::request_id)
    }
}

impl fmt::Debug for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rest: &[(&str, &dyn fmt::Debug)] = &[("request_id", &self.request_id())];
        debug_error(f, "ReadError", &self.0.kind, self, rest)
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (subject, permission) = (self.0.subject, self.0.permission);
        match &self.0.kind {
            ReadErrorKind::InvalidId => write!(f, "the id of {subject} cannot be part of a URL"),
            ReadErrorKind::NotFound(error) => {
                write!(f, "the service does not have {subject}: {error}")
            }
            ReadErrorKind::Forbidden(error) => write!(
                f,
                "the token may not read {subject}, which takes {permission}: {error}"
            ),
            ReadErrorKind::Unauthorized { error, token: None } => {
                write!(f, "the service refused the token: {error}")
            }
            ReadErrorKind::Unauthorized {
                error,
                token: Some(token),
            } => write!(f, "the service refused the token ({error}), and {token}"),
            ReadErrorKind::NoToken(error) => {
                write!(f, "{subject} cannot be read without a token: {error}")
            }
            ReadErrorKind::Unexpected(error) => {
                write!(
                    f,
                    "the answer to a read of {subject} is unexpected: {error}"
                )
            }
            ReadErrorKind::Unreadable(error) => write!(f, "{subject} cannot be read: {error}"),
            ReadErrorKind::GaveUp { last, tries: 1, .. } => {
                write!(f, "{subject} could not be read: {last}")
            }
            ReadErrorKind::GaveUp { last, tries, .. } => write!(
                f,
                "{subject} could not be read in {tries} tries, most recently: {last}"
            ),
            ReadErrorKind::Link { link, error } => write!(
                f,
                "{subject} continues at a link that is not followed, \"{}\": {error}",
                escape_controls(link)
            ),
            ReadErrorKind::Endless { pages, items } => write!(
                f,
                "{subject} does not end: given up after {pages} pages with {items} items"
            ),
            ReadErrorKind::TimeLimit { retry_at: None, .. } => {
                write!(f, "the time limit passed while reading {subject}")
            }
            ReadErrorKind::TimeLimit {
                retry_at: Some(at), ..
            } => write!(
                f,
                "the service asked not to be asked for {subject} before {at:.0}, which is past the time limit"
            ),
            ReadErrorKind::Stopped => write!(f, "stopped while reading {subject}"),
        }
    }
}

impl std::error::Error for ReadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.kind {
            ReadErrorKind::GaveUp { last, .. } => last.source(),
            ReadErrorKind::TimeLimit { last, .. } => last.as_ref().and_then(|last| last.source()),
            ReadErrorKind::NoToken(error) => error.source(),
            ReadErrorKind::Unauthorized { token, .. } => {
                token.as_ref().and_then(std::error::Error::source)
            }
            ReadErrorKind::InvalidId
            | ReadErrorKind::NotFound(_)
            | ReadErrorKind::Forbidden(_)
            | ReadErrorKind::Unexpected(_)
            | ReadErrorKind::Unreadable(_)
            | ReadErrorKind::Link { .. }
            | ReadErrorKind::Endless { .. }
            | ReadErrorKind::Stopped => None,
        }
    }
}
