//! What an operation poll makes of each answer (rules P1 to P8), and its interval.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    missing_docs,
    reason = "a test may panic"
)]

mod world;

use std::time::Duration;

use industrydata_core::Timestamp;
use industrydata_core::auth::TokenError;
use industrydata_core::endpoint::Service;
use industrydata_core::lro::Machine;
use industrydata_core::lro::MayHaveStarted;
use industrydata_core::lro::OperationPoll;
use industrydata_core::lro::OperationPollErrorKind;
use industrydata_core::lro::PauseReason;
use industrydata_core::lro::PollPlan;
use industrydata_core::lro::ResumeToken;
use industrydata_core::lro::Step;
use industrydata_core::policy::Limits;
use industrydata_core::policy::PollingPolicy;
use industrydata_core::wire::BaseUrl;
use industrydata_core::wire::OperationUrl;
use industrydata_core::wire::Phase;
use industrydata_core::wire::TransportError;
use world::{Answer, Script, World};

/// What is expected of a wait: `succeeded` or its kind in a word, polls on the wire.
#[track_caller]
fn check(script: Script, kind: &str, polls: usize) -> World {
    check_limit(script, Limits::default(), kind, polls)
}

#[track_caller]
fn check_limit(script: Script, limits: Limits, kind: &str, polls: usize) -> World {
    let mut world = World::new(script);
    let mut poll = world.resume(&resume_token(), limits);
    let outcome = world.drive(&mut poll);
    let got = match &outcome {
        Ok(operation) => operation.status().to_string(),
        Err(error) => {
            assert!(!error.to_string().is_empty() && !error.advice().is_empty());
            let ended = matches!(error.kind(), OperationPollErrorKind::Failed);
            assert_eq!(error.resume_token().is_some(), !ended, "the resume token");
            let debug = format!("{:?}", error.kind());
            debug.split([' ', '(', '{']).next().unwrap().to_owned()
        }
    };
    assert_eq!(got, kind);
    assert_eq!(world.requests.len(), polls, "polls");
    assert_eq!(world.posts(), 0);
    world
}

fn resume_token() -> ResumeToken {
    let base = BaseUrl::graph();
    let url = OperationUrl::parse(&base, world::LOCATION).unwrap();
    ResumeToken::new(&base, &url, world::timestamp(0))
}

fn limits(seconds: u64) -> Limits {
    Limits {
        total: Duration::from_secs(seconds),
        ..Limits::default()
    }
}

#[test]
fn a_status_is_what_the_body_says() {
    check(Script::new().succeeded(), "succeeded", 1);
    check(Script::new().operation("SUCCEEDED"), "succeeded", 1);
    check(Script::new().operation("failed"), "Failed", 1);
    check(
        Script::new()
            .operation("skipped")
            .operation("unknownFutureValue")
            .succeeded(),
        "succeeded",
        3,
    );
    let accepted = Script::new().with(202, &[], "{\"status\":\"succeeded\"}");
    check(accepted, "succeeded", 1);
}

#[test]
fn transient_errors_do_not_end_a_poll() {
    for status in [408, 425, 429, 500, 502, 503, 504, 599] {
        check(
            Script::new()
                .with(status, &[], "{\"status\":\"succeeded\"}")
                .succeeded(),
            "succeeded",
            2,
        );
    }
    check(
        Script::new()
            .with(200, &[("content-type", "text/html")], "<html>")
            .succeeded(),
        "succeeded",
        2,
    );
    check(
        Script::new()
            .with(
                200,
                &[("content-encoding", "gzip")],
                "{\"status\":\"failed\"}",
            )
            .succeeded(),
        "succeeded",
        2,
    );
    check(
        Script::new().then(Answer::Cut(200, vec![])).succeeded(),
        "succeeded",
        2,
    );
    check(
        Script::new().then(Answer::Lost(Phase::Connect)).succeeded(),
        "succeeded",
        2,
    );
    check(
        Script::new().then(Answer::Dropped).succeeded(),
        "succeeded",
        2,
    );
    // A source that worked before may work again; one that never did ends the wait.
    let none = || Answer::NoToken(TokenError::unavailable("down"));
    let script = Script::new()
        .running()
        .then(none())
        .then(none())
        .succeeded();
    let world = check(script, "succeeded", 2);
    assert!(
        world
            .pauses
            .iter()
            .all(|(time, _)| *time >= Duration::from_secs(5))
    );
    check(Script::new().then(none()), "NoToken", 0);
}

