//! Starts with a key: one start for a key within a window, whatever the state of the earlier one.

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

use industrydata_core::ledger::{
    Caller, Change, Entry, EntryState, LedgerKey, Outcome, Resolution, StartKey, StoreError,
};
use industrydata_core::lro::{
    Accepted, Machine, MayHaveStarted, Session, Settings, StartError, StartErrorKind, Step,
};
use industrydata_core::policy::{PollingPolicy, Throttle};
use industrydata_core::wire::{BaseUrl, Phase};
use proptest::prelude::*;
use world::{Answer, LOCATION, Script, World, timestamp};

const ID: &str = "171bf0b4-14e9-408f-71dd-08dcd2a15d23";
const HOUR: Duration = Duration::from_secs(3600);

fn key(text: &str) -> StartKey {
    text.parse().unwrap()
}

fn session() -> Session {
    Settings::default().session("contoso".parse().unwrap(), "test/1")
}

fn ledger_key() -> LedgerKey {
    LedgerKey::new(&BaseUrl::graph(), &"contoso".parse().unwrap())
}

/// A start with the key by another caller each time, to its end.
fn start(world: &mut World, name: &str) -> Result<Accepted, StartError> {
    limited(world, name, 86_400)
}

fn limited(world: &mut World, name: &str, seconds: u64) -> Result<Accepted, StartError> {
    // Another than that of the world's own starts.
    let seed = [u8::try_from(world.store_calls % 200).unwrap() + 30; 16];
    let session = session()
        .time_limit(Duration::from_secs(seconds))
        .key(key(name));
    let mut machine = session.start_once(seed, world.now);
    world.drive(&mut machine)
}

fn entries(world: &mut World) -> Vec<Entry> {
    let change = Change::entries(ledger_key(), Throttle::default());
    world.transact(&change).unwrap().entries().to_vec()
}

/// Reserves a slot for another process that is making a start with the key.
fn reserved_by_another(world: &mut World, name: &str, lease: u64) {
    let lease = Duration::from_secs(lease);
    let caller = Caller::default();
    let change = Change::reserve(ledger_key(), Throttle::default(), [1; 16], lease, caller);
    let reply = world
        .transact(&change.with_start_key(Some(key(name))))
        .unwrap();
    assert!(reply.refusal().is_none() && reply.holder().is_none());
}

fn settle(world: &mut World, outcome: Outcome) {
    let change = Change::settle(ledger_key(), Throttle::default(), [1; 16], outcome);
    world.transact(&change).unwrap();
}

