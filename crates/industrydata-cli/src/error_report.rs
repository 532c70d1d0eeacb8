//! How each error of the libraries becomes a document: its outcome (and so the exit code), kind, message and advice.

use std::error::Error;

use http::StatusCode;
use industrydata_core::auth::TokenError;
use industrydata_core::ledger::StoreError;
use industrydata_core::lro::ActionError;
use industrydata_core::lro::ActionErrorKind;
use industrydata_core::lro::MayHaveStarted;
use industrydata_core::lro::OperationPollError;
use industrydata_core::lro::OperationPollErrorKind;
use industrydata_core::lro::ReadError;
use industrydata_core::lro::ReadErrorKind;
use industrydata_core::lro::ResumeError;
use industrydata_core::lro::RunPollError;
use industrydata_core::lro::RunPollErrorKind;
use industrydata_core::lro::StartError;
use industrydata_core::lro::StartErrorKind;
use industrydata_core::model::Operation;
use industrydata_core::reconcile::ReconcileError;
use industrydata_core::wire::escape_controls;

use crate::{
    human,
    report::{Document, Kind, OperationReport, Outcome, QuotaReport},
};

/// How many causes of an error a message includes.
const MOST_CAUSES: usize = 8;
/// How many characters a message quotes.
const MOST_QUOTED: usize = 300;

// The wildcard arms below are for kinds that a newer core adds; this program is always built with its own core.

fn start_kind(kind: &StartErrorKind) -> (Outcome, Kind) {
    match kind {
        StartErrorKind::NoSlot(_) => (Outcome::Throttled, Kind::Quota),
        StartErrorKind::Throttled { .. } => (Outcome::Throttled, Kind::Throttled),
        StartErrorKind::Unauthorized { .. } => (Outcome::Unauthorized, Kind::Unauthorized),
        StartErrorKind::Forbidden(_) => (Outcome::Unauthorized, Kind::Forbidden),
        StartErrorKind::NoToken(_) => (Outcome::Unauthorized, Kind::Token),
        StartErrorKind::Refused(_) => (Outcome::Unexpected, Kind::Refused),
        StartErrorKind::Unreachable(_) => (Outcome::Unreachable, Kind::Unreachable),
        StartErrorKind::TimeLimit { waited_for_slot } if *waited_for_slot => {
            (Outcome::Throttled, Kind::Quota)
        }
        StartErrorKind::TimeLimit { .. } => (Outcome::Unreachable, Kind::TimedOut),
        StartErrorKind::AmbiguousAnswer(_)
        | StartErrorKind::AnswerLost(_)
        | StartErrorKind::Dropped => (Outcome::InDoubt, Kind::InDoubt),
        StartErrorKind::Stopped => (Outcome::Interrupted, Kind::Interrupted),
        StartErrorKind::KeyInUse { .. } => (Outcome::TimedOut, Kind::TimedOut),
        StartErrorKind::KeyInDoubt { .. } => (Outcome::InDoubt, Kind::InDoubt),
        StartErrorKind::NotFollowable { .. } | StartErrorKind::KeyNotFollowable { .. } => {
            (Outcome::Unexpected, Kind::NotFollowable)
        }
        StartErrorKind::Ledger(_) => (Outcome::Ledger, Kind::Ledger),
        _ => (Outcome::Unexpected, Kind::Unexpected),
    }
}

fn action_kind(kind: &ActionErrorKind) -> (Outcome, Kind) {
    match kind {
        ActionErrorKind::InvalidId => (Outcome::Usage, Kind::Usage),
        ActionErrorKind::NotFound(_) => (Outcome::Unexpected, Kind::NotFound),
        ActionErrorKind::Throttled { .. } => (Outcome::Throttled, Kind::Throttled),
        ActionErrorKind::Unauthorized { .. } => (Outcome::Unauthorized, Kind::Unauthorized),
        ActionErrorKind::Forbidden(_) => (Outcome::Unauthorized, Kind::Forbidden),
        ActionErrorKind::NoToken(_) => (Outcome::Unauthorized, Kind::Token),
        ActionErrorKind::Refused(_) => (Outcome::Unexpected, Kind::Refused),
        ActionErrorKind::Unreachable(_) => (Outcome::Unreachable, Kind::Unreachable),
        ActionErrorKind::TimeLimit => (Outcome::Unreachable, Kind::TimedOut),
        ActionErrorKind::AmbiguousAnswer(_)
        | ActionErrorKind::AnswerLost(_)
        | ActionErrorKind::Dropped => (Outcome::InDoubt, Kind::InDoubt),
        ActionErrorKind::Stopped => (Outcome::Interrupted, Kind::Interrupted),
        ActionErrorKind::NotFollowable { .. } => (Outcome::Unexpected, Kind::NotFollowable),
        _ => (Outcome::Unexpected, Kind::Unexpected),
    }
}

