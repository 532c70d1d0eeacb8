//! What a read makes of each answer, how a list is read to its end, and how a run is followed.

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
use industrydata_core::endpoint::Endpoint;
use industrydata_core::endpoint::GetRun;
use industrydata_core::endpoint::ListRuns;
use industrydata_core::endpoint::Preflight;
use industrydata_core::endpoint::Probe;
use industrydata_core::endpoint::Service;
use industrydata_core::lro::Machine;
use industrydata_core::lro::MayHaveStarted;
use industrydata_core::lro::Read;
use industrydata_core::lro::ReadErrorKind;
use industrydata_core::lro::ReadPlan;
use industrydata_core::lro::RunPollErrorKind;
use industrydata_core::lro::Step;
use industrydata_core::policy::Limits;
use industrydata_core::wire::BaseUrl;
use industrydata_core::wire::Phase;
use industrydata_core::wire::TransportError;
use proptest::prelude::*;
use world::{Answer, Script, World};

const RUNS: &str = "https://graph.microsoft.com/beta/external/industryData/runs";

fn run(status: &str) -> String {
    format!(r#"{{"id":"r-1","status":"{status}","startDateTime":"2026-03-10T12:00:00Z"}}"#)
}

fn page(ids: &[&str], next: Option<&str>) -> String {
    let items: Vec<String> = ids
        .iter()
        .map(|id| format!(r#"{{"id":"{id}","status":"completed"}}"#))
        .collect();
    let next = next.map_or_else(String::new, |next| {
        format!(r#","@odata.nextLink":"{next}""#)
    });
    format!(r#"{{"value":[{}]{next}}}"#, items.join(","))
}

/// What is expected of a read of one run: `read` or its kind in a word, requests on the wire.
#[track_caller]
fn check(script: Script, kind: &str, requests: usize) -> World {
    let mut world = World::new(script);
    let outcome = world.read(GetRun::new("r-1"), Limits::default());
    assert_eq!(word(outcome.map(drop)), kind);
    assert_eq!(world.requests.len(), requests, "requests");
    assert_eq!((world.posts(), world.store_calls), (0, 0));
    world
}

/// What is expected of a list: its items or its kind in a word, requests on the wire.
#[track_caller]
fn check_list(script: Script, kind: &str, requests: usize) -> World {
    let mut world = World::new(script);
    let outcome = world.read(ListRuns, Limits::default());
    let got = match outcome {
        Ok(runs) => runs.iter().map(|run| run.id()).collect(),
        Err(error) => word(Err(error)),
    };
    assert_eq!(got, kind);
    assert_eq!(world.requests.len(), requests, "requests");
    world
}

fn word(outcome: Result<(), industrydata_core::lro::ReadError>) -> String {
    match outcome {
        Ok(()) => "read".to_owned(),
        Err(error) => {
            assert!(!error.to_string().is_empty() && !error.advice().is_empty());
            assert_eq!(error.may_have_started(), MayHaveStarted::No);
            let debug = format!("{:?}", error.kind());
            debug.split([' ', '(', '{']).next().unwrap().to_owned()
        }
    }
}

fn ok(script: Script) -> Script {
    script.with(
        200,
        &[("content-type", "application/json")],
        &run("running"),
    )
}

#[test]
fn one_answer_is_enough() {
    let world = check(ok(Script::new()), "read", 1);
    let request = &world.requests[0];
    assert_eq!(request.method(), "GET");
    assert_eq!(request.uri().to_string(), format!("{RUNS}/r-1"));
    assert_eq!(request.headers()["prefer"], "include-unknown-enum-members");
    assert!(request.headers().contains_key("client-request-id"));
}

#[test]
fn a_probe_has_one_try_and_the_date_of_its_answer() {
    let probe = |script| {
        let mut world = World::new(script);
        let outcome = world.read(Probe, Limits::default());
        (outcome, world.requests.len())
    };
    let list = page(&["op-1"], Some(&format!("{RUNS}?page=2")));
    for (date, expected) in [
        (
            "Tue, 10 Mar 2026 12:00:00 GMT",
            "2026-03-10T12:00:00Z".parse().ok(),
        ),
        ("today", None),
    ] {
        let fields = [("content-type", "application/json"), ("date", date)];
        let (outcome, requests) = probe(Script::new().with(200, &fields, &list));
        assert_eq!((*outcome.unwrap(), requests), (expected, 1));
    }
    for status in [408, 429, 500, 503] {
        let (outcome, requests) = probe(Script::new().status(status));
        assert_eq!((word(outcome.map(drop)).as_str(), requests), ("GaveUp", 1));
    }
    let (outcome, requests) = probe(Script::new().then(Answer::Lost(Phase::Sent)));
    assert_eq!((word(outcome.map(drop)).as_str(), requests), ("GaveUp", 1));
    // A token that was refused is renewed once, as for a start.
    let (outcome, requests) = probe(
        Script::new()
            .status(401)
            .then(Answer::Token("another"))
            .status(401),
    );
    assert_eq!(
        (word(outcome.map(drop)).as_str(), requests),
        ("Unauthorized", 2)
    );
    let (outcome, requests) = probe(Script::new().status(403));
    assert_eq!(
        (word(outcome.map(drop)).as_str(), requests),
        ("Forbidden", 1)
    );
}

#[test]
fn transient_errors_are_retried_up_to_a_limit() {
    for status in [408, 425, 429, 500, 502, 503, 504, 599] {
        check(ok(Script::new().status(status)), "read", 2);
        check(Script::new().status(status).times(5), "GaveUp", 5);
    }
    check(ok(Script::new().then(Answer::Lost(Phase::Sent))), "read", 2);
    check(ok(Script::new().then(Answer::Cut(200, vec![]))), "read", 2);
    check(ok(Script::new().then(Answer::Dropped)), "read", 2);
    let none = Answer::NoToken(TokenError::unavailable("down"));
    check(ok(Script::new().then(none)), "read", 1);
    let world = check(Script::new().status(503).times(5), "GaveUp", 5);
    let pauses: Vec<u64> = world
        .pauses
        .iter()
        .map(|it| it.0.as_millis() as u64)
        .collect();
    for (pause, most) in pauses.iter().zip([1000, 2000, 4000, 8000]) {
        assert!(*pause >= most / 2 && *pause <= most, "{pauses:?}");
    }
}

#[test]
fn some_answers_end_it() {
    check(Script::new().status(403), "Forbidden", 1);
    check(Script::new().status(404), "NotFound", 1);
    check(Script::new().status(410), "NotFound", 1);
    for status in [300, 302, 307, 400, 405, 409, 418] {
        check(Script::new().status(status), "Unexpected", 1);
    }
    let portal = Script::new().with(200, &[("content-type", "text/html")], "<html>");
    check(portal, "Unreadable", 1);
    let encoded = Script::new().with(200, &[("content-encoding", "gzip")], "{}");
    check(encoded, "GaveUp", 1);
    check(
        Script::new().then(Answer::NoToken(TokenError::Malformed("x"))),
        "NoToken",
        0,
    );
    let mut world = World::new(Script::new());
    let outcome = world.read(GetRun::new("../me"), Limits::default());
    assert_eq!(word(outcome.map(drop)), "InvalidId");
}

#[test]
fn a_fresh_token_is_tried_once() {
    check(Script::new().status(401), "Unauthorized", 1);
    let fresh = Script::new()
        .status(401)
        .then(Answer::Token("second-token"));
    let world = check(ok(fresh.clone()), "read", 2);
    assert_eq!((world.challenges, world.pauses.len()), (1, 0));
    check(fresh.status(401), "Unauthorized", 2);
    let none = Answer::NoToken(TokenError::Malformed("x"));
    check(Script::new().status(401).then(none), "Unauthorized", 1);
}

#[test]
fn a_retry_after_is_kept_within_the_limit() {
    let short = Script::new().with(429, &[("retry-after", "40")], "");
    let world = check(ok(short), "read", 2);
    assert_eq!(world.pauses[0].0, Duration::from_secs(40));
    let long = Script::new().with(429, &[("retry-after", "40000")], "");
    let mut world = World::new(long);
    let error = world.read(ListRuns, Limits::default()).unwrap_err();
    assert!(matches!(
        error.kind(),
        ReadErrorKind::TimeLimit {
            retry_at: Some(_),
            ..
        }
    ));
    assert!(world.pauses.is_empty(), "a long one is reported, not slept");
    let none = Limits {
        total: Duration::ZERO,
        ..Limits::default()
    };
    let mut world = World::new(Script::new());
    assert_eq!(word(world.read(ListRuns, none).map(drop)), "TimeLimit");
}

#[test]
fn a_list_is_read_to_its_end() {
    let next = format!("{RUNS}?$skiptoken=a");
    let script = || Script::new().with(200, &[], &page(&["1", "2"], Some(&next)));
    let world = check_list(script().with(200, &[], &page(&["3"], None)), "123", 2);
    assert_eq!(world.requests[1].uri(), next.as_str());
    // A transient error in the middle repeats that page alone.
    let failed = script().status(503).with(200, &[], &page(&["3"], None));
    check_list(failed, "123", 3);
    check_list(script().status(403), "Forbidden", 2);
    // A page that comes again.
    check_list(
        script().with(200, &[], &page(&["3"], Some(&next))),
        "Endless",
        2,
    );
    check_list(
        Script::new().with(200, &[], &page(&[], Some(RUNS))),
        "Endless",
        1,
    );
    // The preflight asks for one page only.
    let mut world = World::new(script());
    world.read(Preflight, Limits::default()).unwrap();
    assert_eq!(world.requests.len(), 1);
}

#[test]
fn a_link_elsewhere_is_named_and_nothing_is_sent() {
    for link in [
        "https://evil.example/beta/external/industryData/runs?$skiptoken=first-token",
        "https://graph.microsoft.com:8443/beta/external/industryData/runs",
        "http://graph.microsoft.com/beta/external/industryData/runs",
        "https://graph.microsoft.com/beta/me/messages",
        "https://graph.microsoft.com/v1.0/external/industryData/runs",
        "/beta/external/industryData/runs?$skiptoken=a",
    ] {
        let mut world = World::new(Script::new().with(200, &[], &page(&["1"], Some(link))));
        let error = world.read(ListRuns, Limits::default()).unwrap_err();
        let ReadErrorKind::Link { link: named, .. } = error.kind() else {
            panic!("{error}")
        };
        assert_eq!(*named, link.replace("first-token", "[redacted]"));
        assert!(error.to_string().contains(named.as_str()), "{error}");
        assert_eq!(world.requests.len(), 1);
    }
}

#[test]
fn a_list_without_end_is_given_up() {
    let mut script = Script::new();
    for n in 0..300 {
        let next = format!("{RUNS}?$skiptoken={n}");
        script = script.with(200, &[], &page(&["1"], Some(&next)));
    }
    check_list(script, "Endless", 200);
    let ids = vec!["1"; 20_000];
    let next = format!("{RUNS}?$skiptoken=x");
    check_list(
        Script::new().with(200, &[], &page(&ids, Some(&next))),
        "Endless",
        1,
    );
}

#[track_caller]
fn check_follow(script: Script, limits: Limits, kind: &str, reads: usize) -> World {
    let mut world = World::new(script);
    let got = match world.poll_run(limits) {
        Ok(run) => run.status().to_string(),
        Err(error) => {
            assert!(!error.to_string().is_empty() && !error.advice().is_empty());
            assert_eq!(error.may_have_started(), MayHaveStarted::Yes);
            assert_eq!(error.run_id(), "r-1");
            let debug = format!("{:?}", error.kind());
            debug.split([' ', '(', '{']).next().unwrap().to_owned()
        }
    };
    assert_eq!(got, kind);
    assert_eq!(world.requests.len(), reads, "reads");
    world
}

fn seen(script: Script, statuses: &[&str]) -> Script {
    let step = |script: Script, status: &&str| script.with(200, &[], &run(status));
    statuses.iter().fold(script, step)
}

#[test]
fn a_run_is_polled_until_it_ends() {
    let all = Limits::default();
    for end in ["completed", "completedWithErrors", "completedWithWarnings"] {
        let script = seen(
            Script::new(),
            &["running", "paused", "unknownFutureValue", end],
        );
        let world = check_follow(script, all, end, 4);
        assert_eq!(world.pauses[0].0.as_secs(), 5);
        assert_eq!(world.pauses[0].1, "the run continues");
    }
    check_follow(
        seen(Script::new(), &["running", "failed"]),
        all,
        "Failed",
        2,
    );
    let ended = r#"{"id":"r-1","status":"odd","endDateTime":"2026-03-10T12:00:00Z"}"#;
    check_follow(Script::new().with(200, &[], ended), all, "Unrecognised", 1);
    let failed = r#"{"id":"r-1","status":"failed","blockingError":{"code":"C","message":"m"}}"#;
    let mut world = World::new(Script::new().with(200, &[], failed));
    let error = world.poll_run(all).unwrap_err();
    assert_eq!(error.to_string(), "the run failed: C: m");
}

#[test]
fn transient_errors_do_not_end_a_run_poll() {
    let all = Limits::default();
    for status in [404, 408, 429, 500, 503] {
        let script = seen(Script::new().status(status), &["completed"]);
        check_follow(script, all, "completed", 2);
    }
    let dropped = seen(Script::new().then(Answer::Dropped), &["completed"]);
    check_follow(dropped, all, "completed", 2);
    let html = Script::new().with(200, &[("content-type", "text/html")], "<html>");
    check_follow(seen(html, &["completed"]), all, "completed", 2);
    let slow = seen(
        Script::new().with(200, &[("retry-after", "77")], &run("running")),
        &["completed"],
    );
    let world = check_follow(slow, all, "completed", 2);
    assert_eq!(world.pauses[0].0, Duration::from_secs(77));
    check_follow(Script::new().status(403), all, "Read", 1);
    check_follow(
        seen(Script::new(), &["running"]).status(404),
        all,
        "Read",
        2,
    );
    let mut world = World::new(Script::new().status(503).times(500));
    let error = world.poll_run(all).unwrap_err();
    assert!(matches!(error.kind(), RunPollErrorKind::LostTrack { .. }));
    assert!((10..=121).contains(&world.requests.len()));
}

#[test]
fn a_run_poll_has_a_time_limit_and_one_last_read() {
    let limits = |seconds| Limits {
        total: Duration::from_secs(seconds),
        ..Limits::default()
    };
    let running = || seen(Script::new(), &["running"; 9]);
    let world = check_follow(running(), limits(12), "TimeLimit", 3);
    let last = *world.request_times.last().unwrap() - Duration::from_secs(1000);
    assert!(last >= Duration::from_secs(10) && last < Duration::from_secs(12));
    let long = Script::new().with(429, &[("retry-after", "13")], "");
    let world = check_follow(long, limits(12), "TimeLimit", 1);
    assert!(world.pauses.is_empty());
    // What the service asked for is never undercut for a last read, whether it is longer than the interval or not.
    for (asked, ms, reads) in [("11", 11_500, 2), ("3", 3200, 2), ("3", 2900, 1)] {
        let script = Script::new().with(200, &[("retry-after", asked)], &run("running"));
        let limits = Limits {
            total: Duration::from_millis(ms),
            ..Limits::default()
        };
        let world = check_follow(seen(script, &["running"]), limits, "TimeLimit", reads);
        let asked = Duration::from_secs(asked.parse().unwrap());
        assert!(world.pauses.iter().all(|pause| pause.0 >= asked), "{ms}");
    }
    check_follow(Script::new(), limits(0), "TimeLimit", 0);
}

#[test]
fn a_last_read_undercuts_no_retry_after() {
    let script = Script::new().with(429, &[("retry-after", "11")], "");
    let limits = Limits {
        total: Duration::from_secs(12),
        ..Limits::default()
    };
    let world = check_follow(seen(script, &["running"]), limits, "TimeLimit", 2);
    assert!(
        world.pauses[0].0 >= Duration::from_secs(11),
        "{:?}",
        world.pauses
    );
}

fn answers() -> impl Strategy<Value = Answer> {
    let link = prop_oneof![
        Just(None),
        (0..3_u8).prop_map(|n| Some(format!("{RUNS}?$skiptoken={n}"))),
        "(https|http)://(graph.microsoft.com|evil.example)(:[0-9]{1,3})?/(beta/external/industryData/|beta/)[a-z./%2F]{0,9}"
            .prop_map(Some),
        "[a-z:/?@.]{0,20}".prop_map(Some),
    ];
    let body = prop_oneof![
        4 => link.prop_map(|link| page(&["1"], link.as_deref())),
        1 => ".{0,30}",
    ];
    let status = prop_oneof![4 => Just(200_u16), 2 => 200..600_u16, 1 => Just(401), 1 => Just(503)];
    prop_oneof![
        6 => (status, body, prop::option::of("[0-9]{1,6}|-1|x")).prop_map(|(status, body, after)| {
            let after = after.map(|after| ("retry-after", after));
            Answer::Head(status, after.into_iter().collect(), body.into())
        }),
        1 => Just(Answer::Lost(Phase::Sent)),
        1 => Just(Answer::Dropped),
        1 => Just(Answer::Cut(200, vec![])),
    ]
}

proptest! {
    #[test]
    fn no_answer_leaks_the_token_or_keeps_a_read_from_ending(
        answers in prop::collection::vec(answers(), 1..40),
    ) {
        let last = Answer::Head(404, vec![], vec![]);
        let mut script = answers.into_iter().fold(Script::new(), Script::then);
        for _ in 0..1100 {
            script = script.then(last.clone());
        }
        let mut world = World::new(script);
        let began = world.now.steady;
        let outcome = world.read(ListRuns, Limits::default());
        prop_assert!(world.now.steady - began <= Duration::from_secs(301));
        prop_assert!(world.requests.len() <= 45, "{} requests", world.requests.len());
        for request in &world.requests {
            let uri = request.uri();
            prop_assert_eq!(uri.scheme_str(), Some("https"));
            prop_assert_eq!(uri.authority().unwrap().as_str(), "graph.microsoft.com");
            prop_assert!(uri.path().starts_with("/beta/external/industryData/"), "{}", uri);
            prop_assert_eq!(request.method(), "GET");
        }
        if let Err(error) = outcome {
            let shown = format!("{error} {error:?}");
            prop_assert!(!shown.contains("first-token"));
        }
    }
}

fn fetch<E: Endpoint>(world: &World, endpoint: E, total: u64) -> Read<E> {
    let plan = ReadPlan {
        service: Service::new(BaseUrl::graph(), "test/1"),
        limits: Limits {
            total: Duration::from_secs(total),
            ..Limits::default()
        },
    };
    Read::new(endpoint, plan, [9; 16], world.now)
}

#[test]
fn a_read_that_is_stopped_or_cannot_be_sent() {
    let world = World::new(Script::new());
    let mut machine = fetch(&world, GetRun::new("run-1"), 600);
    let Step::Send(exchange) = machine.step() else {
        panic!("it asks at once")
    };
    // No more than is left, and what a token may take.
    assert_eq!(exchange.time_limit(world.now).as_secs(), 90);
    let mut short = fetch(&world, GetRun::new("run-1"), 7);
    let Step::Send(briefly) = short.step() else {
        panic!("it asks at once")
    };
    assert_eq!(briefly.time_limit(world.now).as_secs(), 7);
    exchange.unsent(TransportError::new(Phase::Connect, "no socket"), world.now);
    let Step::Wait(pause) = machine.step() else {
        panic!("it tries again later")
    };
    let reason = format!("{:?}", pause.reason());
    assert!(reason.contains("no socket"), "{reason}");
    machine.stop();
    let Step::Done(Err(error)) = machine.step() else {
        panic!("it was stopped")
    };
    assert!(matches!(error.kind(), ReadErrorKind::Stopped), "{error}");
    let mut world = World::new(Script::new());
    let mut machine = fetch(&world, GetRun::new("run-1"), 600);
    let Step::Send(exchange) = machine.step() else {
        panic!("it asks at once")
    };
    let (_, reply) = exchange.request(&world.token, world.now).unwrap();
    assert_eq!(reply.body_limit(http::StatusCode::OK), 1024 * 1024);
    reply.answer(
        &world::head(200, &[]),
        Ok(br#"{"id":"run-1"}"#.to_vec()),
        world.now,
    );
    machine.stop();
    world.pass(Duration::from_secs(1));
    assert!(
        matches!(machine.step(), Step::Done(Ok(_))),
        "what was read stays"
    );
}

/// A read written elsewhere, which points where it likes.
#[derive(Debug)]
struct Elsewhere(&'static str);

impl Endpoint for Elsewhere {
    type Output = ();

    const SUBJECT: &'static str = "it";
    const PERMISSION: &'static str = "None";

    fn request(&self, _: &BaseUrl) -> Option<http::Uri> {
        Some(http::Uri::from_static(self.0))
    }

    fn decode(
        &self,
        _: &industrydata_core::endpoint::Answer<'_>,
    ) -> Result<industrydata_core::endpoint::Page<()>, industrydata_core::wire::BodyError> {
        Ok(industrydata_core::endpoint::Page::only(()))
    }
}

#[test]
fn no_endpoint_takes_the_token_elsewhere() {
    for elsewhere in [
        "https://evil.example/beta/external/industryData/runs",
        "https://graph.microsoft.com/beta/me",
        "https://graph.microsoft.com/beta/external/industryData/../../me",
        "http://graph.microsoft.com/beta/external/industryData/runs",
        "/beta/external/industryData/runs",
    ] {
        let mut world = World::new(Script::new());
        assert!(
            world.read(Elsewhere(elsewhere), Limits::default()).is_err(),
            "{elsewhere}"
        );
        assert!(world.requests.is_empty());
    }
    let mut world = World::new(Script::new().status(200));
    let own = Elsewhere("https://graph.microsoft.com/beta/external/industryData/x");
    assert!(world.read(own, Limits::default()).is_ok());
}
