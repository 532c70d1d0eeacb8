//! Many operations in one set, over sockets, with the emulated service.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test panics on failure"
)]

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_core::Stream;
use industrydata_async::{
    Client, ClientBuilder, FixedToken, OperationEvent, OperationKey, OperationPoller, OperationSet,
};
use industrydata_clock::{Clock, ManualClock};
use industrydata_core::{
    Throttle, Timestamp,
    lro::{OperationPollErrorKind, PauseReason, ResumeToken},
};
use industrydata_emulator::{Config, Emulator, Fault, On};
use industrydata_ledger::Ledger;

const INTERVAL: Duration = Duration::from_millis(20);

fn emulator(operation_takes: Duration) -> Emulator {
    let mut config = Config {
        operation_takes,
        run_takes: operation_takes,
        ..Config::default()
    };
    config.throttle.limit = 10_000;
    Emulator::start(config).unwrap()
}

fn builder(emulator: &Emulator) -> ClientBuilder {
    Client::builder(FixedToken::new(emulator.token()).unwrap(), Ledger::memory())
        .base(emulator.base_url())
        .with(|it| {
            let throttle = Throttle {
                limit: 10_000,
                ..Throttle::default()
            };
            it.polling(INTERVAL).throttle(throttle)
        })
}

/// Pollers of this many starts, of ten tenants.
async fn started(client: &Client, count: usize) -> Vec<OperationPoller> {
    let mut pollers = Vec::new();
    for number in 0..count {
        let tenant = client.tenant(format!("tenant-{}", number % 10)).unwrap();
        pollers.push(tenant.start().await.unwrap());
    }
    pollers
}

/// The events until the set is empty, by operation: how many were progress, and how the last one ended.
async fn ends(set: &mut OperationSet) -> BTreeMap<OperationKey, (usize, Result<String, String>)> {
    let (mut progress, mut ends) = (HashMap::new(), BTreeMap::new());
    while let Some((key, event)) = set.next().await {
        assert!(!ends.contains_key(&key), "an event after the end");
        match event {
            OperationEvent::Progress(_) => *progress.entry(key).or_default() += 1,
            OperationEvent::Ended { outcome, .. } => {
                let outcome = outcome.map(|it| it.status().to_string());
                let outcome = outcome.map_err(|error| error.to_string());
                ends.insert(key, (progress.remove(&key).unwrap_or_default(), outcome));
            }
        }
    }
    assert!(progress.is_empty() && set.is_empty());
    ends
}

/// When each operation was polled, in the service's time.
fn polls(emulator: &Emulator) -> BTreeMap<String, Vec<Duration>> {
    let mut polls: BTreeMap<_, Vec<_>> = BTreeMap::new();
    emulator.with_service(|service| {
        let first = service.requests()[0].at;
        for request in service.requests() {
            if let Some((_, id)) = request.path.split_once("/operations/") {
                let at = request.at.duration_since(first).unsigned_abs();
                polls.entry(id.to_owned()).or_default().push(at);
            }
        }
    });
    polls
}

/// A set moves to another thread, as a spawned task does.
#[test]
fn a_set_is_sent_and_needs_no_pin() {
    const fn is<T: Send + Unpin + 'static>() {}
    is::<OperationSet>();
    is::<OperationEvent>();
}

#[tokio::test]
async fn hundreds_are_watched_by_one_task() {
    let emulator = emulator(Duration::from_secs(2));
    let client = builder(&emulator).build().unwrap();
    // Fewer requests than would be due at a time, then more.
    for (count, most) in [(300, 2), (100, 64)] {
        let mut set = OperationSet::with_requests(most);
        let keys: BTreeSet<_> = started(&client, count)
            .await
            .into_iter()
            .map(|it| set.push(it))
            .collect();
        assert_eq!((keys.len(), set.len()), (count, count));
        let ends = ends(&mut set).await;
        assert!(ends.keys().eq(&keys));
        for (_, outcome) in ends.values() {
            assert_eq!(outcome.as_deref(), Ok("succeeded"));
        }
    }
    let polls = polls(&emulator);
    // The service keeps its last requests alone. Without a poll, no operation had ended.
    assert!(!polls.is_empty());
    for at in polls.values() {
        // None was polled more often than alone.
        let gaps = at.windows(2).map(|pair| pair[1] - pair[0]);
        let shortest = gaps.min();
        assert!(shortest.is_none_or(|it| it > INTERVAL * 9 / 10), "{at:?}");
    }
}