fn list(script: Script, date: &str, items: &str) -> Script {
    let body = format!(r#"{{"value":[{items}]}}"#);
    script.with(200, &[("date", date)], &body)
}

/// A world in which the answer to a start with the key was lost, an hour later.
fn in_doubt(name: &str) -> World {
    let mut world = World::new(Script::new().then(Answer::Lost(Phase::Sent)));
    let error = start(&mut world, name).unwrap_err();
    assert!(matches!(error.kind(), StartErrorKind::AnswerLost(_)));
    world.pass(HOUR);
    world
}

#[test]
fn a_second_start_with_the_key_goes_on_with_the_first() {
    let mut world = World::new(Script::new().accepted());
    let first = start(&mut world, "nightly").unwrap();
    assert!(first.attached_to().is_none());
    world.pass(HOUR);
    let bytes = world.ledger.clone();
    let second = start(&mut world, "nightly").unwrap();
    let entry = second.attached_to().unwrap();
    assert_eq!(
        (entry.key(), entry.operation()),
        (Some("nightly"), Some(ID))
    );
    assert_eq!(second.operation().text(), LOCATION);
    assert_eq!(second.at(), entry.date());
    assert_eq!(second.quota().unwrap().used(), 1);
    assert_eq!((world.posts(), &world.ledger), (1, &bytes));
    // It polls at once, and its resume token has the time of the acceptance.
    let before = world.now.steady;
    world.script = Script::new().succeeded();
    let mut poll = second.poll(PollingPolicy::default());
    // A token has whole seconds.
    assert_eq!(poll.resume_token().accepted(), timestamp(0));
    world.drive(&mut poll).unwrap();
    assert_eq!(world.request_times.last(), Some(&before));
}

#[test]
fn an_operation_that_failed_stays_failed() {
    let mut world = World::new(Script::new().accepted());
    start(&mut world, "nightly").unwrap();
    for _ in 0..2 {
        world.script = Script::new().operation("failed");
        let accepted = start(&mut world, "nightly").unwrap();
        let error = world.drive(&mut accepted.poll(PollingPolicy::default()));
        assert!(error.is_err());
    }
    assert_eq!(world.posts(), 1);
}

#[test]
fn two_keys_and_no_key_are_starts_of_their_own() {
    let mut world = World::new(Script::new().accepted().times(4));
    start(&mut world, "a").unwrap();
    start(&mut world, "A").unwrap();
    start(&mut world, "a ").unwrap();
    assert!(world.start(world.plan()).unwrap().attached_to().is_none());
    let keys: Vec<_> = entries(&mut world)
        .iter()
        .map(|it| it.key().map(str::to_owned))
        .collect();
    let expected = [Some("a"), Some("A"), Some("a "), None];
    assert_eq!(keys, expected.map(|it| it.map(str::to_owned)));
}

#[test]
fn attaching_needs_no_free_slot() {
    let mut world = World::new(Script::new().accepted().times(5));
    for name in ["a", "b", "c", "d", "e"] {
        start(&mut world, name).unwrap();
    }
    assert_eq!(world.quota().available(), 0);
    for name in ["e", "a"] {
        assert!(start(&mut world, name).unwrap().attached_to().is_some());
    }
    let error = start(&mut world, "f").unwrap_err();
    assert!(matches!(error.kind(), StartErrorKind::NoSlot(_)));
    // A ledger that the service has closed gives the operation as well.
    let closed = Outcome::Released {
        why: "429".to_owned(),
        closed_for: Some(HOUR),
    };
    settle(&mut world, closed);
    assert!(start(&mut world, "c").unwrap().attached_to().is_some());
}

#[test]
fn an_entry_that_no_longer_counts_frees_its_key() {
    // A start that was refused.
    let mut world = World::new(Script::new().status(400).accepted());
    start(&mut world, "nightly").unwrap_err();
    assert!(
        start(&mut world, "nightly")
            .unwrap()
            .attached_to()
            .is_none()
    );
    // A start whose window has passed.
    let end = 12 * 3600 + 130;
    world.pass(Duration::from_secs(end - 20));
    assert!(
        start(&mut world, "nightly")
            .unwrap()
            .attached_to()
            .is_some()
    );
    world.pass(Duration::from_secs(20));
    world.script = Script::new().accepted();
    assert!(
        start(&mut world, "nightly")
            .unwrap()
            .attached_to()
            .is_none()
    );
    assert_eq!(world.posts(), 3);
}

#[test]
fn a_start_waits_for_another_one_with_its_key() {
    for (outcome, end) in [
        (
            Outcome::Confirmed {
                date: timestamp(3),
                operation: Some(ID.to_owned()),
            },
            "attached",
        ),
        (
            Outcome::Released {
                why: "refused".to_owned(),
                closed_for: None,
            },
            "started",
        ),
        (
            Outcome::InDoubt {
                why: "lost".to_owned(),
            },
            "in doubt",
        ),
        (
            Outcome::Confirmed {
                date: timestamp(3),
                operation: None,
            },
            "not followable",
        ),
    ] {
        // Permission to read is missing, if it is asked for.
        let script = match end {
            "in doubt" => Script::new().status(403).times(2),
            _ => Script::new().accepted(),
        };
        let mut world = World::new(script);
        reserved_by_another(&mut world, "nightly", 150);
        let session = session().key(key("nightly"));
        let mut machine = session.start_once([9; 16], world.now);
        let mut looks = 0;
        let outcome = loop {
            match machine.step() {
                Step::Ledger(transaction, _) => {
                    let reply = world.transact(&transaction.change().clone());
                    transaction.done(reply, world.now);
                }
                Step::Wait(mut pause) => {
                    looks += 1;
                    let progress = pause.progress().unwrap();
                    assert!(progress.reason().to_string().contains("with this key"));
                    let time = pause.remaining(world.now);
                    assert!(time < Duration::from_secs(2) && time >= Duration::from_secs(1));
                    world.pass(time);
                    pause.over(world.now);
                    if looks == 5 {
                        settle(&mut world, outcome.clone());
                    }
                }
                Step::Send(exchange) => {
                    assert!(looks == 5, "{end}: nothing is sent while another is at it");
                    world.exchange(exchange);
                }
                Step::Done(outcome) => break outcome,
            }
        };
        let got = match &outcome {
            Ok(accepted) if accepted.attached_to().is_some() => "attached",
            Ok(_) => "started",
            Err(error) => match error.kind() {
                StartErrorKind::KeyInDoubt { .. } => "in doubt",
                StartErrorKind::KeyNotFollowable { .. } => "not followable",
                _ => panic!("{error}"),
            },
        };
        assert_eq!(got, end);
        assert_eq!(world.posts(), usize::from(end == "started"), "{end}");
    }
}

#[test]
fn the_lease_of_another_ends_the_wait() {
    let mut world = World::new(Script::new().status(403).times(2));
    reserved_by_another(&mut world, "nightly", 60);
    let error = start(&mut world, "nightly").unwrap_err();
    assert!(matches!(error.kind(), StartErrorKind::KeyInDoubt { .. }));
    assert_eq!(error.may_have_started(), MayHaveStarted::Unknown);
    let waited: Duration = world.pauses.iter().map(|(time, _)| *time).sum();
    assert_eq!(waited, Duration::from_secs(60), "no longer, and no shorter");
    assert_eq!(world.posts(), 0);
}

#[test]
fn the_time_limit_ends_the_wait_as_well() {
    let mut world = World::new(Script::new());
    reserved_by_another(&mut world, "nightly", 150);
    let began = world.now.steady;
    let error = limited(&mut world, "nightly", 10).unwrap_err();
    assert!(
        matches!(error.kind(), StartErrorKind::KeyInUse { .. }),
        "{error}"
    );
    assert_eq!(error.may_have_started(), MayHaveStarted::Unknown);
    assert_eq!(world.now.steady - began, Duration::from_secs(10));
    assert!(world.requests.is_empty());
    // Its reservation is left as it is.
    assert_eq!(entries(&mut world).len(), 1);
}

#[test]
fn a_stop_ends_the_wait_for_another() {
    let mut world = World::new(Script::new());
    reserved_by_another(&mut world, "nightly", 150);
    let mut machine = session().key(key("nightly")).start_once([9; 16], world.now);
    if let Step::Ledger(transaction, _) = machine.step() {
        let reply = world.transact(&transaction.change().clone());
        transaction.done(reply, world.now);
    }
    assert!(matches!(machine.step(), Step::Wait(_)));
    assert!(machine.abandon().is_none());
    machine.stop();
    let error = world.drive(&mut machine).unwrap_err();
    assert!(matches!(error.kind(), StartErrorKind::Stopped));
    assert_eq!(
        entries(&mut world)[0].state(world.store_clock()),
        EntryState::Reserved
    );
}

#[test]
fn a_reconciliation_resolves_the_doubt_about_a_key() {
    // The operation is listed: the start goes on with it.
    let date = "Tue, 10 Mar 2026 13:00:00 GMT";
    let created = timestamp(1);
    let item = format!(r#"{{"id":"{ID}","status":"running","createdDateTime":"{created}"}}"#);
    let mut world = in_doubt("nightly");
    world.script = list(list(Script::new(), date, &item), date, "");
    let accepted = start(&mut world, "nightly").unwrap();
    assert_eq!(accepted.operation().operation_id(), ID);
    assert_eq!(accepted.at(), timestamp(0), "when its slot was reserved");
    assert_eq!((world.posts(), world.requests.len()), (1, 3));
    // Nothing is listed that could be it: it is released, and the run is started.
    let old = format!(
        r#"{{"id":"o-0","status":"succeeded","createdDateTime":"{}"}}"#,
        "2026-03-10T01:00:00Z"
    );
    let run = r#"{"id":"r-0","status":"completed","startDateTime":"2026-03-10T01:01:00Z"}"#;
    let mut world = in_doubt("nightly");
    world.script = list(list(Script::new(), date, &old), date, run).accepted();
    let accepted = start(&mut world, "nightly").unwrap();
    assert!(accepted.attached_to().is_none());
    assert_eq!(world.posts(), 2);
    // The lists say nothing of it: it stays in doubt, and one reconciliation is tried.
    let mut world = in_doubt("nightly");
    world.script = list(list(Script::new(), date, ""), date, "");
    let error = start(&mut world, "nightly").unwrap_err();
    assert!(matches!(error.kind(), StartErrorKind::KeyInDoubt { .. }));
    assert_eq!((world.posts(), world.requests.len()), (1, 3));
}

#[test]
fn doubt_that_cannot_be_resolved_sends_no_start() {
    for script in [
        Script::new().status(403).times(2),
        Script::new().then(Answer::Lost(Phase::Connect)).times(10),
        Script::new().status(404).times(2),
    ] {
        let mut world = in_doubt("nightly");
        let began = world.now.steady;
        world.script = script;
        let error = start(&mut world, "nightly").unwrap_err();
        assert!(matches!(error.kind(), StartErrorKind::KeyInDoubt { .. }));
        assert_eq!(error.may_have_started(), MayHaveStarted::Unknown);
        assert_eq!(world.posts(), 1);
        assert!(world.now.steady - began < Duration::from_secs(300));
    }
    // Without a session's reconciliation a plain start ends as well.
    let mut world = in_doubt("nightly");
    let mut machine = session().key(key("nightly")).start([9; 16], world.now);
    let error = world.drive(&mut machine).unwrap_err();
    assert!(matches!(error.kind(), StartErrorKind::KeyInDoubt { .. }));
}

#[test]
fn a_stop_ends_the_reconciliation() {
    let mut world = in_doubt("nightly");
    let mut machine = session().key(key("nightly")).start_once([9; 16], world.now);
    if let Step::Ledger(transaction, _) = machine.step() {
        let reply = world.transact(&transaction.change().clone());
        transaction.done(reply, world.now);
    }
    assert!(matches!(machine.step(), Step::Send(_)));
    machine.stop();
    let error = world.drive(&mut machine).unwrap_err();
    assert!(matches!(error.kind(), StartErrorKind::KeyInDoubt { .. }));
    assert_eq!(world.requests.len(), 1);
}

#[test]
fn by_hand_a_key_is_confirmed_without_an_operation_or_freed() {
    for (resolution, posts) in [(Resolution::Started, 1), (Resolution::NotStarted, 2)] {
        let mut world = in_doubt("nightly");
        let id = entries(&mut world)[0].id().to_owned();
        let mut resolve = session().resolve(&id, resolution, "looked");
        world.drive(&mut resolve).unwrap();
        world.script = Script::new().accepted();
        match start(&mut world, "nightly") {
            Ok(accepted) => assert!(accepted.attached_to().is_none()),
            Err(error) => {
                assert!(matches!(
                    error.kind(),
                    StartErrorKind::KeyNotFollowable { .. }
                ));
                assert_eq!(error.may_have_started(), MayHaveStarted::Yes);
            }
        }
        assert_eq!(world.posts(), posts);
    }
}

#[test]
fn a_ledger_that_fails_sends_nothing() {
    let errors = [StoreError::Busy, StoreError::unavailable("gone")];
    for error in errors {
        // At the first look, and at a later one.
        for at in [1, 3] {
            let mut world = World::new(Script::new());
            reserved_by_another(&mut world, "nightly", 150);
            world.store_error = Some((world.store_calls + at, error.clone()));
            let end = start(&mut world, "nightly").unwrap_err();
            assert!(matches!(end.kind(), StartErrorKind::Ledger(_)));
            assert!(world.requests.is_empty());
        }
    }
}

#[test]
fn an_outcome_for_an_entry_that_was_lost_keeps_the_key() {
    let mut world = World::new(Script::new().accepted());
    let mut machine = session().key(key("nightly")).start_once([9; 16], world.now);
    if let Step::Ledger(transaction, _) = machine.step() {
        let reply = world.transact(&transaction.change().clone());
        transaction.done(reply, world.now);
    }
    // The ledger is lost, as by a reset.
    world.ledger = None;
    world.drive(&mut machine).unwrap();
    assert!(
        start(&mut world, "nightly")
            .unwrap()
            .attached_to()
            .is_some()
    );
    assert_eq!(world.posts(), 1);
}

#[test]
fn an_operation_id_that_no_url_can_have_is_not_followed() {
    let mut world = World::new(Script::new());
    reserved_by_another(&mut world, "nightly", 150);
    let operation = Some("../runs".to_owned());
    let date = timestamp(1);
    settle(&mut world, Outcome::Confirmed { date, operation });
    let error = start(&mut world, "nightly").unwrap_err();
    assert!(matches!(
        error.kind(),
        StartErrorKind::KeyNotFollowable { .. }
    ));
}

proptest! {
    /// Whatever happens to each of many tries, at most one of a window is accepted, and a later one never adds a start to
    /// one that was or may have been.
    #[test]
    fn retries_never_add_a_start(tries in proptest::collection::vec((0..8_u8, 0..7200_u64), 1..12)) {
        let mut world = World::new(Script::new());
        let mut began_at = None;
        for (way, gap) in tries {
            world.pass(Duration::from_secs(gap));
            let script = Script::new();
            let script = match way {
                0 => script.accepted(),
                1 => script.status(400),
                2 => script.then(Answer::Lost(Phase::Sent)),
                3 => script.then(Answer::Lost(Phase::Connect)),
                4 => script.status(500),
                5 => script.then(Answer::Dropped),
                6 => script.then(Answer::Store(2, StoreError::Busy)).accepted(),
                _ => script.with(202, &[], ""),
            };
            // A reconciliation may not read.
            let began: Option<Duration> = began_at;
            world.script = match began {
                None => script,
                Some(_) => Script::new().status(403).times(2),
            };
            let posts = world.posts();
            let _ = start(&mut world, "nightly");
            let sent = world.posts() - posts;
            match began.filter(|_| sent > 0) {
                // The window has passed, and this start was refused (403).
                Some(began) => {
                    let age: Duration = world.now.steady - began;
                    prop_assert!(age > Duration::from_secs(12 * 3600), "{way} after {age:?}");
                    began_at = None;
                }
                None if sent > 0 && !matches!(way, 1 | 3) => began_at = Some(world.now.steady),
                None => {}
            }
        }
    }
}