#[test]
fn a_token_that_is_not_there_at_the_time_limit_is_a_time_limit() {
    let slow = TokenError::unavailable("stopped");
    for (error, after, is_time_limit) in [
        (slow.clone(), 60, true),
        (slow.clone(), 59, false),
        (TokenError::Malformed("it is empty"), 60, false),
    ] {
        let mut world = World::new(Script::new());
        let limits = Limits {
            total: Duration::from_secs(60),
            ..Limits::default()
        };
        let mut poll = world.resume(&resume_token(), limits);
        if let Step::Wait(pause) = poll.step() {
            pause.over(world.now);
        }
        world.pass(Duration::from_secs(after));
        let Step::Send(exchange) = poll.step() else {
            panic!("it polls")
        };
        exchange.no_token(error, world.now);
        let Step::Done(Err(error)) = poll.step() else {
            panic!("it ends")
        };
        let found = matches!(error.kind(), OperationPollErrorKind::TimeLimit { .. });
        assert_eq!(found, is_time_limit, "{after} {error}");
        assert!(error.resume_token().is_some());
    }
}

#[test]
fn a_source_that_fails_between_polls_is_asked_again() {
    for error in [
        TokenError::unavailable("down"),
        TokenError::Malformed("it is empty"),
        TokenError::Unusable("cut".to_owned()),
    ] {
        let none = || Answer::NoToken(error.clone());
        let second = || Answer::Token("second-token");
        // After the token's expiry, and after a 401.
        let script = Script::new().running().then(none()).succeeded();
        check(script, "succeeded", 2);
        let refused = || Script::new().status(401).then(none()).then(none());
        let world = check(refused().then(second()).succeeded(), "succeeded", 2);
        assert_eq!((world.challenges, world.pauses.len()), (3, 2));
        check(refused(), "Unauthorized", 1);
        let thrice = refused()
            .then(second())
            .status(401)
            .then(none())
            .then(Answer::Token("third-token"))
            .status(401);
        check(thrice, "Unauthorized", 3);
        // At the first poll of a wait whose start had a token.
        let script = Script::new().accepted().then(none()).succeeded();
        let mut world = World::new(script);
        assert!(world.run(PollingPolicy::default()).is_ok());
        assert_eq!((world.requests.len(), world.pauses.len()), (2, 2));
    }
    let refused = || Answer::NoToken(TokenError::Refused("expired".to_owned().into()));
    check(Script::new().running().then(refused()), "NoToken", 1);
    check(Script::new().status(401).then(refused()), "Unauthorized", 1);
    let mut world = World::new(Script::new().accepted().then(refused()));
    let error = world.run(PollingPolicy::default()).unwrap_err();
    assert!(matches!(error.kind(), OperationPollErrorKind::NoToken(_)));
}

#[test]
fn a_source_that_stays_down_loses_track() {
    let mut script = Script::new().running();
    for _ in 0..200 {
        script = script.then(Answer::NoToken(TokenError::unavailable("down")));
    }
    check(script, "LostTrack", 1);
}

#[test]
fn some_answers_end_it() {
    check(Script::new().status(403), "Forbidden", 1);
    check(Script::new().status(410), "Gone", 1);
    for status in [206, 300, 302, 307, 400, 405, 409, 418] {
        check(Script::new().status(status), "Unexpected", 1);
    }
    check(
        Script::new().then(Answer::NoToken(TokenError::Malformed("x"))),
        "NoToken",
        0,
    );
}

#[test]
fn a_404_has_a_grace_until_the_operation_was_seen() {
    check(
        Script::new().status(404).times(4).succeeded(),
        "succeeded",
        5,
    );
    check(Script::new().running().status(404), "Gone", 2);
    let mut world = World::new(Script::new().status(404).times(40));
    let mut poll = world.resume(&resume_token(), Limits::default());
    let error = world.drive(&mut poll).unwrap_err();
    assert!(matches!(error.kind(), OperationPollErrorKind::Gone(_)));
    let waited: Duration = world.pauses.iter().map(|(time, _)| *time).sum();
    assert!(waited >= Duration::from_secs(55), "{waited:?}");
    assert!(
        (5..=13).contains(&world.requests.len()),
        "{}",
        world.requests.len()
    );
    // The grace has passed after one long pause, but five tries are made all the same.
    let slow = Script::new()
        .with(404, &[("retry-after", "90")], "")
        .status(404)
        .times(9);
    assert!(check(slow, "Gone", 5).requests.len() == 5);
}

#[test]
fn a_206_is_no_status_whatever_its_body() {
    let part = Script::new().with(206, &[], "{\"status\":\"succeeded\"}");
    check(part, "Unexpected", 1);
}

