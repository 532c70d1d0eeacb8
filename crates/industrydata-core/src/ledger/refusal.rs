//! Why no further start may be made now.

use jiff::Timestamp;

/// The ledger gives no slot before a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    until: Timestamp,
    reason: RefusalReason,
    lease_ends: Option<Timestamp>,
}

/// Why the ledger gives no slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalReason {
    /// All slots are taken by starts that were accepted or may have been.
    Slots,
    /// All slots are taken, at least one by a start that is being made just now and may yet give it back.
    InFlight,
    /// The service itself asked for a pause.
    Service,
    /// The ledger was reset, and does not know the starts of the window before.
    Quarantine,
}

impl std::fmt::Display for RefusalReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Slots => "all starts of the window are used",
            Self::InFlight => "all starts of the window are used or being made",
            Self::Service => "the service asked for no start before then",
            Self::Quarantine => {
                "the ledger was reset and is in quarantine, which a reconciliation can end half an hour after the reset"
            }
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