/// Hours of the service pass at once, as for a poller alone, and no operation is left behind.
#[tokio::test]
async fn a_clock_that_can_be_moved_is_moved() {
    let (began, emulator) = (Instant::now(), emulator(Duration::from_secs(3600)));
    let client = builder(&emulator).with(|it| it.polling(Duration::from_secs(60)));
    let client = client.clock(emulator.clock()).build().unwrap();
    let mut set = OperationSet::new();
    for poller in started(&client, 20).await {
        set.push(poller);
    }
    let ends = ends(&mut set).await;
    assert_eq!(ends.len(), 20);
    for (progress, outcome) in ends.values() {
        assert!((30..=65).contains(progress), "{progress}");
        assert!(outcome.is_ok());
    }
    assert!(began.elapsed() < Duration::from_secs(60));
}

#[tokio::test]
async fn what_a_set_had_is_resumed_by_another() {
    let emulator = emulator(Duration::from_secs(3));
    let client = builder(&emulator).build().unwrap();
    let mut set = OperationSet::new();
    let mut tokens = BTreeMap::new();
    for poller in started(&client, 50).await {
        let token = poller.resume_token().to_string();
        tokens.insert(set.push(poller), token);
    }
    let of = |set: &OperationSet| -> BTreeMap<OperationKey, String> {
        set.resume_tokens()
            .map(|(key, token)| (key, token.to_string()))
            .collect()
    };
    assert_eq!(of(&set), tokens);
    // Futures are dropped while requests are out and while they are not.
    for wait in (0..40).map(|it| Duration::from_millis(it % 7)) {
        let _ = tokio::time::timeout(wait, set.next()).await;
        assert_eq!((of(&set), set.len()), (tokens.clone(), 50));
    }
    drop(set);
    // Another process has the tokens alone.
    let (client, mut set) = (builder(&emulator).build().unwrap(), OperationSet::new());
    for token in tokens.values() {
        let tenant = client.tenant("any").unwrap();
        set.push(tenant.resume(token).unwrap());
    }
    let ends = ends(&mut set).await;
    assert_eq!(
        ends.values().filter(|(_, outcome)| outcome.is_ok()).count(),
        50
    );
    let twice: Vec<ResumeToken> = set.resume_tokens().map(|(_, token)| token).collect();
    assert!(twice.is_empty());
}

/// Pollers may be pushed while the set is a stream of others, and after its end.
#[tokio::test]
async fn pollers_are_pushed_at_any_time() {
    let emulator = emulator(Duration::from_millis(100));
    let client = builder(&emulator).build().unwrap();
    let mut set = OperationSet::default();
    assert!(set.next().await.is_none());
    let mut pollers = started(&client, 30).await;
    set.push(pollers.pop().unwrap());
    let (mut ended, mut keys) = (0, BTreeSet::new());
    // As a stream.
    while let Some((key, event)) = poll_fn(|cx| Pin::new(&mut set).poll_next(cx)).await {
        ended += usize::from(matches!(event, OperationEvent::Ended { .. }));
        keys.insert(key);
        if let Some(poller) = pollers.pop() {
            set.push(poller);
        }
    }
    assert_eq!((ended, keys.len()), (30, 30));
    let again = set.push(started(&client, 1).await.remove(0));
    assert!(!keys.contains(&again));
    assert_eq!(ends(&mut set).await.len(), 1);
}

