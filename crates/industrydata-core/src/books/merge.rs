//! Books taken over from elsewhere, merged by the starts' ids.
//!
//! Two rules. What counts goes on counting: no start that is in the books stops counting, or stops earlier, because of
//! what is merged into them. And merging the same again changes nothing.

use jiff::Timestamp;
use serde_json::{Map, Value as Json};

use super::{
    entry::{Entry, millis},
    value::{LONGEST_NOT_BEFORE, Value},
};

/// What is merged into books.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Incoming {
    pub(super) not_before: Option<i64>,
    pub(super) entries: Vec<Entry>,
    /// Members of a newer release.
    pub(super) rest: Map<String, Json>,
}

/// Merges, at the books' clock.
pub(super) fn merge_in(value: &mut Value, incoming: &Incoming, clock: Timestamp) {
    let now = clock.as_millisecond();
    if let Some(until) = incoming.not_before.filter(|until| *until > now) {
        let latest = now.saturating_add(millis(LONGEST_NOT_BEFORE));
        value.close_until_ms(until.min(latest));
    }
    fill(&mut value.rest, &incoming.rest);
    for theirs in &incoming.entries {
        match value.entry(&theirs.id) {
            Some(mine) => *mine = merged(mine, theirs),
            // What started nothing is no loss, unless evidence says so that people may look for.
            None if theirs.state == "released" && theirs.evidence.is_none() => {}
            None => value.entries.push(theirs.clone()),
        }
    }
    forget_seen_twice(&mut value.entries, incoming);
}

/// One entry of two of the same id: the better known one.
fn merged(mine: &Entry, theirs: &Entry) -> Entry {
    let (mut kept, other) = if rank(theirs) > rank(mine) {
        (theirs.clone(), mine)
    } else {
        (mine.clone(), theirs)
    };
    kept.made = [mine.made, theirs.made].into_iter().flatten().min();
    // When it was first seen ahead of the clock is known to these books alone.
    kept.seen = mine.seen;
    kept.operation = kept.operation.or_else(|| other.operation.clone());
    if kept.who.is_empty() {
        kept.who = other.who.clone();
    }
    fill(&mut kept.rest, &other.rest);
    // What either counts from: the same start, so that it counts for as long as either does.
    let counting = [mine, theirs]
        .into_iter()
        .filter(|it| it.state != "released");
    let Some(latest) = counting.map(Entry::counts_from).max() else {
        return kept;
    };
    if !matches!(kept.state.as_str(), "confirmed" | "seen") {
        kept.until = kept.until.max(latest);
    } else if latest > kept.newest() {
        kept.date = Some(latest);
    }
    kept
}

/// How much is known. What counts goes before what does not, whoever says so: a slot may be wasted, none is given away.
fn rank(entry: &Entry) -> u8 {
    match (entry.state.as_str(), entry.evidence.is_some()) {
        ("confirmed", false) => 7,
        ("confirmed", true) => 6,
        ("unknown", _) => 4,
        ("reserved", _) => 3,
        ("seen", _) => 2,
        ("released", true) => 1,
        ("released", false) => 0,
        // A state of a newer release.
        (_, _) => 5,
    }
}

/// A start that its owner booked in one set of books may have been seen from another: it is one start.
fn forget_seen_twice(entries: &mut Vec<Entry>, incoming: &Incoming) {
    let is_more = |id: &str| {
        let mut theirs = incoming.entries.iter();
        theirs.any(|it| it.id == id && it.state != "seen")
    };
    let owned: Vec<Entry> = entries
        .iter()
        .filter(|entry| entry.state == "confirmed")
        .cloned()
        .collect();
    entries.retain(|seen| {
        let is_owned = |owner: &Entry| {
            let same_operation = seen.operation.is_some() && owner.operation == seen.operation;
            let same_evidence = seen.evidence.is_some() && owner.evidence == seen.evidence;
            (same_operation || same_evidence) && owner.counts_from() >= seen.counts_from()
        };
        seen.state != "seen" || is_more(&seen.id) || !owned.iter().any(is_owned)
    });
}

fn fill(mine: &mut Map<String, Json>, theirs: &Map<String, Json>) {
    for (name, value) in theirs {
        if !mine.contains_key(name) {
            mine.insert(name.clone(), value.clone());
        }
    }
}
