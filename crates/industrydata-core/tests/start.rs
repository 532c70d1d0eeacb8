//! What a start makes of each answer: in its result, in the ledger and on the wire.

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
use industrydata_core::ledger::Caller;
use industrydata_core::ledger::Change;
use industrydata_core::ledger::LedgerKey;
use industrydata_core::ledger::RefusalReason;
use industrydata_core::ledger::Schedule;
use industrydata_core::ledger::Skip;
use industrydata_core::ledger::StoreError;
use industrydata_core::lro::Machine;
use industrydata_core::lro::MayHaveStarted;
use industrydata_core::lro::OperationPollErrorKind;
use industrydata_core::lro::Start;
use industrydata_core::lro::StartError;
use industrydata_core::lro::StartErrorKind;
use industrydata_core::lro::StartPlan;
use industrydata_core::lro::Step;
use industrydata_core::policy::PollingPolicy;
use industrydata_core::wire::Phase;
use industrydata_core::wire::TransportError;
use world::{Answer, Script, World, token};

/// What is expected of one start: its kind in a word, POSTs on the wire, and (confirmed, in doubt) in the ledger.
#[track_caller]
fn check(script: Script, kind: &str, posts: usize, ledger: (u32, u32)) -> World {
    check_plan(script, |plan| plan, kind, posts, ledger)
}

#[track_caller]
fn check_plan(
    script: Script,
    change: impl FnOnce(StartPlan) -> StartPlan,
    kind: &str,
    posts: usize,
    ledger: (u32, u32),
) -> World {
    let mut world = World::new(script);
    let plan = change(world.plan());
    let outcome = world.start(plan);
    let (got, may) = match &outcome {
        Ok(_) => ("accepted".to_owned(), MayHaveStarted::Yes),
        Err(error) => {
            let debug = format!("{:?}", error.kind());
            let word = debug.split([' ', '(', '{']).next().unwrap().to_owned();
            assert!(!error.to_string().is_empty() && !error.advice().is_empty());
            (word, error.may_have_started())
        }
    };
    assert_eq!(got, kind);
    assert_eq!(world.posts(), posts, "POSTs");
    let quota = world.quota();
    assert_eq!(
        (quota.confirmed(), quota.in_doubt()),
        ledger,
        "confirmed, in doubt"
    );
    assert_eq!(quota.in_flight(), 0);
    let expected = match ledger {
        (1, _) => MayHaveStarted::Yes,
        (_, 1) => MayHaveStarted::Unknown,
        _ => MayHaveStarted::No,
    };
    assert_eq!(may, expected);
    world
}

#[test]
fn accepted_with_and_without_a_location() {
    check(Script::new().accepted(), "accepted", 1, (1, 0));
    check(Script::new().status(202), "NotFollowable", 1, (1, 0));
    let evil = [(
        "location",
        "https://evil.example/beta/external/industryData/operations/a",
    )];
    check(
        Script::new().with(202, &evil, ""),
        "NotFollowable",
        1,
        (1, 0),
    );
    let cut = Answer::Cut(202, vec![("location", world::LOCATION.to_owned())]);
    check(Script::new().then(cut), "accepted", 1, (1, 0));
}

#[test]
fn the_result_says_what_a_start_does_to_the_schedule() {
    let script = || Script::new().accepted().accepted().status(400);
    for (hours, skips) in [(9, Skip::Yes), (11, Skip::No)] {
        let mut world = World::new(script());
        let due = world::timestamp(hours * 3600);
        let schedule = Schedule::given(due);
        let mut start = |number| {
            let machine = Start::new(world.plan(), [number; 16], world.now);
            world.drive(&mut machine.with_schedule(Some(schedule)))
        };
        let first = start(1).unwrap();
        let forecast = first.forecast().unwrap();
        assert_eq!(
            (forecast.next_scheduled(), forecast.start_now_skips()),
            (due, skips)
        );
        assert_eq!(forecast.is_skipped_already(), Skip::No, "{hours}");
        assert_eq!(forecast.following(), world::timestamp((hours + 12) * 3600));
        let after = first.quota().unwrap().forecast().unwrap();
        assert_eq!(after.is_skipped_already(), skips);
        let second = start(2).unwrap();
        assert_eq!(second.forecast().unwrap().is_skipped_already(), skips);
        // Errors say it too, in their quota.
        let refused = start(3).unwrap_err();
        assert_eq!(
            refused
                .quota()
                .unwrap()
                .forecast()
                .unwrap()
                .is_skipped_already(),
            skips
        );
    }
    let mut world = World::new(Script::new().accepted());
    let plan = world.plan();
    let accepted = world.start(plan).unwrap();
    assert_eq!(
        (accepted.forecast(), accepted.quota().unwrap().forecast()),
        (None, None)
    );
}

#[test]
fn refusals_give_the_slot_back() {
    for status in [
        400, 404, 405, 409, 410, 411, 415, 422, 431, 451, 501, 511, 301, 302, 307, 308,
    ] {
        check(Script::new().status(status), "Refused", 1, (0, 0));
    }
    check(Script::new().status(403), "Forbidden", 1, (0, 0));
}

#[test]
fn ambiguous_answers_are_never_repeated() {
    for status in [200, 201, 204, 303, 500, 502, 503, 504, 599] {
        check(Script::new().status(status), "AmbiguousAnswer", 1, (0, 1));
    }
    check(
        Script::new().then(Answer::Lost(Phase::Sent)),
        "AnswerLost",
        1,
        (0, 1),
    );
    check(Script::new().then(Answer::Dropped), "Dropped", 1, (0, 1));
}

