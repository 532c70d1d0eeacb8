//! The error that stopped a run or an activity, and what a validation found
//! ([publicError](https://learn.microsoft.com/graph/api/resources/publicerror)).

use std::fmt;

use crate::policy::MAX_PUBLIC_ERROR_CHAIN;
use crate::{
    model::{members::Members, others::Others},
    wire::{
        redact::Redaction,
        service_error::{
            detail::ErrorDetail,
            reading::{codes, detail, details, inner_errors},
        },
        text::escape_controls,
    },
};

/// Why a run or an activity failed, or what a validation found in the data. Every member may be absent; `Display` escapes control characters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublicError {
    summary: ErrorDetail,
    details: Vec<ErrorDetail>,
    inner_codes: Vec<String>,
    others: Others,
}

impl PublicError {
    pub(crate) const NAMES: [&'static str; 6] = [
        "code",
        "message",
        "target",
        "details",
        "innerError",
        "innererror",
    ];

    pub(crate) fn of(members: &Members<'_, '_>) -> Self {
        let (node, redaction) = (members.node(), members.redaction());
        Self {
            summary: detail(node, redaction),
            details: details(Some(node), redaction),
            inner_codes: codes(inner_errors(Some(node), MAX_PUBLIC_ERROR_CHAIN), redaction),
            others: members.others(&Self::NAMES),
        }
    }

    /// An error that is nothing but text.
    pub(crate) fn of_message(message: &str, redaction: Redaction<'_>) -> Self {
        Self {
            summary: ErrorDetail::redacted(None, Some(message), None, redaction),
            ..Self::default()
        }
    }

    #[cfg(feature = "serde")]
    pub(super) const fn others(&self) -> &Others {
        &self.others
    }

    /// The service's code. Compare it ASCII case-insensitively.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.summary.code()
    }

    /// The service's message, for people. Its text may change.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.summary.message()
    }

    /// What the error is about.
    #[must_use]
    pub fn target(&self) -> Option<&str> {
        self.summary.target()
    }

    /// The errors in the member `details`.
    #[must_use]
    pub fn details(&self) -> &[ErrorDetail] {
        &self.details
    }

    /// The codes of the inner errors, the outermost first, four at most.
    #[must_use]
    pub fn inner_codes(&self) -> &[String] {
        &self.inner_codes
    }
}

impl fmt::Display for PublicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [self.code(), self.message(), self.target()];
        let mut parts = parts.into_iter().flatten().filter(|part| !part.is_empty());
        match parts.next() {
            Some(first) => escape_controls(first).fmt(f)?,
            None => return f.write_str("no reason given"),
        }
        parts.try_for_each(|part| write!(f, ": {}", escape_controls(part)))
    }
}
