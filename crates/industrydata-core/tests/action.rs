//! What an action makes of each answer, and what the poll of its operation says of a run (rules S9 to S11, P10).

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

use http::Method;
use industrydata_core::auth::TokenError;
use industrydata_core::endpoint::{Action, Service};
use industrydata_core::lro::{
    ActionError, ActionErrorKind, Machine, MayHaveStarted, OperationPollErrorKind, Perform,
    Performed, ReadPlan, RecordedPoll, ResumeToken, Session, Settings, Step,
};
use industrydata_core::model::OperationOrigin;
use industrydata_core::policy::Limits;
use industrydata_core::wire::{BaseUrl, OperationUrl, Phase, TransportError};
use proptest::prelude::*;
use world::{Answer, Script, World};

const API: &str = "https://graph.microsoft.com/beta/external/industryData";
const CONNECTOR: &str = "8c010e87-c28b-4350-bdc1-65ec29258b93";

fn validate() -> Action {
    Action::validate(CONNECTOR)
}

fn plan() -> ReadPlan {
    ReadPlan {
        service: Service::new(BaseUrl::graph(), "test/1"),
        limits: Limits::default(),
    }
}

fn session() -> Session {
    Settings::default().session("contoso".parse().unwrap(), "test/1")
}

fn perform(world: &mut World, action: Action) -> Result<Performed, ActionError> {
    world.drive(&mut Perform::new(action, plan(), [7; 16], world.now))
}

/// What is expected of an action: `accepted` or its kind in a word, and the POSTs on the wire.
#[track_caller]
fn check(script: Script, kind: &str, posts: usize) -> World {
    let mut world = World::new(script);
    let outcome = perform(&mut world, validate());
    let in_doubt = ["AmbiguousAnswer", "AnswerLost", "Dropped"].contains(&kind);
    let got = match &outcome {
        Ok(_) => "accepted".to_owned(),
        Err(error) => {
            assert!(!error.to_string().is_empty() && !error.advice().is_empty());
            assert_eq!(error.may_have_started(), MayHaveStarted::No);
            assert_eq!(error.is_in_doubt(), in_doubt, "{error}");
            assert_eq!(error.client_request_id().is_some(), posts > 0, "{error}");
            assert_eq!(error.origin(), OperationOrigin::Validation);
            word(error)
        }
    };
    assert_eq!(got, kind);
    assert_eq!((world.posts(), world.requests.len()), (posts, posts));
    assert_eq!(world.store_calls, 0, "an action uses no slot");
    world
}

fn word(error: &ActionError) -> String {
    let debug = format!("{:?}", error.kind());
    debug.split([' ', '(', '{']).next().unwrap().to_owned()
}

#[test]
fn an_action_is_one_post_without_a_body() {
    for (action, path) in [
        (validate(), format!("/dataConnectors/{CONNECTOR}/validate")),
        (
            Action::reset_flow("set 1", "f-1"),
            "/outboundProvisioningFlowSets/set%201/provisioningFlows/f-1/reset".to_owned(),
        ),
    ] {
        let mut world = World::new(Script::new().accepted());
        perform(&mut world, action).unwrap();
        let [request] = &world.requests[..] else {
            panic!("{:?}", world.requests)
        };
        assert_eq!(request.method(), Method::POST);
        assert_eq!(request.uri().to_string(), format!("{API}{path}"));
        assert_eq!(request.headers()["content-length"], "0");
        assert_eq!(request.headers()["authorization"], "Bearer first-token");
        assert_eq!(request.headers()["client-request-id"].len(), 36);
        assert!(!request.headers().contains_key("prefer"));
    }
}

#[test]
fn an_id_that_is_no_path_segment_is_not_sent() {
    let long = "a".repeat(129);
    let bad = [
        "", ".", "..", "a/b", "a\\b", "a%2fb", "a?b", "a#b", "a\nb", &long,
    ];
    for id in bad {
        for action in [
            Action::validate(id),
            Action::reset_flow(id, "f"),
            Action::reset_flow("s", id),
        ] {
            let mut world = World::new(Script::new());
            let error = perform(&mut world, action).unwrap_err();
            assert!(matches!(error.kind(), ActionErrorKind::InvalidId), "{id:?}");
            assert!(world.requests.is_empty());
        }
    }
}

#[test]
fn each_status_has_its_meaning() {
    let status = |status| Script::new().status(status);
    check(Script::new().accepted(), "accepted", 1);
    check(status(403), "Forbidden", 1);
    for code in [404, 410] {
        check(status(code), "NotFound", 1);
    }
    for code in [400, 405, 409, 411, 415, 422, 423, 301, 302, 307, 308, 501] {
        check(status(code), "Refused", 1);
    }
    check(status(429), "Throttled", 1);
    for code in [200, 201, 204, 303, 500, 502, 503, 504, 507, 599] {
        check(status(code), "AmbiguousAnswer", 1);
    }
}