#[test]
fn nothing_sent_is_nothing_started() {
    for phase in [
        Phase::Local,
        Phase::Resolve,
        Phase::Connect,
        Phase::Proxy,
        Phase::Tls,
        Phase::Refused,
    ] {
        check(
            Script::new().then(Answer::Lost(phase)),
            "Unreachable",
            1,
            (0, 0),
        );
    }
    let none = Answer::NoToken(TokenError::unavailable("down"));
    check(Script::new().then(none), "NoToken", 0, (0, 0));
}

#[test]
fn a_401_is_repeated_once_with_another_token() {
    let fresh = || {
        Script::new()
            .status(401)
            .then(Answer::Token("second-token"))
    };
    let world = check(fresh().accepted(), "accepted", 2, (1, 0));
    assert_eq!(world.challenges, 1);
    check(fresh().status(401), "Unauthorized", 2, (0, 0));
    let third = fresh().status(401).then(Answer::Token("third-token"));
    check(third, "Unauthorized", 2, (0, 0));
    check(fresh().status(503), "AmbiguousAnswer", 2, (0, 1));
    check(Script::new().status(401), "Unauthorized", 1, (0, 0));
    let none = Answer::NoToken(TokenError::unavailable("down"));
    check(
        Script::new().status(401).then(none),
        "Unauthorized",
        1,
        (0, 0),
    );
}

#[test]
fn a_start_waits_for_a_short_429_once() {
    let short = [("retry-after", "30")];
    let script = Script::new().with(429, &short, "").accepted();
    let world = check(script, "accepted", 2, (1, 0));
    assert_eq!(world.pauses.first().unwrap().0, Duration::from_secs(30));
    let twice = Script::new().with(429, &short, "").with(429, &short, "");
    check(twice, "Throttled", 2, (0, 0));
}

#[test]
fn a_long_429_closes_the_ledger_for_every_caller() {
    let script = Script::new().with(429, &[("retry-after", "31")], "");
    let mut world = check(script, "Throttled", 1, (0, 0));
    assert_eq!(world.quota().available(), 0);
    let refused = world.start(world.plan()).unwrap_err();
    assert!(
        matches!(refused.kind(), StartErrorKind::NoSlot(_)),
        "{refused}"
    );
    assert_eq!(world.posts(), 1);
    world.pass(Duration::from_secs(32));
    assert_eq!(world.quota().available(), 5);
    let unsaid = check(Script::new().status(429), "Throttled", 1, (0, 0));
    assert!(unsaid.ledger.is_some());
}

#[test]
fn a_429_closes_the_ledger_for_as_long_as_asked_by_the_stores_clock() {
    let minutes = |n: u64| Duration::from_secs(n * 60);
    let hours = |n: u64| Duration::from_secs(n * 3600);
    let zero = Duration::ZERO;
    // How far the store's clock is behind the machine's, and ahead of it.
    for (behind, ahead) in [
        (zero, zero),
        (zero, minutes(10)),
        (hours(2), zero),
        (zero, hours(24 * 365)),
        (hours(24 * 365), zero),
    ] {
        for asked in ["300", "300.0"] {
            let mut world = World::new(Script::new().with(429, &[("retry-after", asked)], ""));
            (world.behind, world.ahead) = (behind, ahead);
            let error = world.start(world.plan()).unwrap_err();
            assert!(
                matches!(error.kind(), StartErrorKind::Throttled { .. }),
                "{error}"
            );
            // The error names the end by the same clock as the ledger.
            let until = error.retry_at().unwrap();
            assert_eq!(Some(until), error.quota().unwrap().next_slot_at());
            assert_eq!(until, world.store_clock() + minutes(5));
            world.pass(Duration::from_secs(299));
            assert_eq!(world.quota().available(), 0);
            world.pass(Duration::from_secs(1));
            assert_eq!(world.quota().available(), 5);
        }
    }
}

#[test]
fn waiting_for_a_slot_waits_for_the_service_too() {
    let script = Script::new()
        .with(429, &[("retry-after", "3600")], "")
        .accepted();
    let wait = |plan: StartPlan| StartPlan {
        wait_for_slot: true,
        ..plan
    };
    let world = check_plan(script, wait, "accepted", 2, (1, 0));
    assert!(world.pauses.iter().map(|p| p.0).sum::<Duration>() >= Duration::from_secs(3600));
}

#[test]
fn the_sixth_start_is_refused_without_a_request_until_the_window_has_passed() {
    let mut world = World::new(Script::new().accepted().times(6));
    for seed in 0..5 {
        let mut machine = industrydata_core::lro::Start::new(world.plan(), [seed; 16], world.now);
        world.drive(&mut machine).unwrap();
        world.pass(Duration::from_secs(60));
    }
    let refused = world.start(world.plan()).unwrap_err();
    assert!(matches!(refused.kind(), StartErrorKind::NoSlot(_)));
    assert_eq!(world.posts(), 5);
    let until = refused.retry_at().unwrap();
    world.pass(Duration::from_secs(12 * 3600 + 120 - 300));
    assert!(until > world.now.utc - Duration::from_secs(1) && world.quota().available() <= 1);
    world.pass(Duration::from_secs(1));
    assert!(world.start(world.plan()).is_ok());
    assert_eq!(world.posts(), 6);
}

