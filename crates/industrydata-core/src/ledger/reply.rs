//! The result of a change.

use crate::{
    ledger::{entry::Entry, quota::Quota, refusal::Refusal, resolve::Unresolved},
    policy::PastDurations,
};

/// The result of [`Change::apply`](crate::ledger::Change::apply): the bytes to write, and the reply.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Applied {
    /// The bytes to write durably. `None`: write nothing.
    pub write: Option<Vec<u8>>,
    /// The reply, once they are written.
    pub reply: StoreReply,
}

/// The result of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreReply {
    pub(super) quota: Quota,
    pub(super) refusal: Option<Refusal>,
    /// Boxed, as hardly any reply has one.
    pub(super) holder: Option<Box<Entry>>,
    pub(super) unresolved: Option<Unresolved>,
    pub(super) entries: Vec<Entry>,
    pub(super) past: PastDurations,
}

impl StoreReply {
    /// The reason why the ledger was not changed by [`Change::resolve`](crate::ledger::Change::resolve) or
    /// [`Change::end_quarantine`](crate::ledger::Change::end_quarantine); `None` after success, and after other
    /// changes.
    #[must_use]
    pub const fn unresolved(&self) -> Option<Unresolved> {
        self.unresolved
    }

    /// All entries of the ledger, including those that no longer count. Empty after any change but
    /// [`Change::entries`](crate::ledger::Change::entries).
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// How long the tenant's last operations took, after a reservation; none after other changes.
    #[must_use]
    pub const fn past_durations(&self) -> &PastDurations {
        &self.past
    }

    /// The quota after the change.
    #[must_use]
    pub const fn quota(&self) -> &Quota {
        &self.quota
    }

    /// The entry that has the key of a reservation. It counts, so nothing was reserved. `None` if the slot was reserved or
    /// refused, and after other changes.
    #[must_use]
    pub fn holder(&self) -> Option<&Entry> {
        self.holder.as_deref()
    }

    /// Why a reservation was refused; `None` after success, and after other changes.
    #[must_use]
    pub const fn refusal(&self) -> Option<&Refusal> {
        self.refusal.as_ref()
    }
}
