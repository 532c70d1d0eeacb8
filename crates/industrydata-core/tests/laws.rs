//! The laws of a start, for any answers, losses, delays, store faults, crashes and drops, and any number of starters on
//! the same ledger:
//!
//! - I2: at most one POST is sent for a reservation, but for a repeat after a 401 with another token.
//! - I3: the service accepts at most five starts in any twelve hours.
//! - I4: nothing is sent without a reservation.
//! - I5: what was accepted and answered is never reported as not started.
//! - I6: a wait succeeds only by `succeeded`.
//! - I7: steps are bounded.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    missing_docs,
    reason = "a test may panic"
)]

use std::{collections::HashMap, time::Duration};

use http::response::Parts;
use industrydata_core::Now;
use industrydata_core::Timestamp;
use industrydata_core::auth::AccessToken;
use industrydata_core::auth::TokenError;
use industrydata_core::endpoint::Service;
use industrydata_core::ledger::Caller;
use industrydata_core::ledger::Change;
use industrydata_core::ledger::LedgerKey;
use industrydata_core::ledger::StoreError;
use industrydata_core::lro::Accepted;
use industrydata_core::lro::Machine;
use industrydata_core::lro::MayHaveStarted;
use industrydata_core::lro::OperationPoll;
use industrydata_core::lro::PollPlan;
use industrydata_core::lro::Start;
use industrydata_core::lro::StartError;
use industrydata_core::lro::StartPlan;
use industrydata_core::lro::Step;
use industrydata_core::policy::Limits;
use industrydata_core::policy::PollingPolicy;
use industrydata_core::policy::Throttle;
use industrydata_core::wire::BaseUrl;
use industrydata_core::wire::IncompleteBody;
use industrydata_core::wire::OperationUrl;
use industrydata_core::wire::Phase;
use industrydata_core::wire::TransportError;
use proptest::prelude::*;

const LOCATION: &str = "https://graph.microsoft.com/beta/external/industryData/operations/a-1";
const WINDOW: Duration = Duration::from_secs(12 * 3600);

/// What happens to one POST, and whether the service acts on it.
#[derive(Clone, Debug)]
enum Fate {
    Accepted {
        location: bool,
    },
    /// A status; the service may have acted for those that leave it open.
    Status(u16, bool),
    Lost(Phase, bool),
    Dropped(bool),
    /// The process ends while the request is out: nothing more is recorded.
    Crashed(bool),
}

/// One attempt at a start.
#[derive(Clone, Debug)]
struct Attempt {
    /// Time since the attempt before; `None`: exactly when the ledger says that a slot becomes free.
    gap: Option<Duration>,
    token_takes: Duration,
    answer_takes: Duration,
    fates: Vec<Fate>,
    /// Which calls of the store fail, and whether the change stands all the same.
    faults: Vec<Option<bool>>,
    fresh_token: bool,
    wait_for_slot: bool,
    /// The process ends before the request.
    crash_before: bool,
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        4 => any::<bool>().prop_map(|location| Fate::Accepted { location }),
        2 => (prop::sample::select(vec![200, 204, 303, 500, 502, 503, 504, 599]), any::<bool>())
            .prop_map(|(status, acted)| Fate::Status(status, acted)),
        2 => prop::sample::select(vec![301, 307, 400, 401, 403, 409, 411, 429, 501])
            .prop_map(|status| Fate::Status(status, false)),
        2 => any::<bool>().prop_map(|acted| Fate::Lost(Phase::Sent, acted)),
        1 => prop::sample::select(vec![Phase::Local, Phase::Connect, Phase::Tls, Phase::Refused])
            .prop_map(|phase| Fate::Lost(phase, false)),
        1 => any::<bool>().prop_map(Fate::Dropped),
        1 => any::<bool>().prop_map(Fate::Crashed),
    ]
}

fn attempt() -> impl Strategy<Value = Attempt> {
    (
        prop_oneof![
            3 => Just(None),
            4 => (0u64..60).prop_map(Some),
            2 => (0u64..7200).prop_map(Some),
            1 => (0u64..50_000).prop_map(Some),
        ],
        prop_oneof![0u64..2, 130u64..151, 0u64..180],
        prop_oneof![0u64..2, 25u64..31],
        prop::collection::vec(fate(), 8),
        prop::collection::vec(prop::option::weighted(0.15, any::<bool>()), 8),
        any::<bool>(),
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.1),
    )
        .prop_map(
            |(gap, token, answer, fates, faults, fresh_token, wait_for_slot, crash_before)| {
                Attempt {
                    gap: gap.map(Duration::from_secs),
                    token_takes: Duration::from_secs(token),
                    answer_takes: Duration::from_secs(answer),
                    fates,
                    faults,
                    fresh_token,
                    wait_for_slot,
                    crash_before,
                }
            },
        )
}

