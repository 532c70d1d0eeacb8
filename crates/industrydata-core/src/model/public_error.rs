//! What the service says went wrong in a run:
//! [publicError](https://learn.microsoft.com/graph/api/resources/publicerror).

use std::fmt;

use crate::policy::MAX_PUBLIC_ERROR_CHAIN;
use crate::{
    model::members::Members,
    wire::{
        json::Node,
        service_error::{
            detail::ErrorDetail,
            reading::{details, inner},
        },
        text::escape_controls,
    },
};

/// Why a run or an activity could not go on. Every member may be missing.
///
/// Text is kept as received, but for the request's own token; `Display` escapes control characters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublicError {
    summary: ErrorDetail,
    details: Vec<ErrorDetail>,
    inner_codes: Vec<String>,
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
        let text = |name| members.node().get(name).and_then(Node::text);
        let clean = members.clean();
        let chain = std::iter::successors(inner(members.node()), |node| inner(node));
        Self {
            summary: clean.detail(text("code"), text("message"), text("target")),
            details: details(Some(members.node()), clean),
            inner_codes: chain
                .take(MAX_PUBLIC_ERROR_CHAIN)
                .filter_map(|node| node.get("code")?.text())
                .map(|code| clean.text(code))
                .collect(),
        }
    }

    /// The service's code. Compare it ASCII case-insensitively.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.summary.code()
    }

    /// What the service says, for people.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.summary.message()
    }

    /// What the error is about.
    #[must_use]
    pub fn target(&self) -> Option<&str> {
        self.summary.target()
    }

    /// The parts of the error.
    #[must_use]
    pub fn details(&self) -> &[ErrorDetail] {
        &self.details
    }

    /// The codes of the inner errors, the outermost first.
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
