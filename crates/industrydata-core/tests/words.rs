//! What results and errors say of themselves: words, the service's part in them, and what to ask its support with.

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

use std::{error::Error, time::Duration};

use industrydata_core::{
    Base, Endpoint, Fault, Fetch, FetchPlan, FetchStep, Follow, FollowError, FollowErrorKind,
    FollowStep, GetRun, Limits, ListRuns, MayHaveStarted, OperationUrl, Phase, PollingPolicy,
    ReadError, ResumeToken, Service, ServiceError, Start, StartError, StartErrorKind, StoreFault,
    TokenError, Watch, WatchError, WatchPlan, WatchStep,
};
use world::{Answer, Script, World};

/// An answer's body with a request id.
const BODY: &str = r#"{"error":{"code":"c-1","message":"m-1","innerError":{"request-id":"r-1"}}}"#;

fn answer(status: u16) -> Script {
    Script::new().with(status, &[], BODY)
}

/// What is asked of every error.
struct Said {
    text: String,
    debug: String,
    /// Whether the service's own answer is in it, and its request id.
    service: (bool, Option<String>),
    has_source: bool,
}

impl Said {
    fn of(error: &impl Error, service: Option<&ServiceError>, request_id: Option<&str>) -> Self {
        Self {
            text: error.to_string(),
            debug: format!("{error:?}"),
            service: (service.is_some(), request_id.map(str::to_owned)),
            has_source: error.source().is_some(),
        }
    }
}

impl From<&StartError> for Said {
    fn from(error: &StartError) -> Self {
        Self::of(error, error.service_error(), error.request_id())
    }
}

impl From<&WatchError> for Said {
    fn from(error: &WatchError) -> Self {
        assert_eq!(error.may_have_started(), MayHaveStarted::Yes);
        Self::of(error, error.service_error(), error.request_id())
    }
}

impl From<&ReadError> for Said {
    fn from(error: &ReadError) -> Self {
        assert_eq!(error.may_have_started(), MayHaveStarted::No);
        Self::of(error, error.service_error(), error.request_id())
    }
}

impl From<&FollowError> for Said {
    fn from(error: &FollowError) -> Self {
        assert_eq!(error.may_have_started(), MayHaveStarted::Yes);
        Self::of(error, error.service_error(), error.request_id())
    }
}

/// The text begins so, `Debug` names the kind; the service's answer is in it, or an inner error, or neither.
#[track_caller]
fn says(said: &Said, text: &str, kind: &str, by_service: bool, has_source: bool) {
    assert!(said.text.starts_with(text), "{}", said.text);
    assert!(said.debug.contains(kind), "{}", said.debug);
    let service = (by_service, by_service.then(|| "r-1".to_owned()));
    assert_eq!(said.service, service, "{}", said.text);
    assert_eq!(said.has_source, has_source, "{}", said.text);
    if by_service {
        assert!(said.text.contains("m-1"), "{}", said.text);
    }
}

fn started(script: Script) -> StartError {
    let mut world = World::new(script);
    world.start(world.plan()).unwrap_err()
}

#[test]
fn a_start_that_the_service_refuses() {
    for (script, text, kind) in [
        (
            Script::new().with(429, &[("retry-after", "3600")], BODY),
            "the service throttles starts until 2026-03-10T13:00:00Z: ",
            "Throttled",
        ),
        (
            answer(401)
                .then(Answer::Token("canary-second"))
                .times(1)
                .with(401, &[], BODY),
            "the service refused the token: ",
            "Unauthorized",
        ),
        (answer(403), "the token may not start runs: ", "Forbidden"),
        (answer(400), "the service refused the start: ", "Refused"),
        (
            answer(500),
            "the answer leaves open whether a run was started: ",
            "DoubtfulAnswer",
        ),
    ] {
        let error = started(script);
        says(&Said::from(&error), text, kind, true, false);
        let id = error.client_request_id().unwrap();
        assert_eq!(id.len(), 36, "{id}");
        assert_eq!(error.retry_at().is_some(), kind == "Throttled");
        assert!(error.ledger_warning().is_none());
    }
}

