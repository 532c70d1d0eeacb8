//! The decoded ledger, and the rules of its window.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

use crate::ledger::{
    clock::{ClockDifference, ClockReading},
    entry::{Entry, EntryState, Kept, counts_for, millis, timestamp},
    quarantine::Quarantine,
    quota::Quota,
    refusal::{Refusal, RefusalReason},
    rest::Rest,
};
use crate::policy::Throttle;
use crate::policy::{MARGIN, MAX_PAST, MAX_TOMBSTONES, MIN_KEPT};

/// The ledger of one base and tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
pub(super) struct Value {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) not_before: Option<i64>,
    #[serde(default, with = "stored_entries")]
    pub(super) entries: Vec<Entry>,
    /// The reset whose quarantine was ended for this tenant, Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) quarantine_ended: Option<i64>,
    /// How far the ledger's clock is ahead of the service's. `None` while the clocks agree, as far as known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) clock: Option<ClockDifference>,
    /// Entries that no longer count by the ledger's clock, until an answer's `Date` shows that the service's clock agrees.
    #[serde(
        default,
        with = "stored_entries",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub(super) past: Vec<Entry>,
    /// When the last operations were accepted (Unix milliseconds), and how many seconds they took; the oldest first.
    /// What this release cannot read is left out: no start depends on it.
    #[serde(
        default,
        deserialize_with = "pairs",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub(super) took: Vec<(i64, i64)>,
    #[serde(flatten)]
    pub(super) rest: Rest,
    /// Whether the first sight of an entry ahead of the clock changed, so that the value must be stored.
    #[serde(skip)]
    pub(super) marked: bool,
    /// The store's last reset, Unix milliseconds.
    #[serde(skip)]
    pub(super) reset: Option<i64>,
}

fn pairs<'de, D: Deserializer<'de>>(reader: D) -> Result<Vec<(i64, i64)>, D::Error> {
    let pairs = serde_json::Value::deserialize(reader)?;
    Ok(serde_json::from_value(pairs).unwrap_or_default())
}

/// Entries in the form in which a ledger stores them. It is not that of the feature `serde`.
mod stored_entries {
    use serde::{Deserialize, Deserializer};

    use crate::ledger::entry::{Entry, Kept};

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        reader: D,
    ) -> Result<Vec<Entry>, D::Error> {
        let entries = Vec::<Kept>::deserialize(reader)?;
        Ok(entries.into_iter().map(Entry::from).collect())
    }

    #[cfg(test)]
    pub(super) fn serialize<S: serde::Serializer>(
        entries: &[Entry],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(entries.iter().map(Entry::kept))
    }
}

impl Value {
    /// Marks entries that lie ahead of the clock, and no others.
    pub(super) fn mark_ahead(&mut self, clock: Timestamp) {
        let ahead = clock.as_millisecond().saturating_add(millis(MARGIN));
        let behind = self.clock.as_ref().map(|it| it.ahead);
        let behind = behind.filter(|ahead| *ahead < 0);
        for entry in &mut self.entries {
            // A first sight that is ahead itself was written before the clock was set back.
            let since = entry.kept().ahead_since.filter(|since| *since <= ahead);
            // An entry that is no longer ahead has no first sight.
            let is_new = since.is_none();
            let since = (entry.newest() > ahead).then(|| since.unwrap_or(clock.as_millisecond()));
            if since != entry.kept().ahead_since {
                self.marked = true;
                entry.changed().ahead_since = since;
            }
            let seen_ahead = behind.filter(|_| since.is_some());
            if (is_new || since.is_none()) && entry.kept().seen_ahead != seen_ahead {
                entry.changed().seen_ahead = seen_ahead;
            }
        }
    }

    /// Prepares the entries for the difference between the clocks.
    pub(super) fn hold(&mut self) {
        let hold = self.clock.as_ref().map(ClockDifference::hold);
        for entry in self.entries.iter_mut().chain(&mut self.past) {
            entry.hold(hold);
        }
    }

