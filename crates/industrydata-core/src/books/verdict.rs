//! What a change comes to.

use jiff::Timestamp;

use super::{entry::Entry, quota::Quota, resolve::Unresolved};

/// What [`Change::apply`](crate::Change::apply) asks of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Applied {
    /// The bytes to write, durably; `None` if nothing is to be written.
    pub write: Option<Vec<u8>>,
    /// What to answer once they are written.
    pub verdict: Verdict,
}

/// What a change came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub(super) quota: Quota,
    pub(super) refusal: Option<Refusal>,
    pub(super) unresolved: Option<Unresolved>,
    pub(super) entries: Vec<Entry>,
}

impl Verdict {
    /// Why [`Change::resolve`](crate::Change::resolve) left the entry as it is; `None` if it is resolved so (or the change was another).
    #[must_use]
    pub const fn unresolved(&self) -> Option<Unresolved> {
        self.unresolved
    }

    /// All entries of the books, those that no longer count too, after [`Change::entries`](crate::Change::entries) and no other change.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The quota after the change.
    #[must_use]
    pub const fn quota(&self) -> &Quota {
        &self.quota
    }

    /// Why a reservation was refused; `None` if it stands (or the change was another).
    #[must_use]
    pub const fn refusal(&self) -> Option<&Refusal> {
        self.refusal.as_ref()
    }
}

/// The books take no further start before a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    until: Timestamp,
    reason: RefusalReason,
    lease_ends: Option<Timestamp>,
}

/// Why the books take no further start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalReason {
    /// All slots are taken by starts that were accepted or may have been.
    Slots,
    /// All slots are taken, at least one by a start that is being made just now and may yet give it back.
    InFlight,
    /// The service itself asked for a pause.
    Service,
}

impl std::fmt::Display for RefusalReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Slots => "all starts of the window are used",
            Self::InFlight => "all starts of the window are used or being made",
            Self::Service => "the service asked for no start before then",
        })
    }
}

impl Refusal {
    pub(super) const fn new(
        until: Timestamp,
        reason: RefusalReason,
        lease_ends: Option<Timestamp>,
    ) -> Self {
        Self {
            until,
            reason,
            lease_ends,
        }
    }

    /// No start before this, by the store's clock.
    #[must_use]
    pub const fn until(&self) -> Timestamp {
        self.until
    }

    /// Why.
    #[must_use]
    pub const fn reason(&self) -> RefusalReason {
        self.reason
    }

    /// When it is worth asking again: the next slot, or the end of a lease that may give one back.
    #[must_use]
    pub fn ask_again_at(&self) -> Timestamp {
        self.lease_ends
            .map_or(self.until, |end| end.min(self.until))
    }
}
