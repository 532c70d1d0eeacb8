//! One entry of a ledger: a start and its state.

use std::{fmt, time::Duration};

use jiff::Timestamp;
use serde::Deserialize;

use crate::ledger::{
    evidence::{Evidence, same_id},
    key::{Caller, KeptCaller},
    rest::Rest,
    text::Text,
};
use crate::{policy::MARGIN, wire::text::escape_controls};

/// The state of a start.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(from = "String")]
#[non_exhaustive]
pub enum EntryState {
    /// The lease has not ended, and the POST may be in flight. It counts.
    Reserved,
    /// The service accepted the start. It counts.
    Confirmed,
    /// The start did not create a run. It does not count.
    Released,
    /// The service may have accepted the start. It counts until it is resolved, or until the window has passed.
    InDoubt,
    /// The start was made elsewhere, and the service lists it. It counts.
    External,
    /// A state that a newer release wrote. It counts like [`EntryState::InDoubt`].
    Other(String),
}

impl EntryState {
    /// The spelling in the stored value. It never changes.
    pub(super) fn as_stored(&self) -> &str {
        match self {
            Self::Reserved => "reserved",
            Self::Confirmed => "confirmed",
            Self::Released => "released",
            Self::InDoubt => "unknown",
            Self::External => "seen",
            Self::Other(text) => text,
        }
    }
}

impl From<&str> for EntryState {
    fn from(stored: &str) -> Self {
        match stored {
            "reserved" => Self::Reserved,
            "confirmed" => Self::Confirmed,
            "released" => Self::Released,
            "unknown" => Self::InDoubt,
            "seen" => Self::External,
            _ => Self::Other(stored.to_owned()),
        }
    }
}

impl From<String> for EntryState {
    fn from(stored: String) -> Self {
        Self::from(stored.as_str())
    }
}

/// The spelling in the stored value. The tests compare the ledger's own writer with it.
#[cfg(any(test, feature = "serde"))]
impl serde::Serialize for EntryState {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_stored())
    }
}

impl fmt::Display for EntryState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reserved => "in flight",
            Self::Confirmed => "confirmed",
            Self::Released => "released",
            Self::InDoubt => "in doubt",
            Self::External => "external",
            Self::Other(text) => return escape_controls(text).fmt(f),
        })
    }
}

/// One start in a ledger.
///
/// ```
/// use industrydata_core::{Quota, ledger::{Entry, EntryState}};
///
/// /// The starts that are still in doubt.
/// fn in_doubt<'e>(entries: &'e [Entry], quota: &Quota) -> Vec<&'e Entry> {
///     entries.iter().filter(|it| it.state(quota.as_of()) == EntryState::InDoubt).collect()
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Entry {
    kept: Kept,
    /// The text from which the entry was read, if it would be written as the same text.
    text: Option<Text>,
}

/// What a ledger keeps of a start.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
pub(crate) struct Kept {
    /// 32 hexadecimal digits.
    pub(super) id: Text,
    pub(super) state: EntryState,
    /// The date of the entry: the store's clock at the reservation, or later if another entry was ahead of it. Unix
    /// milliseconds.
    pub(crate) at: i64,
    /// The store's clock at the reservation, if `at` is later. Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) made: Option<i64>,
    /// The lease's end, Unix milliseconds.
    pub(crate) until: i64,
    /// The latest moment at which a confirmed start may have been accepted, Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) date: Option<i64>,
    /// When the entry was first found to be ahead of the clock, Unix milliseconds.
    #[serde(default, rename = "seen", skip_serializing_if = "Option::is_none")]
    pub(super) ahead_since: Option<i64>,
    /// How far the entry's date is ahead of the service's clock (behind, if negative), in milliseconds. `None` while the
    /// ledger's clock agrees with it, as far as known.
    #[serde(default, rename = "ahead", skip_serializing_if = "Option::is_none")]
    pub(super) clock_ahead: Option<i64>,
    /// As `clock_ahead`, when the entry was first found to be ahead of the clock. It is never positive: a clock that was set
    /// back since the difference was found is ahead by less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) seen_ahead: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) operation: Option<Text>,
    /// The id that the operation's last body had, if it differs from `operation`, which is the `Location`'s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) other_id: Option<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) why: Option<Text>,
    /// The evidence of a resolved or external start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) evidence: Option<Text>,
    #[serde(default, rename = "who", skip_serializing_if = "KeptCaller::is_empty")]
    pub(super) caller: KeptCaller,
    /// The key of the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<Text>,
    /// Members of a newer release, kept as they are.
    #[serde(flatten)]
    pub(super) rest: Rest,
    /// How far the ledger's clock is ahead now.
    #[serde(skip)]
    pub(super) hold: Option<Hold>,
}

