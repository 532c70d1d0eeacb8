//! What a start would end with, from how one read ended.

use http::StatusCode;
use industrydata_core::lro::{Acceptance, ReadError, ReadErrorKind, TransientError};
use industrydata_core::wire::{Phase, ServiceError, TransportError};

use crate::{
    error_report,
    report::{Document, Kind, Outcome},
};

const DOUBT: &str = "check the base URL, the network and any proxy on the way, and look again later: a start that is answered like this is in doubt, and uses a slot";

/// What the answer to a read shows about a start.
#[derive(Clone, Debug)]
pub(crate) enum Shown {
    /// The service is there, and refuses this read alone (403): a start takes another permission.
    ReadForbidden(ServiceError),
    /// The service is there, and refuses the token.
    TokenRefused(Document),
    /// A start would end with this.
    Problem(Document),
}

/// Judges a read that failed. The request of a start goes the same way, and would be answered as this one was.
pub(crate) fn judge(error: &ReadError) -> Shown {
    let read = error_report::read(error, false);
    let of = |outcome, kind| Document {
        outcome,
        error: read
            .error
            .clone()
            .map(|error| crate::report::ErrorReport { kind, ..error }),
        ..read.clone()
    };
    let in_doubt = || {
        let document = of(Outcome::InDoubt, Kind::InDoubt);
        document.advise(DOUBT)
    };
    let of_status = |status: StatusCode| {
        match Acceptance::of_status(status) {
        Acceptance::Released if status == StatusCode::TOO_MANY_REQUESTS => {
            of(Outcome::Throttled, Kind::Throttled)
        }
        Acceptance::Released => of(Outcome::Unexpected, Kind::Refused)
            .advise("check the base URL, which ends in /beta for Microsoft Graph, and any proxy on the way to the service"),
        Acceptance::Unknown | Acceptance::Confirmed => in_doubt(),
    }
    };
    Shown::Problem(match error.kind() {
        ReadErrorKind::Forbidden(error) => return Shown::ReadForbidden(error.clone()),
        ReadErrorKind::Unauthorized { token, .. } => {
            // As a start would say, and what the source of the token says before it.
            let usual =
                "check that the token is for this service and this tenant, and get a new one";
            let advice = error_report::token_advice(token.as_ref(), usual);
            return Shown::TokenRefused(read.advise(&advice));
        }
        ReadErrorKind::NotFound(answer) | ReadErrorKind::Unexpected(answer) => {
            of_status(answer.status())
        }
        ReadErrorKind::GaveUp {
            last: TransientError::Answer(answer),
            ..
        } => of_status(answer.status()),
        ReadErrorKind::GaveUp {
            last: TransientError::Lost(lost),
            ..
        } => unanswered(lost),
        ReadErrorKind::TimeLimit { .. } => {
            let document = of(Outcome::Unreachable, Kind::TimedOut);
            document.advise("set a longer --timeout")
        }
        // A token could not be renewed, or the command was interrupted: as for the read.
        ReadErrorKind::NoToken(_) | ReadErrorKind::Stopped | ReadErrorKind::InvalidId => read,
        // An answer of success that the service would not give, such as a captive portal's page.
        ReadErrorKind::GaveUp { .. }
        | ReadErrorKind::Unreadable(_)
        | ReadErrorKind::Link { .. }
        | ReadErrorKind::Endless { .. }
        | _ => in_doubt(),
    })
}

/// A request without an answer, reported as a start would report it.
fn unanswered(lost: &TransportError) -> Document {
    let cause = error_report::message(lost);
    match Acceptance::of_transport_error(lost) {
        Acceptance::Unknown | Acceptance::Confirmed => {
            let message = format!("the service is connected, but gives no usable answer: {cause}");
            Document::error(Outcome::InDoubt, Kind::InDoubt, message).advise(DOUBT)
        }
        Acceptance::Released if lost.phase() == Phase::Local => {
            let message = format!("this machine could not send the request: {cause}");
            Document::error(Outcome::Unreachable, Kind::Unreachable, message)
                .advise("fix the cause on this machine, then look again")
        }
        Acceptance::Released => {
            let message = format!("the service could not be reached: {cause}");
            Document::error(Outcome::Unreachable, Kind::Unreachable, message)
                .advise("check the network, the proxy and the base URL, then look again")
        }
    }
}