#[test]
fn an_operation_of_which_nothing_is_known_is_not_found_after_ten_seconds_and_two_tries() {
    let end = |script: Script, policy| {
        let mut world = World::new(script);
        let mut poll = waits(&world, policy, 3600);
        let began = world.now.steady;
        let end = world.drive(&mut poll);
        (end, world.now.steady - began, world.requests.len())
    };
    let default = PollingPolicy::default();
    let fast = PollingPolicy::every(Duration::from_secs(1));
    let slow = PollingPolicy::every(Duration::from_secs(15));
    let ten = Duration::from_secs(10);
    for (policy, longest, polls) in [(default, 13, 3), (fast, 12, 11), (slow, 16, 2)] {
        let (error, took, made) = end(Script::new().status(404).times(99), policy);
        let error = error.unwrap_err();
        assert!(matches!(error.kind(), OperationPollErrorKind::NotFound(_)));
        assert_eq!(error.may_have_started(), MayHaveStarted::Unknown);
        assert!(error.resume_token().is_none());
        assert_eq!(error.service_error().unwrap().status(), 404);
        assert!(
            took >= ten && took <= Duration::from_secs(longest),
            "{took:?}"
        );
        assert!(made <= polls, "{made}");
    }
    // One that becomes readable in time is polled to its end, and is gone if it is removed later.
    assert!(
        end(Script::new().status(404).succeeded(), default)
            .0
            .is_ok()
    );
    for script in [
        Script::new().status(404).running().status(404),
        Script::new().status(410),
    ] {
        let error = end(script, default).0.unwrap_err();
        assert!(matches!(error.kind(), OperationPollErrorKind::Gone(_)));
        assert_eq!(error.may_have_started(), MayHaveStarted::Yes);
        assert!(error.resume_token().is_some());
    }
}

#[test]
fn three_401_in_a_row_end_a_poll_and_a_fresh_token_resumes_it() {
    check(Script::new().status(401), "Unauthorized", 1);
    let fresh = Script::new()
        .status(401)
        .then(Answer::Token("second-token"))
        .succeeded();
    check(fresh, "succeeded", 2);
    let thrice = Script::new()
        .status(401)
        .then(Answer::Token("second-token"))
        .status(401)
        .then(Answer::Token("third-token"))
        .status(401)
        .then(Answer::Token("fourth-token"));
    let world = check(thrice, "Unauthorized", 3);
    assert_eq!(world.pauses.len(), 1, "one fresh token a poll");
    let none = Answer::NoToken(TokenError::Malformed("x"));
    check(Script::new().status(401).then(none), "Unauthorized", 1);
}

#[test]
fn track_is_lost_after_ten_minutes_and_ten_transient_errors() {
    let mut world = World::new(Script::new().status(503).times(500));
    let mut poll = world.resume(&resume_token(), Limits::default());
    let error = world.drive(&mut poll).unwrap_err();
    let OperationPollErrorKind::LostTrack { since, .. } = error.kind() else {
        panic!("{error}")
    };
    assert!(*since >= Duration::from_secs(600));
    assert!(
        (10..=121).contains(&world.requests.len()),
        "{}",
        world.requests.len()
    );
    // With long waits, track is lost only after ten errors.
    let slow = Script::new()
        .with(503, &[("retry-after", "900")], "")
        .times(12);
    check(slow, "LostTrack", 10);
    // A status in between resets the count.
    let script = Script::new()
        .with(503, &[("retry-after", "500")], "")
        .times(9)
        .running()
        .succeeded();
    check(script, "succeeded", 11);
}

#[test]
fn a_retry_after_lengthens_and_never_shortens() {
    let longer = Script::new()
        .with(200, &[("retry-after", "77")], "{\"status\":\"running\"}")
        .succeeded();
    assert_eq!(
        check(longer, "succeeded", 2).pauses,
        [(
            Duration::from_secs(77),
            "the service asked to wait".to_owned()
        )]
    );
    let shorter = Script::new()
        .with(200, &[("retry-after", "0")], "{\"status\":\"running\"}")
        .succeeded();
    assert_eq!(
        check(shorter, "succeeded", 2)
            .pauses
            .first()
            .unwrap()
            .0
            .as_secs(),
        5
    );
}

#[test]
fn the_time_limit_has_one_last_poll_and_no_more() {
    let world = check_limit(Script::new().running().times(9), limits(12), "TimeLimit", 3);
    let last = *world.request_times.last().unwrap() - Duration::from_secs(1000);
    assert!(
        last < Duration::from_secs(12) && last >= Duration::from_secs(10),
        "{last:?}"
    );
    let world = check_limit(
        Script::new().with(429, &[("retry-after", "13")], ""),
        limits(12),
        "TimeLimit",
        1,
    );
    assert!(world.pauses.is_empty(), "it ends at once");
    check_limit(Script::new(), limits(0), "TimeLimit", 0);
}

