//! The errors of a start.

use std::fmt;

use http::StatusCode;
use jiff::Timestamp;

use crate::lro::may_have_started::MayHaveStarted;
use crate::{
    auth::token::TokenError,
    ledger::{
        quota::Quota,
        refusal::{Refusal, RefusalReason},
        store_error::StoreError,
    },
    wire::{
        base_url::BaseUrl,
        brief::debug_error,
        location::error::LocationError,
        service_error::ServiceError,
        text::escape_controls,
        transport::{Cause, Phase, TransportError},
    },
};

/// A start that returned no operation to poll.
///
/// Each reports what happened, whether a run may have started ([`StartError::may_have_started`]), and what to do now
/// ([`StartError::advice`]).
///
/// ```
/// use std::error::Error;
/// use industrydata_core::lro::{MayHaveStarted, StartError, StartErrorKind};
///
/// // As a client returns it.
/// let error = StartError::no_randomness("no device");
/// assert!(matches!(error.kind(), StartErrorKind::Unreachable(_)));
/// assert_eq!(error.may_have_started(), MayHaveStarted::No);
/// assert!(!error.is_throttled() && !error.is_in_doubt() && !error.is_timeout());
/// assert_eq!(error.advice(), "fix the cause on this machine, then start again");
/// assert!(error.source().unwrap().to_string().contains("no random bytes"));
/// ```
#[derive(Clone)]
pub struct StartError(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: StartErrorKind,
    quota: Option<Quota>,
    ledger: Option<StoreError>,
    client_request_id: Option<String>,
    /// Whether the service has no such path (404), and the base URL lacks `/beta`.
    lacks_beta: bool,
}

