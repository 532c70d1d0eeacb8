//! A poll turn by turn, and at rest between them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test panics on failure"
)]

use std::time::Duration;

use http::Response;
use industrydata_core::{
    AccessToken, Now, ResumeToken, Timestamp,
    auth::TokenError,
    lro::{Machine, OperationPollErrorKind, RecordedPoll, Settings, Step, Turn, Turned},
    model::OperationOrigin,
    wire::{BaseUrl, OperationUrl},
};

fn at(second: u64) -> Now {
    let utc = Timestamp::from_second(1_773_144_000).unwrap() + Duration::from_secs(second);
    Now::new(utc, Duration::from_secs(second))
}

const fn s(second: u64) -> Duration {
    Duration::from_secs(second)
}

/// A poll that another process began at second 0.
fn resumed(limit: u64) -> RecordedPoll {
    let base = BaseUrl::graph();
    let url = OperationUrl::from_id(&base, "a-1").unwrap();
    let token = ResumeToken::new(&base, &url, at(0).utc);
    let settings = Settings::default().polling(s(10)).time_limit(s(limit));
    let session = settings.session("contoso".parse().unwrap(), "test/1");
    session.resume(&token, [7; 16], at(0)).unwrap()
}

/// A turn in which each request has this answer, and takes no time.
fn turn(poll: &mut RecordedPoll, now: Now, answer: (u16, &str, &str)) -> Turned<String> {
    let mut turn = Turn::new(poll, now);
    for _ in 0..4 {
        match turn.step() {
            Step::Send(exchange) => {
                let token = AccessToken::new("abc").unwrap();
                let (_, reply) = exchange.request(&token, now).unwrap();
                let (status, retry_after, body) = answer;
                let head = Response::builder().status(status);
                let head = head.header("retry-after", retry_after).body(()).unwrap();
                reply.answer(&head.into_parts().0, Ok(body.into()), now);
            }
            Step::Done(outcome) => {
                return match outcome {
                    Ok(Turned::Pauses { until, progress }) => Turned::Pauses { until, progress },
                    Ok(Turned::Ended(operation)) => {
                        Turned::Ended(operation.status().as_str().to_owned())
                    }
                    Err(error) => Turned::Ended(error.to_string()),
                };
            }
            Step::Ledger(..) | Step::Wait(_) => panic!("a turn lends no pause"),
        }
    }
    panic!("a turn has an end");
}

const RUNNING: &str = r#"{"status":"running","id":"B-2","createdDateTime":"2026-03-10T11:00:00Z"}"#;

#[test]
fn a_turn_ends_at_the_next_pause() {
    let mut poll = resumed(3600);
    assert_eq!(Turn::due(&mut poll, at(3)), s(3));
    let Turned::Pauses { until, progress } = turn(&mut poll, at(3), (200, "0", RUNNING)) else {
        panic!()
    };
    assert_eq!((until, Turn::due(&mut poll, at(4))), (s(13), s(13)));
    assert_eq!(progress.unwrap().next_poll_in(), s(10));
    // Too early, nothing is sent, and nothing is reported twice.
    let early = turn(&mut poll, at(12), (500, "0", ""));
    assert!(matches!(early, Turned::Pauses { until, progress: None } if until == s(13)));
    // A Retry-After and an error move the next turn.
    let Turned::Pauses { until, progress } = turn(&mut poll, at(13), (429, "60", "")) else {
        panic!()
    };
    assert_eq!((until, progress.unwrap().polls()), (s(73), 2));
    let done = turn(&mut poll, at(73), (200, "0", r#"{"status":"succeeded"}"#));
    assert!(matches!(done, Turned::Ended(status) if status == "succeeded"));
}

#[test]
fn a_turn_that_is_dropped_counts_as_a_poll() {
    let mut poll = resumed(3600);
    let mut dropped = Turn::new(&mut poll, at(0));
    let Step::Send(exchange) = dropped.step() else {
        panic!()
    };
    drop(exchange.request(&AccessToken::new("abc").unwrap(), at(0)));
    drop(dropped);
    assert_eq!(Turn::due(&mut poll, at(1)), s(10));
}

/// A source that fails for a while must not keep a turn for as long.
#[test]
fn a_turn_without_a_token_ends() {
    let mut poll = resumed(3600);
    turn(&mut poll, at(0), (200, "0", RUNNING));
    let mut next = Turn::new(&mut poll, at(10));
    let Step::Send(exchange) = next.step() else {
        panic!()
    };
    exchange.no_token(TokenError::unavailable("for now"), at(10));
    let Step::Done(Ok(Turned::Pauses { until, .. })) = next.step() else {
        panic!()
    };
    assert!(until > s(10));
}

#[test]
fn a_rest_changes_nothing_but_memory() {
    let (mut poll, mut twin) = (resumed(3600), resumed(3600));
    for second in [0, 10, 20] {
        for poll in [&mut poll, &mut twin] {
            turn(poll, at(second), (200, "0", RUNNING));
        }
        poll.rest();
        poll.rest();
        assert_eq!(poll.poll().operation(), None);
        assert_eq!(poll.poll().resume_token(), twin.poll().resume_token());
        assert_eq!(poll.poll().accepted(), twin.poll().accepted());
        assert_eq!(Turn::due(&mut poll, at(21)), Turn::due(&mut twin, at(21)));
        // That step has ended the rest.
        assert_eq!(poll.poll().operation(), twin.poll().operation());
        assert_eq!(poll.poll().other_id(), Some("B-2"));
        poll.rest();
    }
    poll.stop();
    let Step::Done(Err(error)) = poll.step() else {
        panic!()
    };
    assert!(matches!(error.kind(), OperationPollErrorKind::Stopped));
    assert_eq!(error.operation(), twin.poll().operation());
    // Gone, since it was seen before the rest.
    twin.rest();
    let gone = turn(&mut twin, at(30), (404, "0", "{}"));
    assert!(matches!(gone, Turned::Ended(error) if error.contains("no longer")));
}

#[test]
fn what_is_known_by_the_operation_alone_is_known_at_rest() {
    let base = BaseUrl::graph();
    let url = OperationUrl::from_id(&base, "a-1").unwrap();
    let session = Settings::default().session("contoso".parse().unwrap(), "test/1");
    let mut poll = session.poll(url, [7; 16], at(0));
    let body = r##"{"status":"running","@odata.type":"#microsoft.graph.industryData.validateOperation",
        "createdDateTime":"2026-03-10T11:00:00Z"}"##;
    turn(&mut poll, at(0), (200, "0", body));
    let (accepted, origin) = (poll.poll().accepted(), poll.poll().origin());
    assert_eq!(origin, OperationOrigin::Validation);
    poll.rest();
    assert_eq!(
        (poll.poll().accepted(), poll.poll().origin()),
        (accepted, origin)
    );
    assert_eq!(accepted, "2026-03-10T11:00:00Z".parse().unwrap());
}

#[test]
fn the_time_limit_ends_a_turn() {
    let mut poll = resumed(15);
    turn(&mut poll, at(0), (200, "0", RUNNING));
    poll.rest();
    let ended = turn(&mut poll, at(20), (200, "0", RUNNING));
    assert!(matches!(ended, Turned::Ended(error) if error.contains("time limit")));
}