#[test]
fn a_start_that_waits_for_a_slot_gets_it() {
    let mut world = World::new(Script::new().accepted().times(6));
    for seed in 0..5 {
        let mut machine = industrydata_core::lro::Start::new(world.plan(), [seed; 16], world.now);
        world.drive(&mut machine).unwrap();
    }
    let plan = StartPlan {
        wait_for_slot: true,
        ..world.plan()
    };
    assert!(world.start(plan).is_ok());
    assert!(
        world
            .pauses
            .iter()
            .all(|(time, _)| *time <= Duration::from_secs(65))
    );
    assert!(world.now.steady >= Duration::from_secs(1000 + 12 * 3600 + 120));
}

#[test]
fn an_unusable_ledger_stops_a_start() {
    for fault in [
        StoreError::Busy,
        StoreError::Damaged("x"),
        StoreError::unconfirmed("x"),
    ] {
        let script = Script::new().then(Answer::Store(1, fault));
        check(script, "Ledger", 0, (0, 0));
    }
}

#[test]
fn an_outcome_that_cannot_be_recorded_is_a_warning() {
    let mut world = World::new(
        Script::new()
            .accepted()
            .then(Answer::Store(1, StoreError::Busy)),
    );
    world.store_error = Some((2, StoreError::Busy));
    let accepted = world.start(world.plan()).unwrap();
    assert!(matches!(accepted.ledger_warning(), Some(StoreError::Busy)));
    assert_eq!(world.quota().in_flight(), 1);
    // It becomes in doubt with the end of its lease, and is confirmed when it is tried again.
    world.pass(Duration::from_secs(200));
    assert_eq!(world.quota().in_doubt(), 1);
    world.store_error = None;
    world
        .transact(&accepted.unrecorded().unwrap().clone())
        .unwrap();
    assert_eq!(
        (world.quota().confirmed(), world.quota().in_doubt()),
        (1, 0)
    );
}

#[test]
fn a_token_that_comes_too_late_gives_the_slot_back() {
    let mut world = World::new(Script::new());
    let mut machine = industrydata_core::lro::Start::new(world.plan(), [1; 16], world.now);
    let industrydata_core::lro::Step::Ledger(transaction, _) = machine.step() else {
        panic!()
    };
    let reply = world.transact(&transaction.change().clone());
    transaction.done(reply, world.now);
    world.pass(Duration::from_secs(151));
    let industrydata_core::lro::Step::Send(exchange) = machine.step() else {
        panic!()
    };
    assert!(exchange.request(&token("late-token"), world.now).is_none());
    world.script = Script::new().accepted();
    assert!(
        world.drive(&mut machine).is_ok(),
        "a new reservation is made"
    );
    assert_eq!(world.quota().used(), 1);
}

#[test]
fn a_token_given_up_at_the_time_limit_is_reported_as_the_limit() {
    for (error, is_limit) in [
        (TokenError::unavailable("given up"), true),
        (
            TokenError::Refused("invalid_client".to_owned().into()),
            false,
        ),
    ] {
        let mut world = World::new(Script::new());
        let plan = world.plan();
        let total = plan.limits.total;
        let mut machine = industrydata_core::lro::Start::new(plan, [1; 16], world.now);
        let industrydata_core::lro::Step::Ledger(transaction, _) = machine.step() else {
            panic!()
        };
        let reply = world.transact(&transaction.change().clone());
        transaction.done(reply, world.now);
        world.pass(total);
        let industrydata_core::lro::Step::Send(exchange) = machine.step() else {
            panic!()
        };
        exchange.no_token(error, world.now);
        let end = world.drive(&mut machine).unwrap_err();
        let limit = matches!(end.kind(), StartErrorKind::TimeLimit { .. });
        assert_eq!(
            (limit, end.may_have_started()),
            (is_limit, MayHaveStarted::No)
        );
        assert_eq!(world.quota().used(), 0);
    }
}

#[test]
fn a_lease_ends_while_the_machine_is_suspended() {
    let mut world = World::new(Script::new());
    let mut machine = industrydata_core::lro::Start::new(world.plan(), [1; 16], world.now);
    let industrydata_core::lro::Step::Ledger(transaction, _) = machine.step() else {
        panic!()
    };
    let reply = world.transact(&transaction.change().clone());
    transaction.done(reply, world.now);
    // Thirteen hours by the wall, one second by the steady clock.
    let utc = world.now.utc + Duration::from_secs(13 * 3600);
    world.now = industrydata_core::Now::new(utc, world.now.steady + Duration::from_secs(1));
    let industrydata_core::lro::Step::Send(exchange) = machine.step() else {
        panic!()
    };
    assert!(exchange.request(&token("late-token"), world.now).is_none());
}

#[test]
fn a_request_without_time_for_its_answer_is_not_sent() {
    let mut world = World::new(Script::new().then(Answer::After(Duration::from_millis(9_500))));
    let mut plan = world.plan();
    plan.limits.total = Duration::from_secs(10);
    let mut machine = industrydata_core::lro::Start::new(plan, [1; 16], world.now);
    let industrydata_core::lro::Step::Ledger(transaction, _) = machine.step() else {
        panic!()
    };
    let reply = world.transact(&transaction.change().clone());
    transaction.done(reply, world.now);
    let error = world.drive(&mut machine).unwrap_err();
    assert!(
        matches!(error.kind(), StartErrorKind::TimeLimit { .. }),
        "{error}"
    );
    assert_eq!((world.posts(), world.quota().used()), (0, 0));
}

#[test]
fn extreme_limits_are_clamped() {
    let mut world = World::new(Script::new().accepted());
    let mut plan = world.plan();
    plan.limits.request = Duration::MAX;
    plan.limits.total = Duration::MAX;
    assert!(world.start(plan).is_ok());
    let lease = world.plan().limits.lease();
    assert!(lease < Duration::from_secs(3 * 3600));
}

