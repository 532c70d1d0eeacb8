//! Whether a run may have started in spite of an error.

/// Whether a run may have started in spite of an error.
///
/// ```
/// use industrydata_core::lro::{MayHaveStarted, StartError};
///
/// let error = StartError::no_randomness("no device");
/// let words = match error.may_have_started() {
///     MayHaveStarted::No => format!("start again once this is fixed: {}", error.advice()),
///     MayHaveStarted::Unknown | MayHaveStarted::Yes => format!("do not start again: {error}"),
/// };
/// assert!(words.starts_with("start again"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
pub enum MayHaveStarted {
    /// The service accepted the start.
    Yes,
    /// No run was started.
    No,
    /// The service may have accepted the start.
    Unknown,
}

impl MayHaveStarted {
    /// `yes`, `no` or `unknown`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Unknown => "unknown",
        }
    }
}

impl std::fmt::Display for MayHaveStarted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn may_have_started_is_yes_no_or_unknown() {
        let all = [
            MayHaveStarted::Yes,
            MayHaveStarted::No,
            MayHaveStarted::Unknown,
        ];
        assert_eq!(all.map(MayHaveStarted::as_str), ["yes", "no", "unknown"]);
        assert_eq!(all.map(|it| it.to_string()), ["yes", "no", "unknown"]);
    }
}