/// The system's error, in words.
#[derive(Debug, thiserror::Error)]
#[error("this machine gives no random bytes, which the id of a start needs")]
struct NoRandomness(#[source] Cause);

/// Why a start returned no operation. No run has started, unless the variant says otherwise.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum StartErrorKind {
    /// The ledger has no free slot. Nothing was sent.
    NoSlot(Refusal),
    /// The service throttles (429).
    Throttled {
        /// When the service accepts starts again.
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
    /// The token may not start runs (403), which takes `IndustryData-Run.Start`.
    Forbidden(ServiceError),
    /// No usable token could be obtained. Nothing was sent.
    NoToken(TokenError),
    /// The service refused the request.
    Refused(ServiceError),
    /// The service could not be reached, or this machine could not send the request ([`Phase::Local`]). Nothing was sent.
    Unreachable(TransportError),
    /// The time limit passed before the request was sent.
    TimeLimit {
        /// Whether the start waited for a slot.
        waited_for_slot: bool,
    },
    /// The status of the answer does not show whether a run was started: the start is in doubt.
    AmbiguousAnswer(ServiceError),
    /// The answer was lost: the start is in doubt.
    AnswerLost(TransportError),
    /// The driver dropped the request after it was handed out: the start is in doubt.
    Dropped,
    /// The caller stopped the client before the request was sent.
    Stopped,
    /// The service accepted the start (202), so a run has started, but its operation cannot be polled.
    NotFollowable {
        /// Why the `Location` is refused.
        error: LocationError,
        /// The first `Location` values as text, cut to a readable length, without the token.
        location: Vec<String>,
        /// The service's request id.
        request_id: Option<String>,
    },
    /// The time limit passed while another start with the same key was being made. This start sent nothing; whether a run has
    /// started is unknown.
    KeyInUse {
        /// When the other start's lease ends, by the ledger's clock.
        lease_ends: Timestamp,
    },
    /// An earlier start with the same key is in doubt. This start sent nothing; whether a run has started is unknown.
    KeyInDoubt {
        /// When the service may have accepted the earlier start at the latest, by the ledger's clock.
        at: Timestamp,
        /// Why it is in doubt, in words.
        why: Option<String>,
    },
    /// The service accepted an earlier start with the same key, so a run has started, but the ledger has no operation to
    /// poll. This start sent nothing.
    KeyNotFollowable {
        /// When it was accepted, by the ledger's clock.
        at: Timestamp,
    },
    /// The ledger is unusable. Nothing was sent.
    Ledger(StoreError),
}

impl StartError {
    /// A start without the random bytes that its id needs, because of `error`.
    pub fn no_randomness(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::local(NoRandomness(Cause::new(error)))
    }

    /// A start that could not begin on this machine, because of `error`.
    pub fn local(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(StartErrorKind::Unreachable(TransportError::new(
            Phase::Local,
            error,
        )))
    }

    pub(super) fn new(kind: StartErrorKind) -> Self {
        Self(Box::new(Inner {
            kind,
            quota: None,
            ledger: None,
            client_request_id: None,
            lacks_beta: false,
        }))
    }

    pub(super) fn with_quota(mut self, quota: Option<Quota>) -> Self {
        self.0.quota = quota;
        self
    }

    pub(super) fn with_ledger(mut self, error: Option<StoreError>) -> Self {
        self.0.ledger = error;
        self
    }

    pub(super) fn with_client_request_id(mut self, id: Option<String>) -> Self {
        self.0.client_request_id = id;
        self
    }

    /// Checks whether the base URL explains the error.
    pub(super) fn with_base(mut self, base: &BaseUrl) -> Self {
        let is_unknown_path = matches!(
            self.kind(),
            StartErrorKind::Refused(error) if error.status() == StatusCode::NOT_FOUND
        );
        self.0.lacks_beta = is_unknown_path && base.lacks_beta();
        self
    }

    /// What happened.
    #[must_use]
    pub const fn kind(&self) -> &StartErrorKind {
        &self.0.kind
    }

    /// Whether a run may have started.
    #[must_use]
    pub const fn may_have_started(&self) -> MayHaveStarted {
        match &self.0.kind {
            StartErrorKind::NoSlot(_)
            | StartErrorKind::Throttled { .. }
            | StartErrorKind::Unauthorized { .. }
            | StartErrorKind::Forbidden(_)
            | StartErrorKind::NoToken(_)
            | StartErrorKind::Refused(_)
            | StartErrorKind::Unreachable(_)
            | StartErrorKind::TimeLimit { .. }
            | StartErrorKind::Stopped
            | StartErrorKind::Ledger(_) => MayHaveStarted::No,
            StartErrorKind::AmbiguousAnswer(_)
            | StartErrorKind::AnswerLost(_)
            | StartErrorKind::Dropped
            | StartErrorKind::KeyInUse { .. }
            | StartErrorKind::KeyInDoubt { .. } => MayHaveStarted::Unknown,
            StartErrorKind::NotFollowable { .. } | StartErrorKind::KeyNotFollowable { .. } => {
                MayHaveStarted::Yes
            }
        }
    }

    /// Whether the ledger or the service throttles: the ledger has no free slot, or the service refused the start with 429.
    /// [`retry_at`](Self::retry_at) is when to start again.
    #[must_use]
    pub const fn is_throttled(&self) -> bool {
        matches!(
            &self.0.kind,
            StartErrorKind::NoSlot(_) | StartErrorKind::Throttled { .. }
        )
    }

    /// Whether a limit of time passed: that of the start, or that of its request. If the request was sent, the start is
    /// [in doubt](Self::is_in_doubt).
    #[must_use]
    pub const fn is_timeout(&self) -> bool {
        match &self.0.kind {
            StartErrorKind::TimeLimit { .. } | StartErrorKind::KeyInUse { .. } => true,
            StartErrorKind::Unreachable(error) | StartErrorKind::AnswerLost(error) => {
                error.is_timeout()
            }
            StartErrorKind::NoSlot(_)
            | StartErrorKind::Throttled { .. }
            | StartErrorKind::Unauthorized { .. }
            | StartErrorKind::Forbidden(_)
            | StartErrorKind::NoToken(_)
            | StartErrorKind::Refused(_)
            | StartErrorKind::AmbiguousAnswer(_)
            | StartErrorKind::Dropped
            | StartErrorKind::Stopped
            | StartErrorKind::NotFollowable { .. }
            | StartErrorKind::KeyInDoubt { .. }
            | StartErrorKind::KeyNotFollowable { .. }
            | StartErrorKind::Ledger(_) => false,
        }
    }

    /// Whether the start is in doubt, or an earlier one with its key: the service may have accepted it. It still counts,
    /// and is not repeated. Another start with the key that is [being made](StartErrorKind::KeyInUse) is not in doubt yet.
    #[must_use]
    pub const fn is_in_doubt(&self) -> bool {
        matches!(
            &self.0.kind,
            StartErrorKind::AmbiguousAnswer(_)
                | StartErrorKind::AnswerLost(_)
                | StartErrorKind::Dropped
                | StartErrorKind::KeyInDoubt { .. }
        )
    }

    /// What to do now.
    #[must_use]
    pub const fn advice(&self) -> &'static str {
        match &self.0.kind {
            StartErrorKind::NoSlot(refusal)
                if matches!(refusal.reason(), RefusalReason::Quarantine) =>
            {
                "wait for the quarantine to end, or run `industrydata quota --reconcile` half an hour after the reset or later"
            }
            StartErrorKind::NoSlot(_) | StartErrorKind::Throttled { .. } => {
                "start again at the time given, or wait for the next scheduled run"
            }
            StartErrorKind::Unauthorized { .. } => {
                "check that the token is for this service and this tenant, and get a new one"
            }
            StartErrorKind::Forbidden(_) => {
                "have an administrator grant IndustryData-Run.Start (and IndustryData.ReadBasic.All to poll the operation); a token from before the grant lacks it, and a managed identity keeps its token for up to 24 h"
            }
            StartErrorKind::NoToken(_) => "fix the token source, then start again",
            StartErrorKind::Refused(_) if self.0.lacks_beta => {
                "check the base URL: the likely cause is that it lacks /beta"
            }
            StartErrorKind::Refused(_) => {
                "read the service's message and fix the cause: until then the same start will be refused again"
            }
            StartErrorKind::Unreachable(error) if matches!(error.phase(), Phase::Local) => {
                "fix the cause on this machine, then start again"
            }
            StartErrorKind::Unreachable(_) => {
                "check the network and the base URL, then start again"
            }
            StartErrorKind::TimeLimit { .. } => "start again with a longer time limit",
            StartErrorKind::Stopped => "start again at any time",
            StartErrorKind::AmbiguousAnswer(_)
            | StartErrorKind::AnswerLost(_)
            | StartErrorKind::Dropped => {
                "do not start again yet: look at the tenant's runs first; the start counts against the quota until it is resolved or its window has passed"
            }
            StartErrorKind::NotFollowable { .. } => {
                "do not start again: the run was started; look for it among the tenant's runs"
            }
            StartErrorKind::KeyInUse { .. } => {
                "start again with the same key: that start goes on with the other one, and starts none beside it"
            }
            StartErrorKind::KeyInDoubt { .. } => {
                "look at the tenant's runs; `industrydata quota --entries` shows the start, `quota --reconcile` and `quota --resolve` resolve it; with the same key nothing is started until then"
            }
            StartErrorKind::KeyNotFollowable { .. } => {
                "do not start again: the run was started; look for it among the tenant's runs"
            }
            StartErrorKind::Ledger(_) => "fix the ledger as described, then start again",
        }
    }

    /// The service's answer, if it caused the error.
    #[must_use]
    pub const fn service_error(&self) -> Option<&ServiceError> {
        match &self.0.kind {
            StartErrorKind::Throttled { error, .. }
            | StartErrorKind::Unauthorized { error, .. }
            | StartErrorKind::Forbidden(error)
            | StartErrorKind::Refused(error)
            | StartErrorKind::AmbiguousAnswer(error) => Some(error),
            StartErrorKind::NoSlot(_)
            | StartErrorKind::NoToken(_)
            | StartErrorKind::Unreachable(_)
            | StartErrorKind::TimeLimit { .. }
            | StartErrorKind::AnswerLost(_)
            | StartErrorKind::Dropped
            | StartErrorKind::Stopped
            | StartErrorKind::NotFollowable { .. }
            | StartErrorKind::KeyInUse { .. }
            | StartErrorKind::KeyInDoubt { .. }
            | StartErrorKind::KeyNotFollowable { .. }
            | StartErrorKind::Ledger(_) => None,
        }
    }

    /// The service's id of the request that caused the error, for its support.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        if let StartErrorKind::NotFollowable { request_id, .. } = &self.0.kind {
            return request_id.as_deref();
        }
        self.service_error().and_then(ServiceError::request_id)
    }

    /// The `client-request-id` of the last POST, if one was handed out.
    #[must_use]
    pub fn client_request_id(&self) -> Option<&str> {
        self.0.client_request_id.as_deref()
    }

    /// A time of the ledger by the service's clock, as far as known.
    fn shown(&self, time: Timestamp) -> Timestamp {
        let quota = self.0.quota.as_ref();
        quota.map_or(time, |quota| quota.by_service_clock(time))
    }

    /// When a start may be made again, if known: by the service's clock if the ledger knows how far its own is off, else
    /// by the ledger's.
    #[must_use]
    pub fn retry_at(&self) -> Option<Timestamp> {
        if let StartErrorKind::NoSlot(refusal) = &self.0.kind {
            return Some(self.shown(refusal.until()));
        }
        if let StartErrorKind::Throttled { until, .. } = &self.0.kind {
            return Some(*until);
        }
        None
    }

    /// The quota as last read from the ledger.
    #[must_use]
    pub const fn quota(&self) -> Option<&Quota> {
        self.0.quota.as_ref()
    }

    /// The store's error if the outcome could not be recorded. The reservation still counts.
    #[must_use]
    pub const fn ledger_warning(&self) -> Option<&StoreError> {
        self.0.ledger.as_ref()
    }
}

