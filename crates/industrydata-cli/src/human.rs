//! What people read. Control characters in anybody's text are escaped.

use std::{
    fmt::{Display, Write as _},
    io::{self, Write as _},
    time::Duration,
};

use industrydata_core::Timestamp;
use industrydata_core::ledger::Basis;
use industrydata_core::ledger::Entry;
use industrydata_core::ledger::Forecast;
use industrydata_core::ledger::Quota;
use industrydata_core::ledger::Skip;
use industrydata_core::lro::PauseReason;
use industrydata_core::lro::Progress;
use industrydata_core::model::IndustryDataRun;
use industrydata_core::wire::escape_controls;

use crate::report::{Document, OperationReport, Outcome, QuotaReport};

/// Columns of the timeline.
const BAR: u32 = 36;

/// Prints a line on standard error; nobody may be listening there.
pub(crate) fn tell(line: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// What is known after a poll, and when the next one is made.
pub(crate) fn progress(progress: &Progress, until: Option<Timestamp>) -> String {
    let status = progress
        .operation()
        .map_or("not seen yet", |seen| seen.status().as_str());
    let mut line = format!("operation {}", escape_controls(status));
    let detail = progress.operation().and_then(|seen| seen.status_detail());
    if let Some(detail) = detail.filter(|detail| !detail.is_empty()) {
        let _ = write!(line, " ({})", escape_controls(detail));
    }
    let next = duration(progress.next_poll_in());
    let reason = progress.reason().to_string();
    let _ = write!(
        line,
        "; next poll in {next}: {}{}",
        escape_controls(&reason),
        at_the_latest(until)
    );
    line
}

/// What is known of a run after a read, and when the next one is made.
pub(crate) fn run_progress(
    run: Option<&IndustryDataRun>,
    progress: &Progress,
    until: Option<Timestamp>,
) -> String {
    let status = run.map_or("not seen yet", |run| run.status().as_str());
    let reason = progress.reason().to_string();
    format!(
        "run {}; next look in {}: {}{}",
        escape_controls(status),
        duration(progress.next_poll_in()),
        escape_controls(&reason),
        at_the_latest(until)
    )
}

/// Why a start pauses, and for how long.
pub(crate) fn waiting(reason: &PauseReason, time: Duration, until: Option<Timestamp>) -> String {
    let reason = reason.to_string();
    format!(
        "waiting {} for a slot: {}{}",
        duration(time),
        escape_controls(&reason),
        at_the_latest(until)
    )
}

/// The result, for standard output.
pub(crate) fn result(document: &Document) -> String {
    let mut text = String::new();
    let Some(operation) = &document.operation else {
        return text;
    };
    match document.outcome {
        Outcome::Started => {
            let _ = writeln!(text, "started: operation {}", operation.id);
            let _ = writeln!(text, "location: {}", operation.shown);
            let _ = writeln!(
                text,
                "wait for it with: industrydata wait {}",
                taken_up_by(operation)
            );
        }
        Outcome::Succeeded => {
            let _ = writeln!(text, "succeeded: operation {}", operation.id);
            let _ = writeln!(text, "location: {}", operation.shown);
            for (name, value) in [
                ("created", &operation.created),
                ("last action", &operation.last_action),
                ("detail", &operation.status_detail),
            ] {
                if let Some(value) = value.as_deref().filter(|value| !value.is_empty()) {
                    let _ = writeln!(text, "{name}: {}", escape_controls(value));
                }
            }
        }
        Outcome::Failed
        | Outcome::Throttled
        | Outcome::Unauthorized
        | Outcome::Unexpected
        | Outcome::Unreachable
        | Outcome::TimedOut
        | Outcome::InDoubt
        | Outcome::Ledger
        | Outcome::Usage
        | Outcome::Interrupted => return text,
    }
    if let Some(followed) = &document.followed {
        if let Some(run) = &followed.run {
            let status = run.status.as_deref().unwrap_or("unknown");
            let _ = writeln!(
                text,
                "run {}: {}",
                escape_controls(&run.id),
                escape_controls(status)
            );
        }
        text.push_str(followed.statistics.as_deref().unwrap_or_default());
    }
    if let Some(quota) = &document.quota {
        text.push_str(&quota_lines(quota));
    }
    text
}

/// A table with a line for each row; an empty cell is a dash.
pub(crate) fn table<const N: usize>(heads: [&str; N], rows: &[[String; N]]) -> String {
    let clean = |cell: &str| match cell {
        "" => "-".to_owned(),
        cell => escape_controls(cell).to_string(),
    };
    let heads = heads.map(str::to_owned);
    let rows: Vec<_> = std::iter::once(&heads)
        .chain(rows)
        .map(|row| row.each_ref().map(|cell| clean(cell)))
        .collect();
    let mut widths = [0; N];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (width, cell) in widths.iter().zip(row) {
            let _ = write!(line, "{cell:<width$}  ");
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

/// What a start has done to the schedule, by what was foreseen when it was accepted.
pub(crate) fn skipped(forecast: &Forecast) -> String {
    let next = format!("{:.0}{}", forecast.next_scheduled(), basis(forecast));
    let following = forecast.following();
    match (forecast.is_skipped_already(), forecast.start_now_skips()) {
        (Skip::Yes, _) => format!(
            "the scheduled run at {next} was skipped already, because of a start made before; the one after comes at {following:.0}"
        ),
        (Skip::No | Skip::Uncertain, Skip::Yes) => format!(
            "this start makes the scheduled run at {next} be skipped; the one after comes at {following:.0}"
        ),
        (Skip::No | Skip::Uncertain, Skip::Uncertain) => format!(
            "this start may make the scheduled run at {next} be skipped; the one after comes at {following:.0}"
        ),
        (Skip::No | Skip::Uncertain, Skip::No) => {
            format!("this start leaves the scheduled run at {next} in place")
        }
    }
}

fn basis(forecast: &Forecast) -> String {
    match forecast.basis() {
        Basis::Inferred { runs } => {
            let within = duration(forecast.uncertainty());
            format!(" (give or take {within}, inferred from {runs} runs)")
        }
        Basis::Given | _ => String::new(),
    }
}

/// What is to come by the schedule.
pub(crate) fn forecast(forecast: &Forecast) -> String {
    let mut line = format!(
        "next scheduled run: {:.0}{}",
        forecast.next_scheduled(),
        basis(forecast)
    );
    line.push_str(match forecast.is_skipped_already() {
        Skip::Yes => ", skipped because of a start already made",
        Skip::Uncertain => ", perhaps skipped because of a start already made",
        Skip::No => match forecast.start_now_skips() {
            Skip::Yes => "; a start now makes it be skipped",
            Skip::Uncertain => "; a start now may make it be skipped",
            Skip::No => "; a start now leaves it in place",
        },
    });
    let _ = write!(line, "; the one after: {:.0}", forecast.following());
    line
}

/// The error, for standard error: what happened, what it means for the start, what to do.
pub(crate) fn error(document: &Document) -> String {
    let mut text = String::new();
    let Some(error) = &document.error else {
        return text;
    };
    let _ = match document.outcome {
        Outcome::Failed => writeln!(
            text,
            "error: the operation failed: {}",
            escape_controls(&error.message)
        ),
        Outcome::Started
        | Outcome::Succeeded
        | Outcome::Throttled
        | Outcome::Unauthorized
        | Outcome::Unexpected
        | Outcome::Unreachable
        | Outcome::TimedOut
        | Outcome::InDoubt
        | Outcome::Ledger
        | Outcome::Usage
        | Outcome::Interrupted => writeln!(text, "error: {}", escape_controls(&error.message)),
    };
    let _ = writeln!(text, "a run may have started: {}", error.may_have_started);
    if let Some(advice) = &error.advice {
        let _ = writeln!(text, "what to do: {}", escape_controls(advice));
    }
    if let Some(id) = &error.request_id {
        let _ = writeln!(text, "request id: {}", escape_controls(id));
    }
    if let Some(quota) = &document.quota {
        text.push_str(&quota_lines(quota));
    }
    if let Some(operation) = document
        .operation
        .as_ref()
        .filter(|operation| !has_ended(operation))
    {
        let _ = writeln!(
            text,
            "take up the wait with: industrydata wait {}",
            taken_up_by(operation)
        );
    }
    let followed = document.followed.as_ref();
    if let Some(run) = followed.and_then(|followed| followed.run.as_ref()) {
        let _ = writeln!(
            text,
            "look at the run with: industrydata runs show {}",
            escape_controls(&run.id)
        );
    }
    text
}

/// The quota as a timeline: a line for each slot, filled until it is free.
pub(crate) fn quota(quota: &Quota, whose: &str) -> String {
    let mut text = String::new();
    let window = quota.throttle().window;
    let _ = writeln!(text, "{}", escape_controls(whose));
    let _ = writeln!(text, "{}", quota_line(&QuotaReport::from(quota)));
    let ahead = format!("+{}", duration(window));
    let width = usize::try_from(BAR).unwrap_or_default();
    let _ = writeln!(
        text,
        "  {:<10} |now{ahead:>rest$}|",
        "",
        rest = width.saturating_sub(3)
    );
    for entry in quota.entries() {
        let _ = writeln!(text, "{}", slot(entry, quota));
    }
    for _ in quota.used()..quota.throttle().limit {
        let _ = writeln!(text, "  {:<10} |{:.<width$}|", "free", "");
    }
    if let Some(forecast) = quota.forecast() {
        let _ = writeln!(text, "{}", scheduled(&forecast, quota));
    }
    if let Some(at) = quota.not_before() {
        let _ = writeln!(text, "  the service asked for no start before {at:.0}");
    }
    if let Some(quarantine) = quota.quarantine() {
        let _ = writeln!(
            text,
            "  the ledger was reset at {:.0} and is in quarantine until {:.0}: no start before then, unless\n  \
             `quota --reconcile` (half an hour after the reset or later) or `quota --resolve quarantine=not-started` ends it",
            quarantine.reset_at(),
            quarantine.until()
        );
    }
    if quota.is_clock_suspect() {
        let _ = writeln!(
            text,
            "  a start is dated ahead of this machine's clock: a clock is or was wrong"
        );
    }
    text
}

/// The next scheduled run, where it lies on the timeline.
fn scheduled(forecast: &Forecast, quota: &Quota) -> String {
    let ahead = forecast.next_scheduled().duration_since(quota.as_of());
    let ahead = Duration::try_from(ahead).unwrap_or_default();
    let share = ahead.as_secs_f64() / quota.throttle().window.as_secs_f64().max(1.0);
    let before = (1..BAR)
        .filter(|column| f64::from(*column) <= share * f64::from(BAR))
        .count();
    let width = usize::try_from(BAR).unwrap_or_default();
    format!(
        "  {:<10} |{:.<before$}^{:.<rest$}| {}",
        "scheduled",
        "",
        "",
        self::forecast(forecast),
        rest = width.saturating_sub(before + 1)
    )
}

fn slot(entry: &Entry, quota: &Quota) -> String {
    let window = quota.throttle().window;
    let frees = entry.frees_at(window);
    let left = Duration::try_from(frees.duration_since(quota.as_of())).unwrap_or_default();
    let share = (left.as_secs_f64() / window.as_secs_f64().max(1.0)).clamp(0.0, 1.0);
    let filled = (1..=BAR)
        .filter(|column| f64::from(*column) <= (share * f64::from(BAR)).ceil())
        .count();
    let mut line = format!("  {:<10} |", entry.state(quota.as_of()).to_string());
    let width = usize::try_from(BAR).unwrap_or_default();
    let _ = write!(
        line,
        "{:#<filled$}{:.<rest$}| free at {frees:.0}",
        "",
        "",
        rest = width.saturating_sub(filled)
    );
    if let Some(operation) = entry.operation() {
        let _ = write!(line, ", operation {}", escape_controls(operation));
    } else if let Some(why) = entry.why() {
        let _ = write!(line, ", {}", escape_controls(why));
    }
    line
}

/// The quota, and what is foreseen.
fn quota_lines(quota: &QuotaReport) -> String {
    let mut text = format!("{}\n", quota_line(quota));
    if let Some(forecast) = &quota.forecast {
        let _ = writeln!(text, "{}", forecast.told);
    }
    text
}

fn quota_line(quota: &QuotaReport) -> String {
    let window = duration(Duration::from_secs(quota.window_seconds));
    let mut line = format!(
        "quota: {} of {} starts in {window} used",
        quota.used, quota.limit
    );
    if quota.in_doubt > 0 {
        let _ = write!(line, " ({} in doubt)", quota.in_doubt);
    }
    let _ = write!(line, ", {} available", quota.available);
    if let Some(at) = &quota.next_slot_at {
        let _ = write!(line, ", the next at {at}");
    }
    line
}

/// What `wait` is given to go on.
fn taken_up_by(operation: &OperationReport) -> &str {
    operation.resume_token.as_deref().unwrap_or(&operation.id)
}

fn has_ended(operation: &OperationReport) -> bool {
    matches!(operation.status.as_deref(), Some("succeeded" | "failed"))
}

fn at_the_latest(until: Option<Timestamp>) -> String {
    until
        .map(|until| format!(" (until {until:.0} at the latest)"))
        .unwrap_or_default()
}

/// Whole seconds from one second up.
fn duration(time: Duration) -> String {
    let time = if time.as_secs() > 0 {
        Duration::from_secs(time.as_secs_f64().round() as u64)
    } else {
        time
    };
    if time.as_secs() == 0 {
        return format!("{} ms", time.as_millis());
    }
    humantime::format_duration(time).to_string()
}