#[test]
fn nothing_ambiguous_is_repeated() {
    check(
        Script::new().then(Answer::Lost(Phase::Sent)),
        "AnswerLost",
        1,
    );
    check(Script::new().then(Answer::Dropped), "Dropped", 1);
    check(
        Script::new().then(Answer::Cut(500, Vec::new())),
        "AmbiguousAnswer",
        1,
    );
    for phase in [
        Phase::Local,
        Phase::Resolve,
        Phase::Connect,
        Phase::Proxy,
        Phase::Tls,
        Phase::Refused,
    ] {
        let script = Script::new().then(Answer::Lost(phase));
        check(script, "Unreachable", 1);
    }
}

#[test]
fn a_401_is_repeated_once_with_another_token() {
    let fresh = || {
        Script::new()
            .status(401)
            .then(Answer::Token("second-token"))
    };
    let world = check(fresh().accepted(), "accepted", 2);
    assert_eq!(world.challenges, 1);
    assert_eq!(
        world.requests[1].headers()["authorization"],
        "Bearer second-token"
    );
    let ids = [0, 1].map(|n: usize| world.requests[n].headers()["client-request-id"].clone());
    assert_ne!(ids[0], ids[1]);
    check(fresh().status(401), "Unauthorized", 2);
    check(fresh().status(500), "AmbiguousAnswer", 2);
    check(fresh().then(Answer::Lost(Phase::Sent)), "AnswerLost", 2);
    // The source has no other token.
    check(Script::new().status(401), "Unauthorized", 1);
    let none = Answer::NoToken(TokenError::unavailable("down"));
    check(
        Script::new().status(401).then(none.clone()),
        "Unauthorized",
        1,
    );
    check(Script::new().then(none), "NoToken", 0);
}

#[test]
fn a_throttle_names_the_time() {
    for (field, seconds) in [(Some("120"), 120), (None, 60)] {
        let fields: Vec<_> = field
            .map(|value| ("retry-after", value))
            .into_iter()
            .collect();
        let mut world = World::new(Script::new().with(429, &fields, ""));
        let error = perform(&mut world, validate()).unwrap_err();
        let until = world.now.utc + Duration::from_secs(seconds);
        assert_eq!(error.retry_at(), Some(until));
        assert_eq!(world.posts(), 1);
    }
}