fn operation_poll_kind(kind: &OperationPollErrorKind) -> (Outcome, Kind) {
    match kind {
        OperationPollErrorKind::Failed => (Outcome::Failed, Kind::Failed),
        OperationPollErrorKind::Gone(_) => (Outcome::Unexpected, Kind::Gone),
        OperationPollErrorKind::NotFound(_) => (Outcome::Unexpected, Kind::NotFound),
        OperationPollErrorKind::LostTrack { .. } => (Outcome::TimedOut, Kind::LostTrack),
        OperationPollErrorKind::Unauthorized { .. } => (Outcome::Unauthorized, Kind::Unauthorized),
        OperationPollErrorKind::Forbidden(_) => (Outcome::Unauthorized, Kind::Forbidden),
        OperationPollErrorKind::NoToken(_) => (Outcome::Unauthorized, Kind::Token),
        OperationPollErrorKind::Unexpected(_) => (Outcome::Unexpected, Kind::Unexpected),
        OperationPollErrorKind::TimeLimit { .. } => (Outcome::TimedOut, Kind::TimedOut),
        OperationPollErrorKind::Stopped => (Outcome::Interrupted, Kind::Interrupted),
        _ => (Outcome::Unexpected, Kind::Unexpected),
    }
}

fn read_kind(error: &ReadError) -> (Outcome, Kind) {
    match error.kind() {
        ReadErrorKind::InvalidId => (Outcome::Usage, Kind::Usage),
        ReadErrorKind::NotFound(_) => (Outcome::Unexpected, Kind::Gone),
        ReadErrorKind::Forbidden(_) => (Outcome::Unauthorized, Kind::Forbidden),
        ReadErrorKind::Unauthorized { .. } => (Outcome::Unauthorized, Kind::Unauthorized),
        ReadErrorKind::NoToken(_) => (Outcome::Unauthorized, Kind::Token),
        ReadErrorKind::GaveUp { .. } => match error.service_error().map(|it| it.status()) {
            None => (Outcome::Unreachable, Kind::Unreachable),
            Some(StatusCode::TOO_MANY_REQUESTS) => (Outcome::Throttled, Kind::Throttled),
            Some(_) => (Outcome::Unexpected, Kind::Unexpected),
        },
        ReadErrorKind::TimeLimit { .. } => (Outcome::TimedOut, Kind::TimedOut),
        ReadErrorKind::Stopped => (Outcome::Interrupted, Kind::Interrupted),
        ReadErrorKind::Unexpected(_)
        | ReadErrorKind::Unreadable(_)
        | ReadErrorKind::Link { .. }
        | ReadErrorKind::Endless { .. }
        | _ => (Outcome::Unexpected, Kind::Unexpected),
    }
}

fn run_poll_kind(kind: &RunPollErrorKind) -> (Outcome, Kind) {
    match kind {
        RunPollErrorKind::Failed => (Outcome::Failed, Kind::Failed),
        RunPollErrorKind::LostTrack { .. } => (Outcome::TimedOut, Kind::LostTrack),
        RunPollErrorKind::Read(error) => read_kind(error),
        RunPollErrorKind::TimeLimit { .. } => (Outcome::TimedOut, Kind::TimedOut),
        RunPollErrorKind::Stopped => (Outcome::Interrupted, Kind::Interrupted),
        RunPollErrorKind::Unrecognised | _ => (Outcome::Unexpected, Kind::Unexpected),
    }
}

