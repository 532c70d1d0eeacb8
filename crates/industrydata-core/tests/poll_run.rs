//! The poll interval of a run, its progress, and its end.

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

use industrydata_core::auth::TokenError;
use industrydata_core::endpoint::Service;
use industrydata_core::lro::Machine;
use industrydata_core::lro::PauseReason;
use industrydata_core::lro::PollPlan;
use industrydata_core::lro::RunPoll;
use industrydata_core::lro::RunPollErrorKind;
use industrydata_core::lro::Step;
use industrydata_core::policy::Limits;
use industrydata_core::policy::PollingPolicy;
use industrydata_core::wire::BaseUrl;
use industrydata_core::wire::Phase;
use industrydata_core::wire::TransportError;
use world::{Answer, Script, World};

/// An answer's body of an error.
const BODY: &str = r#"{"error":{"code":"c-1","message":"m-1"}}"#;

fn answer(status: u16) -> Script {
    Script::new().with(status, &[], BODY)
}

fn poller(world: &World, total: u64) -> RunPoll {
    let plan = PollPlan {
        service: Service::new(BaseUrl::graph(), "test/1"),
        policy: PollingPolicy::default(),
        limits: Limits {
            total: Duration::from_secs(total),
            ..Limits::default()
        },
    };
    RunPoll::new("run-1", plan, [9; 16], world.now)
}

#[test]
fn a_run_poll_that_is_stopped_and_its_progress_before() {
    let mut world = World::new(Script::new());
    let mut machine = poller(&world, 86_400);
    assert_eq!((machine.id(), machine.run().is_none()), ("run-1", true));
    assert_eq!(machine.plan().limits.total.as_secs(), 86_400);
    let Step::Send(exchange) = machine.step() else {
        panic!("it polls at once")
    };
    let (_, reply) = exchange.request(&world.token, world.now).unwrap();
    let body = br#"{"id":"run-1","status":"running"}"#;
    reply.answer(&world::head(200, &[]), Ok(body.to_vec()), world.now);
    let Step::Wait(mut pause) = machine.step() else {
        panic!("it waits for the next poll")
    };
    let progress = pause.progress().unwrap();
    assert_eq!(progress.run().unwrap().id(), "run-1");
    assert!(progress.operation().is_none());
    assert!(matches!(progress.reason(), PauseReason::RunGoesOn));
    assert_eq!(progress.polls(), 1);
    let remaining = pause.remaining(world.now);
    world.pass(remaining);
    pause.over(world.now);
    assert_eq!(machine.run().unwrap().id(), "run-1");
    machine.stop();
    let Step::Done(Err(error)) = machine.step() else {
        panic!("it was stopped")
    };
    assert!(matches!(error.kind(), RunPollErrorKind::Stopped), "{error}");
}

/// The next poll, answered at this moment.
fn polled(
    machine: &mut RunPoll,
    world: &World,
    status: u16,
    headers: &[(&'static str, &str)],
    body: &str,
) {
    let Step::Send(exchange) = machine.step() else {
        panic!("it polls")
    };
    let (_, reply) = exchange.request(&world.token, world.now).unwrap();
    assert!(reply.body_limit(http::StatusCode::OK) > 0);
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()))
        .collect();
    reply.answer(&world::head(status, &headers), Ok(body.into()), world.now);
}

const RUNNING: &str = r#"{"id":"run-1","status":"running","startDateTime":"2026-03-10T11:59:30Z"}"#;

#[test]
fn the_poll_interval_grows_with_the_age_of_a_run() {
    let mut world = World::new(
        Script::new()
            .with(200, &[], RUNNING)
            .with(200, &[("retry-after", "30")], RUNNING)
            .with(200, &[], RUNNING.replace("running", "completed").as_str()),
    );
    assert!(world.poll_run(Limits::default()).is_ok());
    // Five seconds and half of thirty, and of what has passed since.
    let (first, second) = (&world.pauses[0], &world.pauses[1]);
    assert_eq!(first.0.as_millis(), 20_050);
    assert_eq!(second.0.as_millis(), 30_125);
    assert_eq!(second.1, PauseReason::RunGoesOn.to_string());
}

