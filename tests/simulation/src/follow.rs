//! What a client's tasks do, with the core's machines driven as an adapter drives them.

use std::{sync::Arc, time::Duration};

use industrydata_core::ledger::Change;
use industrydata_core::lro::Accepted;
use industrydata_core::lro::OperationPoll;
use industrydata_core::lro::OperationPollError;
use industrydata_core::lro::OperationPollErrorKind;
use industrydata_core::lro::OperationPollStep;
use industrydata_core::lro::PollPlan;
use industrydata_core::lro::ResumeToken;
use industrydata_core::model::Operation;
use industrydata_core::policy::Limits;
use industrydata_core::policy::PollingPolicy;

use crate::{
    agenda::Droppable,
    books::transact,
    network::send,
    planted::Planted,
    record::{Followed, Purpose, Watched},
    sim::Sim,
};

/// How long a caller waits before it takes up a wait again.
const AGAIN: u64 = 600_000;
/// How often it does.
const MOST: u32 = 300;

/// Follows an accepted start, once its resume token is on the disk.
pub(crate) async fn accepted(
    sim: &Sim,
    client: usize,
    accepted: Accepted,
    every: Option<u64>,
    deadline: Duration,
) {
    let policy = policy(every);
    let watch = accepted.watch(policy);
    sim.point(client).await;
    let token = watch.resume_token().to_string();
    let operation = accepted.operation().operation_id().to_owned();
    {
        let mut world = sim.world();
        world.clients[client].disk.push(token.clone());
        let known = None;
        world.record.followed.push(Followed { operation, known });
    }
    let unrecorded = accepted.unrecorded().cloned();
    let is_over = wait(sim, client, watch, Some(deadline), unrecorded).await;
    if !is_over {
        again(sim, client, token).await;
    }
}

/// Takes up a wait by its resume token, as another process does.
pub(crate) async fn resume(sim: Sim, client: usize, token: String) {
    if !try_again(&sim, client, &token).await {
        again(&sim, client, token).await;
    }
}

async fn again(sim: &Sim, client: usize, token: String) {
    for _ in 0..MOST {
        if sim.world().is_planted(Planted::NeverResumes) {
            return;
        }
        sim.sleep(AGAIN).await;
        sim.world().go_on();
        if try_again(sim, client, &token).await {
            return;
        }
    }
}

async fn try_again(sim: &Sim, client: usize, token: &str) -> bool {
    let read: ResumeToken = token.parse().unwrap();
    let watch = {
        let mut world = sim.world();
        let url = read.operation_url(&world.common.base).unwrap();
        let (seed, now) = (world.dice.seed(), world.at(client));
        let plan = PollPlan {
            service: world.common.service.clone(),
            policy: PollingPolicy::default(),
            limits: Limits::default(),
        };
        OperationPoll::new(url, plan, Some(read.accepted()), seed, now)
    };
    wait(sim, client, watch, None, None).await
}

/// One wait to its end: whether nothing is left to wait for.
async fn wait(
    sim: &Sim,
    client: usize,
    mut watch: OperationPoll,
    deadline: Option<Duration>,
    unrecorded: Option<Arc<Change>>,
) -> bool {
    let number = begin(sim, client, &watch, deadline);
    let outcome = loop {
        // A future that is dropped leaves the machine where it was; the caller asks again.
        let turn = turn(sim, client, number, &mut watch);
        match Droppable::new(sim.clone(), turn).await {
            Some(outcome) => break outcome,
            None => continue,
        }
    };
    let is_sticky = match (&outcome, watch_end(&mut watch)) {
        (Ok(operation), Some(Ok(again))) => Arc::ptr_eq(operation, &again),
        (Err(error), Some(Err(again))) => error.to_string() == again.to_string(),
        _ => false,
    };
    if let Some(change) = unrecorded {
        let _ = transact(sim, client, None, change).await;
    }
    let known = match &outcome {
        Ok(operation) => Some(operation.status().as_str().to_owned()),
        Err(error) if matches!(error.kind(), OperationPollErrorKind::Failed) => {
            Some("failed".to_owned())
        }
        Err(_) => None,
    };
    let mut world = sim.world();
    if let Err(error) = &outcome {
        world
            .record
            .look("an error of a wait", &format!("{error} {error:?}"));
    }
    let now = world.at(client).steady;
    let watched = &mut world.record.watches[number];
    watched.ended = Some((now, known.clone(), is_sticky));
    let Some(known) = known else { return false };
    let operation = watched.operation.clone();
    let token = watch.resume_token().to_string();
    world.clients[client].disk.retain(|it| *it != token);
    let mut followed = world.record.followed.iter_mut();
    if let Some(followed) = followed.find(|it| it.operation == operation) {
        followed.known = Some(known);
    }
    true
}

async fn turn(
    sim: &Sim,
    client: usize,
    number: usize,
    watch: &mut OperationPoll,
) -> Result<Arc<Operation>, OperationPollError> {
    loop {
        sim.point(client).await;
        if sim.world().is_stopped() {
            watch.stop();
        }
        sim.world().record.watches[number].steps += 1;
        match watch.step() {
            OperationPollStep::Send(exchange) => {
                send(sim, client, Purpose::Poll(number), exchange).await;
            }
            OperationPollStep::Wait(mut pause) => {
                drop(pause.news());
                let remaining = pause.remaining(sim.world().at(client));
                sim.pause(client, remaining).await;
                pause.over(sim.world().at(client));
            }
            OperationPollStep::Done(outcome) => return outcome,
        }
    }
}

fn begin(sim: &Sim, client: usize, watch: &OperationPoll, deadline: Option<Duration>) -> usize {
    let mut world = sim.world();
    let now = world.at(client).steady;
    let limits = watch.plan().limits;
    world.record.watches.push(Watched {
        operation: watch.url().operation_id().to_owned(),
        accepted: deadline.map(|_| now),
        every: watch.plan().policy.fixed(),
        began: now,
        deadline: deadline.unwrap_or(now + limits.total),
        polls: Vec::new(),
        steps: 0,
        ended: None,
    });
    world.record.watches.len() - 1
}

fn watch_end(watch: &mut OperationPoll) -> Option<Result<Arc<Operation>, OperationPollError>> {
    match watch.step() {
        OperationPollStep::Done(outcome) => Some(outcome),
        OperationPollStep::Send(_) | OperationPollStep::Wait(_) => None,
    }
}

fn policy(every: Option<u64>) -> PollingPolicy {
    every.map_or_else(PollingPolicy::default, |ms| {
        PollingPolicy::every(Duration::from_millis(ms))
    })
}
