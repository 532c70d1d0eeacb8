//! What became of a start, written over its reservation, its doubt, or nothing.

use jiff::Timestamp;

use crate::ledger::{
    entry::{Entry, EntryState, millis},
    resolve::drop_external_in,
    value::Value,
};
use crate::policy::MARGIN;

/// What became of a reserved start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The service accepted it.
    Confirmed {
        /// The later of the answer's local time and its `Date`.
        date: Timestamp,
        /// The operation's id, if the Location told one.
        operation: Option<String>,
    },
    /// It started nothing.
    Released {
        /// Why, in words.
        why: String,
        /// The service takes no further start before this.
        not_before: Option<Timestamp>,
    },
    /// It may have started a run.
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
        // Booked late, without its reservation: it is as old as its answer.
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
            // First sight of its reservation was earlier than that it was accepted.
            entry.seen = entry.seen.filter(|_| is_answered);
            entry.state = EntryState::Confirmed;
            let told = date.as_millisecond().max(entry.at);
            let latest = entry.until.min(clock.as_millisecond());
            entry.date = Some(match entry.date.filter(|_| is_answered) {
                // Run again: it stands.
                Some(date) => date.max(told),
                // Told by a clock that is behind the books' by more than the margin makes good. By the books' clock it was
                // accepted by now, and within its lease.
                None if told.saturating_add(millis(MARGIN)) < latest => latest,
                None => told,
            });
            entry.operation.clone_from(operation);
            (entry.why, entry.evidence) = (None, None);
            if let Some(operation) = operation {
                drop_external_in(value, operation);
            }
        }
        // An accepted start stays accepted, and a seen one seen; what was only inferred gives way to the owner's own answer.
        Outcome::Released { .. }
            if entry.state == EntryState::Confirmed && entry.evidence.is_none() => {}
        Outcome::InDoubt { .. }
            if matches!(entry.state, EntryState::Confirmed | EntryState::External) => {}
        Outcome::Released { why, .. } => {
            entry.state = EntryState::Released;
            (entry.why, entry.evidence) = (Some(short(why)), None);
        }
        // That nothing is known is no answer: what was resolved meanwhile stands.
        Outcome::InDoubt { .. } if entry.evidence.is_some() => {}
        Outcome::InDoubt { why } => {
            entry.state = EntryState::InDoubt;
            entry.why = Some(short(why));
        }
    }
}

/// A server's own words have no bound; what the books keep has.
fn short(why: &str) -> String {
    why.chars().take(200).collect()
}
