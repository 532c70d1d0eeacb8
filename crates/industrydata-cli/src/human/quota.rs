//! The quota.

use std::{fmt::Write as _, time::Duration};

use anstyle::Style;
use industrydata_core::Timestamp;
use industrydata_core::ledger::EntryState;
use industrydata_core::ledger::Quota;
use industrydata_core::wire::escape_controls;

use crate::{
    human::{
        forecast::{effect_of_start, outlook},
        text::{skew, table},
    },
    report::QuotaReport,
    terminal::{
        colour::{BAD, CAUTION, COMMAND, FAINT, GOOD, paint},
        times::{self, duration},
        width::{Width, columns},
    },
};

/// The widest picture: a column for each quarter of an hour.
const WIDEST: usize = 48;
/// The narrowest picture: a column for each hour and a half.
const NARROWEST: usize = 8;
/// The column of the pictures: two spaces, the label, a space and a bar.
const LABEL: usize = 10;

/// The quota in a line, and the forecast in another.
pub(super) fn summary(quota: &QuotaReport, width: Width) -> String {
    let mut text = format!("{}\n", width.wrap(&counts(quota), "  "));
    if let Some(forecast) = &quota.forecast {
        let line = match &forecast.at_start {
            Some(forecast) => effect_of_start(forecast, quota.clock.now()),
            None => outlook(&forecast.current, quota.clock.now()),
        };
        let _ = writeln!(text, "{}", width.wrap(&line, "  "));
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
    let style = if quota.available > 0 { GOOD } else { BAD };
    let available = paint(style, &format!("{} available", quota.available));
    let _ = write!(line, ", {available}");
    if let Some(at) = &quota.next_slot_at {
        let now = quota.clock.now();
        let at = at
            .parse()
            .map_or_else(|_| at.clone(), |at| times::at_and_in(at, now));
        let _ = write!(line, ", next slot at {at}");
    }
    line
}

/// The quota as a picture: a bar for each slot, filled until the slot is free.
pub(crate) fn timeline(quota: &Quota, heading: &str) -> String {
    timeline_in(Width::stdout(), quota, heading)
}

fn timeline_in(width: Width, quota: &Quota, heading: &str) -> String {
    let mut text = format!(
        "{}\n{}\n",
        width.wrap(&escape_lines(heading), "  "),
        width.wrap(&counts(&QuotaReport::from(quota)), "  ")
    );
    let bars = bars(quota);
    let note = bars.iter().map(|bar| columns(&bar.note)).max();
    let beside = LABEL + 5 + note.map_or(0, |note| note + 1);
    let bar_width = width.0.map_or(WIDEST, |width| width.saturating_sub(beside));
    let bar_width = bar_width.clamp(NARROWEST, WIDEST);
    text.push_str(&axis(quota, bar_width));
    for bar in &bars {
        text.push_str(&bar.draw(quota, bar_width));
    }
    let service_now = quota.by_service_clock(quota.as_of());
    let mut sentences = Vec::new();
    if let Some(forecast) = quota.forecast() {
        sentences.push(outlook(&forecast, service_now));
    }
    if let Some(at) = closed_until(quota) {
        let until = times::at_and_in(quota.by_service_clock(at), service_now);
        sentences.push(format!("closed by the service until {until}"));
    }
    if let Some(quarantine) = quota.quarantine() {
        sentences.push(format!(
            "the ledger was reset at {} and is in quarantine until {}: to end it sooner, run `quota --reconcile` half an \
             hour after the reset, or `quota --tenant ID --resolve quarantine=not-started`",
            times::at(quota.by_service_clock(quarantine.reset_at())),
            times::at_and_in(quota.by_service_clock(quarantine.until()), service_now)
        ));
    }
    if let Some(ahead) = quota.clock_skew() {
        sentences.push(format!(
            "the ledger's clock is {} the service's, which the times here are by: a slot is free once its window has \
             passed by both clocks",
            skew(ahead)
        ));
    }
    if quota.is_clock_suspect() {
        let sentence = "an entry is dated in the future: check the clock of this machine";
        sentences.push(sentence.to_owned());
    }
    for sentence in sentences {
        let _ = writeln!(text, "{}", width.wrap(&sentence, "  "));
    }
    if !quota.entries().is_empty() {
        text.push_str(&slots(quota));
    }
    text
}

fn escape_lines(text: &str) -> String {
    let lines = text.lines().map(|line| escape_controls(line).to_string());
    lines.collect::<Vec<_>>().join("\n")
}

/// When the slots of each entry are free, and what the entry is about.
fn slots(quota: &Quota) -> String {
    let rows: Vec<_> = quota
        .entries()
        .iter()
        .map(|entry| {
            let why = entry.why().filter(|_| entry.operation().is_none());
            [
                entry.state(quota.as_of()).to_string(),
                times::at(quota.by_service_clock(entry.frees_at(quota.throttle().window))),
                entry.operation().unwrap_or_default().to_owned(),
                why.map(times::in_text).unwrap_or_default(),
            ]
        })
        .collect();
    table(["STATE", "FREE AT", "OPERATION", "WHY"], &rows)
}

/// Until when the service accepts no start, if that is to come.
fn closed_until(quota: &Quota) -> Option<Timestamp> {
    quota.not_before().filter(|at| *at > quota.as_of())
}

/// One line of the picture.
struct Bar {
    label: String,
    style: Style,
    shape: Shape,
    note: String,
}

enum Shape {
    /// Filled until this moment.
    Until(Timestamp),
    /// A mark at this moment by the service's clock.
    At(Timestamp),
    Empty,
}

fn bars(quota: &Quota) -> Vec<Bar> {
    let now = quota.as_of();
    let until = |label: &str, style, until| Bar {
        label: label.to_owned(),
        style,
        shape: Shape::Until(until),
        note: times::relative(until, now),
    };
    let mut bars: Vec<_> = quota
        .entries()
        .iter()
        .map(|entry| {
            let state = entry.state(now);
            let is_certain = matches!(state, EntryState::Confirmed | EntryState::External);
            let style = if is_certain { GOOD } else { CAUTION };
            let frees = entry.frees_at(quota.throttle().window);
            until(&state.to_string(), style, frees)
        })
        .collect();
    for _ in quota.used()..quota.throttle().limit {
        let quarantine = quota.quarantine().map(|it| it.until());
        bars.push(match (quarantine, closed_until(quota)) {
            (Some(end), _) => until("quarantine", BAD, end),
            (None, Some(end)) => until("closed", BAD, end),
            (None, None) => Bar {
                label: "free".to_owned(),
                style: FAINT,
                shape: Shape::Empty,
                note: String::new(),
            },
        });
    }
    if let Some(forecast) = quota.forecast() {
        // The forecast is by the service's clock.
        let next = forecast.next_scheduled();
        let now = quota.by_service_clock(now);
        bars.push(Bar {
            label: "scheduled".to_owned(),
            style: COMMAND,
            shape: Shape::At(next),
            note: times::relative(next, now),
        });
    }
    bars
}

impl Bar {
    fn draw(&self, quota: &Quota, width: usize) -> String {
        let (before, mark) = match self.shape {
            Shape::Until(at) => {
                let column = column(quota.as_of(), at, quota, width, f64::ceil);
                (0, "#".repeat(column))
            }
            Shape::At(at) => {
                let now = quota.by_service_clock(quota.as_of());
                let column = column(now, at, quota, width, f64::floor);
                (column.min(width - 1), "^".to_owned())
            }
            Shape::Empty => (0, String::new()),
        };
        let (before, after) = (".".repeat(before), width - before - mark.len());
        let after = ".".repeat(after);
        let bar = match self.shape {
            // A style that encloses nothing would be lost.
            Shape::Empty => paint(self.style, &after),
            Shape::Until(_) | Shape::At(_) => {
                format!("{before}{}{after}", paint(self.style, &mark))
            }
        };
        let line = format!("  {:<LABEL$} |{bar}| {}", self.label, self.note);
        format!("{}\n", line.trim_end())
    }
}

/// The hours above the bars, the middle one only where there is room, and what the notes beside them say.
fn axis(quota: &Quota, width: usize) -> String {
    let window = quota.throttle().window;
    let end = format!("+{}", duration(window));
    let middle = format!("+{}", duration(window / 2));
    let mut line = format!("now{end:>rest$}", rest = width - 3);
    let at = width / 2;
    if width > 30 {
        line.replace_range(at..at + middle.len(), &middle);
    }
    let free = if quota.available() < quota.throttle().limit {
        " free"
    } else {
        ""
    };
    format!("  {:<LABEL$} |{line}|{free}\n", "")
}

/// The column of a time within the window from now.
fn column(
    now: Timestamp,
    at: Timestamp,
    quota: &Quota,
    width: usize,
    round: fn(f64) -> f64,
) -> usize {
    let ahead = Duration::try_from(at.duration_since(now)).unwrap_or_default();
    let share = ahead.as_secs_f64() / quota.throttle().window.as_secs_f64().max(1.0);
    let column = round(share * width as f64);
    (0..width).take_while(|it| (*it as f64) < column).count()
}