impl Kept {
    /// These members and no others.
    pub(super) fn new(id: Text, state: EntryState, at: i64, until: i64) -> Self {
        Self {
            id,
            state,
            at,
            made: None,
            until,
            date: None,
            ahead_since: None,
            clock_ahead: None,
            seen_ahead: None,
            operation: None,
            other_id: None,
            why: None,
            evidence: None,
            caller: KeptCaller::default(),
            key: None,
            rest: Rest::default(),
            hold: None,
        }
    }
}

impl Entry {
    /// An entry that was read from `text`, which is as it is written.
    pub(super) const fn as_read(kept: Kept, text: Text) -> Self {
        Self {
            kept,
            text: Some(text),
        }
    }

    /// What the ledger keeps of it.
    pub(crate) const fn kept(&self) -> &Kept {
        &self.kept
    }

    /// What the ledger keeps of it, to change it. The entry no longer is as it was read.
    pub(super) fn changed(&mut self) -> &mut Kept {
        self.text = None;
        &mut self.kept
    }

    /// The text from which the entry was read, if it is as it is written and the entry is unchanged.
    pub(super) fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// Prepares the entry for the difference between the clocks, which is not part of its text.
    pub(super) const fn hold(&mut self, hold: Option<Hold>) {
        self.kept.hold = hold;
    }