#[test]
fn a_longer_retry_after_is_the_reason_of_the_pause() {
    for (asked, is_reason) in [("7", false), ("8", true)] {
        let world = World::new(Script::new());
        let plan = PollPlan {
            policy: PollingPolicy::every(Duration::from_secs(7)),
            ..poller(&world, 600).plan().clone()
        };
        let mut machine = RunPoll::new("run-1", plan, [9; 16], world.now);
        polled(
            &mut machine,
            &world,
            200,
            &[("retry-after", asked)],
            RUNNING,
        );
        let Step::Wait(pause) = machine.step() else {
            panic!("it pauses")
        };
        let is_interval = matches!(pause.reason(), PauseReason::RunGoesOn);
        assert_eq!(is_interval, !is_reason);
    }
}

#[test]
fn track_of_a_run_is_lost_after_ten_minutes_and_ten_polls() {
    let completed = r#"{"id":"r-1","status":"completed"}"#;
    for (pause, errors) in [(1, 30), (200_000, 9)] {
        let script = answer(503).times(errors).with(200, &[], completed);
        let policy = PollingPolicy::every(Duration::from_millis(pause));
        let followed = World::new(script).poll_run_at(policy, Limits::default());
        assert!(followed.is_ok(), "{followed:?}");
    }
    let policy = PollingPolicy::every(Duration::from_secs(100));
    let mut world = World::new(answer(503).times(30));
    assert!(world.poll_run_at(policy, Limits::default()).is_err());
    assert_eq!(world.requests.len(), 10);
}

#[test]
fn a_run_may_be_unknown_for_a_minute() {
    for (seconds, ends) in [(59, false), (60, true)] {
        let mut world = World::new(Script::new());
        let mut machine = poller(&world, 86_400);
        world.pass(Duration::from_secs(seconds));
        polled(&mut machine, &world, 404, &[], BODY);
        assert_eq!(matches!(machine.step(), Step::Done(Err(_))), ends);
    }
}

#[test]
fn a_retry_after_past_the_time_limit_ends_the_poll() {
    for (asked, at) in [("60", None), ("61", Some(61))] {
        let mut world = World::new(Script::new());
        let mut machine = poller(&world, 60);
        polled(
            &mut machine,
            &world,
            200,
            &[("retry-after", asked)],
            RUNNING,
        );
        if let Step::Wait(pause) = machine.step() {
            let remaining = pause.remaining(world.now);
            assert_eq!(remaining.as_secs(), 60);
            world.pass(remaining);
            pause.over(world.now);
        }
        if let Step::Send(exchange) = machine.step() {
            assert_eq!(exchange.time_limit(world.now), Duration::ZERO);
            assert!(exchange.request(&world.token, world.now).is_none());
        }
        let Step::Done(Err(error)) = machine.step() else {
            panic!("the time is up")
        };
        let RunPollErrorKind::TimeLimit { retry_at, .. } = error.kind() else {
            panic!("{error:?}")
        };
        assert_eq!(*retry_at, at.map(world::timestamp));
    }
}

#[test]
fn a_token_that_is_refused_while_a_run_is_polled_is_reported() {
    let world = World::new(Script::new());
    let mut machine = poller(&world, 7);
    polled(&mut machine, &world, 401, &[], BODY);
    let Step::Send(exchange) = machine.step() else {
        panic!("it polls again with another token")
    };
    assert!(
        exchange
            .challenge()
            .unwrap()
            .refused()
            .is_same_token(&world.token)
    );
    assert_eq!(exchange.time_limit(world.now).as_secs(), 7);
}