#[test]
fn a_location_that_repeats_the_token_is_not_written_down() {
    let hidden =
        "https://graph.microsoft.com/beta/external/industryData/operations/%66irst-%74oken";
    let world = check(
        Script::new().with(202, &[("location", hidden)], ""),
        "NotFollowable",
        1,
        (1, 0),
    );
    let ledger = String::from_utf8(world.ledger.unwrap()).unwrap();
    assert!(!ledger.contains("first-token"), "{ledger}");
}

#[test]
fn the_advice_for_a_404_at_a_base_url_without_beta_names_the_likely_cause() {
    for (base, status, is_named) in [
        ("https://gateway.example", 404, true),
        ("http://127.0.0.1:8080/graph", 404, true),
        ("https://beta/graph", 404, true),
        ("https://graph.microsoft.com/beta", 404, false),
        ("https://gateway.example/Beta/graph", 404, false),
        ("https://gateway.example", 400, false),
    ] {
        let mut world = World::new(Script::new().status(status));
        let plan = world.plan();
        let plan = StartPlan {
            service: industrydata_core::endpoint::Service::new(base.parse().unwrap(), "test/1"),
            ..plan
        };
        let error = world.start(plan).unwrap_err();
        assert!(matches!(error.kind(), StartErrorKind::Refused(_)));
        assert_eq!(
            error.advice().contains("/beta"),
            is_named,
            "{base} {status}"
        );
    }
}

#[test]
fn refusals_in_a_row_lengthen_the_wait_for_a_slot() {
    let script = Script::new()
        .with(429, &[("retry-after", "0")], "")
        .times(4)
        .accepted();
    let wait = |plan: StartPlan| StartPlan {
        wait_for_slot: true,
        ..plan
    };
    let world = check_plan(script, wait, "accepted", 5, (1, 0));
    let waited: Duration = world.pauses.iter().map(|(time, _)| *time).sum();
    // 0, 2, 4 and 8 s, each but the first with a jitter of 5 s and no more than itself.
    assert!(waited >= Duration::from_secs(14), "{:?}", world.pauses);
    assert!(waited <= Duration::from_secs(25), "{:?}", world.pauses);
    // The pauses grow to a minute and no further, and the service's own ones are kept.
    for (asked, refusals, least, most) in [
        ("1", 1, 1, 1),
        ("1", 2, 3, 5),
        ("1", 9, 1 + 2 + 4 + 8 + 16 + 32 + 3 * 60, 281),
        ("20", 3, 60, 70),
        ("100", 2, 200, 210),
    ] {
        let script = Script::new().with(429, &[("retry-after", asked)], "");
        let world = check_plan(
            script.times(refusals).accepted(),
            wait,
            "accepted",
            refusals + 1,
            (1, 0),
        );
        let waited: Duration = world.pauses.iter().map(|(time, _)| *time).sum();
        let range = Duration::from_secs(least)..=Duration::from_secs(most);
        assert!(
            range.contains(&waited),
            "{asked} {refusals} {:?}",
            world.pauses
        );
    }
    // A service that is free again within the time limit is asked within it.
    let in_a_minute = |plan: StartPlan| StartPlan {
        limits: industrydata_core::policy::Limits {
            total: Duration::from_secs(60),
            ..plan.limits
        },
        wait_for_slot: true,
        ..plan
    };
    let script = Script::new()
        .with(429, &[("retry-after", "1")], "")
        .times(3);
    check_plan(script.accepted(), in_a_minute, "accepted", 4, (1, 0));
    // What was asked for closes the ledger, not what this caller makes of it.
    let mut world = World::new(Script::new().with(429, &[("retry-after", "40")], ""));
    let error = world.start(world.plan()).unwrap_err();
    assert!(
        error.retry_at().unwrap() <= world.now.utc + Duration::from_secs(41),
        "{error}"
    );
}

#[test]
fn a_time_limit_before_the_request_is_reported() {
    let mut world = World::new(Script::new());
    let mut plan = world.plan();
    plan.limits.total = Duration::ZERO;
    let error = world.start(plan).unwrap_err();
    assert!(matches!(
        error.kind(),
        StartErrorKind::TimeLimit {
            waited_for_slot: false
        }
    ));
    assert_eq!((world.posts(), world.quota().used()), (0, 0));
}

#[test]
fn stopping_records_the_known_outcome() {
    let mut world = World::new(Script::new());
    let mut machine = industrydata_core::lro::Start::new(world.plan(), [1; 16], world.now);
    machine.stop();
    let error = world.drive(&mut machine).unwrap_err();
    assert!(matches!(error.kind(), StartErrorKind::Stopped));
    assert!(world.ledger.is_none());
}

