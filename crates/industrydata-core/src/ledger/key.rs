//! Whose books they are, and who makes a start.

use serde::{Deserialize, Serialize};

use crate::tenant::Tenant;

/// Whose books: one value for each base *and* tenant, so that starts on an emulator do not fill the real books.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LedgerKey {
    base: String,
    tenant: Tenant,
}

impl LedgerKey {
    /// The books of `tenant` at the service under `base`.
    #[must_use]
    pub fn new(base: &crate::BaseUrl, tenant: &Tenant) -> Self {
        // Spellings of one base that the service takes for the same are one set of books.
        let base = crate::wire::uri::decode_unreserved(base.as_str()).to_ascii_lowercase();
        Self {
            base,
            tenant: tenant.clone(),
        }
    }

    /// The base URL, folded to lower case.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The tenant's name.
    #[must_use]
    pub fn tenant(&self) -> &str {
        self.tenant.as_str()
    }
}

/// Who makes a start, for the people who read the books later.
///
/// The books keep at most [`Caller::LONGEST`] characters of each text, without control characters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// The machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The process id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<u32>,
    /// A label of the caller's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

impl Caller {
    /// The most characters that are kept of a host or a label.
    pub const LONGEST: usize = 255;

    /// As it is kept: bounded, on one line.
    pub(super) fn kept(&self) -> Self {
        let kept = |text: &String| -> String {
            let plain = text.chars().filter(|c| !c.is_control());
            plain.take(Self::LONGEST).collect()
        };
        Self {
            host: self.host.as_ref().map(kept),
            process: self.process,
            label: self.label.as_ref().map(kept),
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.host.is_none() && self.process.is_none() && self.label.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_member_makes_somebody() {
        let host = Caller {
            host: Some("h".to_owned()),
            ..Caller::default()
        };
        let process = Caller {
            process: Some(1),
            ..Caller::default()
        };
        let label = Caller {
            label: Some("l".to_owned()),
            ..Caller::default()
        };
        assert!(Caller::default().is_empty());
        assert!([host, process, label].iter().all(|who| !who.is_empty()));
    }

    #[test]
    fn what_is_kept_is_bounded_and_on_one_line() {
        let who = Caller {
            host: Some(format!("a\n{}", "é".repeat(300))),
            process: Some(1),
            label: Some("b\u{85}c".to_owned()),
        };
        let kept = who.kept();
        assert_eq!(kept.host, Some(format!("a{}", "é".repeat(254))));
        assert_eq!((kept.process, kept.label.as_deref()), (Some(1), Some("bc")));
    }
}
