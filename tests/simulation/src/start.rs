//! A client's start, and the polls of its operation.

use std::time::Duration;

use industrydata_core::Timestamp;
use industrydata_core::ledger::StoreError;
use industrydata_core::ledger::StoreReply;
use industrydata_core::lro::Accepted;
use industrydata_core::lro::Machine;
use industrydata_core::lro::MayHaveStarted;
use industrydata_core::lro::Session;
use industrydata_core::lro::Settings;
use industrydata_core::lro::Start;
use industrydata_core::lro::StartError;
use industrydata_core::lro::StartErrorKind;
use industrydata_core::policy::PollingPolicy;

use crate::{
    agenda::Droppable,
    drive::drive,
    planted, poll,
    record::{Attempt, Purpose, Record, Refused, Reported},
    script::Order,
    sim::Sim,
};

/// A start under way. If it is dropped, what it leaves to be written is sent to the store, unless its process is dead.
struct Guard {
    sim: Sim,
    client: usize,
    attempt: usize,
    machine: Option<Start>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        let Some(machine) = self.machine.take() else {
            return;
        };
        let mut world = self.sim.world();
        if world.clients[self.client].is_dead {
            return;
        }
        if let Some(change) = machine.abandon() {
            let change = planted::abandoned(&world, self.attempt, change);
            world.submit(self.client, Purpose::Start(self.attempt), change);
        }
    }
}

/// Starts a run and polls its operation. If the order says so, a refused start is made once more at the time that the
/// refusal named.
pub(crate) async fn start(sim: Sim, order: Order) {
    let session = session(&sim, order);
    let (mut outcome, mut attempt) = one(&sim, &session, order).await;
    if let Some(until) = outcome.as_ref().and_then(refused).filter(|_| order.again) {
        let wait = {
            let world = sim.world();
            let now = world.ledger_clock(world.now);
            Duration::try_from(until.duration_since(now)).unwrap_or_default()
        };
        sim.sleep(wait.as_millis() as u64 + 1).await;
        (outcome, attempt) = one(&sim, &session, order).await;
    }
    if let Some(Ok(accepted)) = outcome {
        let deadline = sim.world().record.attempts[attempt].deadline();
        poll::accepted(&sim, order.client, session.after(accepted), deadline).await;
    }
}

/// Until when the ledger refuses a start, if it ended so.
fn refused(outcome: &Result<Accepted, StartError>) -> Option<Timestamp> {
    match outcome.as_ref().err()?.kind() {
        StartErrorKind::NoSlot(refusal) => Some(refusal.until()),
        _ => None,
    }
}

fn session(sim: &Sim, order: Order) -> Session {
    let polling = order.every.map_or_else(PollingPolicy::default, |ms| {
        PollingPolicy::every(Duration::from_millis(ms))
    });
    let settings = Settings::default()
        .polling(polling)
        .throttle(planted::throttle(sim))
        .time_limit(Duration::from_secs(order.limit));
    let world = sim.world();
    let session = world.session(&settings).wait_for_slot(order.wait);
    match planted::label(&world, order.client) {
        Some(label) => session.label(label),
        None => session,
    }
}

/// One start. The outcome is `None` if the start was dropped.
async fn one(
    sim: &Sim,
    session: &Session,
    order: Order,
) -> (Option<Result<Accepted, StartError>>, usize) {
    let client = order.client;
    let (attempt, machine) = {
        let mut world = sim.world();
        let (seed, now) = (world.dice.seed(), world.at(client));
        let limit = Duration::from_secs(order.limit);
        let attempt = world.record.begin(client, now, limit);
        (attempt, session.start(seed, now))
    };
    let driven = async {
        let mut guard = Guard {
            sim: sim.clone(),
            client,
            attempt,
            machine: Some(machine),
        };
        let outcome = match guard.machine.as_mut() {
            Some(machine) => drive(sim, client, Purpose::Start(attempt), machine).await,
            None => return None,
        };
        guard.machine = None;
        Some(outcome)
    };
    let outcome = Droppable::new(sim.clone(), driven).await.flatten();
    if let Some(outcome) = &outcome {
        report(sim, client, attempt, outcome);
    }
    (outcome, attempt)
}

/// Records what is reported to the caller of a start, and the state of the start's entry at that moment.
fn report(sim: &Sim, client: usize, attempt: usize, outcome: &Result<Accepted, StartError>) {
    let mut world = sim.world();
    let (now, at) = (world.now, world.at(client).steady);
    let latest = world.record.attempts[attempt].latest;
    let entry = latest.and_then(|id| world.state(id));
    let reported = match outcome {
        Ok(accepted) => Reported {
            at: now,
            may_have_started: MayHaveStarted::Yes,
            operation: Some(accepted.operation().operation_id().to_owned()),
            refused: None,
            is_warned: accepted.ledger_warning().is_some(),
            is_skew_reported: accepted.clock_skew().is_some(),
            is_ledger_skew_reported: accepted.ledger_clock_skew().is_some(),
            entry,
            words: "accepted".to_owned(),
        },
        Err(error) => Reported {
            at: now,
            may_have_started: error.may_have_started(),
            operation: None,
            refused: match error.kind() {
                StartErrorKind::NoSlot(refusal) => Some(refusal.reason()),
                _ => None,
            },
            is_warned: error.ledger_warning().is_some(),
            is_skew_reported: false,
            is_ledger_skew_reported: false,
            entry,
            words: error.to_string(),
        },
    };
    let reported = planted::reported(&world, reported);
    planted::follows(&mut world, outcome);
    if let Err(error) = outcome {
        world
            .record
            .look("an error of a start", &format!("{error} {error:?}"));
    }
    world.record.attempts[attempt].reported = Some((at, reported));
}

impl Record {
    fn begin(&mut self, client: usize, began: industrydata_core::Now, limit: Duration) -> usize {
        self.attempts.push(Attempt {
            client,
            began,
            limit,
            latest: None,
            granted: None,
            steps: 0,
            in_store: Duration::ZERO,
            reported: None,
        });
        self.attempts.len() - 1
    }

    /// Records the store's reply to a change of a start, which began and came at these moments.
    pub(crate) fn replied(
        &mut self,
        attempt: usize,
        (began, at): (u64, u64),
        result: &Result<StoreReply, StoreError>,
    ) {
        self.attempts[attempt].in_store += Duration::from_millis(at - began);
        let Ok(reply) = result else { return };
        let Some(refusal) = reply.refusal() else {
            self.granted(attempt);
            return;
        };
        let now = reply.quota().as_of();
        self.refused.push(Refused {
            at,
            is_for_slots: reply.quota().not_before().is_none(),
            wait: refusal.until().duration_since(now).as_millis() as i64,
        });
    }
}