    /// Keeps what an answer's `Date` shows about the ledger's clock. Entries that no longer count by that clock count
    /// again while their window has not passed by the service's.
    pub(super) fn compare(&mut self, reading: &ClockReading, window: Duration, clock: Timestamp) {
        if let Some(difference) = ClockDifference::after(self.clock.as_ref(), reading, clock) {
            let ahead = difference.ahead;
            for entry in self.entries.iter_mut().chain(&mut self.past) {
                // A start without an answer may have been made by either difference, and the lesser one keeps it longer.
                let is_unanswered = matches!(
                    entry.kept().state,
                    EntryState::Reserved | EntryState::InDoubt
                );
                if is_unanswered && ahead < entry.kept().clock_ahead.unwrap_or_default() {
                    entry.changed().clock_ahead = Some(ahead).filter(|ahead| *ahead != 0);
                }
                if entry.kept().ahead_since.is_some()
                    && ahead < entry.kept().seen_ahead.unwrap_or_default()
                {
                    entry.changed().seen_ahead = Some(ahead);
                }
            }
            self.clock = Some(difference);
        }
        self.hold();
        self.recall(window, clock);
        let counts = counts_for(window.max(MIN_KEPT));
        self.past
            .retain(|entry| reading.date() < entry.frees_at_service(counts));
    }

    /// How far the date of an entry that is made now is ahead of the service's clock, if that is known and more than the
    /// margin.
    pub(super) fn clock_ahead(&self, at: i64, clock: Timestamp) -> Option<i64> {
        let difference = self.clock.as_ref()?;
        let raised = at.saturating_sub(clock.as_millisecond());
        let ahead = difference.ahead.saturating_add(raised);
        (ahead.unsigned_abs() > millis(MARGIN).unsigned_abs()).then_some(ahead)
    }

    /// Takes back past entries that count again, because the ledger's clock was set back. It drops those that an older
    /// release, which does not know them, has entered again.
    pub(super) fn recall(&mut self, window: Duration, clock: Timestamp) {
        if self.past.is_empty() {
            return;
        }
        for entry in std::mem::take(&mut self.past) {
            if self.has(&entry.kept().id) {
                continue;
            }
            if entry.counts(window.max(MIN_KEPT), clock) {
                self.entries.push(entry);
            } else {
                self.past.push(entry);
            }
        }
    }

    /// Adds an entry.
    pub(super) fn push(&mut self, entry: Kept) {
        self.past.retain(|past| past.kept().id != entry.id);
        // A change adds one at most.
        self.entries.reserve_exact(1);
        self.entries.push(entry.into());
    }

    /// Removes entries that no longer count for any caller, and marks reservations past their lease as in doubt.
    pub(super) fn tidy(&mut self, throttle: Throttle, clock: Timestamp) {
        self.hold();
        let now = clock.as_millisecond();
        let counts = counts_for(throttle.window.max(MIN_KEPT));
        let is_over = |entry: &Entry| match &entry.kept().state {
            // A released entry is kept as a tombstone, so that a reservation that arrives after its release stays released.
            EntryState::Released => now >= entry.tombstone_until(counts),
            EntryState::Reserved
            | EntryState::Confirmed
            | EntryState::InDoubt
            | EntryState::External
            | EntryState::Other(_) => now >= entry.frees_at_ms(counts),
        };
        if self.entries.iter().any(is_over) {
            let over = self.entries.extract_if(.., |entry| is_over(entry));
            let kept = over.filter(|it| it.kept().state != EntryState::Released);
            self.past.extend(kept);
        }
        let most = MAX_PAST.max(throttle.limit as usize);
        if self.past.len() > most {
            self.past.drain(..self.past.len() - most);
        }
        // Without a difference to tell, nothing of it is kept.
        let mut all = self.entries.iter().chain(&self.past);
        if self.clock.as_ref().is_some_and(|it| it.ahead == 0)
            && all.all(|entry| {
                entry.kept().clock_ahead.is_none() && entry.kept().seen_ahead.is_none()
            })
        {
            self.clock = None;
        }
        let mut released = 0;
        for at in (0..self.entries.len()).rev() {
            let is_released = self.entries.get(at).is_some_and(|entry| {
                entry.kept().state == EntryState::Released && entry.kept().evidence.is_none()
            });
            released += usize::from(is_released);
            if is_released && released > MAX_TOMBSTONES {
                self.entries.remove(at);
            }
        }
        for entry in &mut self.entries {
            if entry.kept().state == EntryState::Reserved && entry.lease_ends_ms() <= now {
                entry.changed().state = EntryState::InDoubt;
                entry.changed().why = Some("the lease ended without an outcome".into());
            }
        }
    }

