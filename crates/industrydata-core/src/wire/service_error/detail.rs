//! One error of an error body.

use crate::wire::redact::Redaction;

/// Code, message and target of one error. Each may be absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ErrorDetail {
    code: Option<String>,
    message: Option<String>,
    target: Option<String>,
}

impl ErrorDetail {
    pub(crate) fn redacted(
        code: Option<&str>,
        message: Option<&str>,
        target: Option<&str>,
        redaction: Redaction<'_>,
    ) -> Self {
        Self {
            code: code.map(|text| redaction.text(text)),
            message: message.map(|text| redaction.text(text)),
            target: target.map(|text| redaction.text(text)),
        }
    }

    /// The service's code. Compare it ASCII case-insensitively.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// The message, for people. Its text may change.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// What the error is about.
    #[must_use]
    pub fn target(&self) -> Option<&str> {
        self.target.as_deref()
    }
}
