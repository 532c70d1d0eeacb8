//! The reply of a store to a reset.

/// The result of [`Store::reset`](crate::ledger::Store::reset).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub enum Reset {
    /// The ledger was empty. Nothing was moved, and the quarantine has begun.
    Marked,
    /// The old ledger is kept under this name, and a new one has begun, in quarantine.
    MovedAside(String),
    /// Nothing was changed. An administrator has to run this SQL, which keeps the old ledger under another name and
    /// begins a new one, in quarantine.
    Sql(String),
}
