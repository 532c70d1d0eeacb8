//! Writes the outcome of a start. Its entry is reserved, in doubt or missing.

use std::time::Duration;

use jiff::Timestamp;

use crate::ledger::{
    clock::ClockReading,
    entry::{EntryState, Kept, millis},
    resolve::drop_external_in,
    text::Text,
    value::Value,
};
use crate::policy::{MARGIN, MAX_REASON_CHARS};

/// The outcome of a reserved start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The service accepted it.
    Confirmed {
        /// The later of the answer's local time and its `Date`.
        date: Timestamp,
        /// The operation's id, if the `Location` has one.
        operation: Option<String>,
    },
    /// It created no run.
    Released {
        /// Why, in words.
        why: String,
        /// For how long the service accepts no further start. The store's clock dates the end.
        closed_for: Option<Duration>,
    },
    /// It may have created a run.
    InDoubt {
        /// Why, in words.
        why: String,
    },
}

pub(super) fn settle_in(
    value: &mut Value,
    id: &str,
    outcome: &Outcome,
    reading: Option<&ClockReading>,
    clock: Timestamp,
) {
    if let Outcome::Released {
        closed_for: Some(asked),
        ..
    } = outcome
    {
        // A second application comes later, and must not close the ledger for longer.
        let is_released = value.entry(id).is_some_and(|entry| {
            entry.kept().state == EntryState::Released && entry.kept().evidence.is_none()
        });
        if !is_released {
            value.close_for(*asked, clock);
        }
    }
    let (at, made) = match outcome {
        // The entry is missing. The start is as old as its answer.
        Outcome::Confirmed { date, .. } => {
            (date.as_millisecond().min(clock.as_millisecond()), None)
        }
        Outcome::Released { .. } | Outcome::InDoubt { .. } => value.date_now(clock),
    };
    if !value.has(id) {
        value.push(Kept {
            made,
            clock_ahead: value.clock_ahead(at, clock),
            ..Kept::new(id.into(), EntryState::InDoubt, at, at)
        });
    }
    let Some(entry) = value.entry(id) else {
        return;
    };
    settle_entry(entry.changed(), outcome, clock);
    if let Some((reading, ahead)) = reading.and_then(|it| Some((it, it.ahead()?))) {
        entry.changed().clock_ahead = match entry.kept().state {
            _ if ahead == 0 => None,
            EntryState::Confirmed | EntryState::External => {
                let ahead = entry.newest().saturating_sub(reading.date());
                Some(ahead).filter(|ahead| *ahead > millis(MARGIN))
            }
            EntryState::Reserved
            | EntryState::Released
            | EntryState::InDoubt
            | EntryState::Other(_) => Some(ahead),
        };
    }
    if let Outcome::Confirmed {
        operation: Some(operation),
        ..
    } = outcome
    {
        drop_external_in(value, operation);
    }
}

fn settle_entry(entry: &mut Kept, outcome: &Outcome, clock: Timestamp) {
    match outcome {
        Outcome::Confirmed { date, operation } => {
            let is_answered = entry.state == EntryState::Confirmed && entry.evidence.is_none();
            // The reservation was found ahead of the clock before the start was accepted.
            entry.ahead_since = entry.ahead_since.filter(|_| is_answered);
            entry.state = EntryState::Confirmed;
            let answered = date.as_millisecond().max(entry.at);
            let latest = entry.until.min(clock.as_millisecond());
            entry.date = Some(match entry.date.filter(|_| is_answered) {
                // A second application keeps the date.
                Some(date) => date.max(answered),
                // The clock of the answer is more than the margin behind the store's. By the store's clock, the start
                // was accepted within its lease, and not later than now.
                None if answered.saturating_add(millis(MARGIN)) < latest => latest,
                None => answered,
            });
            entry.operation = operation.as_deref().map(Text::from);
            (entry.why, entry.evidence) = (None, None);
        }
        // Confirmed and external starts keep their state. The caller's outcome replaces evidence.
        Outcome::Released { .. }
            if entry.state == EntryState::Confirmed && entry.evidence.is_none() => {}
        Outcome::InDoubt { .. }
            if matches!(entry.state, EntryState::Confirmed | EntryState::External) => {}
        Outcome::Released { why, .. } => {
            entry.state = EntryState::Released;
            (entry.why, entry.evidence) = (Some(short(why)), None);
        }
        // An unknown outcome never overrides a resolution.
        Outcome::InDoubt { .. } if entry.evidence.is_some() => {}
        Outcome::InDoubt { why } => {
            entry.state = EntryState::InDoubt;
            entry.why = Some(short(why));
        }
    }
}

/// A server's text can be of any length, so the ledger keeps a bounded part.
fn short(why: &str) -> Text {
    let cut = why.char_indices().nth(MAX_REASON_CHARS);
    why.get(..cut.map_or(why.len(), |(at, _)| at))
        .unwrap_or_default()
        .into()
}
