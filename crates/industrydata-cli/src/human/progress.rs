//! Progress as a status.

use std::time::{Duration, Instant};

use industrydata_core::Timestamp;
use industrydata_core::lro::PauseReason;
use industrydata_core::lro::Progress;
use industrydata_core::model::IndustryDataRun;
use industrydata_core::wire::escape_controls;

use crate::terminal::{Status, times};

/// When a wait began, and when its time limit passes.
#[derive(Clone, Copy)]
pub(crate) struct WaitSpan {
    since: Timestamp,
    until: Option<Timestamp>,
}

impl WaitSpan {
    /// A wait that begins now and has this much time left.
    pub(crate) fn new(remaining: Duration) -> Self {
        let now = Timestamp::now();
        Self {
            since: now,
            until: now.checked_add(remaining).ok(),
        }
    }

    /// The same wait, counted from an earlier moment.
    pub(crate) fn since(self, since: Timestamp) -> Self {
        Self { since, ..self }
    }
}

/// The operation after a poll, and when the next poll is.
pub(crate) fn operation_progress(progress: &Progress, wait: WaitSpan) -> Status {
    let operation = progress.operation();
    let mut status = operation
        .map_or("status not known yet", |operation| {
            operation.status().as_str()
        })
        .to_owned();
    let detail = operation.and_then(|operation| operation.status_detail());
    if let Some(detail) = detail.filter(|detail| !detail.is_empty()) {
        status = format!("{status}: {detail}");
    }
    polling(&status, progress, wait)
}

/// The run after a poll, and when the next poll is.
pub(crate) fn run_progress(
    run: Option<&IndustryDataRun>,
    progress: &Progress,
    wait: WaitSpan,
) -> Status {
    let status = run.map_or("status not known yet", |run| run.status().as_str());
    polling(&format!("run: {status}"), progress, wait)
}

fn polling(state: &str, progress: &Progress, wait: WaitSpan) -> Status {
    let reason = progress.reason();
    let is_usual = matches!(reason, PauseReason::Interval | PauseReason::RunGoesOn);
    let why = (!is_usual).then(|| reason.to_string());
    status(
        state,
        why.as_deref(),
        "next poll",
        progress.next_poll_in(),
        wait,
    )
}

/// Why a start waits, and for how long.
pub(crate) fn slot_wait(reason: &PauseReason, time: Duration, wait: WaitSpan) -> Status {
    let state = if matches!(reason, PauseReason::Key) {
        "waiting for the outcome of another start"
    } else {
        "waiting for a slot"
    };
    status(state, Some(&reason.to_string()), "next try", time, wait)
}

fn status(
    state: &str,
    why: Option<&str>,
    what: &'static str,
    after: Duration,
    wait: WaitSpan,
) -> Status {
    let now = Instant::now();
    Status {
        state: escape_controls(state).to_string(),
        why: why.map(|why| times::in_text(&escape_controls(why).to_string())),
        since: wait.since,
        next: now.checked_add(after).unwrap_or(now),
        what,
        gives_up: wait.until,
    }
}
