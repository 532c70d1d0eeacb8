//! What a tenant's polls learn from its earlier operations, and what the ledger keeps of them.

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

use industrydata_core::{
    ledger::StoreError,
    lro::{Machine, RecordedPoll, Session, Settings, Step},
    policy::{PastDurations, PollingPolicy},
    wire::OperationUrl,
};
use world::{Answer, Script, World, timestamp};

fn session() -> Session {
    Settings::default().session("contoso".parse().unwrap(), "test/1")
}

/// An operation whose polls, so many, show that it runs before one shows the end.
fn operation(number: u8, running: usize, end: &str) -> Script {
    let base = "https://graph.microsoft.com/beta/external/industryData/operations";
    let location = format!("{base}/op-{number}");
    let script = Script::new().with(202, &[("location", &location)], "");
    script.running().times(running).operation(end)
}

fn begin(world: &mut World, session: &Session, number: u8) -> RecordedPoll {
    let mut start = session.start([number; 16], world.now);
    session.after(world.drive(&mut start).unwrap())
}

/// Plays a start and its polls. Returns the pauses between the polls.
fn play(world: &mut World, session: &Session, number: u8, script: Script) -> Vec<Duration> {
    world.script = script;
    let mut poll = begin(world, session, number);
    world.pauses.clear();
    drop(world.drive(&mut poll));
    world.pauses.drain(..).map(|it| it.0).collect()
}

fn stored(world: &World) -> String {
    String::from_utf8(world.ledger.clone().unwrap_or_default()).unwrap()
}

