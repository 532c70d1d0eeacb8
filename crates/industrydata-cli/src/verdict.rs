//! From the library's errors to outcome, kind and exit code: one table for the start, one for the wait.

use std::error::Error;

use http::StatusCode;
use industrydata_core::ledger::StoreError;
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

use crate::report::{Document, ErrorReport, Kind, OperationReport, Outcome, QuotaReport};

/// The longest chain of causes told.
const MOST_CAUSES: usize = 8;

/// What a start that gave no operation comes to.
pub(crate) fn of_start(kind: &StartErrorKind) -> (Outcome, Kind) {
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
        StartErrorKind::NotFollowable { .. } => (Outcome::Unexpected, Kind::NotFollowable),
        StartErrorKind::Ledger(_) => (Outcome::Ledger, Kind::Ledger),
        // A kind of a newer core, which this program is always built with.
        _ => (Outcome::Unexpected, Kind::Unexpected),
    }
}

/// What a wait without success comes to. None of these says that nothing was started.
pub(crate) fn of_watch(kind: &OperationPollErrorKind) -> (Outcome, Kind) {
    match kind {
        OperationPollErrorKind::Failed => (Outcome::Failed, Kind::Failed),
        OperationPollErrorKind::Gone(_) => (Outcome::Unexpected, Kind::Gone),
        OperationPollErrorKind::LostTrack { .. } => (Outcome::TimedOut, Kind::LostTrack),
        OperationPollErrorKind::Unauthorized { .. } => (Outcome::Unauthorized, Kind::Unauthorized),
        OperationPollErrorKind::Forbidden(_) => (Outcome::Unauthorized, Kind::Forbidden),
        OperationPollErrorKind::NoToken(_) => (Outcome::Unauthorized, Kind::Token),
        OperationPollErrorKind::Unexpected(_) => (Outcome::Unexpected, Kind::Unexpected),
        OperationPollErrorKind::TimeLimit { .. } => (Outcome::TimedOut, Kind::TimedOut),
        OperationPollErrorKind::Stopped => (Outcome::Interrupted, Kind::Interrupted),
        // A kind of a newer core, which this program is always built with.
        _ => (Outcome::Unexpected, Kind::Unexpected),
    }
}

/// What a read without an answer comes to.
pub(crate) fn of_read(error: &ReadError) -> (Outcome, Kind) {
    match error.kind() {
        ReadErrorKind::InvalidId => (Outcome::Usage, Kind::Usage),
        ReadErrorKind::NotFound(_) => (Outcome::Unexpected, Kind::Gone),
        ReadErrorKind::Forbidden(_) => (Outcome::Unauthorized, Kind::Forbidden),
        ReadErrorKind::Unauthorized { .. } => (Outcome::Unauthorized, Kind::Unauthorized),
        ReadErrorKind::NoToken(_) => (Outcome::Unauthorized, Kind::Token),
        ReadErrorKind::GaveUp { .. } => match error.service_error().map(|said| said.status()) {
            None => (Outcome::Unreachable, Kind::Unreachable),
            Some(StatusCode::TOO_MANY_REQUESTS) => (Outcome::Throttled, Kind::Throttled),
            Some(_) => (Outcome::Unexpected, Kind::Unexpected),
        },
        ReadErrorKind::TimeLimit { .. } => (Outcome::TimedOut, Kind::TimedOut),
        ReadErrorKind::Stopped => (Outcome::Interrupted, Kind::Interrupted),
        // Answers that cannot be used, and kinds of a newer core, which this program is always built with.
        ReadErrorKind::Unexpected(_)
        | ReadErrorKind::Unreadable(_)
        | ReadErrorKind::Link { .. }
        | ReadErrorKind::Endless { .. }
        | _ => (Outcome::Unexpected, Kind::Unexpected),
    }
}

/// The document of a read without an answer. It starts nothing.
pub(crate) fn read_error(error: &ReadError, interrupted: bool) -> Document {
    let (mut outcome, mut kind) = of_read(error);
    let mut message = told(error);
    if interrupted {
        (outcome, kind) = (Outcome::Interrupted, Kind::Interrupted);
        message = format!("interrupted: {message}");
    }
    let mut document = Document::refusal(outcome, kind, message).advise(error.advice());
    if let Some(report) = &mut document.error {
        report.request_id = error.request_id().map(str::to_owned);
    }
    document
}

/// The document of a read that was to find or to follow the run of a start: the run goes on.
pub(crate) fn after_start(mut document: Document) -> Document {
    if document.outcome == Outcome::Unreachable || document.outcome == Outcome::Throttled {
        document.outcome = Outcome::TimedOut;
        if let Some(error) = &mut document.error {
            error.kind = Kind::LostTrack;
        }
    }
    document.after(MayHaveStarted::Yes)
}

