//! One entry of the books: a start, from its reservation on.

use std::{fmt, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ledger::{evidence::Evidence, key::Caller};
use crate::policy::MARGIN;

/// What is known of a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EntryState {
    /// Reserved, and its lease runs: a POST may be on its way. Counts.
    Reserved,
    /// The service accepted it. Counts.
    Confirmed,
    /// The service may have accepted it. Counts until resolved, or until the window has passed.
    Unknown,
    /// Another made it: the service's lists have it. Counts.
    Seen,
    /// It did not start a run. Does not count.
    Released,
    /// A state of a newer release. Counts like [`EntryState::Unknown`].
    Held,
}

impl fmt::Display for EntryState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reserved => "in flight",
            Self::Confirmed => "confirmed",
            Self::Unknown => "in doubt",
            Self::Seen => "seen",
            Self::Released => "released",
            Self::Held => "held",
        })
    }
}

/// One start in the books.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// 32 hexadecimal digits.
    pub(super) id: String,
    pub(super) state: String,
    /// What it is dated: the store's clock at the reservation, or later if another entry was ahead of it. Unix milliseconds.
    pub(crate) at: i64,
    /// The store's clock at the reservation, where it is dated later than that, Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) made: Option<i64>,
    /// The lease's end, Unix milliseconds.
    pub(crate) until: i64,
    /// The latest moment at which a confirmed start may have been accepted, Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) date: Option<i64>,
    /// When an entry dated ahead of the clock was first seen, Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) seen: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) operation: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) why: Option<String>,
    /// What it was resolved or seen by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) evidence: Option<String>,
    #[serde(default, skip_serializing_if = "Caller::is_empty")]
    pub(super) who: Caller,
    /// Members of a newer release, kept as they are.
    #[serde(flatten)]
    pub(super) rest: Map<String, Value>,
}

impl Entry {
    /// An entry of which nothing more is known.
    pub(super) fn new(id: String, state: &str, at: i64, until: i64) -> Self {
        Self {
            id,
            state: state.to_owned(),
            at,
            made: None,
            until,
            date: None,
            seen: None,
            operation: None,
            why: None,
            evidence: None,
            who: Caller::default(),
            rest: Map::new(),
        }
    }

    /// The reservation's id, 32 hexadecimal digits.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What is known of the start at `clock`: a reservation past its lease is in doubt.
    #[must_use]
    pub fn state(&self, clock: Timestamp) -> EntryState {
        match self.state.as_str() {
            "reserved" if clock.as_millisecond() < self.lease_ends_ms() => EntryState::Reserved,
            "reserved" | "unknown" => EntryState::Unknown,
            "confirmed" => EntryState::Confirmed,
            "seen" => EntryState::Seen,
            "released" => EntryState::Released,
            _ => EntryState::Held,
        }
    }

    /// The moment the window is kept from: the latest at which the run may have been started.
    #[must_use]
    pub fn date(&self) -> Timestamp {
        timestamp(self.counts_from())
    }

    /// When it was reserved, by the store's clock.
    #[must_use]
    pub fn reserved_at(&self) -> Timestamp {
        timestamp(self.earliest())
    }

    /// When its lease ends, or ended.
    #[must_use]
    pub fn lease_ends(&self) -> Timestamp {
        timestamp(self.lease_ends_ms())
    }

    /// When it stops counting, for a window of this length.
    #[must_use]
    pub fn frees_at(&self, window: Duration) -> Timestamp {
        timestamp(self.frees_at_ms(window))
    }

    /// The operation's id, once known.
    #[must_use]
    pub fn operation(&self) -> Option<&str> {
        self.operation.as_deref()
    }

    /// Why it is in its state, in words.
    #[must_use]
    pub fn why(&self) -> Option<&str> {
        self.why.as_deref()
    }

    /// What it was resolved or seen by; `None` if its owner's own answer says what it is, or nothing does yet.
    #[must_use]
    pub fn evidence(&self) -> Option<Evidence> {
        self.evidence.as_deref().map(Evidence::read)
    }