#[tokio::test]
async fn one_that_fails_ends_alone() {
    let emulator = emulator(Duration::from_millis(200));
    let client = builder(&emulator).build().unwrap();
    emulator.script(
        Fault::on(On::Start)
            .after(3)
            .fail_operation("no file was uploaded"),
    );
    let mut set = OperationSet::with_requests(4);
    let keys: Vec<_> = started(&client, 9)
        .await
        .into_iter()
        .map(|it| set.push(it))
        .collect();
    let mut failed = Vec::new();
    while let Some((key, event)) = set.next().await {
        let OperationEvent::Ended { outcome, poller } = event else {
            continue;
        };
        if let Err(error) = outcome {
            assert!(matches!(error.kind(), OperationPollErrorKind::Failed));
            assert_eq!(
                error.to_string(),
                "the operation failed: no file was uploaded"
            );
            // The poller is as it would be alone.
            assert_eq!(poller.operation().unwrap().status().as_str(), "failed");
            failed.push(key);
        } else {
            let run = poller.find_run().await.unwrap();
            assert!(run.is_some());
        }
    }
    assert_eq!(failed, [keys[3]]);
}

#[tokio::test]
async fn a_time_limit_is_that_of_the_poller() {
    let emulator = emulator(Duration::from_secs(1));
    let client = builder(&emulator).build().unwrap();
    let hasty = client.tenant("hasty").unwrap();
    let hasty = hasty.with(|it| it.time_limit(Duration::from_millis(300)));
    let mut set = OperationSet::new();
    let limited = set.push(hasty.start().await.unwrap());
    let free = set.push(client.tenant("free").unwrap().start().await.unwrap());
    let (key, error) = loop {
        match set.next().await.unwrap() {
            (key, OperationEvent::Ended { outcome, .. }) => break (key, outcome.unwrap_err()),
            (_, OperationEvent::Progress(_)) => {}
        }
    };
    assert_eq!(key, limited);
    assert!(error.is_timeout() && error.operation().is_some());
    let rest = ends(&mut set).await;
    assert!(rest.keys().eq([&free]) && rest[&free].1.is_ok());
    // What is left of the operation.
    let token = error.resume_token().unwrap();
    let again = set.push(client.tenant("hasty").unwrap().resume(token).unwrap());
    assert!(ends(&mut set).await[&again].1.is_ok());
}

/// One whose time limit passes while it waits for a request of another one ends at the limit, whether it was polled before
/// or not.
#[tokio::test]
async fn a_time_limit_does_not_wait_for_other_requests() {
    let (late, limit) = (Duration::from_secs(8), Duration::from_millis(1500));
    let emulator = emulator(Duration::from_secs(3600));
    let client = builder(&emulator).build().unwrap();
    let tenant = |name: &str| client.tenant(name).unwrap();
    let hasty = |name: &str| tenant(name).with(|it| it.time_limit(limit));
    let token = tenant("resumed").start().await.unwrap().resume_token();
    let began = Instant::now();
    let mut polled = hasty("polled").start().await.unwrap();
    assert!(polled.progress().await.unwrap().is_some());
    emulator.script(Fault::on(On::Operation).delay(late));
    let mut set = OperationSet::with_requests(1);
    let slow = set.push(tenant("slow").start().await.unwrap());
    let next = tokio::time::timeout(Duration::from_millis(300), set.next());
    assert!(next.await.is_err(), "it is out");
    let never = hasty("never polled").start().await.unwrap();
    let resumed = hasty("resumed").resume(token).unwrap();
    let waits: BTreeSet<_> = [polled, never, resumed].map(|it| set.push(it)).into();
    for _ in 0..waits.len() {
        let (key, event) = set.next().await.unwrap();
        let OperationEvent::Ended { outcome, .. } = event else {
            panic!("{event:?}");
        };
        assert!(waits.contains(&key));
        assert!(outcome.unwrap_err().is_timeout());
    }
    let ended = began.elapsed();
    assert!(ended >= limit && ended < late * 3 / 4, "{ended:?}");
    let tokens: Vec<_> = set.resume_tokens().map(|(key, _)| key).collect();
    assert_eq!((set.len(), tokens), (1, vec![slow]));
    // The one that is left is polled as ever.
    assert!(matches!(set.next().await, Some((key, OperationEvent::Progress(_))) if key == slow));
}

