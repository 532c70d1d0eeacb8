//! The changes made to a ledger, as pure functions.

use std::time::Duration;

use jiff::Timestamp;

use crate::ledger::{
    clock::ClockReading,
    codec,
    entry::{Entry, EntryState, Kept, millis},
    evidence::Evidence,
    key::{Caller, LedgerKey},
    quarantine::Quarantine,
    refusal::{Refusal, RefusalReason},
    reply::{Applied, StoreReply},
    resolve::{Resolution, Unresolved, end_quarantine_in, external_in, other_id_in, resolve_in},
    settle::{Outcome, settle_in},
    start_key::StartKey,
    stored::Stored,
    text::Text,
    took::Took,
    value::Value,
};
use crate::{
    ledger::store_error::StoreError,
    policy::{END_CHANGE_LIMIT, PastDurations, Throttle},
    seed::hex_digits,
    wire::text::hex,
};

/// One change to a ledger. It is idempotent by the id of its start: a second application changes nothing.
#[derive(Clone, Debug)]
pub struct Change {
    key: LedgerKey,
    throttle: Throttle,
    kind: Kind,
    /// What the `Date` of an answer shows about the ledger's clock.
    reading: Option<ClockReading>,
    /// The key of the start.
    start_key: Option<StartKey>,
}

#[derive(Clone, Debug)]
enum Kind {
    Read,
    Reserve {
        id: [u8; 16],
        lease: Duration,
        caller: Caller,
    },
    Settle {
        id: [u8; 16],
        outcome: Outcome,
    },
    Entries,
    Resolve {
        id: [u8; 16],
        resolution: Resolution,
        evidence: Evidence,
    },
    External {
        evidence: Evidence,
        started: Timestamp,
    },
    EndQuarantine {
        reset: Timestamp,
    },
    CompareClock,
    Ended {
        /// The start, and the id that the body of its operation has.
        other_id: Option<([u8; 16], String)>,
        took: Option<Took>,
    },
}

impl Change {
    /// Reads the quota. It writes nothing.
    #[must_use]
    pub const fn read(key: LedgerKey, throttle: Throttle) -> Self {
        Self::new(key, throttle, Kind::Read)
    }

    /// Reserves a slot for the start `id`. Without an outcome by the end of `lease`, the start is in doubt.
    #[must_use]
    pub const fn reserve(
        key: LedgerKey,
        throttle: Throttle,
        id: [u8; 16],
        lease: Duration,
        caller: Caller,
    ) -> Self {
        Self::new(key, throttle, Kind::Reserve { id, lease, caller })
    }

    /// Writes the outcome of the start `id`, whether its entry is reserved, in doubt or missing.
    #[must_use]
    pub const fn settle(
        key: LedgerKey,
        throttle: Throttle,
        id: [u8; 16],
        outcome: Outcome,
    ) -> Self {
        Self::new(key, throttle, Kind::Settle { id, outcome })
    }

    /// Reads the quota and all entries ([`StoreReply::entries`]). It writes nothing.
    #[must_use]
    pub const fn entries(key: LedgerKey, throttle: Throttle) -> Self {
        Self::new(key, throttle, Kind::Entries)
    }

    /// Resolves the start `id`, which is in doubt, by this evidence. If the entry is left as it is,
    /// [`StoreReply::unresolved`] is the reason.
    ///
    /// By hand, an entry that was resolved by evidence can be resolved again. An outcome that the caller of the start
    /// wrote is final.
    #[must_use]
    pub const fn resolve(
        key: LedgerKey,
        throttle: Throttle,
        id: [u8; 16],
        resolution: Resolution,
        evidence: Evidence,
    ) -> Self {
        let kind = Kind::Resolve {
            id,
            resolution,
            evidence,
        };
        Self::new(key, throttle, kind)
    }