impl fmt::Debug for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rest: &[(&str, &dyn fmt::Debug)] = &[
            ("may_have_started", &self.may_have_started()),
            ("request_id", &self.request_id()),
        ];
        debug_error(f, "StartError", &self.0.kind, self, rest)
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.kind {
            StartErrorKind::NoSlot(refusal) => {
                write!(
                    f,
                    "no start before {:.0}: {}",
                    self.shown(refusal.until()),
                    refusal.reason()
                )
            }
            StartErrorKind::Throttled { until, error } => {
                write!(f, "the service throttles starts until {until:.0}: {error}")
            }
            StartErrorKind::Unauthorized { error, token: None } => {
                write!(f, "the service refused the token: {error}")
            }
            StartErrorKind::Unauthorized {
                error,
                token: Some(token),
            } => write!(f, "the service refused the token ({error}), and {token}"),
            StartErrorKind::Forbidden(error) => {
                write!(f, "the token may not start runs: {error}")
            }
            StartErrorKind::NoToken(error) => write!(f, "cannot start without a token: {error}"),
            StartErrorKind::Refused(error) => write!(f, "the service refused the start: {error}"),
            StartErrorKind::Unreachable(error) if error.phase() == Phase::Local => {
                write!(f, "this machine could not start a run: {error}")
            }
            StartErrorKind::Unreachable(error) => {
                write!(f, "the service could not be reached: {error}")
            }
            StartErrorKind::TimeLimit { .. } => {
                f.write_str("the time limit passed before the request was sent")
            }
            StartErrorKind::AmbiguousAnswer(error) => {
                write!(
                    f,
                    "in doubt: the answer leaves open whether a run was started: {error}"
                )
            }
            StartErrorKind::AnswerLost(error) => {
                write!(f, "in doubt whether a run was started: {error}")
            }
            StartErrorKind::Dropped => {
                f.write_str("in doubt whether a run was started: the request was given up")
            }
            StartErrorKind::Stopped => f.write_str("stopped before the request was sent"),
            StartErrorKind::NotFollowable { error, .. } => {
                write!(
                    f,
                    "a run was started, but its operation cannot be polled: {error}"
                )
            }
            StartErrorKind::KeyInUse { lease_ends } => {
                let ends = self.shown(*lease_ends);
                write!(
                    f,
                    "the time limit passed while another start with this key was being made (its lease ends at {ends:.0})"
                )
            }
            StartErrorKind::KeyInDoubt { at, why } => {
                let at = self.shown(*at);
                write!(
                    f,
                    "in doubt whether the start of {at:.0} with this key started a run"
                )?;
                match why {
                    Some(why) => write!(f, " ({})", escape_controls(why)),
                    None => Ok(()),
                }
            }
            StartErrorKind::KeyNotFollowable { at } => {
                let at = self.shown(*at);
                write!(
                    f,
                    "the start of {at:.0} with this key started a run, but its operation cannot be polled: the ledger has no usable id of it"
                )
            }
            StartErrorKind::Ledger(error) => {
                write!(f, "cannot start: {error}")
            }
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.kind {
            StartErrorKind::Unreachable(error) | StartErrorKind::AnswerLost(error) => {
                error.source()
            }
            StartErrorKind::NoToken(error) => error.source(),
            StartErrorKind::Ledger(error) => error.source(),
            StartErrorKind::Unauthorized { token, .. } => {
                token.as_ref().and_then(std::error::Error::source)
            }
            StartErrorKind::NoSlot(_)
            | StartErrorKind::Throttled { .. }
            | StartErrorKind::Forbidden(_)
            | StartErrorKind::Refused(_)
            | StartErrorKind::TimeLimit { .. }
            | StartErrorKind::AmbiguousAnswer(_)
            | StartErrorKind::Dropped
            | StartErrorKind::Stopped
            | StartErrorKind::KeyInUse { .. }
            | StartErrorKind::KeyInDoubt { .. }
            | StartErrorKind::KeyNotFollowable { .. }
            | StartErrorKind::NotFollowable { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_without_randomness_says_so() {
        let error = StartError::no_randomness("the device is gone");
        assert_eq!(error.may_have_started(), MayHaveStarted::No);
        let (text, cause) = (
            error.to_string(),
            std::error::Error::source(&error).unwrap(),
        );
        assert!(
            text.starts_with("this machine could not start a run"),
            "{text}"
        );
        assert!(cause.to_string().contains("no random bytes"), "{cause}");
        assert_eq!(cause.source().unwrap().to_string(), "the device is gone");
        assert!(error.advice().contains("this machine"));
    }
}