#[test]
fn a_start_that_does_not_come_to_an_answer() {
    let lost = |phase| Script::new().then(Answer::Lost(phase));
    let down = || TokenError::unavailable("down");
    let busy = Answer::Fault(1, StoreFault::unavailable("gone"));
    for (script, text, kind, has_source) in [
        (
            lost(Phase::Connect),
            "the service could not be reached: ",
            "Unreachable",
            true,
        ),
        (
            lost(Phase::Sent),
            "it is not known whether a run was started: ",
            "DoubtfulLoss",
            true,
        ),
        (
            Script::new().then(Answer::Dropped),
            "it is not known whether a run was started: the request was given up",
            "Dropped",
            false,
        ),
        (
            Script::new().then(Answer::NoToken(down())),
            "no start without a token: ",
            "NoToken",
            false,
        ),
        (
            Script::new().then(busy),
            "no start without books: ",
            "Ledger",
            false,
        ),
    ] {
        let error = started(script);
        says(&Said::from(&error), text, kind, false, has_source);
        assert_eq!(error.retry_at(), None);
    }
    // The first token is refused, and there is no other.
    let error = started(answer(401).then(Answer::NoToken(down())));
    let said = Said::from(&error);
    says(
        &said,
        "the service refused the token (",
        "Unauthorized",
        true,
        false,
    );
    let local = StartError::local("no runtime");
    says(
        &Said::from(&local),
        "the service could not be reached: ",
        "Unreachable",
        false,
        true,
    );
    assert_eq!(local.may_have_started(), MayHaveStarted::No);
}

#[test]
fn a_start_that_is_accepted_or_has_no_slot() {
    let mut world = World::new(Script::new().accepted().times(5));
    for number in 1..=5 {
        let mut machine = Start::new(world.plan(), [number; 16], world.now);
        world.drive(&mut machine).unwrap();
    }
    let error = world.start(world.plan()).unwrap_err();
    says(
        &Said::from(&error),
        "no start before 2026-03-11T00:02:00Z: all",
        "NoSlot",
        false,
        false,
    );
    let until = error.retry_at().unwrap();
    assert_eq!(error.quota().unwrap().next_slot_at(), Some(until));

    let headers = [("location", world::LOCATION), ("request-id", "r-1")];
    let date = ("date", "Tue, 10 Mar 2026 12:10:00 GMT");
    let mut world = World::new(Script::new().with(202, &headers, "").with(
        202,
        &[headers[0], date],
        "",
    ));
    let accepted = world.start(world.plan()).unwrap();
    assert_eq!(accepted.operation().as_str(), world::LOCATION);
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
            .then(Answer::Fault(2, StoreFault::Busy))
            .accepted(),
    );
    let unrecorded = world.start(world.plan()).unwrap();
    assert!(matches!(
        unrecorded.ledger_warning(),
        Some(StoreFault::Busy)
    ));
    assert!(unrecorded.unrecorded().is_some());

    let nowhere = Script::new().with(202, &[("request-id", "r-1")], "");
    let error = started(nowhere);
    assert!(
        error
            .to_string()
            .starts_with("a run was started, but cannot be followed: ")
    );
    assert_eq!(error.request_id(), Some("r-1"));
    assert!(error.service_error().is_none() && error.source().is_none());
    assert!(matches!(error.kind(), StartErrorKind::NotFollowable { .. }));
}

#[test]
fn a_start_that_is_stopped_or_comes_too_late() {
    let mut world = World::new(Script::new());
    let mut machine = Start::new(world.plan(), [1; 16], world.now);
    machine.stop();
    let error = world.drive(&mut machine).unwrap_err();
    says(
        &Said::from(&error),
        "stopped before the request went out",
        "Stopped",
        false,
        false,
    );
    // A store that takes longer than there is.
    let mut plan = world.plan();
    plan.limits.total = Duration::from_secs(5);
    let mut machine = Start::new(plan, [2; 16], world.now);
    world.pass(Duration::from_secs(6));
    let error = world.drive(&mut machine).unwrap_err();
    says(
        &Said::from(&error),
        "the time limit passed before the request went out",
        "TimeLimit",
        false,
        false,
    );
}

fn watch(world: &World, total: u64) -> Watch {
    let base = Base::graph();
    let plan = WatchPlan {
        service: Service::new(base.clone(), "test/1"),
        policy: PollingPolicy::default(),
        limits: Limits {
            total: Duration::from_secs(total),
            ..Limits::default()
        },
    };
    let url = OperationUrl::parse(&base, world::LOCATION).unwrap();
    Watch::new(url, plan, Some(world::timestamp(0)), [9; 16], world.now)
}