/// A start that returned no operation. An interrupt decides, unless the service accepted the start.
pub(crate) fn start(error: &StartError, interrupted: bool) -> Document {
    let (outcome, kind) = start_kind(error.kind());
    let mut message = message(error);
    if let StartErrorKind::NotFollowable { location, .. } = error.kind() {
        message = with_locations(message, location);
    }
    let may_have_started = error.may_have_started();
    let token = if let StartErrorKind::NoToken(token)
    | StartErrorKind::Unauthorized {
        token: Some(token), ..
    } = error.kind()
    {
        Some(token)
    } else {
        None
    };
    Document {
        quota: error.quota().map(QuotaReport::from),
        ..Document::error(outcome, kind, message)
    }
    .advise(&token_advice(token, error.advice()))
    .with_request_id(error.request_id())
    .may_have_started(may_have_started)
    .interrupted_if(interrupted && may_have_started != MayHaveStarted::Yes)
}

/// A validation or a reset that returned nothing to wait for. An interrupt decides, unless the service accepted it.
pub(crate) fn action(error: &ActionError, interrupted: bool) -> Document {
    let (outcome, kind) = action_kind(error.kind());
    let (mut message, mut accepted) = (message(error), false);
    if let ActionErrorKind::NotFollowable { location, .. } = error.kind() {
        (message, accepted) = (with_locations(message, location), true);
    }
    let token = if let ActionErrorKind::NoToken(token)
    | ActionErrorKind::Unauthorized {
        token: Some(token), ..
    } = error.kind()
    {
        Some(token)
    } else {
        None
    };
    Document::error(outcome, kind, message)
        .advise(&token_advice(token, error.advice()))
        .with_request_id(error.request_id())
        .may_have_started(error.may_have_started())
        .interrupted_if(interrupted && !accepted)
}

/// A message with the `Location` values that it is about.
fn with_locations(message: String, location: &[String]) -> String {
    if location.is_empty() {
        return message;
    }
    let quoted: Vec<_> = location.iter().map(|location| quote(location)).collect();
    format!("{message}: {}", quoted.join(", "))
}

/// Data that a validation found errors in, although its operation succeeded.
pub(crate) fn data_errors(
    operation: OperationReport,
    quota: Option<QuotaReport>,
    may_have_started: MayHaveStarted,
) -> Document {
    let count = human::counted(operation.errors.len(), "error");
    let mut message = format!("the operation succeeded, but found {count} in the data");
    if let Some(first) = operation.errors.first() {
        let file = first.target.as_deref().unwrap_or("no file named");
        message = format!("{message}, first in {file}: {}", human::reason(first));
    }
    Document {
        operation: Some(operation),
        quota,
        ..Document::error(Outcome::DataErrors, Kind::DataErrors, message)
    }
    .advise("fix the files that have errors, upload all files again, and validate them")
    .may_have_started(may_have_started)
}

/// A run that dropped records, where that is not allowed.
pub(crate) fn dropped_records() -> Document {
    let message = "the run completed with errors: it dropped records";
    Document::error(Outcome::DataErrors, Kind::DataErrors, message)
        .advise("look at the run's statistics, fix the records, then start again")
        .may_have_started(MayHaveStarted::Yes)
}

/// An operation that did not succeed. An interrupt decides, unless the operation has failed.
pub(crate) fn operation_poll(
    error: &OperationPollError,
    mut operation: OperationReport,
    quota: Option<QuotaReport>,
    interrupted: bool,
) -> Document {
    if matches!(error.kind(), OperationPollErrorKind::NotFound(_)) {
        operation.resume_token = None;
    }
    let (outcome, kind) = operation_poll_kind(error.kind());
    let failed = outcome == Outcome::Failed;
    let message = if failed {
        let detail = error.operation().and_then(Operation::status_detail);
        detail
            .filter(|detail| !detail.trim().is_empty())
            .unwrap_or("the service gave no detail")
            .to_owned()
    } else {
        message(error)
    };
    let token = if let OperationPollErrorKind::NoToken(token)
    | OperationPollErrorKind::Unauthorized {
        token: Some(token), ..
    } = error.kind()
    {
        Some(token)
    } else {
        None
    };
    Document {
        operation: Some(operation),
        quota,
        ..Document::error(outcome, kind, message)
    }
    .advise(&token_advice(token, error.advice()))
    .with_request_id(error.request_id())
    .may_have_started(error.may_have_started())
    .interrupted_if(interrupted && !failed)
}

