//! Why the ledger refuses a start.

use jiff::Timestamp;

/// The refusal of a reservation. It says when the ledger has a slot again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Refusal {
    until: Timestamp,
    reason: RefusalReason,
    lease_ends: Option<Timestamp>,
}

/// Why the ledger gives no slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
pub enum RefusalReason {
    /// All slots are taken by starts that were accepted or may have been.
    Slots,
    /// All slots are taken, at least one of them by a start that is being made now and may still be released.
    InFlight,
    /// The service refused a start (429) and accepts none for a time.
    Service,
    /// The ledger was reset, and lacks the starts made before the reset.
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

    /// When a slot is free again, by the store's clock.
    #[must_use]
    pub const fn until(&self) -> Timestamp {
        self.until
    }

    /// The reason.
    #[must_use]
    pub const fn reason(&self) -> RefusalReason {
        self.reason
    }

    /// When to ask again: when the next slot is free, or at the end of a lease that may free one.
    #[must_use]
    pub fn ask_again_at(&self) -> Timestamp {
        self.lease_ends
            .map_or(self.until, |end| end.min(self.until))
    }
}
