//! The quota.

use std::{fmt::Write as _, time::Duration};

use industrydata_core::Timestamp;
use industrydata_core::ledger::Entry;
use industrydata_core::ledger::Forecast;
use industrydata_core::ledger::Quota;
use industrydata_core::wire::escape_controls;

use crate::{
    human::{
        forecast::{effect_of_start, outlook},
        text::{duration, skew},
    },
    report::QuotaReport,
};

/// Columns of the timeline.
const COLUMNS: usize = 36;

/// The quota in a line, and the forecast in another.
pub(super) fn summary(quota: &QuotaReport) -> String {
    let mut text = format!("{}\n", counts(quota));
    if let Some(forecast) = &quota.forecast {
        let line = match &forecast.at_start {
            Some(forecast) => effect_of_start(forecast),
            None => outlook(&forecast.current),
        };
        let _ = writeln!(text, "{line}");
    }
    text
}

fn counts(quota: &QuotaReport) -> String {
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
        let _ = write!(line, ", next slot at {at}");
    }
    line
}

/// The quota as a timeline: a line for each slot, filled until the slot is free.
pub(crate) fn timeline(quota: &Quota, heading: &str) -> String {
    let window = quota.throttle().window;
    let mut text = format!(
        "{}\n{}\n",
        escape_controls(heading),
        counts(&QuotaReport::from(quota))
    );
    let end = format!("+{}", duration(window));
    text.push_str(&bar(
        "",
        &format!("now{end:>rest$}", rest = COLUMNS - 3),
        "",
    ));
    for entry in quota.entries() {
        text.push_str(&slot(entry, quota));
    }
    let quarantine = quota.quarantine();
    for _ in quota.used()..quota.throttle().limit {
        text.push_str(&match quarantine {
            Some(it) => bar(
                "quarantine",
                &filled(column(it.until(), quota, f64::ceil)),
                &format!(" free at {:.0}", quota.by_service_clock(it.until())),
            ),
            None => bar("free", &filled(0), ""),
        });
    }
    if let Some(forecast) = quota.forecast() {
        text.push_str(&scheduled(&forecast, quota));
    }
    if let Some(at) = quota.not_before() {
        let at = quota.by_service_clock(at);
        let _ = writeln!(text, "  the service accepts no start before {at:.0}");
    }
    if let Some(quarantine) = quarantine {
        let _ = writeln!(
            text,
            "  the ledger was reset at {:.0} and is in quarantine until {:.0}\n  \
             to end it sooner, run `quota --reconcile` half an hour after the reset,\n  \
             or `quota --resolve quarantine=not-started`",
            quota.by_service_clock(quarantine.reset_at()),
            quota.by_service_clock(quarantine.until())
        );
    }
    if let Some(ahead) = quota.clock_skew() {
        let _ = writeln!(
            text,
            "  the ledger's clock is {} the service's, which the times above are by: a slot is free once its window\n  \
             has passed by both clocks",
            skew(ahead)
        );
    }
    if quota.is_clock_suspect() {
        text.push_str("  an entry is dated in the future: check the clock of this machine\n");
    }
    text
}

fn slot(entry: &Entry, quota: &Quota) -> String {
    let frees = entry.frees_at(quota.throttle().window);
    let reference = match (entry.operation(), entry.why()) {
        (Some(operation), _) => format!(", operation {}", escape_controls(operation)),
        (None, Some(why)) => format!(", {}", escape_controls(why)),
        (None, None) => String::new(),
    };
    bar(
        &entry.state(quota.as_of()).to_string(),
        &filled(column(frees, quota, f64::ceil)),
        &format!(" free at {:.0}{reference}", quota.by_service_clock(frees)),
    )
}

fn scheduled(forecast: &Forecast, quota: &Quota) -> String {
    // The forecast is by the service's clock.
    let now = quota.by_service_clock(quota.as_of());
    let before = column_after(now, forecast.next_scheduled(), quota, f64::floor).min(COLUMNS - 1);
    let line = format!("{}^", ".".repeat(before));
    bar(
        "scheduled",
        &format!("{line:.<COLUMNS$}"),
        &format!(" {}", outlook(forecast)),
    )
}

fn filled(columns: usize) -> String {
    format!("{:.<COLUMNS$}", "#".repeat(columns))
}

fn bar(label: &str, bar: &str, note: &str) -> String {
    format!("  {label:<10} |{bar}|{note}\n")
}

/// The column of a time within the window from now.
fn column(at: Timestamp, quota: &Quota, round: fn(f64) -> f64) -> usize {
    column_after(quota.as_of(), at, quota, round)
}

fn column_after(now: Timestamp, at: Timestamp, quota: &Quota, round: fn(f64) -> f64) -> usize {
    let ahead = Duration::try_from(at.duration_since(now)).unwrap_or_default();
    let share = ahead.as_secs_f64() / quota.throttle().window.as_secs_f64().max(1.0);
    let column = round(share * COLUMNS as f64);
    (0..COLUMNS).take_while(|it| (*it as f64) < column).count()
}