    /// The reservation's id, 32 hexadecimal digits.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.kept.id
    }

    /// The id as bytes. The ledger has no other spelling of it.
    pub(crate) fn reservation(&self) -> [u8; 16] {
        u128::from_str_radix(&self.kept.id, 16)
            .unwrap_or_default()
            .to_be_bytes()
    }

    /// The state at `clock`. A reservation past its lease is in doubt.
    #[must_use]
    pub fn state(&self, clock: Timestamp) -> EntryState {
        if self.kept.state == EntryState::Reserved && self.lease_ends_ms() <= clock.as_millisecond()
        {
            return EntryState::InDoubt;
        }
        self.kept.state.clone()
    }

    /// The latest moment at which the service may have accepted the start. Its window begins then.
    #[must_use]
    pub fn date(&self) -> Timestamp {
        timestamp(self.counts_from())
    }

    /// Whether its dates are by a clock that agreed with the service's, as far as known.
    pub(crate) const fn agrees_with_service(&self) -> bool {
        self.kept.clock_ahead.is_none() && self.kept.ahead_since.is_none()
    }

    /// The earliest and the latest moment at which the service may have accepted the start, by its clock as far as known.
    pub(crate) fn service_times(&self) -> [Timestamp; 2] {
        let ahead = self.kept.clock_ahead.unwrap_or_default();
        [self.earliest(), self.counts_from()].map(|at| timestamp(at.saturating_sub(ahead)))
    }

    /// When the slot was reserved, by the store's clock.
    #[must_use]
    pub fn reserved_at(&self) -> Timestamp {
        timestamp(self.earliest())
    }

    /// The end of its lease.
    #[must_use]
    pub fn lease_ends(&self) -> Timestamp {
        timestamp(self.lease_ends_ms())
    }

    /// When the entry stops counting, for a window of this length.
    #[must_use]
    pub fn frees_at(&self, window: Duration) -> Timestamp {
        timestamp(self.frees_at_ms(counts_for(window)))
    }

    /// The operation's id, once known.
    #[must_use]
    pub fn operation(&self) -> Option<&str> {
        self.kept.operation.as_deref()
    }

    /// The id that the operation's last body had, if it differs from [`operation`](Self::operation), which is the
    /// `Location`'s. The service may list the operation by either.
    #[must_use]
    pub fn other_id(&self) -> Option<&str> {
        self.kept.other_id.as_deref()
    }

    /// Whether it names the operation `id`, in any letter case.
    pub(crate) fn names(&self, id: &str) -> bool {
        let mut ids = self.operation().into_iter().chain(self.other_id());
        ids.any(|own| same_id(own, id))
    }

    /// The reason for its state, as text.
    #[must_use]
    pub fn why(&self) -> Option<&str> {
        self.kept.why.as_deref()
    }

    /// The evidence for its state. `None` if its caller wrote the outcome, or if there is no outcome yet.
    #[must_use]
    pub fn evidence(&self) -> Option<Evidence> {
        self.kept.evidence.as_deref().map(Evidence::read)
    }

    /// The caller that made the start.
    #[must_use]
    pub fn caller(&self) -> Caller {
        self.kept.caller.shown()
    }

    /// The key of the start, if it has one.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.kept.key.as_deref()
    }

    /// Whether the entry uses a slot at `clock`.
    #[must_use]
    pub fn counts(&self, window: Duration, clock: Timestamp) -> bool {
        let now = clock.as_millisecond();
        self.slot_frees_at(counts_for(window), now).is_some()
    }

    /// When the slot that the entry uses is free again, Unix milliseconds. `None` if it uses none.
    pub(super) fn slot_frees_at(&self, counts: i64, now: i64) -> Option<i64> {
        let is_released = self.kept.state == EntryState::Released;
        Some(self.frees_at_ms(counts)).filter(|at| !is_released && now < *at)
    }

    /// The earliest moment at which the service may have received the start, Unix milliseconds.
    pub(crate) fn earliest(&self) -> i64 {
        self.kept
            .made
            .map_or(self.kept.at, |made| made.min(self.kept.at))
    }

    /// The latest of the entry's times that were in the past when they were written.
    pub(super) fn newest(&self) -> i64 {
        self.kept.date.unwrap_or(self.kept.at).max(self.kept.at)
    }

    /// When a released entry is removed. Its reservation may arrive after the release, until its lease ends. An entry
    /// released by evidence is kept for as long as it would have counted, so that it can be shown.
    pub(super) fn tombstone_until(&self, counts: i64) -> i64 {
        let kept = match self.kept.evidence {
            Some(_) => counts,
            None => millis(MARGIN),
        };
        self.lease_ends_ms().saturating_add(kept)
    }

    /// When its lease ends. For an entry ahead of the clock, the lease begins at first sight.
    pub(super) fn lease_ends_ms(&self) -> i64 {
        match self.kept.ahead_since {
            Some(seen) => self.kept.until.min(seen.saturating_add(self.lease())),
            None => self.kept.until,
        }
    }

    /// The length of the lease in milliseconds. It is zero if the times are not in order, which no release writes.
    fn lease(&self) -> i64 {
        self.kept.until.saturating_sub(self.kept.at).max(0)
    }

    /// The latest moment at which the service may have accepted the start, Unix milliseconds.
    #[inline]
    pub(super) fn counts_from(&self) -> i64 {
        match self.kept.state {
            EntryState::Confirmed | EntryState::External => self.newest(),
            EntryState::Released => self.kept.at,
            EntryState::Reserved | EntryState::InDoubt | EntryState::Other(_) => {
                self.kept.until.max(self.kept.at)
            }
        }
    }

    /// When the slot is free again, Unix milliseconds. This is **the only definition of a slot**. A start counts for
    /// the window and the margin, from the latest moment at which it may have been accepted. An entry ahead of the
    /// clock counts for as long, but from its first sight, or from the end of the lease that begins then. If the
    /// service's clock is behind the ledger's, the entry counts until its window has passed by both.
    ///
    /// `counts` is for how long a start counts in the window ([`counts_for`]).
    pub(super) fn frees_at_ms(&self, counts: i64) -> i64 {
        if let (None, None) = (self.kept.hold, self.kept.ahead_since) {
            return self.counts_from().saturating_add(counts);
        }
        let alone = self.first(|from, _| from).saturating_add(counts);
        let Some(hold) = self.kept.hold else {
            return alone;
        };
        let late = |ahead: i64| hold.ahead.saturating_sub(ahead).max(0);
        let held = self.first(|from, ahead| from.saturating_add(late(ahead)));
        // The service accepted the start before the difference was found, or within the lease from then. The window that
        // begins with that is the longest that can be left.
        let latest = hold.since.saturating_add(self.lease());
        held.min(latest).saturating_add(counts).max(alone)
    }

    /// When the slot is free again by the service's clock, Unix milliseconds.
    pub(super) fn frees_at_service(&self, counts: i64) -> i64 {
        let from = self.first(i64::saturating_sub);
        from.saturating_add(counts)
    }

    /// The earlier of the moments from which the entry counts, each with how far the ledger's clock was ahead then: its
    /// date and, if it is ahead of the clock, its first sight or the end of the lease that begins then.
    fn first(&self, time: impl Fn(i64, i64) -> i64) -> i64 {
        let date = time(
            self.counts_from(),
            self.kept.clock_ahead.unwrap_or_default(),
        );
        let Some(seen) = self.kept.ahead_since else {
            return date;
        };
        let seen = match self.kept.state {
            EntryState::Confirmed | EntryState::External => seen,
            EntryState::Reserved
            | EntryState::Released
            | EntryState::InDoubt
            | EntryState::Other(_) => seen.saturating_add(self.lease()),
        };
        date.min(time(seen, self.kept.seen_ahead.unwrap_or_default()))
    }
}

