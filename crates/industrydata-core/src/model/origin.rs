//! The request that created an operation.

/// The request that created an operation, as far as is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum OperationOrigin {
    /// A start, unless the operation itself says otherwise. A run belongs to the operation.
    #[default]
    Start,
    /// A validation of a data connector. No run was asked for.
    Validation,
    /// A reset of a provisioning flow. No run was asked for.
    Reset,
}

impl OperationOrigin {
    /// Whether a run belongs to the operation.
    #[must_use]
    pub const fn has_run(self) -> bool {
        matches!(self, Self::Start)
    }
}