/// A stopped client ends its operations at once, whatever is due when. Those of other clients go on.
#[tokio::test]
async fn a_stop_ends_what_its_client_has() {
    let (emulator, began) = (emulator(Duration::from_millis(1500)), Instant::now());
    let slow = builder(&emulator).with(|it| it.polling(Duration::from_secs(3600)));
    let (slow, other) = (slow.build().unwrap(), builder(&emulator).build().unwrap());
    let mut set = OperationSet::with_requests(3);
    let mut stopped: BTreeSet<_> = BTreeSet::new();
    for poller in started(&slow, 30).await {
        stopped.insert(set.push(poller));
    }
    for poller in started(&other, 5).await {
        set.push(poller);
    }
    let stop = slow.stop_handle();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(100)).await;
        stop.stop();
    });
    let late = started(&slow, 1).await.remove(0);
    let mut errors = BTreeSet::new();
    while let Some((key, event)) = set.next().await {
        match event {
            OperationEvent::Ended {
                outcome: Err(error),
                ..
            } => {
                assert!(matches!(error.kind(), OperationPollErrorKind::Stopped));
                assert!(error.resume_token().is_some());
                errors.insert(key);
            }
            OperationEvent::Ended { outcome: Ok(_), .. } => assert!(!stopped.contains(&key)),
            OperationEvent::Progress(_) => {}
        }
    }
    assert_eq!(errors, stopped);
    // One that is pushed after the stop ends at once too.
    set.push(late);
    assert_eq!(ends(&mut set).await.len(), 1);
    assert!(began.elapsed() < Duration::from_secs(60));
}

#[tokio::test]
async fn a_retry_after_holds_back_its_operation_alone() {
    let emulator = emulator(Duration::from_secs(60));
    let client = builder(&emulator).with(|it| it.polling(Duration::from_secs(5)));
    let client = client.clock(emulator.clock()).build().unwrap();
    let mut set = OperationSet::with_requests(1);
    for poller in started(&client, 4).await {
        set.push(poller);
    }
    emulator.script(Fault::on(On::Operation).status(429).retry_after(120));
    emulator.script(Fault::on(On::Operation).after(5).retry_after(40));
    let mut reasons = Vec::new();
    while let Some((_, event)) = set.next().await {
        match event {
            OperationEvent::Progress(progress) => reasons.push(progress.reason().clone()),
            OperationEvent::Ended { outcome, .. } => drop(outcome.unwrap()),
        }
    }
    assert!(reasons.iter().any(|it| matches!(it, PauseReason::Retry(_))));
    assert!(
        reasons
            .iter()
            .any(|it| matches!(it, PauseReason::RetryAfter))
    );
    let polls = polls(&emulator);
    let longest = |at: &Vec<Duration>| at.windows(2).map(|pair| pair[1] - pair[0]).max();
    let mut longest: Vec<_> = polls
        .values()
        .filter_map(longest)
        .map(|it| it.as_secs())
        .collect();
    longest.sort_unstable();
    assert_eq!(longest.len(), 4);
    assert!(longest[..2].iter().all(|gap| *gap < 15), "{longest:?}");
    assert!(
        (40..60).contains(&longest[2]) && (120..140).contains(&longest[3]),
        "{longest:?}"
    );
}

/// The next event, although a poller is pushed while the set waits for it, in the same poll of a task that nothing else wakes.
async fn next_after_push(
    set: &mut OperationSet,
    poller: OperationPoller,
) -> (OperationKey, OperationEvent, OperationKey) {
    let (mut pushed, mut poller) = (None, Some(poller));
    let next = poll_fn(|cx| {
        let polled = Pin::new(&mut *set).poll_next(cx);
        if polled.is_pending()
            && let Some(poller) = poller.take()
        {
            pushed = Some(set.push(poller));
        }
        polled
    });
    let next = tokio::time::timeout(Duration::from_secs(30), next).await;
    let (key, event) = next.unwrap().unwrap();
    (key, event, pushed.unwrap())
}