fn watched(script: Script, total: u64) -> WatchError {
    let mut world = World::new(script);
    let mut watch = watch(&world, total);
    assert_eq!(watch.accepted(), world::timestamp(0));
    assert_eq!(watch.plan().limits.total, Duration::from_secs(total));
    let error = world.watch(&mut watch).unwrap_err();
    assert_eq!(watch.polls() as usize, world.requests.len());
    error
}

#[test]
fn a_wait_says_why_it_ended() {
    let day = 86_400;
    let failed = r#"{"status":"failed","statusDetail":"no\u0007 data"}"#;
    let error = watched(Script::new().with(200, &[], failed), day);
    says(
        &Said::from(&error),
        r"the operation failed: no\u{7} data",
        "Failed",
        false,
        false,
    );
    assert!(error.resume_token().is_none() && error.operation().is_some());
    let silent = r#"{"status":"failed","statusDetail":""}"#;
    let error = watched(Script::new().with(200, &[], silent), day);
    assert_eq!(error.to_string(), "the operation failed");
    let error = watched(Script::new().operation("failed"), day);
    assert_eq!(error.to_string(), "the operation failed");
    for (script, text, kind) in [
        (
            answer(410),
            "the service no longer has the operation: ",
            "Gone",
        ),
        (
            answer(403),
            "the token may not read operations, which takes IndustryData.ReadBasic.All: ",
            "Forbidden",
        ),
        (
            answer(418),
            "the service answered a poll unexpectedly: ",
            "Unexpected",
        ),
        (
            answer(401)
                .then(Answer::Token("canary-2"))
                .with(401, &[], BODY)
                .with(401, &[], BODY),
            "the service refused the token: ",
            "Unauthorized",
        ),
    ] {
        let error = watched(script, day);
        says(&Said::from(&error), text, kind, true, false);
        let token = error.resume_token().unwrap();
        assert_eq!(ResumeToken::accepted(token), world::timestamp(0));
    }
    let lost = watched(answer(503).times(30), day);
    let said = Said::from(&lost);
    says(
        &said,
        "no news of the operation for ",
        "LostTrack",
        true,
        false,
    );
    let lost = watched(Script::new().then(Answer::Lost(Phase::Sent)).times(30), day);
    says(
        &Said::from(&lost),
        "no news of the operation for ",
        "LostTrack",
        false,
        true,
    );
    let none = TokenError::Refused("down".to_owned());
    let error = watched(Script::new().then(Answer::NoToken(none)), day);
    says(
        &Said::from(&error),
        "no poll without a token: ",
        "NoToken",
        false,
        false,
    );
    let error = watched(answer(503).times(9), 10);
    says(
        &Said::from(&error),
        "the time limit passed; the operation goes on; the last poll",
        "TimeLimit",
        true,
        false,
    );
    let error = watched(Script::new().running().times(9), 10);
    assert_eq!(
        error.to_string(),
        "the time limit passed; the operation goes on"
    );
    let asked = Script::new().with(503, &[("retry-after", "600")], BODY);
    let error = watched(asked, 10);
    says(
        &Said::from(&error),
        "the service asked not to be polled before 2026-03-10T12:10:00Z",
        "TimeLimit",
        true,
        false,
    );
    assert!(error.ledger_warning().is_none());
    let warned = error.with_ledger_warning(Some(StoreFault::Busy));
    assert!(matches!(warned.ledger_warning(), Some(StoreFault::Busy)));
}

#[test]
fn a_wait_that_is_stopped_and_what_it_tells_on_its_way() {
    let mut world = World::new(Script::new().running());
    let mut machine = watch(&world, 86_400);
    let WatchStep::Send(exchange) = machine.step() else {
        panic!("it polls at once")
    };
    let (_, reply) = exchange.request(&world.token, world.now).unwrap();
    let body = br#"{"status":"running","resourceLocation":"https://graph.microsoft.com/beta/external/industryData/runs/run-1"}"#;
    reply.answer(&world::head(200, &[]), Ok(body.to_vec()), world.now);
    let WatchStep::Wait(mut pause) = machine.step() else {
        panic!("it waits for the next poll")
    };
    let news = pause.news().unwrap();
    assert_eq!(news.operation().unwrap().status().as_str(), "running");
    assert!(news.run().is_none());
    assert_eq!(
        (news.polls(), news.reason().to_string().as_str()),
        (1, "the operation goes on")
    );
    assert!(pause.news().is_none(), "it is told once");
    assert!(machine.run_found().is_some());
    machine.stop();
    let error = world.watch(&mut machine).unwrap_err();
    says(
        &Said::from(&error),
        "stopped; the operation goes on",
        "Stopped",
        false,
        false,
    );
    machine.stop();
    assert!(world.watch(&mut machine).is_err(), "once is enough");
}