    /// Whether the ledger has the entry `id`.
    pub(super) fn has(&self, id: &str) -> bool {
        self.entries.iter().any(|entry| entry.kept().id == *id)
    }

    /// The entry `id`, to read or to change.
    pub(super) fn entry(&mut self, id: &str) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.kept().id == *id)
    }

    /// The date of a new entry, and the clock if the date is later than it. The date is the clock, but no earlier than
    /// the newest entry that may count. A clock that is set back and then corrected therefore frees nothing early.
    pub(super) fn date_now(&self, clock: Timestamp) -> (i64, Option<i64>) {
        let now = clock.as_millisecond();
        let dated = self
            .entries
            .iter()
            .filter(|entry| entry.kept().state != EntryState::Released)
            .map(Entry::newest)
            .fold(now, i64::max);
        (dated, (dated > now).then_some(now))
    }

    pub(super) fn close_for(&mut self, time: Duration, clock: Timestamp) {
        let until = clock.as_millisecond().saturating_add(millis(time));
        self.not_before = self.not_before.max(Some(until));
    }

    /// The quarantine that holds for this tenant.
    fn quarantine(&self, throttle: Throttle, clock: Timestamp) -> Option<Quarantine> {
        let reset = self.reset.filter(|at| self.quarantine_ended != Some(*at))?;
        let hold = self.clock.as_ref().map(ClockDifference::hold);
        Quarantine::after(reset, throttle.window, hold, clock)
    }

    /// When a slot becomes free, Unix milliseconds. `None` while one is free.
    fn next_slot(&self, throttle: Throttle, clock: Timestamp) -> Option<i64> {
        let limit = throttle.limit as usize;
        // Each entry uses one slot at most, so fewer are not looked at.
        if self.entries.len() < limit {
            return None;
        }
        let (counts, now) = (counts_for(throttle.window), clock.as_millisecond());
        let entries = self.entries.iter();
        let mut frees = Vec::with_capacity(entries.len());
        frees.extend(entries.filter_map(|entry| entry.slot_frees_at(counts, now)));
        let over = frees.len().checked_sub(limit)?;
        frees.sort_unstable();
        // A limit of zero never has a slot.
        Some(frees.get(over).copied().unwrap_or(i64::MAX))
    }

    /// The reason why no start may be made now, if there is one.
    pub(super) fn refusal(&self, throttle: Throttle, clock: Timestamp) -> Option<Refusal> {
        let slot = self.next_slot(throttle, clock);
        if let Some(quarantine) = self.quarantine(throttle, clock) {
            let until = slot.max(self.not_before).map(timestamp);
            let until = until.max(Some(quarantine.until()))?;
            return Some(Refusal::new(until, RefusalReason::Quarantine, None));
        }
        if let Some(not_before) = self.not_before {
            let until = slot.map_or(not_before, |slot| slot.max(not_before));
            return Some(Refusal::new(timestamp(until), RefusalReason::Service, None));
        }
        let next = slot?;
        let lease = self
            .entries
            .iter()
            .filter(|entry| entry.state(clock) == EntryState::Reserved)
            .map(Entry::lease_ends_ms)
            .min();
        let reason = match lease {
            Some(_) => RefusalReason::InFlight,
            None => RefusalReason::Slots,
        };
        Some(Refusal::new(timestamp(next), reason, lease.map(timestamp)))
    }

    pub(super) fn into_quota(mut self, throttle: Throttle, clock: Timestamp) -> Quota {
        let (counts, now) = (counts_for(throttle.window), clock.as_millisecond());
        (self.entries).retain(|entry| entry.slot_frees_at(counts, now).is_some());
        let next_slot = self.next_slot(throttle, clock);
        let not_before = self.not_before.map(timestamp);
        let quarantine = self.quarantine(throttle, clock);
        Quota::new(
            throttle,
            clock,
            self.entries,
            next_slot.map(timestamp),
            not_before,
            quarantine,
        )
        .with_ahead(self.clock.map_or(0, |it| it.ahead))
    }
}
