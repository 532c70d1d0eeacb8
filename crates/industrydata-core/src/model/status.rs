//! The status of an operation
//! ([longRunningOperation](https://learn.microsoft.com/graph/api/resources/longrunningoperation)).

use crate::model::open_enum::open_enum;

open_enum! {
    /// The status of an operation (`longRunningOperationStatus`).
    OperationStatus {
        /// The operation has not started yet.
        NotStarted = "notStarted",
        /// The operation is running.
        Running = "running",
        /// The operation succeeded. Read the run to learn whether its data were valid.
        Succeeded = "succeeded",
        /// The operation failed.
        Failed = "failed",
        /// The service has a newer status that it does not send to this client.
        UnknownFutureValue = "unknownFutureValue",
    }
}

impl OperationStatus {
    /// Whether the operation has ended: `succeeded` or `failed`. An unknown status is never terminal.
    #[must_use]
    pub const fn is_terminal(&self) -> bool {
        match self {
            Self::Succeeded | Self::Failed => true,
            Self::NotStarted | Self::Running | Self::UnknownFutureValue | Self::Other(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(text: &str) -> OperationStatus {
        OperationStatus::known(text).unwrap_or_else(|| OperationStatus::Other(text.to_owned()))
    }

    #[test]
    fn known_statuses_match_whole_and_in_any_ascii_case() {
        for (text, expected, terminal) in [
            ("NOTSTARTED", "notStarted", false),
            ("Running", "running", false),
            ("succeeded", "succeeded", true),
            ("fAILED", "failed", true),
            ("unknownfuturevalue", "unknownFutureValue", false),
        ] {
            let status = status(text);
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
            let status = status(text);
            assert_eq!(
                (status.as_str(), status.is_terminal(), status.is_known()),
                (text, false, false)
            );
        }
    }

    #[test]
    fn display_escapes_control_characters() {
        let status = status("a\n\u{1b}[2J");
        assert_eq!(status.to_string(), r"a\n\u{1b}[2J");
        assert_eq!(status.as_str(), "a\n\u{1b}[2J");
    }
}