/// The service, the ledger and the clock.
struct World {
    now: Duration,
    ledger: Option<Vec<u8>>,
    /// When the service accepted a start.
    accepted: Vec<Duration>,
    /// POSTs for each reservation that was in the ledger when they were sent.
    posts: HashMap<String, u32>,
}

impl World {
    fn now(&self) -> Now {
        let utc: Timestamp = "2026-03-10T12:00:00Z".parse().unwrap();
        Now::new(utc + self.now, self.now)
    }

    fn transact(
        &mut self,
        change: &Change,
        fault: Option<bool>,
    ) -> Result<industrydata_core::ledger::StoreReply, StoreError> {
        if fault == Some(false) {
            return Err(StoreError::Busy);
        }
        let applied = change.apply(self.ledger.as_deref(), self.now().utc)?;
        if let Some(bytes) = applied.write {
            self.ledger = Some(bytes);
        }
        match fault {
            Some(_) => Err(StoreError::unconfirmed("the answer to the commit was lost")),
            None => Ok(applied.reply),
        }
    }

    fn until_slot(&self) -> Duration {
        let slot = self.quota().next_slot_at();
        slot.map_or(Duration::ZERO, |slot| {
            Duration::try_from(slot.duration_since(self.now().utc)).unwrap_or_default()
        })
    }

    fn quota(&self) -> industrydata_core::ledger::Quota {
        let key = LedgerKey::new(&BaseUrl::graph(), &"contoso".parse().unwrap());
        let read = Change::read(key, Throttle::default());
        let applied = read.apply(self.ledger.as_deref(), self.now().utc).unwrap();
        applied.reply.quota().clone()
    }

    /// The reservations in flight: the POST that goes out belongs to one of them.
    fn in_flight(&self) -> Vec<String> {
        let quota = self.quota();
        quota
            .entries()
            .iter()
            .filter(|entry| {
                entry.state(quota.as_of()) == industrydata_core::ledger::EntryState::Reserved
            })
            .map(|entry| entry.id().to_owned())
            .collect()
    }
}

/// How one attempt ended: by itself, or with its process.
fn run(
    world: &mut World,
    attempt: &Attempt,
    nth: u8,
) -> Option<(Result<Accepted, StartError>, bool)> {
    world.now += attempt.gap.unwrap_or_else(|| world.until_slot());
    let plan = StartPlan {
        service: Service::new(BaseUrl::graph(), "test/1"),
        tenant: "contoso".parse().unwrap(),
        throttle: Throttle::default(),
        limits: Limits::default(),
        wait_for_slot: attempt.wait_for_slot,
        caller: Caller::default(),
    };
    let mut machine = Start::new(plan, [nth; 16], world.now());
    let mut fates = attempt.fates.iter();
    let mut faults = attempt
        .faults
        .iter()
        .copied()
        .chain(std::iter::repeat(None));
    let mut token = AccessToken::new("canary-first").unwrap();
    let mut acted = false;
    let mut before: Vec<String> = world.in_flight();
    for _ in 0..5000 {
        match machine.step() {
            Step::Ledger(transaction, _) => {
                let change = transaction.change().clone();
                let result = world.transact(&change, faults.next().flatten());
                transaction.done(result, world.now());
            }
            Step::Send(exchange) => {
                if attempt.crash_before {
                    return None;
                }
                world.now += attempt.token_takes;
                if exchange.challenge().is_some() && attempt.fresh_token {
                    token = AccessToken::new("canary-second").unwrap();
                }
                if attempt.token_takes > Duration::from_secs(140) {
                    exchange.no_token(TokenError::unavailable("slow"), world.now());
                    continue;
                }
                let repeat = exchange.challenge().is_some();
                let Some((_, reply)) = exchange.request(&token, world.now()) else {
                    continue;
                };
                // I4: it is in the ledger, and its lease outlives the request.
                let mut own = world.in_flight();
                own.retain(|id| !before.contains(id));
                assert_eq!(own.len(), 1, "a POST without a new reservation");
                let posts = world.posts.entry(own.remove(0)).or_default();
                *posts += 1;
                assert!(
                    *posts <= 1 + u32::from(repeat),
                    "I2: a second POST for a reservation"
                );
                let fate = fates.next()?;
                // The service acts at the last moment before its answer.
                world.now += attempt.answer_takes;
                let acts = match fate {
                    Fate::Accepted { .. } => true,
                    Fate::Status(_, acts)
                    | Fate::Lost(_, acts)
                    | Fate::Dropped(acts)
                    | Fate::Crashed(acts) => *acts,
                };
                if acts {
                    acted = true;
                    world.accepted.push(world.now);
                }
                match fate {
                    Fate::Accepted { location } => {
                        reply.answer(&head(202, *location), Ok(vec![]), world.now())
                    }
                    Fate::Status(status, _) => {
                        reply.answer(
                            &head(*status, false),
                            Err(IncompleteBody::cut("x")),
                            world.now(),
                        );
                    }
                    Fate::Lost(phase, _) => {
                        reply.lost(TransportError::new(*phase, "x"), world.now())
                    }
                    Fate::Dropped(_) => {
                        drop(reply);
                        if attempt.fresh_token {
                            // The driver is gone too; only its guard writes what is left.
                            if let Some(change) = machine.abandon() {
                                let _ = world.transact(&change, faults.next().flatten());
                            }
                            return None;
                        }
                    }
                    Fate::Crashed(_) => return None,
                }
            }
            Step::Wait(pause) => {
                world.now += pause.remaining(world.now());
                pause.over(world.now());
                before = world.in_flight();
            }
            Step::Done(outcome) => return Some((outcome, acted)),
        }
    }
    panic!("I7: steps are not bounded");
}

