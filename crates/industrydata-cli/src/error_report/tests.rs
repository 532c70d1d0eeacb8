use std::time::Duration;

use http::{HeaderMap, StatusCode};
use industrydata_core::Timestamp;
use industrydata_core::auth::TokenError;
use industrydata_core::ledger::Caller;
use industrydata_core::ledger::Change;
use industrydata_core::ledger::LedgerKey;
use industrydata_core::ledger::Refusal;
use industrydata_core::ledger::Store;
use industrydata_core::lro::TransientError;
use industrydata_core::policy::Throttle;
use industrydata_core::wire::BaseUrl;
use industrydata_core::wire::LocationError;
use industrydata_core::wire::Phase;
use industrydata_core::wire::ServiceError;
use industrydata_core::wire::TransportError;
use industrydata_ledger::Ledger;

use super::*;

fn service_error(status: u16) -> ServiceError {
    ServiceError::decode(
        StatusCode::from_u16(status).unwrap(),
        &HeaderMap::new(),
        b"",
        None,
    )
}

fn refusal() -> Refusal {
    let ledger = Ledger::memory();
    let key = LedgerKey::new(&BaseUrl::graph(), &"t".parse().unwrap());
    (0..6)
        .find_map(|id| {
            let change = Change::reserve(
                key.clone(),
                Throttle::default(),
                [id; 16],
                Duration::from_secs(60),
                Caller::default(),
            );
            ledger.transact(&change).unwrap().refusal().copied()
        })
        .unwrap()
}

fn transport_error(phase: Phase) -> TransportError {
    TransportError::new(phase, "broken")
}

#[test]
fn each_start_error_has_its_exit_code() {
    let token = || TokenError::unavailable("none");
    let cases = [
        (StartErrorKind::NoSlot(refusal()), 3, Kind::Quota),
        (
            StartErrorKind::Throttled {
                until: Timestamp::UNIX_EPOCH,
                error: service_error(429),
            },
            3,
            Kind::Throttled,
        ),
        (
            StartErrorKind::Unauthorized {
                error: service_error(401),
                token: Some(token()),
            },
            4,
            Kind::Unauthorized,
        ),
        (
            StartErrorKind::Forbidden(service_error(403)),
            4,
            Kind::Forbidden,
        ),
        (StartErrorKind::NoToken(token()), 4, Kind::Token),
        (
            StartErrorKind::Refused(service_error(400)),
            5,
            Kind::Refused,
        ),
        (
            StartErrorKind::Unreachable(transport_error(Phase::Connect)),
            6,
            Kind::Unreachable,
        ),
        (
            StartErrorKind::TimeLimit {
                waited_for_slot: true,
            },
            3,
            Kind::Quota,
        ),
        (
            StartErrorKind::TimeLimit {
                waited_for_slot: false,
            },
            6,
            Kind::TimedOut,
        ),
        (
            StartErrorKind::AmbiguousAnswer(service_error(500)),
            8,
            Kind::InDoubt,
        ),
        (
            StartErrorKind::AnswerLost(transport_error(Phase::Sent)),
            8,
            Kind::InDoubt,
        ),
        (StartErrorKind::Dropped, 8, Kind::InDoubt),
        (StartErrorKind::Stopped, 130, Kind::Interrupted),
        (
            StartErrorKind::NotFollowable {
                error: LocationError::Missing,
                location: vec![],
                request_id: None,
            },
            5,
            Kind::NotFollowable,
        ),
        (
            StartErrorKind::KeyInUse {
                lease_ends: Timestamp::UNIX_EPOCH,
            },
            7,
            Kind::TimedOut,
        ),
        (
            StartErrorKind::KeyInDoubt {
                at: Timestamp::UNIX_EPOCH,
                why: None,
            },
            8,
            Kind::InDoubt,
        ),
        (
            StartErrorKind::KeyNotFollowable {
                at: Timestamp::UNIX_EPOCH,
            },
            5,
            Kind::NotFollowable,
        ),
        (StartErrorKind::Ledger(StoreError::Busy), 9, Kind::Ledger),
    ];
    for (start, code, kind) in cases {
        let (outcome, actual) = start_kind(&start);
        assert_eq!((outcome.exit_code(), actual), (code, kind), "{start:?}");
    }
}

#[test]
fn each_operation_poll_error_has_its_exit_code() {
    let cases = [
        (OperationPollErrorKind::Failed, 1, Kind::Failed),
        (
            OperationPollErrorKind::Gone(service_error(410)),
            5,
            Kind::Gone,
        ),
        (
            OperationPollErrorKind::NotFound(service_error(404)),
            5,
            Kind::NotFound,
        ),
        (
            OperationPollErrorKind::LostTrack {
                last: TransientError::Dropped,
                since: Duration::ZERO,
            },
            7,
            Kind::LostTrack,
        ),
        (
            OperationPollErrorKind::Unauthorized {
                error: service_error(401),
                token: None,
            },
            4,
            Kind::Unauthorized,
        ),
        (
            OperationPollErrorKind::Forbidden(service_error(403)),
            4,
            Kind::Forbidden,
        ),
        (
            OperationPollErrorKind::NoToken(TokenError::unavailable("none")),
            4,
            Kind::Token,
        ),
        (
            OperationPollErrorKind::Unexpected(service_error(400)),
            5,
            Kind::Unexpected,
        ),
        (
            OperationPollErrorKind::TimeLimit {
                retry_at: None,
                last: None,
            },
            7,
            Kind::TimedOut,
        ),
        (OperationPollErrorKind::Stopped, 130, Kind::Interrupted),
    ];
    for (error, code, kind) in cases {
        let (outcome, actual) = operation_poll_kind(&error);
        assert_eq!((outcome.exit_code(), actual), (code, kind), "{error:?}");
    }
}

#[test]
fn a_message_has_each_cause_once_and_no_url() {
    #[derive(Debug)]
    struct Layer(&'static str, Option<Box<Self>>);
    impl std::fmt::Display for Layer {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(self.0)
        }
    }
    impl Error for Layer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|layer| layer as _)
        }
    }
    let layers = ["b fails", "at https://u:p@h/x?q", "c\nd", "refused"];
    let chain = layers
        .into_iter()
        .rev()
        .fold(None, |inner, text| Some(Box::new(Layer(text, inner))));
    assert_eq!(
        message(&Layer("a: b fails", chain)),
        "a: b fails: at: c\\nd: refused"
    );
    let error = StartError::local("nothing there");
    assert!(
        start(&error, false)
            .error
            .unwrap()
            .message
            .ends_with("nothing there")
    );
}

#[test]
fn an_interrupt_overrides_the_error() {
    let error = StartError::local("gone");
    let document = start(&error, true);
    assert_eq!(document.outcome, Outcome::Interrupted);
    assert_eq!(document.error.unwrap().kind, Kind::Interrupted);
    assert_eq!(start(&error, false).outcome, Outcome::Unreachable);
}
