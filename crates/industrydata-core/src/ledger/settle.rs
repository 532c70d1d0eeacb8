//! The outcome of a start, written over its reservation, its doubt, or nothing.

use jiff::Timestamp;

use crate::ledger::{
    entry::{Entry, EntryState, millis},
    resolve::drop_external_in,
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
        /// The service takes no further start before this.
        not_before: Option<Timestamp>,
    },
    /// It may have created a run.
    InDoubt {
        /// Why, in words.
        why: String,
    },
}

pub(super) fn settle_in(value: &mut Value, id: String, outcome: &Outcome, clock: Timestamp) {
    if let Outcome::Released {
        not_before: Some(until),
        ..
    } = outcome
    {
        value.close_until(*until);
    }
    let (at, made) = match outcome {
        // Settled late, without its reservation: the start is as old as its answer.
        Outcome::Confirmed { date, .. } => {
            (date.as_millisecond().min(clock.as_millisecond()), None)
        }
        Outcome::Released { .. } | Outcome::InDoubt { .. } => value.date_now(clock),
    };
    if value.entry(&id).is_none() {
        value.entries.push(Entry {
            made,
            ..Entry::new(id.clone(), EntryState::InDoubt, at, at)
        });
    }
    let Some(entry) = value.entry(&id) else {
        return;
    };
    match outcome {
        Outcome::Confirmed { date, operation } => {
            let is_answered = entry.state == EntryState::Confirmed && entry.evidence.is_none();
            // Its reservation was found ahead of the clock before it was accepted.
            entry.ahead_since = entry.ahead_since.filter(|_| is_answered);
            entry.state = EntryState::Confirmed;
            let answered = date.as_millisecond().max(entry.at);
            let latest = entry.until.min(clock.as_millisecond());
            entry.date = Some(match entry.date.filter(|_| is_answered) {
                // Applied again, the date stays.
                Some(date) => date.max(answered),
                // The clock of the answer is behind the store's by more than the margin. By the store's clock, the start was
                // accepted by now and within its lease.
                None if answered.saturating_add(millis(MARGIN)) < latest => latest,
                None => answered,
            });
            entry.operation.clone_from(operation);
            (entry.why, entry.evidence) = (None, None);
            if let Some(operation) = operation {
                drop_external_in(value, operation);
            }
        }
        // A confirmed start stays confirmed, and an external one external. The caller's outcome replaces evidence.
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

/// A server's text has no limit; what a ledger keeps of it has.
fn short(why: &str) -> String {
    why.chars().take(MAX_REASON_CHARS).collect()
}