/// The document of a run that was not followed to a good end.
pub(crate) fn follow_error(error: &RunPollError, interrupted: bool) -> Document {
    let (mut outcome, mut kind) = match error.kind() {
        RunPollErrorKind::Failed => (Outcome::Failed, Kind::Failed),
        RunPollErrorKind::LostTrack { .. } => (Outcome::TimedOut, Kind::LostTrack),
        RunPollErrorKind::Read(read) => of_read(read),
        RunPollErrorKind::TimeLimit { .. } => (Outcome::TimedOut, Kind::TimedOut),
        RunPollErrorKind::Stopped => (Outcome::Interrupted, Kind::Interrupted),
        RunPollErrorKind::Unrecognised | _ => (Outcome::Unexpected, Kind::Unexpected),
    };
    let mut message = told(error);
    if interrupted && outcome != Outcome::Failed {
        (outcome, kind) = (Outcome::Interrupted, Kind::Interrupted);
        message = format!("interrupted: {message}");
    }
    let mut document = Document::refusal(outcome, kind, message).advise(error.advice());
    if let Some(report) = &mut document.error {
        report.request_id = error.request_id().map(str::to_owned);
    }
    after_start(document)
}

/// The document of books that could not be compared with the service.
pub(crate) fn reconcile_error(error: &ReconcileError, interrupted: bool) -> Document {
    match error {
        ReconcileError::Ledger(fault) => books(fault),
        ReconcileError::Read(error) => read_error(error, interrupted),
        _ => Document::refusal(Outcome::Unexpected, Kind::Unexpected, told(error)),
    }
}

/// Books that cannot be read or written, where no start is to be made.
pub(crate) fn books(fault: &StoreError) -> Document {
    Document::refusal(Outcome::Ledger, Kind::Ledger, told(fault))
        .advise("mend the ledger as its message says, or name another with --ledger")
}

/// The document of a start that gave no operation. An interrupt decides, whatever stood open.
pub(crate) fn start_error(error: &StartError, interrupted: bool) -> Document {
    let (mut outcome, mut kind) = of_start(error.kind());
    let mut message = told(error);
    if let StartErrorKind::NotFollowable { location, .. } = error.kind()
        && !location.is_empty()
    {
        let quoted: Vec<_> = location.iter().map(|location| quote(location)).collect();
        message = format!("{message}: {}", quoted.join(", "));
    }
    let may_have_started = error.may_have_started();
    if interrupted && may_have_started != MayHaveStarted::Yes {
        (outcome, kind) = (Outcome::Interrupted, Kind::Interrupted);
        message = format!("interrupted: {message}");
    }
    Document {
        outcome,
        operation: None,
        quota: error.quota().map(QuotaReport::from),
        error: Some(ErrorReport {
            kind,
            message,
            may_have_started,
            request_id: error.request_id().map(str::to_owned),
            advice: Some(error.advice().to_owned()),
        }),
        followed: None,
    }
}

/// The document of a wait without success. An interrupt decides, unless the operation has ended.
pub(crate) fn watch_error(
    error: &OperationPollError,
    operation: OperationReport,
    quota: Option<QuotaReport>,
    interrupted: bool,
) -> Document {
    let (mut outcome, mut kind) = of_watch(error.kind());
    let mut message = told(error);
    if outcome == Outcome::Failed {
        let detail = error.operation().and_then(Operation::status_detail);
        message = detail
            .filter(|detail| !detail.trim().is_empty())
            .unwrap_or("the operation failed, and the service gave no detail")
            .to_owned();
    }
    if interrupted && outcome != Outcome::Failed {
        (outcome, kind) = (Outcome::Interrupted, Kind::Interrupted);
        message = format!("interrupted: {message}");
    }
    Document {
        outcome,
        operation: Some(operation),
        quota,
        error: Some(ErrorReport {
            kind,
            message,
            may_have_started: error.may_have_started(),
            request_id: error.request_id().map(str::to_owned),
            advice: Some(error.advice().to_owned()),
        }),
        followed: None,
    }
}

/// Books that cannot be used, found before anything was sent.
pub(crate) fn ledger(fault: &StoreError) -> Document {
    Document::refusal(
        Outcome::Ledger,
        Kind::Ledger,
        format!("no start without books: {}", told(fault)),
    )
    .advise("mend the ledger as its message says, or name another with --ledger")
}

/// A resume token that cannot be used here.
pub(crate) fn resume_error(error: &ResumeError) -> Document {
    match error {
        ResumeError::Malformed | ResumeError::Newer => Document::usage(error.to_string()),
        ResumeError::OtherBase(_) => {
            Document::refusal(Outcome::Usage, Kind::Location, error.to_string())
                .after(MayHaveStarted::Yes)
                .advise("give --base-url the service that the start was made at")
        }
    }
}

/// The error with its causes, those that its own text does not already tell. Causes are other people's: their control
/// characters are escaped, and URLs left out, which may hold secrets.
pub(crate) fn told(error: &dyn Error) -> String {
    let mut text = error.to_string();
    for cause in std::iter::successors(error.source(), |cause| (*cause).source()).take(MOST_CAUSES)
    {
        let cause = cause.to_string();
        let words = cause.split(' ').filter(|word| !word.contains("://"));
        let cause = words.collect::<Vec<_>>().join(" ");
        let cause = industrydata_core::wire::escape_controls(cause.trim()).to_string();
        if !cause.is_empty() && !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

/// A text of somebody else's, to be read as one.
pub(crate) fn quote(text: &str) -> String {
    let shown: String = text.chars().take(300).collect();
    format!("\"{}\"", industrydata_core::wire::escape_controls(&shown))
}

#[cfg(test)]
mod tests;