#[test]
fn a_read_says_why_it_ended() {
    let read = |script: Script| {
        let mut world = World::new(script);
        world
            .fetch(GetRun::new("run-1"), Limits::default())
            .unwrap_err()
    };
    for (script, text, kind) in [
        (
            answer(404),
            "the service does not have the run: ",
            "NotFound",
        ),
        (
            answer(403),
            "the token may not read the run, which takes IndustryData-Run.Read.All: ",
            "Forbidden",
        ),
        (
            answer(418),
            "the service answered unexpectedly to a read of the run: ",
            "Unexpected",
        ),
        (
            answer(401)
                .then(Answer::Token("canary-2"))
                .with(401, &[], BODY)
                .with(401, &[], BODY),
            "the service refused the token: ",
            "Unauthorized",
        ),
        (
            answer(503).times(5),
            "the run could not be read in 5 tries, the last time",
            "GaveUp",
        ),
    ] {
        let error = read(script);
        says(&Said::from(&error), text, kind, true, false);
        assert_eq!(
            (error.subject(), error.permission()),
            ("the run", "IndustryData-Run.Read.All")
        );
    }
    let lost = read(Script::new().then(Answer::Lost(Phase::Sent)).times(5));
    says(
        &Said::from(&lost),
        "the run could not be read in 5 tries",
        "GaveUp",
        false,
        true,
    );
    let none = TokenError::Refused("down".to_owned());
    let error = read(Script::new().then(Answer::NoToken(none)));
    says(
        &Said::from(&error),
        "the run cannot be read without a token: ",
        "NoToken",
        false,
        false,
    );
    let portal = Script::new().with(200, &[("content-type", "text/html")], "<html>");
    says(
        &Said::from(&read(portal)),
        "the run cannot be read: ",
        "Unreadable",
        false,
        false,
    );
    let asked = Script::new().with(503, &[("retry-after", "864000")], BODY);
    let error = read(asked);
    says(
        &Said::from(&error),
        "the service asked not to be asked for the run before ",
        "TimeLimit",
        false,
        false,
    );
    let mut world = World::new(Script::new());
    let error = world
        .fetch(GetRun::new("../me"), Limits::default())
        .unwrap_err();
    says(
        &Said::from(&error),
        "the id of the run cannot stand in a URL",
        "InvalidId",
        false,
        false,
    );
    let away = r#"{"value":[],"@odata.nextLink":"https://evil.example/x"}"#;
    let mut world = World::new(Script::new().with(200, &[], away));
    let error = world.fetch(ListRuns, Limits::default()).unwrap_err();
    says(
        &Said::from(&error),
        "the list of runs goes on at a link that is not followed, \"https://evil",
        "Link",
        false,
        false,
    );
}

fn follow(world: &World, total: u64) -> Follow {
    let plan = WatchPlan {
        service: Service::new(Base::graph(), "test/1"),
        policy: PollingPolicy::default(),
        limits: Limits {
            total: Duration::from_secs(total),
            ..Limits::default()
        },
    };
    Follow::new("run-1", plan, [9; 16], world.now)
}

