//! The stored state to which a change is applied.

/// The stored state to which a change is applied.
///
/// A store without a [`reset`](crate::ledger::Store::reset) hands over the value alone, as an `Option<&[u8]>`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stored<'b> {
    /// The bytes of the change's key; `None` if there are none yet.
    pub value: Option<&'b [u8]>,
    /// The store's mark of its last reset, as [`reset_mark`](crate::ledger::reset_mark) made it; `None` if there was
    /// none.
    pub reset: Option<&'b [u8]>,
}

impl<'b> From<Option<&'b [u8]>> for Stored<'b> {
    fn from(value: Option<&'b [u8]>) -> Self {
        Self { value, reset: None }
    }
}