#[test]
fn a_last_poll_undercuts_no_retry_after() {
    let script = Script::new()
        .with(429, &[("retry-after", "11")], "")
        .running();
    let world = check_limit(script, limits(12), "TimeLimit", 2);
    assert!(
        world.pauses[0].0 >= Duration::from_secs(11),
        "{:?}",
        world.pauses
    );
    // Nor one that is shorter than the interval, which the limit cuts short.
    let limits = |ms| Limits {
        total: Duration::from_millis(ms),
        ..Limits::default()
    };
    let script = || Script::new().with(200, &[("retry-after", "3")], "{\"status\":\"running\"}");
    let world = check_limit(script().running(), limits(3200), "TimeLimit", 2);
    assert!(
        world.pauses[0].0 >= Duration::from_secs(3),
        "{:?}",
        world.pauses
    );
    check_limit(script(), limits(2900), "TimeLimit", 1);
}

#[test]
fn the_time_limit_reports_why_the_last_poll_failed() {
    let mut world = World::new(Script::new().status(503).times(9));
    let mut poll = world.resume(&resume_token(), limits(12));
    let error = world.drive(&mut poll).unwrap_err();
    assert!(error.to_string().contains("503"), "{error}");
}

#[test]
fn a_fixed_interval_is_kept() {
    let mut world = World::new(
        Script::new()
            .accepted()
            .running()
            .times(20)
            .status(503)
            .times(5)
            .succeeded(),
    );
    world
        .run(PollingPolicy::every(Duration::from_millis(50)))
        .unwrap();
    assert!(
        world
            .pauses
            .iter()
            .all(|(time, _)| *time == Duration::from_millis(50))
    );
}

#[test]
fn an_old_run_is_polled_at_the_pace_of_its_age() {
    let mut world = World::new(Script::new().running().succeeded());
    world.pass(Duration::from_secs(60));
    let mut poll = world.resume(&resume_token(), Limits::default());
    world.drive(&mut poll).unwrap();
    assert_eq!(world.pauses.first().unwrap().0.as_secs(), 35);
}

#[test]
fn another_id_in_the_body_is_reported_and_the_id_of_the_url_is_kept() {
    let body = "{\"id\":\"d194fa3e\",\"status\":\"succeeded\"}";
    let mut world = World::new(Script::new().with(200, &[], body));
    let mut poll = world.resume(&resume_token(), Limits::default());
    world.drive(&mut poll).unwrap();
    assert_eq!(poll.other_id(), Some("d194fa3e"));
    assert!(poll.url().operation_id().starts_with("171bf0b4"));
}

#[test]
fn the_end_is_sticky() {
    let mut world = World::new(Script::new().succeeded());
    let mut poll = world.resume(&resume_token(), Limits::default());
    world.drive(&mut poll).unwrap();
    poll.stop();
    assert!(world.drive(&mut poll).is_ok());
    assert_eq!(world.requests.len(), 1);
}

#[test]
fn a_pending_run_is_small() {
    assert!(std::mem::size_of::<industrydata_core::lro::OperationPoll>() <= 512);
}

/// The poll of an operation of which nothing is known.
fn waits(world: &World, policy: PollingPolicy, total: u64) -> OperationPoll {
    waits_since(world, policy, total, None)
}

fn waits_since(
    world: &World,
    policy: PollingPolicy,
    total: u64,
    accepted: Option<Timestamp>,
) -> OperationPoll {
    let plan = PollPlan {
        service: Service::new(BaseUrl::graph(), "test/1"),
        policy,
        limits: limits(total),
    };
    let url = resume_token().operation_url(&BaseUrl::graph()).unwrap();
    OperationPoll::new(url, plan, accepted, [9; 16], world.now)
}

/// The next poll, answered at this moment.
fn polled(
    machine: &mut OperationPoll,
    world: &World,
    status: u16,
    headers: &[(&'static str, &str)],
    body: &str,
) {
    let Step::Send(exchange) = machine.step() else {
        panic!("it polls")
    };
    let (_, reply) = exchange.request(&world.token, world.now).unwrap();
    assert_eq!(reply.body_limit(http::StatusCode::OK), 1024 * 1024);
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()))
        .collect();
    reply.answer(&world::head(status, &headers), Ok(body.into()), world.now);
}

