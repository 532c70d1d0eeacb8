//! Drops operation polls: a later call continues where the dropped one stopped, and polls no more often.

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

/// The poll interval.
pub(super) const PACE: Duration = Duration::from_millis(250);
/// The least time between the arrivals of two polls. It is below the interval because the first may arrive late.
const LEAST: Duration = Duration::from_millis(60);

pub(super) fn calls() -> Vec<Call> {
    vec![
        Call::new(
            "poll an operation by progress",
            |polls| dropped(polls, By::Progress),
            &[],
        ),
        Call::new(
            "poll an operation by until_done",
            |polls| dropped(polls, By::UntilDone),
            &[],
        ),
        Call::new(
            "poll an operation by stream",
            |polls| dropped(polls, By::Stream),
            &[],
        ),
        Call::new(
            "poll an operation after resuming",
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

/// Polls an operation that is running twice and then succeeds. One future is dropped; the poller then continues.
fn dropped(polls: usize, by: By) -> Result<Dropped, String> {
    let mut scenario = Scenario::new("a dropped operation poll", "T38");
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
        let mut reported = 0;
        let mut budget = Budget::new(polls);
        let began = Instant::now();
        let mut was_dropped = false;
        loop {
            let result = match by {
                _ if was_dropped => run.progress().await,
                By::Progress => match budget.within(run.progress()).await {
                    Some(result) => result,
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
                By::Stream => match streamed(&mut run, &mut budget, &mut reported).await {
                    Some(result) => result,
                    None => {
                        was_dropped = true;
                        continue;
                    }
                },
            };
            match result.map_err(|error| format!("the poll failed: {error:?}"))? {
                Some(_) => reported += 1,
                None => break,
            }
            if began.elapsed() > Duration::from_secs(20) {
                return Err("polling does not end".to_owned());
            }
        }
        ended(&run, &stage, by, was_dropped, reported)
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

/// Polls to the end by the stream; `None` if a future was dropped on the way.
async fn streamed(
    run: &mut OperationPoller,
    budget: &mut Budget,
    reported: &mut usize,
) -> Option<Result<Option<Progress>, OperationPollError>> {
    let mut stream = run.stream();
    loop {
        let next = poll_fn(|context| Pin::new(&mut stream).poll_next(context));
        match budget.within(next).await? {
            Some(Ok(_)) => *reported += 1,
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
    reported: usize,
) -> Result<Dropped, String> {
    let status = run.operation().map(|operation| operation.status().as_str());
    if status != Some("succeeded") {
        return Err(format!("polling ended with {status:?}"));
    }
    let seen = stage.server.seen();
    let gets: Vec<_> = seen
        .requests
        .iter()
        .filter(|request| request.method == "GET")
        .collect();
    // Each poll reports progress, except the last, which is the end, and one whose future was dropped.
    let unreported = gets.len().saturating_sub(reported);
    let is_reported = match by {
        By::Progress | By::Stream => (1..=1 + usize::from(was_dropped)).contains(&unreported),
        By::UntilDone | By::Resume => gets.len() >= 2,
    };
    if !is_reported {
        return Err(format!("{} polls, {reported} reported", gets.len()));
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
    } else if unreported > 1 && by == By::Progress {
        Dropped::Held("during a request")
    } else {
        Dropped::Held("continued")
    })
}
