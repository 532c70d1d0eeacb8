//! A client's start, with the core's machine driven as an adapter drives it.

use std::{sync::Arc, time::Duration};

use industrydata_core::Timestamp;
use industrydata_core::ledger::Caller;
use industrydata_core::ledger::StoreError;
use industrydata_core::ledger::StoreReply;
use industrydata_core::lro::Accepted;
use industrydata_core::lro::MayHaveStarted;
use industrydata_core::lro::Start;
use industrydata_core::lro::StartError;
use industrydata_core::lro::StartErrorKind;
use industrydata_core::lro::StartPlan;
use industrydata_core::lro::StartStep;
use industrydata_core::policy::Limits;

use crate::{
    agenda::Droppable,
    books::transact,
    follow,
    network::send,
    planted,
    record::{Attempt, Purpose, Refused, Told},
    script::Order,
    sim::{Sim, World},
};

/// A start under way: dropped, it leaves the books as they should be, unless its process is dead.
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
            world.submit(self.client, Some(self.attempt), Arc::new(change));
        }
    }
}

/// Starts a run and follows it; once more at the time that a refusal told, if the order says so.
pub(crate) async fn start(sim: Sim, order: Order) {
    let (mut outcome, mut attempt) = one(&sim, order).await;
    if let Some(until) = outcome.as_ref().and_then(refused).filter(|_| order.again) {
        let wait = {
            let world = sim.world();
            let now = world.books_clock(world.now);
            Duration::try_from(until.duration_since(now)).unwrap_or_default()
        };
        sim.sleep(wait.as_millis() as u64 + 1).await;
        (outcome, attempt) = one(&sim, order).await;
    }
    if let Some(Ok(accepted)) = outcome {
        let deadline = sim.world().record.attempts[attempt].deadline();
        follow::accepted(&sim, order.client, accepted, order.every, deadline).await;
    }
}

/// Until when the books refuse a start, if that is how it ended.
fn refused(outcome: &Result<Accepted, StartError>) -> Option<Timestamp> {
    match outcome.as_ref().err()?.kind() {
        StartErrorKind::NoSlot(refusal) => Some(refusal.until()),
        _ => None,
    }
}

/// One start: how it ended, unless it was dropped on its way.
async fn one(sim: &Sim, order: Order) -> (Option<Result<Accepted, StartError>>, usize) {
    let client = order.client;
    let limits = Limits {
        total: Duration::from_secs(order.limit),
        ..Limits::default()
    };
    let throttle = planted::throttle(sim);
    let (attempt, machine) = {
        let mut world = sim.world();
        let (seed, now) = (world.dice.seed(), world.at(client));
        let who = Caller {
            label: planted::label(&mut world, client),
            ..Caller::default()
        };
        let plan = StartPlan {
            service: world.common.service.clone(),
            tenant: world.common.tenant.clone(),
            throttle,
            limits,
            wait_for_slot: order.wait,
            who,
        };
        let attempt = world.record.begin(client, now, limits.total);
        (attempt, Start::new(plan, seed, now))
    };
    let driven = async {
        let mut guard = Guard {
            sim: sim.clone(),
            client,
            attempt,
            machine: Some(machine),
        };
        let outcome = match guard.machine.as_mut() {
            Some(machine) => drive(sim, client, attempt, machine).await,
            None => return None,
        };
        guard.machine = None;
        Some(outcome)
    };
    let outcome = Droppable::new(sim.clone(), driven).await.flatten();
    if let Some(outcome) = &outcome {
        told(sim, client, attempt, outcome);
    }
    (outcome, attempt)
}

async fn drive(
    sim: &Sim,
    client: usize,
    attempt: usize,
    machine: &mut Start,
) -> Result<Accepted, StartError> {
    loop {
        sim.point(client).await;
        if sim.world().is_stopped() {
            machine.stop();
        }
        sim.world().record.attempts[attempt].steps += 1;
        match machine.step() {
            StartStep::Book(booking) => {
                let change = Arc::clone(booking.change());
                let began = sim.world().now;
                let result = transact(sim, client, Some(attempt), change).await;
                sim.world().booked_since(attempt, began);
                let result = planted::booked(sim, result);
                answered(sim, attempt, &result);
                booking.booked(result, sim.world().at(client));
            }
            StartStep::Send(exchange) => {
                send(sim, client, Purpose::Post(attempt), exchange).await;
            }
            StartStep::Wait(pause) => {
                let remaining = pause.remaining(sim.world().at(client));
                sim.pause(client, remaining).await;
                pause.over(sim.world().at(client));
            }
            StartStep::Done(outcome) => return outcome,
        }
    }
}

/// Writes down what the driver was answered by the store.
fn answered(sim: &Sim, attempt: usize, result: &Result<StoreReply, StoreError>) {
    let Ok(verdict) = result else { return };
    let mut world = sim.world();
    let Some(refusal) = verdict.refusal() else {
        world.record.granted(attempt);
        return;
    };
    let now = verdict.quota().as_of();
    let at = world.now;
    world.record.refused.push(Refused {
        at,
        is_for_slots: verdict.quota().not_before().is_none(),
        wait: refusal.until().duration_since(now).as_millis() as i64,
    });
}

/// Writes down what a start was told to be, and how the books stand then.
fn told(sim: &Sim, client: usize, attempt: usize, outcome: &Result<Accepted, StartError>) {
    let mut world = sim.world();
    let (now, at) = (world.now, world.at(client).steady);
    let latest = world.record.attempts[attempt].latest;
    let entry = latest.and_then(|id| world.state(id));
    let told = match outcome {
        Ok(accepted) => Told {
            at: now,
            may_have_started: MayHaveStarted::Yes,
            operation: Some(accepted.operation().operation_id().to_owned()),
            is_warned: accepted.ledger_warning().is_some(),
            is_skew_told: accepted.clock_skew().is_some(),
            entry,
            words: "accepted".to_owned(),
        },
        Err(error) => Told {
            at: now,
            may_have_started: error.may_have_started(),
            operation: None,
            is_warned: error.ledger_warning().is_some(),
            is_skew_told: false,
            entry,
            words: error.to_string(),
        },
    };
    let told = planted::told(&world, told);
    planted::follows(&mut world, outcome);
    if let Err(error) = outcome {
        world
            .record
            .look("an error of a start", &format!("{error} {error:?}"));
    }
    world.record.attempts[attempt].told = Some((at, told));
}

impl World {
    fn booked_since(&mut self, attempt: usize, began: u64) {
        let took = Duration::from_millis(self.now - began);
        self.record.attempts[attempt].booking += took;
    }
}

impl crate::record::Record {
    fn begin(&mut self, client: usize, began: industrydata_core::Now, limit: Duration) -> usize {
        self.attempts.push(Attempt {
            client,
            began,
            limit,
            latest: None,
            granted: None,
            steps: 0,
            booking: Duration::ZERO,
            told: None,
        });
        self.attempts.len() - 1
    }
}