fn head(status: u16, location: bool) -> Parts {
    let mut response = http::Response::builder().status(status);
    if location {
        response = response.header("location", LOCATION);
    }
    if status == 429 {
        response = response.header("retry-after", "20");
    }
    response.body(()).unwrap().into_parts().0
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn starts_keep_the_laws(attempts in prop::collection::vec(attempt(), 1..14)) {
        let mut world = World { now: Duration::from_secs(5), ledger: None, accepted: vec![], posts: HashMap::new() };
        for (nth, attempt) in attempts.iter().enumerate() {
            if let Some((outcome, acted)) = run(&mut world, attempt, nth as u8) {
                let reported = match &outcome {
                    Ok(_) => MayHaveStarted::Yes,
                    Err(error) => error.may_have_started(),
                };
                prop_assert!(!(acted && reported == MayHaveStarted::No), "I5: {outcome:?}");
            }
            for (i, first) in world.accepted.iter().enumerate() {
                let within = world.accepted.iter().skip(i).take_while(|at| **at - *first < WINDOW);
                prop_assert!(within.count() <= 5, "I3: {:?}", world.accepted);
            }
        }
    }

    #[test]
    fn a_wait_ends_and_succeeds_only_by_its_status(
        answers in prop::collection::vec((0usize..12, 0u64..100), 1..80),
        fixed in prop::option::of(1u64..100_000),
        total in 1u64..100_000,
    ) {
        let base = BaseUrl::graph();
        let limits = Limits { total: Duration::from_secs(total), ..Limits::default() };
        let policy = fixed.map_or_else(PollingPolicy::default, |ms| PollingPolicy::every(Duration::from_millis(ms)));
        let plan = PollPlan { service: Service::new(base.clone(), "test/1"), policy, limits };
        let url = OperationUrl::parse(&base, LOCATION).unwrap();
        let utc: Timestamp = "2026-03-10T12:00:00Z".parse().unwrap();
        let mut steady = Duration::from_secs(3);
        let at = |steady: Duration| Now::new(utc + steady, steady);
        let mut poll = OperationPoll::new(url, plan, None, [1; 16], at(steady));
        let deadline = steady + limits.total;
        let mut answers = answers.into_iter().cycle();
        let mut last = "";
        for _ in 0..400_000 {
            match poll.step() {
                Step::Send(exchange) => {
                    let (kind, takes) = answers.next().unwrap();
                    let token = AccessToken::new(if takes % 2 == 0 { "canary-first" } else { "canary-second" }).unwrap();
                    let Some((_, reply)) = exchange.request(&token, at(steady)) else { continue };
                    steady += Duration::from_millis(takes * 300).min(reply.time_limit());
                    let now = at(steady);
                    let ok = |status: u16| http::Response::builder().status(status).body(()).unwrap().into_parts().0;
                    let body = |text: &str| Ok(format!("{{\"status\":\"{text}\"}}").into_bytes());
                    last = "";
                    match kind {
                        0 => { last = "succeeded"; reply.answer(&ok(200), body("succeeded"), now) }
                        1 => { last = "failed"; reply.answer(&ok(200), body("failed"), now) }
                        2..=4 => reply.answer(&ok(200), body("running"), now),
                        5 => reply.answer(&ok(200), body("succeededly"), now),
                        6 => reply.answer(&ok(503), body("succeeded"), now),
                        7 => reply.answer(&ok(401), Ok(vec![]), now),
                        8 => reply.answer(&ok(404), Ok(vec![]), now),
                        9 => reply.answer(&ok(200), Err(IncompleteBody::cut("x")), now),
                        10 => reply.lost(TransportError::new(Phase::Sent, "x"), now),
                        _ => drop(reply),
                    }
                }
                Step::Wait(pause) => {
                    steady += pause.remaining(at(steady));
                    prop_assert!(steady <= deadline, "I7: a pause past the deadline");
                    pause.over(at(steady));
                }
                Step::Done(outcome) => {
                    prop_assert_eq!(outcome.is_ok(), last == "succeeded", "I6");
                    prop_assert!(steady <= deadline, "I7");
                    return Ok(());
                }
            }
        }
        // A pace of milliseconds and a limit of a day: the bound of this test, not of the machine.
        prop_assert!(fixed.is_some(), "I7: steps are not bounded");
    }
}