#[test]
fn a_transient_error_of_a_run_poll_is_retried() {
    for script in [
        Script::new().then(Answer::Lost(Phase::Sent)),
        Script::new().then(Answer::NoToken(TokenError::unavailable("down"))),
    ] {
        let completed = r#"{"id":"r-1","status":"completed"}"#;
        let mut world = World::new(script.with(200, &[], completed));
        assert!(world.poll_run(Limits::default()).is_ok());
        assert_eq!(world.pauses.len(), 1);
    }
    let world = World::new(Script::new());
    let mut machine = poller(&world, 600);
    let Step::Send(exchange) = machine.step() else {
        panic!("it polls at once")
    };
    exchange.unsent(TransportError::new(Phase::Connect, "no socket"), world.now);
    assert!(matches!(machine.step(), Step::Wait(_)));
}

#[test]
fn a_source_that_fails_while_a_run_is_polled_is_asked_again() {
    let completed = r#"{"id":"r-1","status":"completed"}"#;
    for error in [
        TokenError::unavailable("down"),
        TokenError::Malformed("it is empty"),
    ] {
        let none = || Answer::NoToken(error.clone());
        let second = || Answer::Token("second-token");
        let running = || Script::new().with(200, &[], RUNNING);
        let refused = || running().status(401).then(none()).then(none());
        for (script, polls) in [
            (running().then(none()).with(200, &[], completed), 2),
            (refused().then(second()).with(200, &[], completed), 3),
            (
                refused()
                    .then(second())
                    .status(401)
                    .then(Answer::Token("third-token"))
                    .with(200, &[], completed),
                4,
            ),
        ] {
            let mut world = World::new(script);
            let outcome = world.poll_run(Limits::default());
            assert!(outcome.is_ok(), "{outcome:?}");
            assert_eq!(world.requests.len(), polls);
        }
        let thrice = || {
            refused()
                .then(second())
                .status(401)
                .then(Answer::Token("third-token"))
                .status(401)
        };
        for (script, polls) in [(refused(), 2), (thrice(), 4)] {
            let mut world = World::new(script);
            let error = world.poll_run(Limits::default()).unwrap_err();
            let error = error.to_string();
            assert!(error.contains("the service refused the token"), "{error}");
            assert_eq!(world.requests.len(), polls);
        }
        // A 503 between ends a row of refusals.
        let third = || Answer::Token("third-token");
        let first = running().status(401).then(second()).status(401);
        let mut script = first.then(third()).status(503);
        script.0.extend(thrice().0.into_iter().skip(1));
        let mut world = World::new(script);
        assert!(world.poll_run(Limits::default()).is_err());
        assert_eq!(world.requests.len(), 7);
    }
    let refused = Answer::NoToken(TokenError::Refused("expired".to_owned().into()));
    let mut world = World::new(Script::new().with(200, &[], RUNNING).then(refused));
    assert!(world.poll_run(Limits::default()).is_err());
    assert_eq!(world.pauses.len(), 1);
}

#[test]
fn a_failing_source_is_called_once_a_second_at_most() {
    let none = || Answer::NoToken(TokenError::unavailable("down"));
    let running = r#"{"id":"r-1","status":"running"}"#;
    let script = Script::new()
        .then(none())
        .with(200, &[], running)
        .then(none())
        .then(none())
        .with(200, &[], r#"{"id":"r-1","status":"completed"}"#);
    let mut world = World::new(script);
    let policy = PollingPolicy::every(Duration::from_millis(1));
    assert!(world.poll_run_at(policy, Limits::default()).is_ok());
    let pauses: Vec<_> = world.pauses.iter().map(|it| it.0.as_millis()).collect();
    assert_eq!(pauses, [1000, 1, 1000, 1000]);
}

#[test]
fn run_polls_are_counted() {
    let mut world = World::new(Script::new());
    let mut machine = poller(&world, 86_400);
    for polls in 1..=3 {
        polled(&mut machine, &world, 200, &[], RUNNING);
        let Step::Wait(mut pause) = machine.step() else {
            panic!("the run continues")
        };
        assert_eq!(pause.progress().unwrap().polls(), polls);
        let remaining = pause.remaining(world.now);
        world.pass(remaining);
        pause.over(world.now);
    }
}