#[test]
fn an_abandoned_start_returns_the_change_to_record() {
    let mut world = World::new(Script::new());
    let fresh = industrydata_core::lro::Start::new(world.plan(), [1; 16], world.now);
    assert!(fresh.abandon().is_none());
    // Reserved, given up, and the reservation arrives after its release: it stays released.
    let mut machine = industrydata_core::lro::Start::new(world.plan(), [1; 16], world.now);
    let industrydata_core::lro::Step::Ledger(transaction, _) = machine.step() else {
        panic!()
    };
    let reserve = transaction.change().clone();
    drop(transaction);
    let release = machine.abandon().unwrap();
    world.transact(&release).unwrap();
    assert!(world.transact(&reserve).unwrap().refusal().is_some());
    assert_eq!(world.quota().used(), 0);
    // Once the request was handed out the start is in doubt, and its answer is never known.
    let mut machine = industrydata_core::lro::Start::new(world.plan(), [2; 16], world.now);
    let industrydata_core::lro::Step::Ledger(transaction, _) = machine.step() else {
        panic!()
    };
    let reply = world.transact(&transaction.change().clone());
    transaction.done(reply, world.now);
    let industrydata_core::lro::Step::Send(exchange) = machine.step() else {
        panic!()
    };
    drop(exchange.request(&token("first-token"), world.now));
    let change = machine.abandon().unwrap();
    world.transact(&change).unwrap();
    assert_eq!((world.quota().used(), world.quota().in_doubt()), (1, 1));
}

#[test]
fn a_start_says_that_it_has_no_body() {
    let world = check(Script::new().accepted(), "accepted", 1, (1, 0));
    let headers = world.requests[0].headers();
    assert_eq!(headers["content-length"], "0");
    assert!(!headers.contains_key("prefer") && !headers.contains_key("content-type"));
    assert!(headers["authorization"].is_sensitive());
}

#[test]
fn a_run_goes_from_start_to_success() {
    let mut world = World::new(
        Script::new()
            .accepted()
            .operation("notStarted")
            .running()
            .succeeded(),
    );
    let operation = world.run(Default::default()).unwrap();
    assert!(operation.status().is_terminal());
    assert_eq!(world.requests.len(), 4);
    let pauses: Vec<u64> = world
        .pauses
        .iter()
        .map(|(time, _)| time.as_secs())
        .collect();
    assert_eq!(pauses, [5, 7, 11]);
    let mut world = World::new(Script::new().accepted().operation("failed"));
    let error = world.run(Default::default()).unwrap_err();
    assert!(matches!(error.kind(), OperationPollErrorKind::Failed));
    assert!(error.resume_token().is_none());
}

/// A start whose reservation stands and whose request was refused, from there on by hand.
fn refused(world: &mut World) -> Start {
    let mut machine = Start::new(world.plan(), [3; 16], world.now);
    let Step::Ledger(transaction, _) = machine.step() else {
        panic!("it reserves")
    };
    let reserved = world.transact(&transaction.change().clone());
    transaction.done(reserved, world.now);
    let Step::Send(exchange) = machine.step() else {
        panic!("it posts")
    };
    let (_, reply) = exchange.request(&world.token, world.now).unwrap();
    reply.answer(&world::head(400, &[]), Ok(Vec::new()), world.now);
    machine
}

#[test]
fn an_outcome_that_ends_a_start_is_recorded_in_two_tries() {
    for (faults, warns) in [(0, false), (1, false), (2, true)] {
        let mut world = World::new(Script::new());
        let mut machine = refused(&mut world);
        let mut tries = 0;
        let error = loop {
            match machine.step() {
                Step::Ledger(transaction, _) => {
                    tries += 1;
                    assert!(tries <= 2, "twice is enough");
                    let change = transaction.change().clone();
                    let result = if tries <= faults {
                        Err(StoreError::Busy)
                    } else {
                        world.transact(&change)
                    };
                    transaction.done(result, world.now);
                }
                Step::Done(outcome) => break outcome.unwrap_err(),
                Step::Send(_) | Step::Wait(_) => panic!("it only uses the ledger"),
            }
        };
        assert_eq!(tries, 2.min(faults + 1));
        assert_eq!(error.ledger_warning().is_some(), warns);
        assert_eq!(world.quota().used(), u32::from(warns));
    }
}

/// Drives a start by hand whose requests are all answered with a 429 and this Retry-After; `rest` is done at each pause, after
/// it has passed.
fn throttled(
    world: &mut World,
    machine: &mut Start,
    retry_after: u64,
    mut rest: impl FnMut(&mut World, Duration),
) -> StartError {
    loop {
        match machine.step() {
            Step::Ledger(transaction, _) => {
                let result = world.transact(&transaction.change().clone());
                transaction.done(result, world.now);
            }
            Step::Send(exchange) => {
                let (_, reply) = exchange.request(&world.token, world.now).unwrap();
                let headers = [("retry-after", retry_after.to_string())];
                reply.answer(&world::head(429, &headers), Ok(Vec::new()), world.now);
            }
            Step::Wait(pause) => {
                let time = pause.remaining(world.now);
                world.pass(time);
                pause.over(world.now);
                rest(world, time);
            }
            Step::Done(outcome) => return outcome.unwrap_err(),
        }
    }
}

#[test]
fn the_wait_for_a_short_429_also_ends_by_the_stores_clock() {
    let short = || Script::new().with(429, &[("retry-after", "10")], "");
    let mut world = World::new(short().accepted());
    world.behind = Duration::from_secs(4);
    assert!(world.start(world.plan()).is_ok());
    let pauses: Vec<u128> = world.pauses.iter().map(|it| it.0.as_millis()).collect();
    // By either clock the pause is as long as asked.
    assert_eq!(pauses, [10_000]);
    // A clock that falls further and further behind is not waited for a third time.
    let mut world = World::new(short());
    let mut machine = Start::new(world.plan(), [7; 16], world.now);
    let mut rests = Vec::new();
    let error = throttled(&mut world, &mut machine, 10, |world, time| {
        rests.push(time.as_millis());
        world.behind += Duration::from_secs(4);
    });
    // What the service asked for, then what is left of it by the other clock, and a little.
    assert_eq!(rests, [10_000, 4050, 4000]);
    assert!(matches!(error.kind(), StartErrorKind::NoSlot(_)), "{error}");
}