/// The pause until the next poll passes.
fn rested(machine: &mut OperationPoll, world: &mut World) -> Duration {
    let Step::Wait(pause) = machine.step() else {
        panic!("it pauses")
    };
    let remaining = pause.remaining(world.now);
    world.pass(remaining);
    pause.over(world.now);
    remaining
}

#[test]
fn an_operation_may_be_unknown_for_a_minute() {
    let often = PollingPolicy::every(Duration::from_millis(1));
    for (last, ends) in [(59, false), (60, true)] {
        let mut world = World::new(Script::new());
        let began = world.now.steady;
        let mut machine = waits_since(&world, often, 600, Some(world.now.utc));
        for _ in 0..20 {
            polled(&mut machine, &world, 404, &[], "");
            rested(&mut machine, &mut world);
        }
        world.pass(began + Duration::from_secs(last) - world.now.steady);
        polled(&mut machine, &world, 404, &[], "");
        assert_eq!(matches!(machine.step(), Step::Done(Err(_))), ends, "{last}");
    }
}

#[test]
fn a_retry_after_past_the_time_limit_ends_the_poll() {
    let running = r#"{"status":"running"}"#;
    for (asked, at) in [("60", None), ("61", Some(61))] {
        let mut world = World::new(Script::new());
        let mut machine = waits(&world, PollingPolicy::default(), 60);
        polled(
            &mut machine,
            &world,
            200,
            &[("retry-after", asked)],
            running,
        );
        if at.is_none() {
            assert_eq!(rested(&mut machine, &mut world).as_secs(), 60);
        }
        let Step::Done(Err(error)) = machine.step() else {
            panic!("the time is up")
        };
        let OperationPollErrorKind::TimeLimit { retry_at, .. } = error.kind() else {
            panic!("{error:?}")
        };
        assert_eq!(*retry_at, at.map(world::timestamp));
    }
    // One that asks for no more than the pause is not reported as the reason for it.
    let mut world = World::new(Script::new());
    let mut machine = waits(&world, PollingPolicy::every(Duration::from_secs(7)), 600);
    polled(&mut machine, &world, 200, &[("retry-after", "7")], running);
    let Step::Wait(pause) = machine.step() else {
        panic!("it pauses")
    };
    assert_eq!(pause.reason().to_string(), "the operation continues");
    world.pass(Duration::from_secs(7));
    pause.over(world.now);
    polled(&mut machine, &world, 200, &[("retry-after", "8")], running);
    let Step::Wait(pause) = machine.step() else {
        panic!("it pauses")
    };
    assert_ne!(pause.reason().to_string(), "the operation continues");
}

#[test]
fn a_poll_that_could_not_be_sent_is_repeated_and_a_refused_token_is_reported() {
    let mut world = World::new(Script::new());
    let mut machine = waits(&world, PollingPolicy::default(), 7);
    let Step::Send(exchange) = machine.step() else {
        panic!("it polls at once")
    };
    assert_eq!(exchange.time_limit(world.now).as_secs(), 7);
    assert!(exchange.challenge().is_none());
    exchange.unsent(TransportError::new(Phase::Connect, "no socket"), world.now);
    rested(&mut machine, &mut world);
    polled(&mut machine, &world, 401, &[], "");
    let Step::Send(exchange) = machine.step() else {
        panic!("it polls again with another token")
    };
    let refused = exchange.challenge().unwrap().refused();
    assert!(refused.is_same_token(&world.token));
}

#[test]
fn an_operation_poll_that_is_stopped_and_its_progress_before() {
    let mut world = World::new(Script::new());
    let mut machine = world.resume(&resume_token(), limits(86_400));
    assert_eq!(machine.accepted(), world::timestamp(0));
    assert_eq!(machine.plan().limits.total.as_secs(), 86_400);
    let body = r#"{"status":"running","resourceLocation":"https://graph.microsoft.com/beta/external/industryData/runs/run-1"}"#;
    polled(&mut machine, &world, 200, &[], body);
    let Step::Wait(mut pause) = machine.step() else {
        panic!("it waits for the next poll")
    };
    let progress = pause.progress().unwrap();
    assert_eq!(progress.operation().unwrap().status().as_str(), "running");
    assert!(progress.run().is_none() && matches!(progress.reason(), PauseReason::Interval));
    assert_eq!(progress.polls(), 1);
    assert!(pause.progress().is_none(), "it is reported once");
    assert_eq!(machine.polls(), 1);
    for _ in 0..2 {
        machine.stop();
        let error = world.drive(&mut machine).unwrap_err();
        assert!(
            matches!(error.kind(), OperationPollErrorKind::Stopped),
            "{error}"
        );
    }
}