#[test]
fn a_location_is_checked_against_the_base() {
    let found = |fields: &[(&'static str, &str)]| {
        let mut world = World::new(Script::new().with(202, fields, ""));
        let outcome = perform(&mut world, validate());
        assert_eq!(world.posts(), 1);
        outcome.map(|performed| performed.operation().map(|it| it.text()))
    };
    let url = format!("{API}/operations/op-1");
    // A relative reference is resolved against the URL of this request.
    for location in [
        url.as_str(),
        "../../operations/op-1",
        "/external/industryData/operations/op-1",
    ] {
        let fields = [("location", location)];
        assert_eq!(
            found(&fields).unwrap().as_deref(),
            Some(url.as_str()),
            "{location}"
        );
    }
    assert_eq!(found(&[]).unwrap(), None);
    for location in [
        "https://evil.example/beta/external/industryData/operations/op-1",
        "http://graph.microsoft.com/beta/external/industryData/operations/op-1",
        "https://graph.microsoft.com/beta/me",
        "operations/op-1",
        "https://graph.microsoft.com/beta/external/industryData/operations/first-token",
    ] {
        let error = found(&[("location", location)]).unwrap_err();
        let ActionErrorKind::NotFollowable {
            location: shown, ..
        } = error.kind()
        else {
            panic!("{error:?}")
        };
        assert_eq!(shown.len(), 1);
        assert!(!shown[0].contains("first-token"), "{shown:?}");
        assert!(!error.is_in_doubt());
    }
    let two = [("location", url.as_str()), ("location", url.as_str())];
    let error = found(&two).unwrap_err();
    assert!(matches!(
        error.kind(),
        ActionErrorKind::NotFollowable { .. }
    ));
}

#[test]
fn a_validation_needs_a_location_and_a_reset_does_not() {
    let mut world = World::new(Script::new().with(202, &[("request-id", "rid-1")], ""));
    let performed = perform(&mut world, validate()).unwrap();
    let error = session().after_validation(&performed).unwrap_err();
    assert_eq!(word(&error), "NotFollowable");
    assert_eq!(error.request_id(), Some("rid-1"));
    assert!(session().after_action(&performed).is_none());
}

#[test]
fn time_that_is_up_sends_nothing() {
    let mut world = World::new(Script::new());
    let limits = Limits {
        total: Duration::from_secs(5),
        ..Limits::default()
    };
    let limited = ReadPlan { limits, ..plan() };
    let mut machine = Perform::new(validate(), limited.clone(), [7; 16], world.now);
    world.pass(Duration::from_secs(5));
    let error = world.drive(&mut machine).unwrap_err();
    assert_eq!((word(&error).as_str(), world.posts()), ("TimeLimit", 0));
    // No connection became free in time.
    let began = world.now;
    for (passed, kind) in [(1, "Unreachable"), (5, "TimeLimit")] {
        let mut machine = Perform::new(validate(), limited.clone(), [7; 16], began);
        world.now = began;
        world.pass(Duration::from_secs(passed));
        let Step::Send(exchange) = machine.step() else {
            panic!("a request is due")
        };
        exchange.unsent(TransportError::new(Phase::Local, "busy"), world.now);
        let error = world.drive(&mut machine).unwrap_err();
        assert_eq!(word(&error), kind);
    }
}

#[test]
fn a_stop_before_the_request_is_no_doubt_and_after_it_is() {
    let mut world = World::new(Script::new());
    let mut machine = Perform::new(validate(), plan(), [7; 16], world.now);
    machine.stop();
    let error = world.drive(&mut machine).unwrap_err();
    assert_eq!(word(&error), "Stopped");
    let mut machine = Perform::new(validate(), plan(), [7; 16], world.now);
    let Step::Send(exchange) = machine.step() else {
        panic!("a request is due")
    };
    drop(exchange.request(&world.token, world.now));
    machine.stop();
    machine.stop();
    let error = world.drive(&mut machine).unwrap_err();
    assert_eq!(
        (word(&error).as_str(), error.is_in_doubt()),
        ("Dropped", true)
    );
}

/// The poll of an action's operation in this world.
fn poll(world: &mut World, action: Action) -> RecordedPoll {
    let performed = perform(world, action).unwrap();
    session().after_action(&performed).unwrap()
}

#[test]
fn an_operation_of_an_action_is_polled_as_that_of_a_start() {
    let errors =
        r#"{"status":"succeeded","errors":[{"code":"RequiredFileNotFound","target":"orgs.csv"}]}"#;
    let script = Script::new().accepted().running().with(200, &[], errors);
    let mut world = World::new(script);
    let mut machine = poll(&mut world, validate());
    let operation = world.drive(&mut machine).unwrap();
    assert_eq!(operation.errors()[0].target(), Some("orgs.csv"));
    assert_eq!((world.posts(), world.requests.len()), (1, 3));
    assert_eq!(world.store_calls, 0);
    // The first poll comes an interval after the acceptance.
    let gap = world.request_times[1] - world.request_times[0];
    assert!(gap >= Duration::from_secs(5), "{gap:?}");
}

#[test]
fn no_run_was_asked_for_by_an_action() {
    let failed = || Script::new().accepted().operation("failed");
    for (action, origin) in [
        (validate(), OperationOrigin::Validation),
        (Action::reset_flow("s", "f"), OperationOrigin::Reset),
    ] {
        for script in [failed(), Script::new().accepted().status(410)] {
            let mut world = World::new(script);
            let mut machine = poll(&mut world, action.clone());
            let error = world.drive(&mut machine).unwrap_err();
            assert_eq!(error.may_have_started(), MayHaveStarted::No);
            assert_eq!(error.origin(), origin);
            assert!(!error.advice().contains("run"), "{}", error.advice());
        }
        // The resume token carries it to another process.
        let mut world = World::new(Script::new().accepted());
        let token = poll(&mut world, action).poll().resume_token().to_string();
        let token: ResumeToken = token.parse().unwrap();
        assert_eq!(token.origin(), origin);
        let mut world = World::new(Script::new().status(410));
        let mut machine = session().resume(&token, [1; 16], world.now).unwrap();
        let error = world.drive(&mut machine).unwrap_err();
        assert_eq!(error.may_have_started(), MayHaveStarted::No);
    }
}

const VALIDATION: &str = r##""@odata.type":"#microsoft.graph.industryData.fileValidateOperation""##;

#[test]
fn only_an_operation_that_is_not_known_to_be_a_starts_can_say_that_it_is_a_validation() {
    let body = format!(r#"{{{VALIDATION},"status":"failed"}}"#);
    let url = OperationUrl::parse(&BaseUrl::graph(), world::LOCATION).unwrap();
    // By its URL alone.
    let mut world = World::new(Script::new().with(200, &[], &body));
    let mut machine = session().poll(url, [1; 16], world.now);
    let error = world.drive(&mut machine).unwrap_err();
    assert_eq!(error.may_have_started(), MayHaveStarted::No);
    assert_eq!(error.origin(), OperationOrigin::Validation);
    // The operation of a start that this process made stays one, whatever the answer says.
    let mut world = World::new(Script::new().accepted().with(200, &[], &body));
    let accepted = world.start(world.plan()).unwrap();
    let mut machine = session().after(accepted);
    let error = world.drive(&mut machine).unwrap_err();
    assert!(matches!(error.kind(), OperationPollErrorKind::Failed));
    assert_eq!(error.may_have_started(), MayHaveStarted::Yes);
}

#[test]
fn a_poll_by_url_learns_when_its_operation_was_created() {
    let url = OperationUrl::parse(&BaseUrl::graph(), world::LOCATION).unwrap();
    let body = r#"{"status":"running","createdDateTime":"2026-03-10T09:00:00Z"}"#;
    let mut world = World::new(Script::new().with(200, &[], body).status(410));
    let mut machine = session().poll(url, [1; 16], world.now);
    let before = machine.poll().resume_token();
    assert_eq!(before.accepted(), world::timestamp(0));
    let error = world.drive(&mut machine).unwrap_err();
    let token = error.resume_token().unwrap();
    assert_eq!(token.accepted().to_string(), "2026-03-10T09:00:00Z");
    // What was accepted here is dated by the acceptance.
    let mut world = World::new(Script::new().accepted().with(200, &[], body).status(410));
    let accepted = world.start(world.plan()).unwrap();
    let at = accepted.at();
    let error = world.drive(&mut session().after(accepted)).unwrap_err();
    let token = error.resume_token().unwrap();
    assert_eq!(token.accepted().as_second(), at.as_second());
}

#[test]
fn the_request_ids_of_a_failure_are_kept() {
    let failed = [("request-id", "rid-2")];
    let script = Script::new()
        .with(
            202,
            &[("location", world::LOCATION), ("request-id", "rid-1")],
            "",
        )
        .running()
        .with(200, &failed, r#"{"status":"failed"}"#);
    let mut world = World::new(script);
    let accepted = world.start(world.plan()).unwrap();
    let error = world.drive(&mut session().after(accepted)).unwrap_err();
    assert_eq!(error.request_id(), Some("rid-2"));
    assert_eq!(error.request_ids().collect::<Vec<_>>(), ["rid-1", "rid-2"]);
    // A poll without an id leaves that of the start alone.
    let script = Script::new()
        .with(
            202,
            &[("location", world::LOCATION), ("request-id", "rid-1")],
            "",
        )
        .operation("failed");
    let mut world = World::new(script);
    let accepted = world.start(world.plan()).unwrap();
    let error = world.drive(&mut session().after(accepted)).unwrap_err();
    assert_eq!(error.request_id(), None);
    assert_eq!(error.request_ids().collect::<Vec<_>>(), ["rid-1"]);
}

fn any_answer() -> impl Strategy<Value = Answer> {
    let phases = [
        Phase::Local,
        Phase::Connect,
        Phase::Tls,
        Phase::Refused,
        Phase::Sent,
    ];
    prop_oneof![
        (200u16..600).prop_map(|status| Answer::Head(status, Vec::new(), Vec::new())),
        (200u16..600).prop_map(|status| Answer::Cut(status, Vec::new())),
        (0usize..5).prop_map(move |phase| Answer::Lost(phases[phase])),
        Just(Answer::Dropped),
        Just(Answer::NoToken(TokenError::unavailable("down"))),
    ]
}

proptest! {
    /// Whatever comes, there is one POST, and a second only after a 401 with another token.
    #[test]
    fn an_action_is_sent_once(first in any_answer(), second in any_answer(), fresh: bool) {
        let mut script = Script::new().then(first.clone());
        if fresh {
            script = script.then(Answer::Token("second-token"));
        }
        let mut world = World::new(script.then(second));
        let outcome = perform(&mut world, validate());
        let may_repeat = matches!(first, Answer::Head(401, ..) | Answer::Cut(401, _)) && fresh;
        prop_assert!(world.posts() <= 1 + usize::from(may_repeat));
        prop_assert_eq!(world.posts(), world.requests.len());
        prop_assert_eq!(world.store_calls, 0);
        if let Err(error) = outcome {
            let shown = format!("{error:?} {error}");
            prop_assert!(!shown.contains("-token"), "{}", shown);
        }
    }
}
