//! A client's operation polls, resumed until the operation's final status is known.

use std::{sync::Arc, time::Duration};

use industrydata_core::lro::Machine;
use industrydata_core::lro::OperationPollErrorKind;
use industrydata_core::lro::RecordedPoll;
use industrydata_core::lro::ResumeToken;
use industrydata_core::lro::Settings;
use industrydata_core::lro::Step;

use crate::{
    agenda::Droppable,
    drive::drive,
    planted::Planted,
    record::{Followed, Polling, Purpose},
    sim::Sim,
};

/// How long a caller waits before it resumes polling.
const AGAIN: u64 = 600_000;
/// How often it does.
const MOST: u32 = 300;

/// Polls the operation of an accepted start, once its resume token is on the disk.
pub(crate) async fn accepted(sim: &Sim, client: usize, poll: RecordedPoll, deadline: Duration) {
    sim.point(client).await;
    let token = poll.poll().resume_token().to_string();
    let operation = poll.poll().url().operation_id().to_owned();
    {
        let mut world = sim.world();
        world.clients[client].disk.push(token.clone());
        let followed = &mut world.record.followed;
        if !followed.iter().any(|it| it.operation == operation) {
            let known = None;
            followed.push(Followed { operation, known });
        }
    }
    if !until_done(sim, client, poll, Some(deadline)).await {
        again(sim, client, token).await;
    }
}

/// Resumes polling by a resume token, as another process does.
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
    let token: ResumeToken = token.parse().unwrap();
    let poll = {
        let mut world = sim.world();
        let (seed, now) = (world.dice.seed(), world.at(client));
        let session = world.session(&Settings::default());
        session.resume(&token, seed, now).unwrap()
    };
    until_done(sim, client, poll, None).await
}

/// Polls an operation until the machine ends. Returns whether the operation's final status is known.
async fn until_done(
    sim: &Sim,
    client: usize,
    mut poll: RecordedPoll,
    deadline: Option<Duration>,
) -> bool {
    let number = begin(sim, client, &poll, deadline);
    let outcome = loop {
        // After a drop, the caller continues with the same machine.
        let driven = drive(sim, client, Purpose::Poll(number), &mut poll);
        match Droppable::new(sim.clone(), driven).await {
            Some(outcome) => break outcome,
            None => continue,
        }
    };
    let is_sticky = match (&outcome, poll.step()) {
        (Ok(operation), Step::Done(Ok(again))) => Arc::ptr_eq(operation, &again),
        (Err(error), Step::Done(Err(again))) => error.to_string() == again.to_string(),
        _ => false,
    };
    let known = match &outcome {
        Ok(operation) => Some(operation.status().as_str().to_owned()),
        Err(error) if matches!(error.kind(), OperationPollErrorKind::Failed) => {
            Some("failed".to_owned())
        }
        Err(_) => None,
    };
    let mut world = sim.world();
    if let Err(error) = &outcome {
        let text = format!("{error} {error:?}");
        world.record.look("an error of a poll", &text);
    }
    let now = world.at(client).steady;
    let polling = &mut world.record.pollings[number];
    polling.ended = Some((now, known.clone(), is_sticky));
    let Some(known) = known else { return false };
    let operation = polling.operation.clone();
    let token = poll.poll().resume_token().to_string();
    world.clients[client].disk.retain(|it| *it != token);
    let mut followed = world.record.followed.iter_mut();
    if let Some(followed) = followed.find(|it| it.operation == operation) {
        followed.known = Some(known);
    }
    true
}

/// The most time that it takes to record an acceptance.
const RECORDED: Duration = Duration::from_secs(60);

fn begin(sim: &Sim, client: usize, poll: &RecordedPoll, deadline: Option<Duration>) -> usize {
    let mut world = sim.world();
    let (now, utc) = (world.at(client).steady, world.at(client).utc);
    let plan = poll.poll().plan();
    let is_attached = (poll.accepted()).is_some_and(|accepted| accepted.attached_to().is_some());
    // The acceptance was recorded since. A clock that jumped meanwhile says nothing.
    let since = utc.duration_since(poll.poll().accepted());
    let since = Duration::try_from(since).unwrap_or_default();
    let since = if is_attached || since > RECORDED {
        Duration::ZERO
    } else {
        since
    };
    world.record.pollings.push(Polling {
        operation: poll.poll().url().operation_id().to_owned(),
        accepted: deadline.map(|_| now.saturating_sub(since)),
        every: plan.policy.fixed(),
        past: poll.poll().past_durations().clone(),
        is_attached,
        began: now,
        deadline: deadline.unwrap_or(now + plan.limits.total),
        polls: Vec::new(),
        steps: 0,
        ended: None,
    });
    world.record.pollings.len() - 1
}