#[tokio::test]
async fn a_push_wakes_a_set_that_waits() {
    let emulator = emulator(Duration::from_secs(3600));
    let slow = || builder(&emulator).with(|it| it.polling(Duration::from_secs(3600)));
    let (slow, stopped) = (slow().build().unwrap(), slow().build().unwrap());
    let mut set = OperationSet::new();
    set.push(started(&slow, 1).await.remove(0));
    // One that is due soon, of a client that is new to the set.
    let quick = builder(&emulator).build().unwrap();
    let poller = started(&quick, 1).await.remove(0);
    let (key, event, pushed) = next_after_push(&mut set, poller).await;
    assert!(key == pushed && matches!(event, OperationEvent::Progress(_)));
    // One of a client that is stopped later, in a set that has no poll for an hour.
    let mut set = OperationSet::new();
    set.push(started(&slow, 1).await.remove(0));
    let poller = started(&stopped, 1).await.remove(0);
    let stop = stopped.stop_handle();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(100)).await;
        stop.stop();
    });
    let (key, event, pushed) = next_after_push(&mut set, poller).await;
    assert!(
        key == pushed
            && matches!(
                event,
                OperationEvent::Ended {
                    outcome: Err(_),
                    ..
                }
            )
    );
}

/// What ends without a request does not wait for the requests of others.
#[tokio::test]
async fn a_stop_does_not_wait_for_other_clients() {
    let emulator = emulator(Duration::from_secs(3600));
    let slow = builder(&emulator).with(|it| it.polling(Duration::from_secs(3600)));
    let (slow, other) = (slow.build().unwrap(), builder(&emulator).build().unwrap());
    let mut pollers = started(&slow, 7).await;
    let mut set = OperationSet::with_requests(2);
    for poller in started(&other, 5).await {
        set.push(poller);
    }
    emulator.script(
        Fault::on(On::Operation)
            .times(9)
            .delay(Duration::from_secs(20)),
    );
    let mut keys: BTreeSet<_> = pollers.drain(..5).map(|it| set.push(it)).collect();
    // Both requests are out.
    let waited = tokio::time::timeout(Duration::from_millis(500), set.next()).await;
    assert!(waited.is_err());
    let began = Instant::now();
    slow.stop_handle().stop();
    keys.insert(set.push(pollers.remove(0)));
    while !keys.is_empty() {
        let (key, event) = set.next().await.unwrap();
        assert!(matches!(
            event,
            OperationEvent::Ended {
                outcome: Err(_),
                ..
            }
        ));
        assert!(keys.remove(&key));
    }
    // A client that has nothing in the set any more.
    let last = set.push(pollers.remove(0));
    assert_eq!(set.next().await.unwrap().0, last);
    assert!(began.elapsed() < Duration::from_secs(10) && set.len() == 5);
}

/// No time of a clock is too late to wait for.
#[tokio::test]
async fn a_clock_may_be_centuries_ahead() {
    let emulator = emulator(Duration::from_millis(300));
    let ahead = ManualClock::frozen(Timestamp::UNIX_EPOCH);
    ahead.advance(Duration::from_secs(600 * 366 * 24 * 60 * 60));
    let clocks: [Box<dyn Clock>; 2] = [Box::new(ahead), Box::new(|| Timestamp::MAX)];
    for clock in clocks {
        let here = builder(&emulator).build().unwrap();
        let token = started(&here, 1).await.remove(0).resume_token();
        let client = builder(&emulator).clock(clock).build().unwrap();
        let mut set = OperationSet::new();
        let key = set.push(client.tenant("any").unwrap().resume(token).unwrap());
        let (progress, outcome) = ends(&mut set).await.remove(&key).unwrap();
        assert!(progress > 0 && outcome.is_ok(), "{outcome:?}");
    }
}