#[test]
fn by_default_a_start_waits_for_a_short_429_only() {
    // The store's clock is set back during the pause.
    let mut world = World::new(Script::new().with(429, &[("retry-after", "10")], ""));
    let mut machine = Start::new(world.plan(), [7; 16], world.now);
    let mut rests = 0;
    let error = throttled(&mut world, &mut machine, 10, |world, _| {
        rests += 1;
        world.behind = Duration::from_secs(31);
    });
    assert!(matches!(error.kind(), StartErrorKind::NoSlot(_)), "{error}");
    assert_eq!(rests, 1);
    // Others have taken all slots meanwhile, and may give one back soon.
    let mut world = World::new(Script::new().with(429, &[("retry-after", "10")], ""));
    let mut machine = Start::new(world.plan(), [7; 16], world.now);
    let mut taken = false;
    let error = throttled(&mut world, &mut machine, 10, |world, _| {
        assert!(!taken, "it does not wait for others");
        taken = true;
        for n in 20..25 {
            let plan = world.plan();
            let key = LedgerKey::new(plan.service.base(), &plan.tenant);
            let lease = Duration::from_secs(5);
            let other = Change::reserve(key, plan.throttle, [n; 16], lease, Caller::default());
            assert!(world.transact(&other).unwrap().refusal().is_none());
        }
    });
    let StartErrorKind::NoSlot(refusal) = error.kind() else {
        panic!("{error}")
    };
    assert_eq!(refusal.reason(), RefusalReason::InFlight);
}

#[test]
fn waits_for_a_slot_have_a_minimum_and_jitter() {
    let mut world = World::new(Script::new().accepted().times(5));
    for number in 1..=5 {
        let mut machine = Start::new(world.plan(), [number; 16], world.now);
        world.drive(&mut machine).unwrap();
    }
    let mut pauses: Vec<Duration> = Vec::new();
    for number in 6..10 {
        let plan = StartPlan {
            wait_for_slot: true,
            ..world.plan()
        };
        let mut machine = Start::new(plan, [number; 16], world.now);
        let Step::Ledger(transaction, _) = machine.step() else {
            panic!("it reserves")
        };
        let result = world.transact(&transaction.change().clone());
        transaction.done(result, world.now);
        let Step::Wait(pause) = machine.step() else {
            panic!("it waits")
        };
        pauses.push(pause.remaining(world.now));
    }
    let (least, most) = (pauses.iter().min().unwrap(), pauses.iter().max().unwrap());
    assert!(
        least.as_secs() >= 60 && most.as_secs() < 65 && least < most,
        "{pauses:?}"
    );
}

/// A start whose reservation stands, with so much time in all.
fn reserved(world: &mut World, total: Duration) -> Start {
    let mut plan = world.plan();
    plan.limits.total = total;
    let mut machine = Start::new(plan, [4; 16], world.now);
    let Step::Ledger(transaction, _) = machine.step() else {
        panic!("it reserves")
    };
    let result = world.transact(&transaction.change().clone());
    transaction.done(result, world.now);
    machine
}

#[test]
fn a_clock_that_is_off_by_more_than_two_minutes_is_reported() {
    for (date, skew) in [
        ("12:02:00", None),
        ("12:02:01", Some(121)),
        ("11:57:59", Some(-121)),
    ] {
        let mut world = World::new(Script::new());
        let mut machine = reserved(&mut world, Duration::from_secs(600));
        let Step::Send(exchange) = machine.step() else {
            panic!("it posts")
        };
        let (_, reply) = exchange.request(&world.token, world.now).unwrap();
        let headers = [
            ("location", world::LOCATION.to_owned()),
            ("date", format!("Tue, 10 Mar 2026 {date} GMT")),
        ];
        reply.answer(&world::head(202, &headers), Ok(Vec::new()), world.now);
        let accepted = world.drive(&mut machine).unwrap();
        assert_eq!(accepted.clock_skew().map(|it| it.as_secs()), skew);
    }
}

#[test]
fn a_request_that_could_not_be_made_gives_the_slot_back() {
    for (passed, is_late) in [(6, false), (7, true)] {
        let mut world = World::new(Script::new());
        let mut machine = reserved(&mut world, Duration::from_secs(7));
        let Step::Send(exchange) = machine.step() else {
            panic!("it posts")
        };
        assert_eq!(exchange.time_limit(world.now).as_secs(), 7);
        world.pass(Duration::from_secs(passed));
        exchange.unsent(TransportError::new(Phase::Connect, "no socket"), world.now);
        let error = world.drive(&mut machine).unwrap_err();
        let kind = error.kind();
        assert_eq!(matches!(kind, StartErrorKind::TimeLimit { .. }), is_late);
        assert_eq!(matches!(kind, StartErrorKind::Unreachable(_)), !is_late);
        assert_eq!(
            (error.may_have_started(), world.quota().used()),
            (MayHaveStarted::No, 0)
        );
    }
}

#[test]
fn a_request_is_sent_only_with_a_tenth_of_a_short_limit_left() {
    for (left, is_sent) in [(700, true), (500, true), (499, false)] {
        let mut world = World::new(Script::new());
        let mut machine = reserved(&mut world, Duration::from_secs(5));
        world.pass(Duration::from_millis(5000 - left));
        let Step::Send(exchange) = machine.step() else {
            panic!("it posts")
        };
        let sent = exchange.request(&world.token, world.now).is_some();
        assert_eq!(sent, is_sent, "{left}");
    }
}