#[test]
fn following_a_run_says_why_it_ended() {
    let followed = |script: Script, total: u64| {
        let mut world = World::new(script);
        let limits = Limits {
            total: Duration::from_secs(total),
            ..Limits::default()
        };
        world.follow(limits).unwrap_err()
    };
    let day = 86_400;
    let run = |more: &str| Script::new().with(200, &[], &format!(r#"{{"id":"r-1",{more}}}"#));
    let error = followed(
        run(r#""status":"failed","blockingError":{"code":"C","message":"m"}"#),
        day,
    );
    says(
        &Said::from(&error),
        "the run failed: C: m",
        "Failed",
        false,
        false,
    );
    assert_eq!(
        (error.run_id(), error.run().map(|run| run.id())),
        ("r-1", Some("r-1"))
    );
    let error = followed(run(r#""status":"failed""#), day);
    assert!(error.to_string().starts_with("the run failed: "));
    let ended = run(r#""status":"paused","endDateTime":"2026-03-10T12:00:00Z""#);
    let error = followed(ended, day);
    says(
        &Said::from(&error),
        "the run ended with a status that is not known, \"paused\"",
        "Unrecognised",
        false,
        false,
    );
    let error = followed(answer(403), day);
    says(
        &Said::from(&error),
        "the run cannot be followed: ",
        "Read",
        true,
        false,
    );
    let error = followed(answer(503).times(200), day);
    says(
        &Said::from(&error),
        "no news of the run for ",
        "LostTrack",
        true,
        false,
    );
    let error = followed(run(r#""status":"running""#).times(9), 10);
    says(
        &Said::from(&error),
        "the time limit passed; the run goes on",
        "TimeLimit",
        false,
        false,
    );
    let asked = Script::new().with(503, &[("retry-after", "3600")], BODY);
    let error = followed(asked, 60);
    says(
        &Said::from(&error),
        "the service asked not to be asked before ",
        "TimeLimit",
        false,
        false,
    );
    assert!(!error.advice().is_empty());
}

#[test]
fn following_that_is_stopped_and_what_it_tells_on_its_way() {
    let mut world = World::new(Script::new());
    let mut machine = follow(&world, 86_400);
    assert_eq!((machine.id(), machine.run().is_none()), ("run-1", true));
    assert_eq!(machine.plan().limits.total.as_secs(), 86_400);
    let FollowStep::Send(exchange) = machine.step() else {
        panic!("it looks at once")
    };
    let (_, reply) = exchange.request(&world.token, world.now).unwrap();
    let body = br#"{"id":"run-1","status":"running"}"#;
    reply.answer(&world::head(200, &[]), Ok(body.to_vec()), world.now);
    let FollowStep::Wait(mut pause) = machine.step() else {
        panic!("it waits for the next look")
    };
    let news = pause.news().unwrap();
    assert_eq!(news.run().unwrap().id(), "run-1");
    assert!(news.operation().is_none());
    assert_eq!(
        (news.polls(), news.reason().to_string().as_str()),
        (1, "the run goes on")
    );
    let remaining = pause.remaining(world.now);
    world.pass(remaining);
    pause.over(world.now);
    assert_eq!(machine.run().unwrap().id(), "run-1");
    machine.stop();
    let FollowStep::Done(Err(error)) = machine.step() else {
        panic!("it was stopped")
    };
    says(
        &Said::from(&error),
        "stopped; the run goes on",
        "Stopped",
        false,
        false,
    );
}

fn fetch<E: Endpoint>(world: &World, endpoint: E, total: u64) -> Fetch<E> {
    let plan = FetchPlan {
        service: Service::new(Base::graph(), "test/1"),
        limits: Limits {
            total: Duration::from_secs(total),
            ..Limits::default()
        },
    };
    Fetch::new(endpoint, plan, [9; 16], world.now)
}

#[test]
fn a_read_that_is_stopped_or_cannot_be_sent() {
    let world = World::new(Script::new());
    let mut machine = fetch(&world, GetRun::new("run-1"), 600);
    let FetchStep::Send(exchange) = machine.step() else {
        panic!("it asks at once")
    };
    // No more than is left, and what a token may take.
    assert_eq!(exchange.time_limit(world.now).as_secs(), 60);
    let mut short = fetch(&world, GetRun::new("run-1"), 7);
    let FetchStep::Send(briefly) = short.step() else {
        panic!("it asks at once")
    };
    assert_eq!(briefly.time_limit(world.now).as_secs(), 7);
    exchange.unsent(Fault::new(Phase::Connect, "no socket"), world.now);
    let FetchStep::Wait(pause) = machine.step() else {
        panic!("it tries again later")
    };
    let reason = format!("{:?}", pause.reason());
    assert!(reason.contains("no socket"), "{reason}");
    machine.stop();
    let FetchStep::Done(Err(error)) = machine.step() else {
        panic!("it was stopped")
    };
    says(
        &Said::from(&error),
        "stopped while reading the run",
        "Stopped",
        false,
        false,
    );
    let mut world = World::new(Script::new());
    let mut machine = fetch(&world, GetRun::new("run-1"), 600);
    let FetchStep::Send(exchange) = machine.step() else {
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
        matches!(machine.step(), FetchStep::Done(Ok(_))),
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

    fn request(&self, _: &Base) -> Option<http::Uri> {
        Some(http::Uri::from_static(self.0))
    }

    fn decode(
        &self,
        _: &industrydata_core::Answer<'_>,
    ) -> Result<industrydata_core::Page<()>, industrydata_core::BodyError> {
        Ok(industrydata_core::Page::only(()))
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
            world
                .fetch(Elsewhere(elsewhere), Limits::default())
                .is_err(),
            "{elsewhere}"
        );
        assert!(world.requests.is_empty());
    }
    let mut world = World::new(Script::new().status(200));
    let own = Elsewhere("https://graph.microsoft.com/beta/external/industryData/x");
    assert!(world.fetch(own, Limits::default()).is_ok());
}

/// The next look of one that follows, answered at this moment.
fn looked(
    machine: &mut Follow,
    world: &World,
    status: u16,
    headers: &[(&'static str, &str)],
    body: &str,
) {
    let FollowStep::Send(exchange) = machine.step() else {
        panic!("it looks")
    };
    let (_, reply) = exchange.request(&world.token, world.now).unwrap();
    assert!(reply.body_limit(http::StatusCode::OK) > 0);
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()))
        .collect();
    reply.answer(&world::head(status, &headers), Ok(body.into()), world.now);
}

const RUNNING: &str = r#"{"id":"run-1","status":"running","startDateTime":"2026-03-10T11:55:00Z"}"#;

#[test]
fn a_run_is_looked_at_as_often_as_it_is_young() {
    let mut world = World::new(
        Script::new()
            .with(200, &[], RUNNING)
            .with(200, &[("retry-after", "30")], RUNNING)
            .with(200, &[], RUNNING.replace("running", "completed").as_str()),
    );
    assert!(world.follow(Limits::default()).is_ok());
    // A tenth of five minutes, and of what has passed since.
    let (first, second) = (&world.pauses[0], &world.pauses[1]);
    assert_eq!(first.0.as_millis(), 30_010);
    assert_eq!(second.0.as_millis(), 33_021);
    assert_eq!(second.1, "the run goes on");
}

#[test]
fn what_the_service_asks_for_is_the_reason_if_it_is_longer() {
    for (asked, is_reason) in [("7", false), ("8", true)] {
        let world = World::new(Script::new());
        let plan = WatchPlan {
            policy: PollingPolicy::every(Duration::from_secs(7)),
            ..follow(&world, 600).plan().clone()
        };
        let mut machine = Follow::new("run-1", plan, [9; 16], world.now);
        looked(
            &mut machine,
            &world,
            200,
            &[("retry-after", asked)],
            RUNNING,
        );
        let FollowStep::Wait(pause) = machine.step() else {
            panic!("it pauses")
        };
        assert_eq!(pause.reason().to_string() != "the run goes on", is_reason);
    }
}

#[test]
fn a_run_is_lost_after_ten_minutes_and_ten_looks() {
    let completed = r#"{"id":"r-1","status":"completed"}"#;
    for (pause, misses) in [(1, 30), (200_000, 9)] {
        let script = answer(503).times(misses).with(200, &[], completed);
        let policy = PollingPolicy::every(Duration::from_millis(pause));
        let followed = World::new(script).follow_at(policy, Limits::default());
        assert!(followed.is_ok(), "{followed:?}");
    }
    let policy = PollingPolicy::every(Duration::from_secs(100));
    let mut world = World::new(answer(503).times(30));
    assert!(world.follow_at(policy, Limits::default()).is_err());
    assert_eq!(world.requests.len(), 10);
}

#[test]
fn a_run_may_be_unknown_for_a_minute() {
    for (seconds, ends) in [(59, false), (60, true)] {
        let mut world = World::new(Script::new());
        let mut machine = follow(&world, 86_400);
        world.pass(Duration::from_secs(seconds));
        looked(&mut machine, &world, 404, &[], BODY);
        assert_eq!(matches!(machine.step(), FollowStep::Done(Err(_))), ends);
    }
}

#[test]
fn what_the_service_asks_for_is_held_against_what_is_left() {
    for (asked, at) in [("60", None), ("61", Some(61))] {
        let mut world = World::new(Script::new());
        let mut machine = follow(&world, 60);
        looked(
            &mut machine,
            &world,
            200,
            &[("retry-after", asked)],
            RUNNING,
        );
        if let FollowStep::Wait(pause) = machine.step() {
            let remaining = pause.remaining(world.now);
            assert_eq!(remaining.as_secs(), 60);
            world.pass(remaining);
            pause.over(world.now);
        }
        if let FollowStep::Send(exchange) = machine.step() {
            assert_eq!(exchange.time_limit(world.now), Duration::ZERO);
            assert!(exchange.request(&world.token, world.now).is_none());
        }
        let FollowStep::Done(Err(error)) = machine.step() else {
            panic!("the time is up")
        };
        let FollowErrorKind::TimeLimit { retry_at } = error.kind() else {
            panic!("{error:?}")
        };
        assert_eq!(*retry_at, at.map(world::timestamp));
    }
}

#[test]
fn a_token_that_is_refused_while_a_run_is_followed_is_told() {
    let world = World::new(Script::new());
    let mut machine = follow(&world, 7);
    looked(&mut machine, &world, 401, &[], BODY);
    let FollowStep::Send(exchange) = machine.step() else {
        panic!("it looks again with another")
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
fn a_look_that_comes_to_nothing_is_made_again() {
    for script in [
        Script::new().then(Answer::Lost(Phase::Sent)),
        Script::new().then(Answer::NoToken(TokenError::unavailable("down"))),
    ] {
        let completed = r#"{"id":"r-1","status":"completed"}"#;
        let mut world = World::new(script.with(200, &[], completed));
        assert!(world.follow(Limits::default()).is_ok());
        assert_eq!(world.pauses.len(), 1);
    }
    let world = World::new(Script::new());
    let mut machine = follow(&world, 600);
    let FollowStep::Send(exchange) = machine.step() else {
        panic!("it looks at once")
    };
    exchange.unsent(Fault::new(Phase::Connect, "no socket"), world.now);
    assert!(matches!(machine.step(), FollowStep::Wait(_)));
    // What went wrong is told to its root.
    let mut world = World::new(Script::new().then(Answer::Lost(Phase::Sent)).times(40));
    let error = world.follow(Limits::default()).unwrap_err();
    says(
        &Said::from(&error),
        "no news of the run for ",
        "LostTrack",
        false,
        true,
    );
}

#[test]
fn looks_are_counted() {
    let mut world = World::new(Script::new());
    let mut machine = follow(&world, 86_400);
    for looks in 1..=3 {
        looked(&mut machine, &world, 200, &[], RUNNING);
        let FollowStep::Wait(mut pause) = machine.step() else {
            panic!("the run goes on")
        };
        assert_eq!(pause.news().unwrap().polls(), looks);
        let remaining = pause.remaining(world.now);
        world.pass(remaining);
        pause.over(world.now);
    }
}

#[test]
fn advice_says_what_to_do_next() {
    let advised = |script: Script| {
        let mut world = World::new(script);
        let error = world.fetch(GetRun::new("run-1"), Limits::default());
        error.unwrap_err().advice()
    };
    assert!(advised(answer(404)).starts_with("check the id and the tenant"));
    assert!(advised(answer(403)).contains("grant the permission"));
    assert!(advised(answer(418)).starts_with("check the base URL"));
    assert_eq!(advised(answer(503).times(5)), "ask again later");
    let followed = |script: Script| {
        let mut world = World::new(script);
        world.follow(Limits::default()).unwrap_err().advice()
    };
    let failed = Script::new().with(200, &[], r#"{"id":"r-1","status":"failed"}"#);
    assert!(followed(failed).starts_with("read the run's blocking error"));
    assert!(followed(answer(403)).contains("grant the permission"));
    assert!(followed(answer(503).times(200)).contains("it goes on"));
    assert!(
        started(answer(400))
            .advice()
            .starts_with("read the service's message")
    );
    assert!(
        started(answer(500))
            .advice()
            .starts_with("do not start again blindly")
    );
    assert!(
        watched(answer(410), 60)
            .advice()
            .starts_with("look at the tenant's runs")
    );
    assert!(
        watched(answer(403), 60)
            .advice()
            .contains("grant IndustryData.ReadBasic.All")
    );
}