/// A read that returned nothing.
pub(crate) fn read(error: &ReadError, interrupted: bool) -> Document {
    let (outcome, kind) = read_kind(error);
    Document::error(outcome, kind, message(error))
        .advise(&token_advice(token_of_read(error), error.advice()))
        .with_request_id(error.request_id())
        .interrupted_if(interrupted)
}

/// A run that did not succeed, or whose end is not known.
pub(crate) fn run_poll(error: &RunPollError, interrupted: bool) -> Document {
    let (outcome, kind) = run_poll_kind(error.kind());
    let token = if let RunPollErrorKind::Read(error) = error.kind() {
        token_of_read(error)
    } else {
        None
    };
    let document = Document::error(outcome, kind, message(error))
        .advise(&token_advice(token, error.advice()))
        .with_request_id(error.request_id())
        .interrupted_if(interrupted && outcome != Outcome::Failed);
    after_start(document)
}

/// The same error after a start: the run goes on, so an unreachable service or a throttled read lost track of it.
pub(crate) fn after_start(mut document: Document) -> Document {
    if [Outcome::Unreachable, Outcome::Throttled].contains(&document.outcome) {
        document.outcome = Outcome::TimedOut;
        if let Some(error) = &mut document.error {
            error.kind = Kind::LostTrack;
        }
    }
    document.may_have_started(MayHaveStarted::Yes)
}

/// A reconciliation that was not made.
pub(crate) fn reconcile(error: &ReconcileError, interrupted: bool) -> Document {
    match error {
        ReconcileError::Ledger(error) => ledger(error),
        ReconcileError::Read(error) => read(error, interrupted),
        _ => Document::error(Outcome::Unexpected, Kind::Unexpected, message(error)),
    }
}

/// A ledger that cannot be opened, read or written.
pub(crate) fn ledger(error: &StoreError) -> Document {
    Document::error(Outcome::Ledger, Kind::Ledger, message(error)).advise(
        "fix the ledger as described, or name another with --ledger, then run the command again",
    )
}

/// A resume token that is invalid, or was made for another base.
pub(crate) fn resume(error: &ResumeError) -> Document {
    match error {
        ResumeError::Malformed | ResumeError::Newer => Document::usage(error.to_string()),
        ResumeError::OtherBase(_) => {
            Document::error(Outcome::Usage, Kind::Location, error.to_string())
                .advise("set --base-url to the service that accepted the start")
        }
    }
}

/// Why a read has no token.
fn token_of_read(error: &ReadError) -> Option<&TokenError> {
    if let ReadErrorKind::NoToken(token)
    | ReadErrorKind::Unauthorized {
        token: Some(token), ..
    } = error.kind()
    {
        Some(token)
    } else {
        None
    }
}

/// The advice of a token endpoint's code, if it has one, before the usual advice.
pub(crate) fn token_advice(error: Option<&TokenError>, usual: &str) -> String {
    match error.and_then(TokenError::advice) {
        Some(advice) => format!("{advice}; {usual}"),
        None => usual.to_owned(),
    }
}

/// The error with those of its causes that its own text does not mention. Causes come from other libraries: control
/// characters are escaped, and URLs are removed because they may hold secrets.
pub(crate) fn message(error: &dyn Error) -> String {
    let mut text = error.to_string();
    for cause in std::iter::successors(error.source(), |cause| (*cause).source()).take(MOST_CAUSES)
    {
        let cause = cause.to_string();
        if text.contains(cause.trim()) {
            continue;
        }
        let words = cause.split(' ').filter(|word| !word.contains("://"));
        let cause = words.collect::<Vec<_>>().join(" ");
        let cause = escape_controls(cause.trim()).to_string();
        if !cause.is_empty() && !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

/// Quotes foreign text, shortened and with its control characters escaped.
pub(crate) fn quote(text: &str) -> String {
    let shown: String = text.chars().take(MOST_QUOTED).collect();
    format!("\"{}\"", escape_controls(&shown))
}

#[cfg(test)]
mod tests;
