//! Waits dropped: a later call goes on where the dropped one was, and polls no more often.

use std::{
    future::poll_fn,
    pin::Pin,
    time::{Duration, Instant},
};

use futures_core::Stream;
use industrydata_async::{OperationPoller, TenantClient};
use industrydata_core::Timestamp;
use industrydata_core::lro::OperationPollError;
use industrydata_core::lro::Progress;
use industrydata_core::lro::ResumeToken;
use industrydata_core::wire::OperationUrl;

use super::{
    drops::{Budget, Call, Dropped, on_a_runtime},
    start::{client, in_pieces},
};
use crate::{Played, Scenario, Stage, accepted, answers::OPERATION, laws, status};

/// The pause between polls.
pub(super) const PACE: Duration = Duration::from_millis(250);
/// The least time between two polls: the network may have held up the first.
const LEAST: Duration = Duration::from_millis(60);

pub(super) fn calls() -> Vec<Call> {
    vec![
        Call::new(
            "a wait by progress",
            |polls| dropped(polls, By::Progress),
            &[],
        ),
        Call::new(
            "a wait by until_done",
            |polls| dropped(polls, By::UntilDone),
            &[],
        ),
        Call::new("a wait by stream", |polls| dropped(polls, By::Stream), &[]),
        Call::new(
            "a wait that was taken up",
            |polls| dropped(polls, By::Resume),
            &[],
        ),
    ]
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Progress,
    UntilDone,
    Stream,
    Resume,
}

/// A wait of two running polls and one that succeeded: dropped once in its midst, then gone on with.
fn dropped(polls: usize, by: By) -> Result<Dropped, String> {
    let mut scenario = Scenario::new("a wait that is dropped", "T38");
    if by != By::Resume {
        scenario = scenario.turn(accepted());
    }
    let scenario = scenario
        .turn(in_pieces(status("running")))
        .turn(in_pieces(status("running")))
        .turn(status("succeeded").forever());
    let stage = Stage::new(&scenario).ok_or("no stage")?;
    on_a_runtime(async {
        let tenant = client(&stage);
        let mut run = begun(&tenant, &stage, by).await?;
        let mut told = 0;
        let mut budget = Budget::new(polls);
        let began = Instant::now();
        let mut was_dropped = false;
        loop {
            let came = match by {
                _ if was_dropped => run.progress().await,
                By::Progress => match budget.within(run.progress()).await {
                    Some(came) => came,
                    None => {
                        was_dropped = true;
                        continue;
                    }
                },
                By::UntilDone | By::Resume => match budget.within(run.until_done()).await {
                    Some(done) => done.map(|_| None),
                    None => {
                        was_dropped = true;
                        continue;
                    }
                },
                By::Stream => match streamed(&mut run, &mut budget, &mut told).await {
                    Some(came) => came,
                    None => {
                        was_dropped = true;
                        continue;
                    }
                },
            };
            match came.map_err(|error| format!("the wait failed: {error:?}"))? {
                Some(_) => told += 1,
                None => break,
            }
            if began.elapsed() > Duration::from_secs(20) {
                return Err("the wait does not end".to_owned());
            }
        }
        ended(&run, &stage, by, was_dropped, told)
    })
}

async fn begun(tenant: &TenantClient, stage: &Stage, by: By) -> Result<OperationPoller, String> {
    if by == By::Resume {
        let url = OperationUrl::from_id(&stage.base, OPERATION).map_err(|e| e.to_string())?;
        let token = ResumeToken::new(&stage.base, &url, Timestamp::now());
        return tenant.resume(&token).map_err(|error| error.to_string());
    }
    tenant.start().await.map_err(|error| format!("{error:?}"))
}

/// The rest of a run by its stream; `None` if it was dropped on the way.
async fn streamed(
    run: &mut OperationPoller,
    budget: &mut Budget,
    told: &mut usize,
) -> Option<Result<Option<Progress>, OperationPollError>> {
    let mut stream = run.stream();
    loop {
        let next = poll_fn(|context| Pin::new(&mut stream).poll_next(context));
        match budget.within(next).await? {
            Some(Ok(_)) => *told += 1,
            Some(Err(error)) => return Some(Err(error)),
            None => return Some(Ok(None)),
        }
    }
}

fn ended(
    run: &OperationPoller,
    stage: &Stage,
    by: By,
    was_dropped: bool,
    told: usize,
) -> Result<Dropped, String> {
    let status = run.operation().map(|operation| operation.status().as_str());
    if status != Some("succeeded") {
        return Err(format!("the wait ended with {status:?}"));
    }
    let seen = stage.server.seen();
    let gets: Vec<_> = seen
        .requests
        .iter()
        .filter(|request| request.method == "GET")
        .collect();
    // Each poll is told, but for the last, which is the end, and the one that was dropped on its way.
    let untold = gets.len().saturating_sub(told);
    let is_told = match by {
        By::Progress | By::Stream => (1..=1 + usize::from(was_dropped)).contains(&untold),
        By::UntilDone | By::Resume => gets.len() >= 2,
    };
    if !is_told {
        return Err(format!("{} polls, and {told} told", gets.len()));
    }
    let pairs = gets.iter().zip(gets.iter().skip(1));
    if let Some(gap) = pairs
        .map(|(one, next)| next.at - one.at)
        .find(|gap| *gap < LEAST)
    {
        return Err(format!("two polls within {gap:?}"));
    }
    let mut broken = Vec::new();
    laws(&Played::default(), stage, &mut broken);
    if !broken.is_empty() {
        return Err(broken.join("; "));
    }
    Ok(if !was_dropped {
        Dropped::Done
    } else if untold > 1 && by == By::Progress {
        Dropped::Held("with a poll on its way")
    } else {
        Dropped::Held("gone on with")
    })
}