impl From<Kept> for Entry {
    fn from(kept: Kept) -> Self {
        Self { kept, text: None }
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.kept == other.kept
    }
}

impl Eq for Entry {}

/// Why an entry may count beyond its window by the ledger's clock: its window by the service's may not have passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Hold {
    /// How far the ledger's clock is ahead now, in milliseconds.
    #[cfg_attr(feature = "serde", serde(rename = "ahead_ms"))]
    pub(super) ahead: i64,
    /// When that was found, by the ledger's clock. The start was made before, or within its lease from then.
    #[cfg_attr(feature = "serde", serde(with = "crate::ledger::serial::milliseconds"))]
    pub(super) since: i64,
}

/// The timestamp of Unix milliseconds, limited to the range of timestamps.
pub(super) fn timestamp(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap_or(if ms < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}

/// For how long an entry counts in a window of this length, in milliseconds.
pub(super) fn counts_for(window: Duration) -> i64 {
    millis(window.saturating_add(MARGIN))
}

/// At most `i64::MAX`.
pub(crate) fn millis(duration: Duration) -> i64 {
    let seconds = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    let rest = i64::from(duration.subsec_millis());
    seconds.saturating_mul(1000).saturating_add(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    #[test]
    fn getters_of_an_entry() {
        let kept = Kept::new("1".repeat(32).into(), EntryState::InDoubt, HOUR, 2 * HOUR);
        let mut entry = Entry::from(kept);
        let window = Duration::from_secs(12 * 3600);
        assert_eq!(entry.date(), timestamp(2 * HOUR));
        assert_eq!(entry.frees_at(window), timestamp(14 * HOUR + 120_000));
        entry.changed().state = EntryState::Released;
        assert_eq!(entry.date(), timestamp(HOUR));
        assert_eq!(
            (entry.reserved_at(), entry.lease_ends()),
            (timestamp(HOUR), timestamp(2 * HOUR))
        );
    }

    #[test]
    fn times_that_are_not_in_order_free_nothing_early() {
        let entry = Entry::from(Kept {
            ahead_since: Some(HOUR),
            ..Kept::new("1".repeat(32).into(), EntryState::InDoubt, 900 * HOUR, 0)
        });
        let window = Duration::from_secs(12 * 3600);
        assert_eq!(entry.frees_at(window), timestamp(13 * HOUR + 120_000));
    }

    #[test]
    fn times_beyond_the_range_are_its_ends() {
        assert_eq!(timestamp(i64::MIN), Timestamp::MIN);
        assert_eq!(timestamp(i64::MAX), Timestamp::MAX);
    }
}