/// Each client's time passes by its own clock, whatever the clocks of the others do.
#[tokio::test]
async fn no_clock_waits_for_another() {
    let still = || Box::new(|| Timestamp::UNIX_EPOCH) as Box<dyn Clock>;
    let moved = || Box::new(ManualClock::frozen(Timestamp::UNIX_EPOCH)) as Box<dyn Clock>;
    let machine = || Box::new(Timestamp::now) as Box<dyn Clock>;
    for (often, seldom) in [
        (moved(), moved()),
        (still(), still()),
        (machine(), still()),
        (still(), machine()),
        (machine(), moved()),
        (still(), moved()),
    ] {
        let emulator = emulator(Duration::from_secs(24 * 3600));
        let build = |clock: Box<dyn Clock>, interval| {
            let client = builder(&emulator).clock(clock);
            client.with(|it| it.polling(interval)).build().unwrap()
        };
        let (often, seldom) = (build(often, INTERVAL), build(seldom, INTERVAL * 12));
        let mut set = OperationSet::new();
        set.push(started(&often, 1).await.remove(0));
        let tenant = seldom.tenant("seldom").unwrap();
        let tenant = tenant.with(|it| it.time_limit(INTERVAL * 30));
        let key = set.push(tenant.start().await.unwrap());
        let (mut others, mut polls) = (0, 0);
        let error = loop {
            match set.next().await.unwrap() {
                (it, OperationEvent::Ended { outcome, .. }) if it == key => {
                    break outcome.unwrap_err();
                }
                (it, _) if it == key => {
                    polls += 1;
                    others = 0;
                }
                (_, event) => {
                    assert!(matches!(event, OperationEvent::Progress(_)));
                    others += 1;
                    // Twelve fit into a pause of the other.
                    assert!(others <= 20, "a clock stands still");
                }
            }
        };
        assert!(error.is_timeout() && polls >= 2, "{polls}");
    }
}

/// A client whose operations are always due leaves requests to the others.
#[tokio::test]
async fn a_client_that_always_has_more_due_does_not_starve_another() {
    let clocks: [Box<dyn Clock>; 3] = [
        Box::new(|| Timestamp::UNIX_EPOCH),
        Box::new(ManualClock::frozen(Timestamp::UNIX_EPOCH)),
        Box::new(Timestamp::now),
    ];
    for clock in clocks {
        let emulator = emulator(Duration::from_secs(24 * 3600));
        let busy = builder(&emulator).with(|it| it.polling(Duration::from_millis(1)));
        let (busy, other) = (busy.build().unwrap(), builder(&emulator).clock(clock));
        let other = other.build().unwrap();
        let mut set = OperationSet::with_requests(1);
        for poller in started(&busy, 50).await {
            set.push(poller);
        }
        let key = set.push(started(&other, 1).await.remove(0));
        let (mut others, mut polls) = (0, 0);
        while polls < 3 {
            let (it, _) = set.next().await.unwrap();
            (others, polls) = (others + 1, polls + usize::from(it == key));
            assert!(others < 2_000, "{polls}");
        }
    }
}

/// Two clients that share a clock which can be moved see no more of it pass than one of them alone.
#[tokio::test]
async fn a_clock_that_is_shared_is_moved_once() {
    let emulator = emulator(Duration::from_secs(600));
    let mut set = OperationSet::new();
    let mut keys = Vec::new();
    for interval in [5, 60].map(Duration::from_secs) {
        let client = builder(&emulator).clock(emulator.clock());
        let client = client.with(|it| it.polling(interval)).build().unwrap();
        keys.push(set.push(started(&client, 1).await.remove(0)));
    }
    let ends = ends(&mut set).await;
    assert!((60..=125).contains(&ends[&keys[0]].0), "{ends:?}");
    assert!((5..=11).contains(&ends[&keys[1]].0), "{ends:?}");
}

#[tokio::test]
async fn a_client_that_has_no_operation_left_is_let_go() {
    let emulator = emulator(Duration::ZERO);
    let (held, clock) = (Arc::new(()), emulator.clock());
    let witness = Arc::downgrade(&held);
    let client = builder(&emulator).clock(move || {
        let _ = &held;
        clock.now()
    });
    let client = client.build().unwrap();
    let mut set = OperationSet::new();
    set.push(started(&client, 1).await.remove(0));
    drop(client);
    assert!(witness.upgrade().is_some());
    assert_eq!(ends(&mut set).await.len(), 1);
    assert!(witness.upgrade().is_none());
    // Its place is another's.
    let client = builder(&emulator).build().unwrap();
    set.push(started(&client, 1).await.remove(0));
    assert_eq!(ends(&mut set).await.len(), 1);
}
