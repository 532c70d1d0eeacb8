//! Progress lines.

use std::time::Duration;

use industrydata_core::Timestamp;
use industrydata_core::lro::PauseReason;
use industrydata_core::lro::Progress;
use industrydata_core::model::IndustryDataRun;
use industrydata_core::wire::escape_controls;

use crate::human::text::duration;

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

    fn elapsed(self) -> Duration {
        let elapsed = Timestamp::now().duration_since(self.since);
        // Whole seconds: a fraction would suggest more than a clock of another machine gives.
        Duration::from_secs(elapsed.as_secs().try_into().unwrap_or_default())
    }

    /// The end, with its date unless that is today's.
    fn gives_up(self) -> String {
        let Some(until) = self.until else {
            return String::new();
        };
        let day = |time: Timestamp| time.strftime("%Y-%m-%d").to_string();
        let form = match day(until) == day(Timestamp::now()) {
            true => "%H:%M:%SZ",
            false => "%Y-%m-%d %H:%M:%SZ",
        };
        format!(" (gives up at {})", until.strftime(form))
    }
}

/// The operation after a poll, and when the next poll is.
pub(crate) fn operation_progress(progress: &Progress, wait: WaitSpan) -> String {
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
    line(&status, progress, wait)
}

/// The run after a poll, and when the next poll is.
pub(crate) fn run_progress(
    run: Option<&IndustryDataRun>,
    progress: &Progress,
    wait: WaitSpan,
) -> String {
    let status = run.map_or("status not known yet", |run| run.status().as_str());
    line(&format!("run: {status}"), progress, wait)
}

fn line(status: &str, progress: &Progress, wait: WaitSpan) -> String {
    let reason = progress.reason();
    let is_usual = matches!(reason, PauseReason::Interval | PauseReason::RunGoesOn);
    let reason = match is_usual {
        true => String::new(),
        false => format!(": {reason}"),
    };
    format!(
        "{} · {} · next poll in {}{}{}",
        escape_controls(status),
        duration(wait.elapsed()),
        duration(progress.next_poll_in()),
        escape_controls(&reason),
        wait.gives_up()
    )
}

/// Why a start waits, and for how long.
pub(crate) fn slot_wait(reason: &PauseReason, time: Duration, wait: WaitSpan) -> String {
    let what = if matches!(reason, PauseReason::Key) {
        "its outcome"
    } else {
        "a slot"
    };
    format!(
        "waiting {} for {what}: {}{}",
        duration(time),
        escape_controls(&reason.to_string()),
        wait.gives_up()
    )
}