    /// Resolves the start of this entry's id (32 hexadecimal digits) by hand, with a note on why.
    ///
    /// # Errors
    ///
    /// [`Unresolved::NoSuchEntry`] if it is no entry's id.
    pub fn resolve_by_hand(
        key: LedgerKey,
        throttle: Throttle,
        id: &str,
        resolution: Resolution,
        note: &str,
    ) -> Result<Self, Unresolved> {
        let is_id = id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit());
        let id = u128::from_str_radix(id, 16).ok().filter(|_| is_id);
        let id = id.ok_or(Unresolved::NoSuchEntry)?.to_be_bytes();
        let evidence = Evidence::ByHand(note.to_owned());
        Ok(Self::resolve(key, throttle, id, resolution, evidence))
    }

    /// Enters an external start, made at `started` by the service's lists. Its id is derived from the evidence: if the
    /// start is in the ledger, or another entry claims the evidence, nothing changes.
    #[must_use]
    pub const fn external(
        key: LedgerKey,
        throttle: Throttle,
        evidence: Evidence,
        started: Timestamp,
    ) -> Self {
        Self::new(key, throttle, Kind::External { evidence, started })
    }

    /// Ends this quarantine for the tenant of `key`. Apply it once all starts of the window before the reset are in the
    /// ledger, or if there were none. The quarantine of a later reset is not affected.
    #[must_use]
    pub fn end_quarantine(key: LedgerKey, throttle: Throttle, quarantine: Quarantine) -> Self {
        let reset = quarantine.reset_at();
        Self::new(key, throttle, Kind::EndQuarantine { reset })
    }

    /// Keeps what an answer's `Date` shows about the ledger's clock, and changes nothing else.
    pub(crate) const fn compare_clock(
        key: LedgerKey,
        throttle: Throttle,
        reading: ClockReading,
    ) -> Self {
        Self::new(key, throttle, Kind::CompareClock).with_clock_reading(Some(reading))
    }

    /// Also keeps what the answer's `Date` shows about the ledger's clock.
    pub(crate) const fn with_clock_reading(mut self, reading: Option<ClockReading>) -> Self {
        self.reading = reading;
        self
    }

    /// Keeps what a poll has shown when it ended: the id that the body of the operation of a start has, beside the one of
    /// its `Location`, and how long the operation took. It frees no slot, but for the external entry of this operation,
    /// which is the same start. It makes no ledger where there is none.
    pub(crate) const fn ended(
        key: LedgerKey,
        throttle: Throttle,
        other_id: Option<([u8; 16], String)>,
        took: Option<Took>,
    ) -> Self {
        Self::new(key, throttle, Kind::Ended { other_id, took })
    }

    /// Sets the key of the start that a reservation or an outcome is about.
    ///
    /// While an entry with this key counts, nothing is reserved, and [`StoreReply::holder`] has the entry.
    #[must_use]
    pub fn with_start_key(mut self, key: Option<StartKey>) -> Self {
        self.start_key = key;
        self
    }

    const fn new(key: LedgerKey, throttle: Throttle, kind: Kind) -> Self {
        Self {
            key,
            throttle,
            kind,
            reading: None,
            start_key: None,
        }
    }

    /// Whether the change reserves a slot. It writes unless it is refused.
    #[must_use]
    pub const fn is_reservation(&self) -> bool {
        matches!(self.kind, Kind::Reserve { .. })
    }

    /// Whether the change is the outcome of a start. It writes in nearly all cases, so a store may take its lock without a look
    /// at the ledger before.
    #[must_use]
    pub const fn is_outcome(&self) -> bool {
        matches!(self.kind, Kind::Settle { .. })
    }

    /// Whether the change frees a slot.
    pub(crate) const fn frees(&self) -> bool {
        matches!(
            self.kind,
            Kind::Resolve {
                resolution: Resolution::NotStarted,
                ..
            }
        )
    }

    /// What the change does, for logs and traces: one of a few names.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match &self.kind {
            Kind::Read | Kind::Entries => "read",
            Kind::Reserve { .. } => "reserve",
            Kind::Settle { outcome, .. } => match outcome {
                Outcome::Confirmed { .. } => "confirm",
                Outcome::Released { .. } => "release",
                Outcome::InDoubt { .. } => "in_doubt",
            },
            Kind::Resolve { resolution, .. } => match resolution {
                Resolution::Started => "resolve_as_started",
                Resolution::NotStarted => "resolve_as_not_started",
            },
            Kind::External { .. } => "enter_external",
            Kind::EndQuarantine { .. } => "end_quarantine",
            Kind::CompareClock => "compare_clock",
            Kind::Ended {
                other_id: Some(_), ..
            } => "other_id",
            Kind::Ended { other_id: None, .. } => "duration",
        }
    }

    /// The time limit of a change on which no result depends: a store gives up then, and its caller does not wait longer.
    /// `None`: the change takes as long as the store allows.
    #[must_use]
    pub const fn time_limit(&self) -> Option<Duration> {
        match &self.kind {
            Kind::Ended { .. } => Some(END_CHANGE_LIMIT),
            Kind::Read
            | Kind::Reserve { .. }
            | Kind::Settle { .. }
            | Kind::Entries
            | Kind::Resolve { .. }
            | Kind::External { .. }
            | Kind::EndQuarantine { .. }
            | Kind::CompareClock => None,
        }
    }

    /// The id of the entry that the change is about, 32 hexadecimal digits.
    #[must_use]
    pub fn reservation(&self) -> Option<String> {
        match &self.kind {
            Kind::Reserve { id, .. } | Kind::Settle { id, .. } | Kind::Resolve { id, .. } => {
                Some(hex(*id))
            }
            Kind::Ended { other_id, .. } => other_id.as_ref().map(|(id, _)| hex(*id)),
            Kind::External { evidence, .. } => Some(hex(evidence.entry_id())),
            Kind::Read | Kind::Entries | Kind::EndQuarantine { .. } | Kind::CompareClock => None,
        }
    }

    /// The key of the start that the change is about.
    #[must_use]
    pub const fn start_key(&self) -> Option<&StartKey> {
        self.start_key.as_ref()
    }

    /// Whether the change puts a start in doubt.
    #[must_use]
    pub const fn puts_in_doubt(&self) -> bool {
        matches!(
            &self.kind,
            Kind::Settle {
                outcome: Outcome::InDoubt { .. },
                ..
            }
        )
    }

    /// Whether the change is one of a reconciliation, or of a resolution by hand.
    #[must_use]
    pub const fn reconciles(&self) -> bool {
        matches!(
            &self.kind,
            Kind::Resolve { .. } | Kind::External { .. } | Kind::EndQuarantine { .. }
        )
    }

    /// The key of the ledger to change.
    #[must_use]
    pub const fn key(&self) -> &LedgerKey {
        &self.key
    }

    /// Applies the change to the stored bytes (`None`: there are none yet), at the store's clock.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] or [`StoreError::Newer`]. Leave the bytes as they are.
    pub fn apply<'b>(
        &self,
        stored: impl Into<Stored<'b>>,
        clock: Timestamp,
    ) -> Result<Applied, StoreError> {
        self.apply_to(stored.into(), clock)
    }

    fn apply_to(&self, stored: Stored<'_>, clock: Timestamp) -> Result<Applied, StoreError> {
        let mut value = codec::open(&self.key, stored, clock)?;
        value.recall(self.throttle.window, clock);
        let (mut unresolved, mut holder) = (None, None);
        let refusal = match &self.kind {
            Kind::Read | Kind::Entries => None,
            Kind::Reserve { id, lease, caller } => {
                value.tidy(self.throttle, clock);
                let digits = hex_digits(*id);
                let id = text(&digits);
                holder = self.holder_in(&value, id, clock);
                match holder {
                    Some(_) => None,
                    None => self.reserve_in(&mut value, id, *lease, caller, clock),
                }
            }
            Kind::Settle { id, outcome } => {
                // An entry that no longer counts must not take this outcome.
                value.tidy(self.throttle, clock);
                let digits = hex_digits(*id);
                let id = text(&digits);
                let is_new = !value.has(id);
                settle_in(&mut value, id, outcome, self.reading.as_ref(), clock);
                if is_new && let Some(entry) = value.entry(id) {
                    entry.changed().key = self.kept_key();
                }
                self.compare_clock_in(&mut value, clock);
                None
            }
            Kind::Ended { other_id, took } => {
                value.tidy(self.throttle, clock);
                if let Some((id, operation)) = other_id {
                    other_id_in(&mut value, &hex(*id), operation);
                }
                if let Some(took) = took {
                    took.keep_in(&mut value, clock);
                }
                None
            }
            Kind::Resolve {
                id,
                resolution,
                evidence,
            } => {
                value.tidy(self.throttle, clock);
                unresolved = resolve_in(&mut value, *id, *resolution, evidence, clock).err();
                None
            }
            Kind::External { evidence, started } => {
                // An entry that no longer counts must not claim the evidence. Otherwise a second application would
                // enter the start.
                value.tidy(self.throttle, clock);
                external_in(&mut value, evidence, *started, clock);
                value.tidy(self.throttle, clock);
                None
            }
            Kind::EndQuarantine { reset } => {
                unresolved = end_quarantine_in(&mut value, reset.as_millisecond()).err();
                None
            }
            Kind::CompareClock => {
                value.tidy(self.throttle, clock);
                self.compare_clock_in(&mut value, clock);
                None
            }
        };
        value.mark_ahead(clock);
        value.hold();
        let write = match (&self.kind, &refusal) {
            (Kind::Read | Kind::Entries, _) => None,
            (Kind::Ended { .. }, _) if stored.value.is_none() => None,
            (Kind::Resolve { .. } | Kind::EndQuarantine { .. }, _) if unresolved.is_some() => None,
            (Kind::Reserve { .. }, refusal)
                if (refusal.is_some() || holder.is_some()) && !value.marked =>
            {
                None
            }
            (
                Kind::Reserve { .. }
                | Kind::Settle { .. }
                | Kind::Resolve { .. }
                | Kind::External { .. }
                | Kind::EndQuarantine { .. }
                | Kind::CompareClock
                | Kind::Ended { .. },
                _,
            ) => {
                let new = codec::encode(&self.key, &value);
                (Some(new.as_slice()) != stored.value).then_some(new)
            }
        };
        let entries = match self.kind {
            Kind::Entries => value.entries.clone(),
            Kind::Read
            | Kind::Reserve { .. }
            | Kind::Settle { .. }
            | Kind::Resolve { .. }
            | Kind::External { .. }
            | Kind::EndQuarantine { .. }
            | Kind::CompareClock
            | Kind::Ended { .. } => Vec::new(),
        };
        let past = match self.kind {
            Kind::Reserve { .. } => value.past_durations(),
            Kind::Read
            | Kind::Settle { .. }
            | Kind::Entries
            | Kind::Resolve { .. }
            | Kind::External { .. }
            | Kind::EndQuarantine { .. }
            | Kind::CompareClock
            | Kind::Ended { .. } => PastDurations::default(),
        };
        Ok(Applied {
            write,
            reply: StoreReply {
                quota: value.into_quota(self.throttle, clock),
                refusal,
                holder,
                unresolved,
                entries,
                past,
            },
        })
    }

    fn compare_clock_in(&self, value: &mut Value, clock: Timestamp) {
        if let Some(reading) = &self.reading {
            value.compare(reading, self.throttle.window, clock);
        }
        value.tidy(self.throttle, clock);
    }

    fn kept_key(&self) -> Option<Text> {
        let key = self.start_key.as_ref();
        key.map(|key| key.as_str().into())
    }

    /// The entry of another start that counts and has the key. There may be several if outcomes were written for entries
    /// that the ledger had lost. One that was accepted decides, then one that is being made.
    fn holder_in(&self, value: &Value, id: &str, clock: Timestamp) -> Option<Box<Entry>> {
        let key = self.start_key.as_ref()?.as_str();
        let has_key = |entry: &&Entry| entry.key() == Some(key);
        if value.has(id) {
            // After a lost commit the reservation is already there.
            return None;
        }
        let rank = |entry: &&Entry| match entry.state(clock) {
            EntryState::Confirmed => 2,
            EntryState::Reserved => 1,
            EntryState::InDoubt
            | EntryState::Released
            | EntryState::External
            | EntryState::Other(_) => 0,
        };
        let entries = value.entries.iter().filter(has_key);
        let counting = entries.filter(|entry| entry.counts(self.throttle.window, clock));
        let holder = counting.max_by_key(|entry| (rank(entry), entry.date()));
        holder.cloned().map(Box::new)
    }

    fn reserve_in(
        &self,
        value: &mut Value,
        id: &str,
        lease: Duration,
        caller: &Caller,
        clock: Timestamp,
    ) -> Option<Refusal> {
        if let Some(entry) = value.entry(id) {
            // After a lost commit the reservation is already there. If it was released or settled in the meantime, it
            // is not granted again.
            return (entry.kept().state != EntryState::Reserved || entry.lease_ends() <= clock)
                .then(|| Refusal::new(clock, RefusalReason::InFlight, None));
        }
        if let Some(refusal) = value.refusal(self.throttle, clock) {
            return Some(refusal);
        }
        let (at, made) = value.date_now(clock);
        value.push(Kept {
            made,
            clock_ahead: value.clock_ahead(at, clock),
            caller: caller.kept(),
            key: self.kept_key(),
            ..Kept::new(
                id.into(),
                EntryState::Reserved,
                at,
                at.saturating_add(millis(lease)),
            )
        });
        None
    }
}

/// Digits as text, without an allocation.
fn text(digits: &[[u8; 2]; 16]) -> &str {
    std::str::from_utf8(digits.as_flattened()).unwrap_or_default()
}
