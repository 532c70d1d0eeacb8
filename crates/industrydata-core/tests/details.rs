//! What is read of a failure besides its status: in order, within a bound, and never an error (rule P11).

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
use industrydata_core::lro::{Machine, Session, Settings, Step};
use industrydata_core::reconcile::FailureDetails;
use industrydata_core::wire::{BaseUrl, OperationUrl, Phase};
use world::{Answer, Script, World};

const RUN: &str = r#"{"id":"r-1","status":"failed","startDateTime":"2026-03-10T12:00:10Z",
    "blockingError":{"code":"FlowFailed","message":"m","innerError":{"code":"i1","innerError":{"code":"i2"}}}}"#;
const ACTIVITIES: &str = r#"{"value":[{"id":"a-1","status":"completed"},
    {"id":"a-2","status":"failed","blockingError":{"code":"c"}},{"id":"a-3","status":"skipped"}]}"#;
const STATISTICS: &str = r#"{"runId":"r-1","status":"failed","inboundTotals":{"errors":3}}"#;

fn session() -> Session {
    Settings::default().session("contoso".parse().unwrap(), "test/1")
}

fn named(status: &str) -> String {
    let url = "https://graph.microsoft.com/beta/external/industryData/runs/r-1";
    format!(r#"{{"status":"{status}","resourceLocation":"{url}"}}"#)
}

fn json(script: Script, body: &str) -> Script {
    script.with(200, &[("content-type", "application/json")], body)
}

/// The details of a started operation that ends with this body; the script goes on with the reads.
fn details(body: &str, reads: Script) -> (FailureDetails, World) {
    let mut world = World::new(json(Script::new().accepted(), body));
    let accepted = world.start(world.plan()).unwrap();
    let mut machine = session().after(accepted);
    _ = world.drive(&mut machine).unwrap_err();
    let before = world.requests.len();
    world.script = reads;
    let Ok(details) = world.drive(&mut session().failure(machine.poll(), world.now));
    world.requests.drain(..before);
    (details, world)
}

fn paths(world: &World) -> Vec<&str> {
    let path = |request| http::Request::uri(request).path();
    let paths = world.requests.iter().map(path);
    let base = "/beta/external/industryData/";
    paths.map(|path| path.strip_prefix(base).unwrap()).collect()
}

#[test]
fn the_run_its_failed_activities_and_its_statistics_are_read() {
    let reads = json(json(json(Script::new(), RUN), ACTIVITIES), STATISTICS);
    let (found, world) = details(&named("failed"), reads);
    assert_eq!(
        paths(&world),
        ["runs/r-1", "runs/r-1/activities", "runs/r-1/getStatistics"]
    );
    assert_eq!(found.run_match().unwrap().id(), "r-1");
    let error = found.run().unwrap().blocking_error().unwrap();
    assert_eq!(
        (error.code(), error.inner_codes().len()),
        (Some("FlowFailed"), 2)
    );
    let failed: Vec<_> = found.failed_activities().iter().map(|it| it.id()).collect();
    assert_eq!(failed, [Some("a-2")]);
    let totals = found.statistics().unwrap().inbound_totals().unwrap();
    assert_eq!(totals.errors, Some(3));
    assert_eq!(world.posts(), 0);
}

#[test]
fn a_run_is_searched_for_if_the_operation_does_not_name_it() {
    let one = format!(r#"{{"value":[{RUN}]}}"#);
    let two = format!(
        r#"{{"value":[{RUN},{{"id":"r-2","status":"running","startDateTime":"2026-03-10T12:01:00Z"}}]}}"#
    );
    let failed = r#"{"status":"failed"}"#;
    let reads = json(
        json(json(json(Script::new(), &one), RUN), ACTIVITIES),
        STATISTICS,
    );
    let (found, world) = details(failed, reads);
    assert_eq!((paths(&world)[0], paths(&world).len()), ("runs", 4));
    assert!(found.run().is_some() && found.statistics().is_some());
    // The blocking error of another start's run would mislead.
    for list in [two.as_str(), r#"{"value":[]}"#] {
        let (found, world) = details(failed, json(Script::new(), list));
        assert_eq!(
            (paths(&world), &found),
            (vec!["runs"], &FailureDetails::default())
        );
    }
}

#[test]
fn a_part_that_cannot_be_read_is_left_out() {
    let forbidden = Script::new().status(403);
    let (found, world) = details(
        &named("failed"),
        json(json(forbidden, ACTIVITIES), STATISTICS),
    );
    assert_eq!(paths(&world).len(), 3);
    assert!(found.run().is_none() && found.statistics().is_some());
    assert_eq!(found.failed_activities().len(), 1);
    let page = Script::new().with(200, &[("content-type", "text/html")], "<html>");
    let (found, _) = details(
        &named("failed"),
        json(json(page, ACTIVITIES).status(404), ""),
    );
    assert!(found.run().is_none() && found.statistics().is_none());
}

#[test]
fn a_service_that_is_down_ends_the_reads_within_the_bound() {
    for reads in [
        Script::new().status(503).times(20),
        Script::new().then(Answer::Lost(Phase::Sent)).times(20),
        Script::new().with(503, &[("retry-after", "86400")], ""),
        Script::new()
            .then(Answer::NoToken(TokenError::unavailable("down")))
            .times(20),
        Script::new()
            .then(Answer::After(Duration::from_secs(60)))
            .status(503),
    ] {
        let mut world = World::new(json(Script::new().accepted(), &named("failed")));
        let accepted = world.start(world.plan()).unwrap();
        let mut machine = session().after(accepted);
        _ = world.drive(&mut machine).unwrap_err();
        world.script = reads;
        let began = world.now.steady;
        let is_slow = matches!(world.script.0.front(), Some(Answer::After(_)));
        let mut reading = session().failure(machine.poll(), world.now);
        let Ok(found) = world.drive(&mut reading);
        let took = world.now.steady - began;
        assert!(is_slow || took <= Duration::from_secs(11), "{took:?}");
        assert!(found.run().is_none() && found.statistics().is_none());
    }
}

#[test]
fn the_details_end_with_the_time_limit_of_the_poll() {
    let mut world = World::new(json(Script::new().accepted(), &named("failed")));
    let accepted = world.start(world.plan()).unwrap();
    let mut machine = session().after(accepted);
    _ = world.drive(&mut machine).unwrap_err();
    // The default limit of 24 h has passed meanwhile.
    world.pass(Duration::from_secs(24 * 60 * 60));
    let before = world.requests.len();
    let mut reading = session().failure(machine.poll(), world.now);
    let Ok(found) = world.drive(&mut reading);
    assert_eq!((found.run(), world.requests.len()), (None, before));
}

#[test]
fn nothing_is_read_for_an_operation_without_a_run() {
    let url = OperationUrl::parse(&BaseUrl::graph(), world::LOCATION).unwrap();
    let validation = r##"{"@odata.type":"#microsoft.graph.industryData.fileValidateOperation","status":"failed",
        "resourceLocation":"https://graph.microsoft.com/beta/external/industryData/runs/r-1"}"##;
    // A bare URL whose operation says nothing of its time: any run may be another start's.
    for body in [validation, r#"{"status":"failed"}"#] {
        let mut world = World::new(json(Script::new(), body));
        let mut machine = session().poll(url.clone(), [1; 16], world.now);
        _ = world.drive(&mut machine).unwrap_err();
        let mut reading = session().failure(machine.poll(), world.now);
        let Ok(found) = world.drive(&mut reading);
        assert_eq!(found, FailureDetails::default());
        assert_eq!(world.requests.len(), 1);
    }
    let mut world = World::new(json(Script::new(), validation));
    let mut machine = session().poll(url, [1; 16], world.now);
    _ = world.drive(&mut machine).unwrap_err();
    let mut find = session().find_run(machine.poll(), [3; 16], world.now);
    assert_eq!(world.drive(&mut find).unwrap(), None);
    assert_eq!(world.requests.len(), 1);
}

#[test]
fn a_stop_keeps_what_was_read() {
    let mut world = World::new(json(Script::new().accepted(), &named("failed")));
    let accepted = world.start(world.plan()).unwrap();
    let mut machine = session().after(accepted);
    _ = world.drive(&mut machine).unwrap_err();
    world.script = json(Script::new(), RUN);
    let mut reading = session().failure(machine.poll(), world.now);
    let Step::Send(exchange) = reading.step() else {
        panic!("a read is due")
    };
    assert!(world.exchange(exchange));
    reading.stop();
    let Ok(found) = world.drive(&mut reading);
    assert!(found.run().is_some() && found.statistics().is_none());
}

#[test]
fn a_failed_run_that_was_polled_is_not_read_again() {
    let mut world = World::new(json(Script::new(), RUN));
    let mut machine = session().poll_run("r-1", [1; 16], world.now);
    let error = world.drive(&mut machine).unwrap_err();
    assert_eq!(error.run_id(), "r-1");
    world.script = json(json(Script::new(), ACTIVITIES), STATISTICS);
    let mut reading = session().run_failure(&machine, world.now);
    let Ok(found) = world.drive(&mut reading);
    assert_eq!(paths(&world).len(), 3);
    assert!(found.run().is_some() && found.run_match().is_none());
    assert_eq!(found.failed_activities().len(), 1);
    // A run that was not read yet is read first.
    let machine = session().poll_run("r-1", [1; 16], world.now);
    world.script = json(json(json(Script::new(), RUN), ACTIVITIES), STATISTICS);
    let mut reading = session().run_failure(&machine, world.now);
    let Ok(found) = world.drive(&mut reading);
    assert!(found.run().is_some());
}

#[test]
fn the_poll_that_showed_a_runs_end_is_named() {
    let script = Script::new().with(200, &[("request-id", "rid-9")], RUN);
    let mut world = World::new(script);
    let mut machine = session().poll_run("r-1", [1; 16], world.now);
    let error = world.drive(&mut machine).unwrap_err();
    assert_eq!(error.request_id(), Some("rid-9"));
}
