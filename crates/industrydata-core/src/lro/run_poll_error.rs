//! The errors of a run poll.

use std::{fmt, sync::Arc, time::Duration};

use jiff::Timestamp;

use crate::lro::{may_have_started::MayHaveStarted, read_error::ReadError};
use crate::{
    model::{public_error::PublicError, run::IndustryDataRun},
    wire::{brief::debug_error, service_error::ServiceError, text::escape_controls},
};

/// A run poll that did not end in success. The run exists in every case.
///
/// ```
/// use industrydata_core::lro::RunPollError;
///
/// fn report(error: &RunPollError) -> String {
///     if error.is_timeout() {
///         format!("run {} continues", error.run_id())
///     } else {
///         format!("{error}; {}", error.advice())
///     }
/// }
/// ```
#[derive(Clone)]
pub struct RunPollError(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: RunPollErrorKind,
    id: String,
    run: Option<Arc<IndustryDataRun>>,
    request_id: Option<String>,
}

/// Why a run poll ended without success.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum RunPollErrorKind {
    /// The run ended with `failed`: the service cancelled it.
    Failed,
    /// The run has ended with a status that this release does not know.
    Unrecognised,
    /// All polls failed with transient errors, for ten minutes and at least ten polls. The run continues.
    LostTrack {
        /// The last error.
        last: ReadError,
        /// How long the polls have failed.
        since: Duration,
    },
    /// The run cannot be read. The run continues.
    Read(ReadError),
    /// The time limit passed, or a Retry-After reaches past it. The run continues.
    TimeLimit {
        /// When the service asked to be asked again, if its Retry-After reaches past the limit.
        retry_at: Option<Timestamp>,
        /// Why the last poll failed, if it did.
        last: Option<Box<ReadError>>,
    },
    /// The caller stopped the poll. The run continues.
    Stopped,
}

impl RunPollError {
    pub(super) fn new(
        kind: RunPollErrorKind,
        id: String,
        run: Option<Arc<IndustryDataRun>>,
        request_id: Option<String>,
    ) -> Self {
        Self(Box::new(Inner {
            kind,
            id,
            run,
            request_id,
        }))
    }

    /// What happened.
    #[must_use]
    pub const fn kind(&self) -> &RunPollErrorKind {
        &self.0.kind
    }

    /// Always [`MayHaveStarted::Yes`], because the run exists.
    #[must_use]
    pub const fn may_have_started(&self) -> MayHaveStarted {
        MayHaveStarted::Yes
    }

    /// The run's id, to poll it again.
    #[must_use]
    pub fn run_id(&self) -> &str {
        &self.0.id
    }

    /// The run as of the last poll that returned it. A failed run has its blocking error.
    #[must_use]
    pub fn run(&self) -> Option<&IndustryDataRun> {
        self.0.run.as_deref()
    }

    /// Whether the last poll failed because the service throttles (429).
    #[must_use]
    pub fn is_throttled(&self) -> bool {
        self.read_error().is_some_and(ReadError::is_throttled)
    }

    /// Whether a limit of time passed: that of the poll, or that of its last request. The run continues.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self.0.kind, RunPollErrorKind::TimeLimit { .. })
            || self.read_error().is_some_and(ReadError::is_timeout)
    }

    /// When to poll the run again, if the service asked not to be asked before then.
    #[must_use]
    pub fn retry_at(&self) -> Option<Timestamp> {
        if let RunPollErrorKind::TimeLimit { retry_at, .. } = &self.0.kind {
            return *retry_at;
        }
        self.read_error().and_then(ReadError::retry_at)
    }

    /// The error of the read that ended the poll, if one did.
    fn read_error(&self) -> Option<&ReadError> {
        if let RunPollErrorKind::LostTrack { last: error, .. } | RunPollErrorKind::Read(error) =
            &self.0.kind
        {
            return Some(error);
        }
        if let RunPollErrorKind::TimeLimit { last, .. } = &self.0.kind {
            return last.as_deref();
        }
        None
    }

    /// What to do now.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match &self.0.kind {
            RunPollErrorKind::Failed => {
                "read the run's blocking error, fix the data or the flow, then start again"
            }
            RunPollErrorKind::Unrecognised => {
                "look at the run's statistics, and update this program: it does not know the status"
            }
            RunPollErrorKind::LostTrack { .. }
            | RunPollErrorKind::TimeLimit { .. }
            | RunPollErrorKind::Stopped => {
                "poll the run again by its id; do not start again: it continues"
            }
            RunPollErrorKind::Read(error) => error.advice(),
        }
    }

    /// The service's answer, if it caused the error.
    #[must_use]
    pub fn service_error(&self) -> Option<&ServiceError> {
        match &self.0.kind {
            RunPollErrorKind::LostTrack { last: error, .. } | RunPollErrorKind::Read(error) => {
                error.service_error()
            }
            RunPollErrorKind::Failed
            | RunPollErrorKind::Unrecognised
            | RunPollErrorKind::TimeLimit { .. }
            | RunPollErrorKind::Stopped => None,
        }
    }

    /// The service's id of the request that caused the error, for its support. If the run ended, this is the poll that
    /// returned its end.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        let of_error = self.service_error().and_then(ServiceError::request_id);
        of_error.or(self.0.request_id.as_deref())
    }
}

impl fmt::Debug for RunPollError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rest: &[(&str, &dyn fmt::Debug)] =
            &[("run", &self.0.id), ("request_id", &self.request_id())];
        debug_error(f, "RunPollError", &self.0.kind, self, rest)
    }
}

impl fmt::Display for RunPollError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let run = self.run();
        match &self.0.kind {
            RunPollErrorKind::Failed => match run.and_then(IndustryDataRun::blocking_error) {
                Some(error) => write!(f, "the run failed: {error}"),
                None => write!(f, "the run failed: {}", PublicError::default()),
            },
            RunPollErrorKind::Unrecognised => {
                let status = run.map_or("", |run| run.status().as_str());
                write!(
                    f,
                    "the run ended with a status that is not known, \"{}\"",
                    escape_controls(status)
                )
            }
            RunPollErrorKind::LostTrack { last, since } => write!(
                f,
                "the run could not be polled for {} s: {last}; it continues",
                since.as_secs()
            ),
            RunPollErrorKind::Read(error) => write!(f, "the run cannot be polled: {error}"),
            RunPollErrorKind::TimeLimit { retry_at: None, .. } => {
                f.write_str("the time limit passed; the run continues")
            }
            RunPollErrorKind::TimeLimit {
                retry_at: Some(at), ..
            } => write!(
                f,
                "the service asked not to be asked before {at:.0}, which is past the time limit; the run continues"
            ),
            RunPollErrorKind::Stopped => f.write_str("stopped; the run continues"),
        }
    }
}

impl std::error::Error for RunPollError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.kind {
            RunPollErrorKind::LostTrack { last: error, .. } | RunPollErrorKind::Read(error) => {
                error.source()
            }
            RunPollErrorKind::TimeLimit { last, .. } => {
                last.as_ref().and_then(|last| last.source())
            }
            RunPollErrorKind::Failed
            | RunPollErrorKind::Unrecognised
            | RunPollErrorKind::Stopped => None,
        }
    }
}