    /// Who made the start.
    #[must_use]
    pub const fn who(&self) -> &Caller {
        &self.who
    }

    /// Whether it takes up a slot at `clock`.
    #[must_use]
    pub fn counts(&self, window: Duration, clock: Timestamp) -> bool {
        self.state != "released" && clock.as_millisecond() < self.frees_at_ms(window)
    }

    /// The earliest moment at which the service may have had it, Unix milliseconds.
    pub(crate) fn earliest(&self) -> i64 {
        self.made.map_or(self.at, |made| made.min(self.at))
    }

    /// The latest time written in the entry that is a time of the past when it is written.
    pub(super) fn newest(&self) -> i64 {
        self.date.unwrap_or(self.at).max(self.at)
    }

    /// When a released entry is forgotten: a reservation may arrive after its release for as long as its lease. One that
    /// was released by evidence is kept to be shown, for as long as it would have counted.
    pub(super) fn tombstone_until(&self, keep: Duration) -> i64 {
        let kept = match self.evidence {
            Some(_) => keep.saturating_add(MARGIN),
            None => MARGIN,
        };
        self.lease_ends_ms().saturating_add(millis(kept))
    }

    /// When its lease ends: one dated ahead of the clock is on lease from first sight.
    pub(super) fn lease_ends_ms(&self) -> i64 {
        match self.seen {
            Some(seen) => self.until.min(seen.saturating_add(self.lease())),
            None => self.until,
        }
    }

    /// How long it is reserved, in milliseconds; none if its times are not in order, which nothing writes.
    fn lease(&self) -> i64 {
        self.until.saturating_sub(self.at).max(0)
    }

    fn counts_from(&self) -> i64 {
        match self.state.as_str() {
            "confirmed" | "seen" => self.newest(),
            "released" => self.at,
            _ => self.until.max(self.at),
        }
    }

    /// **What a slot is stands here and nowhere else**: a start counts for the window and the margin, from the latest
    /// moment at which it may have been accepted; one dated ahead of the clock, for as long from first sight, or from the
    /// end of the lease that ran then.
    pub(super) fn frees_at_ms(&self, window: Duration) -> i64 {
        let from = match (self.state.as_str(), self.seen) {
            (_, None) => self.counts_from(),
            ("confirmed" | "seen", Some(seen)) => self.counts_from().min(seen),
            (_, Some(seen)) => self.counts_from().min(seen.saturating_add(self.lease())),
        };
        from.saturating_add(millis(window.saturating_add(MARGIN)))
    }
}

/// A timestamp of Unix milliseconds, at the ends of the range if they lie beyond.
pub(super) fn timestamp(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap_or(if ms < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}

pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    #[test]
    fn what_an_entry_says_of_itself() {
        let mut entry = Entry::new("1".repeat(32), "unknown", HOUR, 2 * HOUR);
        let window = Duration::from_secs(12 * 3600);
        assert_eq!(entry.date(), timestamp(2 * HOUR));
        assert_eq!(entry.frees_at(window), timestamp(14 * HOUR + 120_000));
        "released".clone_into(&mut entry.state);
        assert_eq!(entry.date(), timestamp(HOUR));
        assert_eq!(
            (entry.reserved_at(), entry.lease_ends()),
            (timestamp(HOUR), timestamp(2 * HOUR))
        );
    }

    #[test]
    fn times_that_are_not_in_order_free_nothing_early() {
        let entry = Entry {
            seen: Some(HOUR),
            ..Entry::new("1".repeat(32), "unknown", 900 * HOUR, 0)
        };
        let window = Duration::from_secs(12 * 3600);
        assert_eq!(entry.frees_at(window), timestamp(13 * HOUR + 120_000));
    }

    #[test]
    fn times_beyond_the_range_are_its_ends() {
        assert_eq!(timestamp(i64::MIN), Timestamp::MIN);
        assert_eq!(timestamp(i64::MAX), Timestamp::MAX);
    }
}