/// How many durations the ledger has.
fn kept(world: &World) -> usize {
    let text = stored(world);
    let list = text.split_once(r#""took":[["#).map(|it| it.1);
    list.map_or(0, |list| list.matches("],[").count() + 1)
}

/// A tenant whose last operations took about half an hour: Google's rule takes 43 polls for that.
fn experienced(session: &Session) -> World {
    let mut world = World::new(Script::new());
    for number in 1..=4 {
        let end = if number == 3 { "failed" } else { "succeeded" };
        let pauses = play(&mut world, session, number, operation(number, 42, end));
        assert_eq!(
            pauses[..3],
            [5.0, 7.55, 11.375].map(Duration::from_secs_f64)[..],
            "{number}"
        );
        assert_eq!(kept(&world), usize::from(number));
        world.pass(Duration::from_secs(4 * 3600));
    }
    world
}

#[test]
fn the_fifth_start_polls_as_the_four_before_it_took() {
    let session = session();
    let mut world = experienced(&session);
    world.script = operation(5, 42, "succeeded");
    let mut poll = begin(&mut world, &session, 5);
    let past = poll.poll().past_durations().clone();
    assert!(past.is_enough());
    let began = world.now.steady;
    let mut since = Duration::ZERO;
    world.pauses.clear();
    world.drive(&mut poll).unwrap();
    let mut intervals = Vec::new();
    for (pause, _) in &world.pauses {
        assert_eq!(*pause, PollingPolicy::learned().interval_with(&past, since));
        since += *pause + Duration::from_millis(100);
        intervals.push(pause.as_secs());
    }
    assert_eq!(since, world.now.steady - began);
    assert_eq!((intervals[0], intervals.iter().min()), (60, Some(&18)));
    // A second poller of the same start, and one with a fixed interval.
    let again = begin(
        &mut world_with(&world, operation(6, 0, "running")),
        &session,
        6,
    );
    assert!(again.poll().past_durations().is_enough());
    let own = Settings::default().polling(Duration::from_secs(9));
    let own = own.session("contoso".parse().unwrap(), "test/1");
    let pauses = play(
        &mut world_with(&world, Script::new()),
        &own,
        7,
        operation(7, 3, "succeeded"),
    );
    assert!(
        pauses.iter().all(|pause| pause.as_secs() == 9),
        "{pauses:?}"
    );
}

/// Another world with the same ledger, a day later.
fn world_with(world: &World, script: Script) -> World {
    let mut other = World::new(script);
    other.ledger = world.ledger.clone();
    other.now = world.now;
    other.pass(Duration::from_secs(24 * 3600));
    other
}

#[test]
fn a_longer_retry_after_and_the_back_off_stand_above_what_was_learned() {
    let session = session();
    let world = experienced(&session);
    let mut world = world_with(&world, Script::new());
    let script = operation(5, 1, "succeeded");
    let json = ("content-type", "application/json");
    let running = r#"{"status":"running"}"#;
    let mut answers = script.0.into_iter();
    let mut script = Script::new().then(answers.next().unwrap());
    script = script.with(200, &[json, ("retry-after", "61")], running);
    script = script.with(200, &[json, ("retry-after", "1")], running);
    script = script.status(503).succeeded();
    let pauses = play(&mut world, &session, 5, script);
    let seconds: Vec<_> = pauses.iter().map(Duration::as_secs).collect();
    assert_eq!(seconds, [60, 61, 60, 60]);
}

#[test]
fn polls_touch_the_ledger_once_and_only_at_the_end() {
    let session = session();
    let mut world = World::new(operation(1, 20, "succeeded"));
    let mut poll = begin(&mut world, &session, 1);
    let (calls, before) = (world.store_calls, world.ledger.clone());
    loop {
        match poll.step() {
            Step::Send(exchange) => assert!(world.exchange(exchange)),
            Step::Wait(pause) => {
                world.pass(pause.remaining(world.now));
                pause.over(world.now);
            }
            Step::Ledger(transaction, _) => {
                assert_eq!(transaction.change().name(), "duration");
                assert_eq!(
                    transaction.change().time_limit(),
                    Some(Duration::from_secs(1))
                );
                break;
            }
            Step::Done(_) => panic!("the duration is not kept"),
        }
    }
    assert_eq!((world.store_calls, &world.ledger), (calls, &before));
    world.drive(&mut poll).unwrap();
    world.drive(&mut poll).unwrap();
    assert_eq!((world.store_calls, kept(&world)), (calls + 1, 1));
}

#[test]
fn a_store_that_fails_changes_nothing() {
    let session = session();
    for error in [
        StoreError::Busy,
        StoreError::Damaged("x"),
        StoreError::unavailable("x"),
        StoreError::unconfirmed("x"),
    ] {
        for end in ["succeeded", "failed"] {
            let mut world = World::new(operation(1, 20, end));
            let mut poll = begin(&mut world, &session, 1);
            let (calls, before) = (world.store_calls, world.ledger.clone());
            world.store_error = Some((calls + 1, error.clone()));
            match world.drive(&mut poll) {
                Ok(operation) => assert_eq!(operation.status().as_str(), end),
                Err(error) => {
                    assert_eq!(error.operation().unwrap().status().as_str(), end);
                    assert!(error.ledger_warning().is_none());
                }
            }
            assert!(poll.ledger_warning().is_none());
            assert_eq!((world.store_calls, world.ledger), (calls + 1, before));
        }
    }
}

#[test]
fn a_ledger_that_is_gone_is_not_made_again() {
    let session = session();
    let mut world = World::new(operation(1, 20, "succeeded"));
    let mut poll = begin(&mut world, &session, 1);
    let token = poll.poll().resume_token();
    world.ledger = None;
    world.drive(&mut poll).unwrap();
    assert_eq!(world.ledger, None);
    world.script = Script::new();
    for _ in 0..3 {
        world.script = dated(&world.script, &world, "running");
    }
    world.script = dated(&world.script, &world, "succeeded");
    let mut resumed = session.resume(&token, [9; 16], world.now).unwrap();
    world.drive(&mut resumed).unwrap();
    assert_eq!(world.ledger, None);
}

/// One more answer, with the `Date` of this moment.
fn dated(script: &Script, world: &World, status: &str) -> Script {
    let date = world
        .now
        .utc
        .strftime("%a, %d %b %Y %H:%M:%S GMT")
        .to_string();
    let headers = [("content-type", "application/json"), ("date", &date[..])];
    script
        .clone()
        .with(200, &headers, &format!(r#"{{"status":"{status}"}}"#))
}

/// Which resumed polls know how long the operation took.
#[test]
fn a_resumed_poll_keeps_a_duration_if_it_saw_the_end_come() {
    let session = session();
    // Seconds from the acceptance to the resumption, answers that show no end, by how much the clock is off, and whether
    // the duration is kept.
    for (after, running, off, is_kept) in [
        (600, 2, 0, true),
        (600, 2, 20, true),
        (600, 2, 200, false),
        (600, 0, 0, false),
        (40_000, 1, 0, true),
        // Longer than the time limit.
        (86_390, 3, 0, false),
    ] {
        let mut world = World::new(operation(1, 0, "running"));
        let token = begin(&mut world, &session, 1).poll().resume_token();
        let calls = world.store_calls;
        world.pass(Duration::from_secs(after));
        let mut script = Script::new();
        for number in 0..=running {
            let status = if number == running {
                "succeeded"
            } else {
                "running"
            };
            script = dated(&script, &world, status);
        }
        world.script = script;
        world.now.utc += Duration::from_secs(off);
        // The token's time is by another clock.
        let mut poll = session.resume(&token, [9; 16], world.now).unwrap();
        world.drive(&mut poll).unwrap();
        let case = (after, running, off);
        assert_eq!(
            kept(&world),
            usize::from(is_kept),
            "{case:?} {}",
            stored(&world)
        );
        assert_eq!(world.store_calls, calls + usize::from(is_kept), "{case:?}");
    }
}

/// The service's time of its creation contradicts the token, which has the time when a poll of an id began.
#[test]
fn an_operation_that_is_older_than_its_token_says_keeps_no_duration() {
    let session = session();
    for (created, is_kept) in [(0, true), (100, true), (1_000, false)] {
        let mut world = World::new(operation(1, 0, "running"));
        let token = begin(&mut world, &session, 1).poll().resume_token();
        world.pass(Duration::from_secs(600));
        let date = world
            .now
            .utc
            .strftime("%a, %d %b %Y %H:%M:%S GMT")
            .to_string();
        let created = timestamp(0) - Duration::from_secs(created);
        let body =
            |status: &str| format!(r#"{{"status":"{status}","createdDateTime":"{created}"}}"#);
        let headers = [("content-type", "application/json"), ("date", &date[..])];
        let script = Script::new().with(200, &headers, &body("running"));
        world.script = script.with(200, &headers, &body("succeeded"));
        let mut poll = session.resume(&token, [9; 16], world.now).unwrap();
        world.drive(&mut poll).unwrap();
        assert_eq!(kept(&world), usize::from(is_kept), "{created}");
    }
}

#[test]
fn an_end_that_may_have_come_much_earlier_is_not_kept() {
    let session = session();
    // The time without a poll before the answer that shows the end, and whether a clock was set.
    for (idle, set, is_kept) in [
        (0, 0, true),
        (100, 0, true),
        (3_000, 0, false),
        (0, 100, true),
        (0, 400, false),
    ] {
        let script = operation(1, 20, "succeeded");
        let mut world = World::new(script);
        let last = world.script.0.pop_back().unwrap();
        let idle_time = Answer::After(Duration::from_secs(idle));
        world.script = world.script.clone().then(idle_time).then(last);
        let mut poll = begin(&mut world, &session, 1);
        world.now.utc += Duration::from_secs(set);
        world.drive(&mut poll).unwrap();
        assert_eq!(kept(&world), usize::from(is_kept), "{idle} {set}");
    }
}

#[test]
fn only_starts_at_a_known_time_that_took_a_while_are_kept() {
    let session = session();
    // Ended by the first poll, which comes after five seconds, and much sooner.
    let mut world = World::new(Script::new());
    play(&mut world, &session, 1, operation(1, 0, "succeeded"));
    assert_eq!(kept(&world), 1);
    let often = Settings::default().polling(Duration::from_millis(20));
    let often = often.session("contoso".parse().unwrap(), "test/1");
    let calls = world.store_calls;
    play(&mut world, &often, 2, operation(2, 3, "succeeded"));
    assert_eq!((kept(&world), world.store_calls), (1, calls + 2));
    // By its id alone.
    let url = OperationUrl::from_id(session.service().base(), "op-9").unwrap();
    world.script = Script::new().running().times(20).succeeded();
    let mut poll = session.poll(url, [9; 16], world.now);
    world.drive(&mut poll).unwrap();
    assert_eq!(kept(&world), 1);
    // Validations have other lengths.
    world.script = Script::new().accepted().running().times(20).succeeded();
    let mut action = session.validate("c1", [8; 16], world.now);
    let performed = world.drive(&mut action).unwrap();
    let mut poll = session.after_validation(&performed).unwrap();
    world.drive(&mut poll).unwrap();
    assert_eq!((kept(&world), world.store_calls), (1, calls + 2));
    // A poll that gives up has seen no end.
    let short = session.clone().time_limit(Duration::from_secs(60));
    play(&mut world, &short, 3, operation(3, 20, "running"));
    let mut stopped = {
        world.script = operation(4, 20, "running");
        begin(&mut world, &session, 4)
    };
    stopped.stop();
    assert!(world.drive(&mut stopped).is_err());
    assert_eq!(kept(&world), 1);
    assert!(PastDurations::default() == PastDurations::new([]));
}
