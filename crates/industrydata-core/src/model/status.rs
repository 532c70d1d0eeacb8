//! The status of an operation, an evolvable enumeration.

use std::{borrow::Cow, fmt};

use crate::wire::text::escape_controls;

/// How far an operation has come (`longRunningOperationStatus`).
///
/// Known members are matched ASCII case-insensitively. A member that is not known keeps its
/// text, is never terminal and never success (rules B9 and B10).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OperationStatus {
    /// The run waits for its turn.
    NotStarted,
    /// The run is under way.
    Running,
    /// The operation came to its end. Whether the data were good, only the run tells.
    Succeeded,
    /// The operation failed.
    Failed,
    /// The service has a status it does not name to this client.
    UnknownFutureValue,
    /// A status this release does not know, as received.
    Other(String),
}

impl OperationStatus {
    /// The status in the service's spelling; a status that is not known, as received.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::NotStarted => "notStarted",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::UnknownFutureValue => "unknownFutureValue",
            Self::Other(status) => status,
        }
    }

    /// Whether the operation is over: `succeeded` or `failed`.
    #[must_use]
    pub const fn is_terminal(&self) -> bool {
        match self {
            Self::Succeeded | Self::Failed => true,
            Self::NotStarted | Self::Running | Self::UnknownFutureValue | Self::Other(_) => false,
        }
    }

    /// Whether this release knows the status.
    #[must_use]
    pub const fn is_known(&self) -> bool {
        !matches!(self, Self::Other(_))
    }
}

impl From<Cow<'_, str>> for OperationStatus {
    fn from(text: Cow<'_, str>) -> Self {
        const KNOWN: [OperationStatus; 5] = [
            OperationStatus::NotStarted,
            OperationStatus::Running,
            OperationStatus::Succeeded,
            OperationStatus::Failed,
            OperationStatus::UnknownFutureValue,
        ];
        KNOWN
            .into_iter()
            .find(|known| known.as_str().eq_ignore_ascii_case(&text))
            .unwrap_or_else(|| Self::Other(text.into_owned()))
    }
}

/// The text of [`as_str`](OperationStatus::as_str) with its control characters escaped.
impl fmt::Display for OperationStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escape_controls(self.as_str()).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_names_in_any_ascii_case() {
        for (text, expected, terminal) in [
            ("NOTSTARTED", "notStarted", false),
            ("Running", "running", false),
            ("succeeded", "succeeded", true),
            ("fAILED", "failed", true),
            ("unknownfuturevalue", "unknownFutureValue", false),
        ] {
            let status = OperationStatus::from(Cow::Borrowed(text));
            assert_eq!(
                (status.as_str(), status.is_terminal(), status.is_known()),
                (expected, terminal, true)
            );
        }
        for text in [
            "",
            " succeeded",
            "succeeded ",
            "\u{17f}ucceeded",
            "fa\u{131}led",
            "skipped",
            "Completed",
        ] {
            let status = OperationStatus::from(Cow::Borrowed(text));
            assert_eq!(
                (status.as_str(), status.is_terminal(), status.is_known()),
                (text, false, false)
            );
        }
    }

    #[test]
    fn shown_without_controls() {
        let status = OperationStatus::from(Cow::Borrowed("a\n\u{1b}[2J"));
        assert_eq!(status.to_string(), r"a\n\u{1b}[2J");
        assert_eq!(status.as_str(), "a\n\u{1b}[2J");
    }
}