#[test]
fn a_reservation_too_old_for_its_request_is_made_anew_twice() {
    // The lease is 180 s, and a request may take 30 of them.
    for (held, is_sent) in [(150_000, true), (150_001, false)] {
        let mut world = World::new(Script::new());
        let mut machine = reserved(&mut world, Duration::from_secs(6000));
        world.pass(Duration::from_millis(held));
        let Step::Send(exchange) = machine.step() else {
            panic!("it posts")
        };
        assert_eq!(exchange.request(&world.token, world.now).is_some(), is_sent);
    }
    let mut world = World::new(Script::new());
    let mut machine = reserved(&mut world, Duration::from_secs(6000));
    let mut late = 0;
    let error = loop {
        match machine.step() {
            Step::Ledger(transaction, _) => {
                let result = world.transact(&transaction.change().clone());
                transaction.done(result, world.now);
            }
            Step::Send(exchange) => {
                late += 1;
                assert!(late <= 3, "three times is enough");
                world.pass(Duration::from_secs(151));
                assert!(exchange.request(&world.token, world.now).is_none());
            }
            Step::Wait(_) => panic!("it does not wait"),
            Step::Done(outcome) => break outcome.unwrap_err(),
        }
    };
    assert_eq!(late, 3);
    assert!(
        matches!(error.kind(), StartErrorKind::NoToken(_)),
        "{error}"
    );
    assert_eq!(world.quota().used(), 0);
}

#[test]
fn each_request_has_a_new_id_and_the_body_of_a_202_is_not_read() {
    let script = Script::new().status(401).then(Answer::Token("canary-2"));
    let mut world = World::new(script.accepted().running().running().succeeded());
    assert!(world.run(PollingPolicy::default()).is_ok());
    let ids: std::collections::HashSet<_> = world
        .requests
        .iter()
        .map(|request| request.headers()["client-request-id"].clone())
        .collect();
    assert_eq!(ids.len(), 5);
    let mut world = World::new(Script::new());
    let mut machine = reserved(&mut world, Duration::from_secs(60));
    let Step::Send(exchange) = machine.step() else {
        panic!("it posts")
    };
    let (_, reply) = exchange.request(&world.token, world.now).unwrap();
    let limit = |status: u16| reply.body_limit(http::StatusCode::from_u16(status).unwrap());
    assert_eq!(limit(202), 0);
    assert_eq!([limit(400), limit(200)], [64 * 1024, 1024 * 1024]);
    reply.lost(TransportError::new(Phase::Sent, "lost"), world.now);
}

#[test]
fn an_unusable_location_is_reported_as_received() {
    let long = format!("https://evil.example/{}", "a".repeat(9000));
    for (location, text) in [
        ("https://evil.example/x", "https://evil.example/x"),
        (&long, &long[..100]),
    ] {
        let mut world = World::new(Script::new().with(202, &[("location", location)], ""));
        let error = world.start(world.plan()).unwrap_err();
        let StartErrorKind::NotFollowable { location, .. } = error.kind() else {
            panic!("{error}")
        };
        assert!(
            location[0].starts_with(text) && location[0].len() <= 2000,
            "{location:?}"
        );
    }
}

#[test]
fn a_slot_that_comes_too_late_is_not_waited_for() {
    let mut world = World::new(Script::new().accepted().times(5));
    for number in 1..=5 {
        let mut machine = Start::new(world.plan(), [number; 16], world.now);
        world.drive(&mut machine).unwrap();
    }
    let wait = world
        .quota()
        .next_slot_at()
        .unwrap()
        .duration_since(world.now.utc);
    let wait = Duration::try_from(wait).unwrap();
    for (less, waits) in [(0, true), (1, false)] {
        let mut plan = StartPlan {
            wait_for_slot: true,
            ..world.plan()
        };
        plan.limits.total = wait - Duration::from_millis(less);
        let mut machine = Start::new(plan, [9; 16], world.now);
        let Step::Ledger(transaction, _) = machine.step() else {
            panic!("it reserves")
        };
        let result = world.transact(&transaction.change().clone());
        transaction.done(result, world.now);
        assert_eq!(matches!(machine.step(), Step::Wait(_)), waits, "{less}");
    }
}

#[test]
fn stopping_between_steps_records_the_known_outcome() {
    // Reserved, and not known to be: given back.
    let mut world = World::new(Script::new());
    let mut machine = Start::new(world.plan(), [5; 16], world.now);
    let Step::Ledger(transaction, _) = machine.step() else {
        panic!("it reserves")
    };
    let change = transaction.change().clone();
    world.transact(&change).unwrap();
    machine.stop();
    let error = world.drive(&mut machine).unwrap_err();
    assert!(matches!(error.kind(), StartErrorKind::Stopped));
    assert_eq!(world.quota().used(), 0);
    // Handed out: in doubt.
    let mut machine = reserved(&mut world, Duration::from_secs(600));
    let Step::Send(exchange) = machine.step() else {
        panic!("it posts")
    };
    let (request, reply) = exchange.request(&world.token, world.now).unwrap();
    assert!(!format!("{reply:?}").is_empty() && request.method() == "POST");
    drop(reply);
    machine.stop();
    let error = world.drive(&mut machine).unwrap_err();
    assert!(matches!(error.kind(), StartErrorKind::Dropped));
    assert_eq!(world.quota().in_doubt(), 1);
}

