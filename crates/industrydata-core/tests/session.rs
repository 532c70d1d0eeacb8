//! What a session's machines do, each driven by the one loop: reconciliation, the run of an operation, the schedule, and an
//! acceptance that the ledger did not take at once.

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

use industrydata_core::ledger::Evidence;
use industrydata_core::ledger::Resolution;
use industrydata_core::ledger::Schedule;
use industrydata_core::ledger::StoreError;
use industrydata_core::ledger::Unresolved;
use industrydata_core::lro::Machine;
use industrydata_core::lro::OperationPollErrorKind;
use industrydata_core::lro::ReadErrorKind;
use industrydata_core::lro::Session;
use industrydata_core::lro::Settings;
use industrydata_core::lro::Step;
use industrydata_core::reconcile::Match;
use industrydata_core::reconcile::ReconcileError;
use industrydata_core::reconcile::ResolveError;
use industrydata_core::reconcile::RunMatchedBy;
use industrydata_core::wire::BaseUrl;
use industrydata_core::wire::OperationUrl;
use industrydata_core::wire::Phase;
use world::{Answer, Script, World, timestamp};

const SEED: [u8; 16] = [7; 16];

fn session() -> Session {
    Settings::default().session("contoso".parse().unwrap(), "test/1")
}

fn list(script: Script, items: &str) -> Script {
    let body = format!(r#"{{"value":[{items}]}}"#);
    let date = [("date", "Tue, 10 Mar 2026 13:00:00 GMT")];
    script.with(200, &date, &body)
}

fn run(id: &str, seconds: u64) -> String {
    let started = timestamp(seconds);
    format!(r#"{{"id":"{id}","status":"running","startDateTime":"{started}"}}"#)
}

fn operation(id: &str, seconds: u64) -> String {
    let created = timestamp(seconds);
    format!(r#"{{"id":"{id}","status":"running","createdDateTime":"{created}"}}"#)
}

/// A world with one start in doubt, an hour later.
fn in_doubt(script: Script) -> World {
    let mut world = World::new(Script::new().then(Answer::Lost(Phase::Sent)));
    world.start(world.plan()).unwrap_err();
    assert_eq!(world.quota().in_doubt(), 1);
    world.pass(Duration::from_secs(3600));
    world.script = script;
    world
}

#[test]
fn both_lists_are_read_before_the_ledger_and_changes_are_made_one_by_one() {
    let lists = list(Script::new(), &operation("o-1", 2));
    let mut world = in_doubt(list(lists, &run("r-9", 3000)));
    let before = world.store_calls;
    let mut machine = session().reconcile(SEED, world.now);
    let found = world.drive(&mut machine).unwrap();
    let resolved = |it: &Match| matches!(it, Match::Resolved { evidence: Evidence::Operation(id), .. } if id == "o-1");
    let external = |it: &Match| matches!(it, Match::External { evidence: Evidence::Run(id), .. } if id == "r-9");
    assert!(found.matches().iter().any(resolved), "{found:?}");
    assert!(found.matches().iter().any(external), "{found:?}");
    let paths: Vec<_> = world.requests[1..]
        .iter()
        .map(|it| it.uri().path())
        .collect();
    assert!(paths[0].ends_with("/operations") && paths[1].ends_with("/runs"));
    assert_eq!(world.store_calls - before, 1 + found.changes().len());
    let quota = world.quota();
    assert_eq!((quota.in_doubt(), quota.used()), (0, 2));
    // It gives the same again.
    assert_eq!(world.drive(&mut machine).unwrap().drift(), found.drift());
}

#[test]
fn a_reconciliation_that_cannot_read_changes_nothing() {
    let mut world = in_doubt(Script::new().status(403).status(404));
    let before = world.ledger.clone();
    let error = world.drive(&mut session().reconcile(SEED, world.now));
    let Err(ReconcileError::Read(error)) = error else {
        panic!("{error:?}")
    };
    // The operations' own error, which came first.
    assert!(
        matches!(error.kind(), ReadErrorKind::Forbidden(_)),
        "{error}"
    );
    assert_eq!(world.ledger, before);
    // With one of the lists, nothing is freed.
    let mut world = in_doubt(list(Script::new().status(403), ""));
    let found = world
        .drive(&mut session().reconcile(SEED, world.now))
        .unwrap();
    assert!(found.unread().is_some());
    assert_eq!((world.quota().in_doubt(), found.left_in_doubt()), (1, 1));
    // Without the ledger there is nothing to compare.
    let lists = list(list(Script::new(), ""), "");
    let mut world = in_doubt(lists);
    world.store_error = Some((world.store_calls + 1, StoreError::Busy));
    let error = world.drive(&mut session().reconcile(SEED, world.now));
    assert!(matches!(
        error,
        Err(ReconcileError::Ledger(StoreError::Busy))
    ));
}

#[test]
fn a_stop_ends_the_reads_but_no_change() {
    let mut world = in_doubt(Script::new());
    let mut machine = session().reconcile(SEED, world.now);
    machine.stop();
    let error = world.drive(&mut machine);
    let Err(ReconcileError::Read(error)) = error else {
        panic!("{error:?}")
    };
    assert!(matches!(error.kind(), ReadErrorKind::Stopped));
    assert_eq!(world.requests.len(), 1, "only the start's own");

    let lists = list(list(Script::new(), &operation("o-1", 2)), "");
    let mut world = in_doubt(lists);
    let mut machine = session().reconcile(SEED, world.now);
    loop {
        match machine.step() {
            Step::Ledger(..) => break,
            Step::Send(exchange) => assert!(world.exchange(exchange)),
            Step::Wait(_) | Step::Done(_) => panic!("both lists are read at once"),
        }
    }
    machine.stop();
    assert!(world.drive(&mut machine).is_ok());
    assert_eq!(world.quota().confirmed(), 1);
}

#[test]
fn a_run_is_named_by_its_operation_or_found_among_the_runs() {
    let url = || OperationUrl::parse(&BaseUrl::graph(), world::LOCATION).unwrap();
    let body = r#"{"status":"succeeded","resourceLocation":"https://graph.microsoft.com/beta/external/industryData/runs/r-1"}"#;
    let mut world = World::new(Script::new().with(200, &[], body));
    let mut poll = session().poll(url(), SEED, world.now);
    world.drive(&mut poll).unwrap();
    let mut find = session().find_run(poll.poll(), SEED, world.now);
    let found = world.drive(&mut find).unwrap().unwrap();
    assert_eq!(
        (found.id(), found.by()),
        ("r-1", RunMatchedBy::ResourceLocation)
    );
    assert_eq!(world.requests.len(), 1, "nothing is asked for it");

    let mut world = World::new(list(Script::new(), &run("r-2", 60)));
    let poll = session().poll(url(), SEED, world.now);
    let mut find = session().find_run(poll.poll(), SEED, world.now);
    let found = world.drive(&mut find).unwrap().unwrap();
    assert_eq!((found.id(), found.by()), ("r-2", RunMatchedBy::StartTime));

    for (script, expected) in [
        (list(Script::new(), ""), Ok(())),
        (Script::new().status(403), Err(())),
    ] {
        world.script = script;
        let mut find = session().find_run(poll.poll(), SEED, world.now);
        let found = world.drive(&mut find);
        assert_eq!(found.as_ref().map(|_| ()).map_err(|_| ()), expected);
        assert!(found.is_err() || found.unwrap().is_none());
    }
    let mut find = session().find_run(poll.poll(), SEED, world.now);
    find.stop();
    assert!(matches!(
        world.drive(&mut find).unwrap_err().kind(),
        ReadErrorKind::Stopped
    ));
}

#[test]
fn the_runs_are_read_only_for_an_unknown_schedule() {
    let hours = |hours: u64| hours * 3600;
    let due = timestamp(hours(9));
    let mut world = World::new(Script::new());
    let session = session();
    let forecast = world
        .drive(&mut session.forecast(Some(due), SEED))
        .unwrap()
        .unwrap();
    assert_eq!(forecast.next_scheduled(), due);
    let known = session
        .clone()
        .schedule(Schedule::given(timestamp(hours(3))));
    let forecast = world
        .drive(&mut known.forecast(None, SEED))
        .unwrap()
        .unwrap();
    assert_eq!(forecast.next_scheduled(), timestamp(hours(3)));
    let quota = world.drive(&mut known.quota()).unwrap();
    assert_eq!(
        quota.forecast().unwrap().next_scheduled(),
        timestamp(hours(3))
    );
    assert!(world.requests.is_empty());

    world.pass(Duration::from_secs(hours(30)));
    let runs = [run("a", 0), run("b", hours(12)), run("c", hours(24))].join(",");
    world.script = list(list(Script::new(), &runs), &runs);
    let schedule = world
        .drive(&mut known.infer_schedule(SEED))
        .unwrap()
        .unwrap();
    assert!(schedule.fits(timestamp(hours(36))));
    let forecast = world
        .drive(&mut session.forecast(None, SEED))
        .unwrap()
        .unwrap();
    assert!(forecast.is_inferred());
    assert_eq!(world.requests.len(), 2);

    world.script = list(Script::new().status(403), "");
    let error = world.drive(&mut session.infer_schedule(SEED));
    assert!(matches!(error, Err(ReconcileError::Read(_))));
    assert!(
        world
            .drive(&mut session.infer_schedule(SEED))
            .unwrap()
            .is_none()
    );
    let mut stopped = session.infer_schedule(SEED);
    let Step::Ledger(transaction, _) = stopped.step() else {
        panic!("the quota comes first")
    };
    let reply = world.transact(&transaction.change().clone());
    transaction.done(reply, world.now);
    stopped.stop();
    assert!(matches!(
        world.drive(&mut stopped),
        Err(ReconcileError::Read(_))
    ));
    world.store_error = Some((world.store_calls + 1, StoreError::Busy));
    let error = world.drive(&mut session.infer_schedule(SEED));
    assert!(matches!(
        error,
        Err(ReconcileError::Ledger(StoreError::Busy))
    ));
}

#[test]
fn a_start_in_doubt_is_resolved_by_hand() {
    let mut world = in_doubt(Script::new());
    let session = session();
    let entries = world.drive(&mut session.entries()).unwrap();
    let id = entries[0].id().to_owned();
    let mut resolve =
        |id: &str, to| world.drive(&mut session.resolve(id, to, "seen in the portal"));
    for unknown in ["", "no id", &"0".repeat(32)] {
        let error = resolve(unknown, Resolution::Started).unwrap_err();
        let ResolveError::Unresolved(error) = error else {
            panic!("{error:?}")
        };
        assert_eq!(error, Unresolved::NoSuchEntry);
    }
    resolve(&id, Resolution::NotStarted).unwrap();
    assert_eq!((world.quota().used(), world.requests.len()), (0, 1));
}

#[test]
fn an_acceptance_that_was_not_recorded_is_tried_once_more_when_its_poll_has_ended() {
    for (second, is_recorded) in [(None, true), (Some(StoreError::Busy), false)] {
        for ends_well in [true, false] {
            let script = Script::new()
                .then(Answer::Store(2, StoreError::Busy))
                .accepted();
            let status = if ends_well { "succeeded" } else { "failed" };
            let mut world = World::new(script.running().operation(status));
            let session = session();
            let accepted = world.drive(&mut session.start(SEED, world.now)).unwrap();
            let mut poll = session.after(accepted);
            assert!(poll.ledger_warning().is_some() && poll.accepted().is_some());
            let calls = world.store_calls;
            if let Some(error) = second.clone() {
                world.store_error = Some((calls + 1, error));
            }
            // Nothing touches the ledger before the end.
            loop {
                match poll.step() {
                    Step::Send(exchange) => assert!(world.exchange(exchange)),
                    Step::Wait(pause) => {
                        world.pass(pause.remaining(world.now));
                        pause.over(world.now);
                    }
                    Step::Ledger(..) => break,
                    Step::Done(_) => panic!("the acceptance is not recorded"),
                }
            }
            assert_eq!((world.store_calls, world.requests.len()), (calls, 3));
            // A step that is dropped is lent again; the end is the same when asked for again.
            for _ in 0..2 {
                match world.drive(&mut poll) {
                    Ok(operation) => assert!(ends_well && operation.status().is_terminal()),
                    Err(error) => {
                        assert!(matches!(error.kind(), OperationPollErrorKind::Failed));
                        assert_eq!(error.ledger_warning().is_none(), is_recorded);
                    }
                }
            }
            // The acceptance once, and then how long the operation took.
            assert_eq!(world.store_calls, calls + 1 + usize::from(is_recorded));
            assert_eq!(poll.ledger_warning().is_none(), is_recorded);
            assert_eq!(world.quota().confirmed(), u32::from(is_recorded));
        }
    }
}

#[test]
fn a_session_has_the_settings_of_its_client() {
    let limit = Duration::from_secs(90);
    let session = Settings::default()
        .user_agent("a-program/2")
        .time_limit(limit)
        .session("contoso".parse().unwrap(), "test/1");
    let mut world = World::new(Script::new().accepted().succeeded());
    let mut start = session.clone().label("nightly").start(SEED, world.now);
    let accepted = world.drive(&mut start).unwrap();
    assert_eq!(world.requests[0].headers()["user-agent"], "a-program/2");
    let poll = session.after(accepted);
    assert_eq!(poll.poll().plan().limits.total, limit);
    let entries = world.drive(&mut session.entries()).unwrap();
    assert_eq!(entries[0].caller().label.as_deref(), Some("nightly"));
    // A resume token is for its base only.
    let token = poll.poll().resume_token();
    let mut resumed = session.resume(&token, SEED, world.now).unwrap();
    assert!(resumed.accepted().is_none() && world.drive(&mut resumed).is_ok());
    let elsewhere = Settings::default().base("http://127.0.0.1:9/beta".parse().unwrap());
    let elsewhere = elsewhere.session("contoso".parse().unwrap(), "test/1");
    assert!(elsewhere.resume(&token, SEED, world.now).is_err());
    assert_eq!(
        elsewhere.service().base().as_str(),
        "http://127.0.0.1:9/beta"
    );
    let mut run = session
        .time_limit(limit * 2)
        .poll_run("r-1", SEED, world.now);
    assert_eq!(run.plan().limits.total, limit * 2);
    run.stop();
    assert!(world.drive(&mut run).is_err());
}

#[test]
fn the_id_of_the_operations_body_is_kept_once_when_the_poll_ends() {
    let body = |status: &str| format!(r#"{{"id":"another-1","status":"{status}"}}"#);
    let json = [("content-type", "application/json")];
    for store_fails in [false, true] {
        let script = Script::new().accepted().with(200, &json, &body("running"));
        let script = script.with(200, &json, &body("succeeded"));
        let mut world = World::new(script);
        let accepted = world.start(world.plan()).unwrap();
        let before = (world.store_calls, world.ledger.clone());
        if store_fails {
            world.store_error = Some((world.store_calls + 1, StoreError::Busy));
        }
        let mut machine = session().after(accepted);
        assert!(world.drive(&mut machine).is_ok());
        assert!(machine.ledger_warning().is_none());
        assert_eq!(world.store_calls, before.0 + 1);
        let kept = String::from_utf8(world.ledger.clone().unwrap()).unwrap();
        assert_eq!(kept.contains(r#""other_id":"another-1""#), !store_fails);
        assert_eq!(world.ledger == before.1, store_fails);
    }
}