#[test]
fn a_pause_that_ends_at_the_limit_ends_the_start() {
    let mut world = World::new(Script::new());
    let mut plan = world.plan();
    plan.limits.total = Duration::from_secs(30);
    let mut machine = Start::new(plan, [6; 16], world.now);
    let mut rests = 0;
    let error = throttled(&mut world, &mut machine, 30, |_, _| rests += 1);
    assert_eq!(rests, 1);
    assert!(
        matches!(error.kind(), StartErrorKind::Throttled { .. }),
        "{error}"
    );
}

/// Starts as often as asked, each answer dated by the world's clock. Returns how many were accepted, and the skews of the
/// ledger's clock in seconds.
fn dated_starts(world: &mut World, seeds: std::ops::Range<u8>) -> (usize, Vec<Option<i64>>) {
    let mut skews = Vec::new();
    for seed in seeds {
        let date = world
            .now
            .utc
            .strftime("%a, %d %b %Y %H:%M:%S GMT")
            .to_string();
        let headers = [("location", world::LOCATION), ("date", &date)];
        world.script = Script::new().with(202, &headers, "");
        let mut machine = Start::new(world.plan(), [seed; 16], world.now);
        match world.drive(&mut machine) {
            Ok(accepted) => {
                let skew = accepted.ledger_clock_skew();
                assert_eq!(accepted.clock_skew(), None, "the machine's clock is right");
                assert_eq!(
                    skew.is_some(),
                    accepted.quota().unwrap().clock_skew().is_some()
                );
                skews.push(skew.map(|it| it.as_secs()));
            }
            Err(error) => assert!(matches!(error.kind(), StartErrorKind::NoSlot(_)), "{error}"),
        }
        world.pass(Duration::from_secs(1));
    }
    (skews.len(), skews)
}

#[test]
fn a_store_clock_hours_ahead_is_reported_and_gives_five_slots() {
    for hours in [1, 13, 24 * 400] {
        let mut world = World::new(Script::new());
        world.ahead = Duration::from_secs(hours * 3600);
        let (accepted, skews) = dated_starts(&mut world, 1..9);
        assert_eq!(accepted, 5);
        let expected = -i64::try_from(hours * 3600).unwrap();
        assert!(
            skews
                .iter()
                .all(|it| it.is_some_and(|it| (it - expected).abs() <= 1)),
            "{skews:?}"
        );
        // The refusal names the time by the service's clock.
        let error = world.start(world.plan()).unwrap_err();
        let wait = error.retry_at().unwrap().duration_since(world.now.utc);
        assert!((43_300..43_322).contains(&wait.as_secs()), "{wait}");
    }
}

#[test]
fn a_store_clock_that_jumps_ahead_frees_no_slot_after_the_first_answer() {
    for before in 0..=5_usize {
        let mut world = World::new(Script::new());
        let own = u8::try_from(before).unwrap();
        assert_eq!(dated_starts(&mut world, 1..own + 1).0, before);
        world.ahead = Duration::from_secs(13 * 3600);
        // Five in all, and the one that shows the jump if there were five before.
        let (accepted, skews) = dated_starts(&mut world, 100..110);
        assert_eq!(before + accepted, 5.max(before + 1), "{skews:?}");
        assert!(skews.iter().all(Option::is_some), "{skews:?}");
        // A window later by the service's clock, all five are free again.
        world.pass(Duration::from_secs(12 * 3600 + 120));
        assert_eq!(world.quota().available(), 5);
    }
}

#[test]
fn answers_that_refuse_show_the_store_clock_too() {
    for (status, expected) in [(403, 0), (429, 0), (503, 1), (202, 1)] {
        let mut world = World::new(Script::new());
        world.ahead = Duration::from_secs(13 * 3600);
        let date = world
            .now
            .utc
            .strftime("%a, %d %b %Y %H:%M:%S GMT")
            .to_string();
        world.script = Script::new().with(status, &[("date", &date)], "");
        assert!(world.start(world.plan()).is_err());
        let quota = world.quota();
        assert_eq!(quota.used(), expected, "{status}");
        assert_eq!(
            quota.clock_skew().map(|it| it.as_hours()),
            Some(-13),
            "{status}"
        );
    }
}

#[test]
fn getters_of_an_accepted_start() {
    let headers = [("location", world::LOCATION), ("request-id", "r-1")];
    let date = ("date", "Tue, 10 Mar 2026 12:10:00 GMT");
    let mut world = World::new(Script::new().with(202, &headers, "").with(
        202,
        &[headers[0], date],
        "",
    ));
    let accepted = world.start(world.plan()).unwrap();
    assert_eq!(accepted.operation().text(), world::LOCATION);
    assert_eq!(
        (accepted.at(), accepted.request_id()),
        (world.now.utc, Some("r-1"))
    );
    assert_eq!(accepted.quota().unwrap().confirmed(), 1);
    assert_eq!(accepted.clock_skew(), None);
    assert!(accepted.ledger_warning().is_none() && accepted.unrecorded().is_none());
    let mut machine = Start::new(world.plan(), [2; 16], world.now);
    let skewed = world.drive(&mut machine).unwrap();
    assert_eq!(skewed.clock_skew().unwrap().as_secs(), 599);
    assert_eq!(skewed.request_id(), None);

    let mut world = World::new(
        Script::new()
            .then(Answer::Store(2, StoreError::Busy))
            .accepted(),
    );
    let unrecorded = world.start(world.plan()).unwrap();
    assert!(matches!(
        unrecorded.ledger_warning(),
        Some(StoreError::Busy)
    ));
    assert!(unrecorded.unrecorded().is_some());
}
