//! The key of a ledger, and the caller of a start.

use std::sync::Arc;

use serde::Deserialize;

use crate::policy::MAX_CALLER_CHARS;
use crate::{
    ledger::{format::checksum_of_key, text::Text},
    tenant::Tenant,
    wire::base_url::BaseUrl,
};

/// Identifies a ledger. Each pair of base URL and tenant has its own, so starts at an emulator do not count for the
/// service.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LedgerKey {
    base: Arc<str>,
    tenant: Tenant,
    /// The checksum of a stored value up to its JSON.
    checksum: u32,
}

impl LedgerKey {
    /// The ledger of `tenant` at the service under `base`.
    #[must_use]
    pub fn new(base: &BaseUrl, tenant: &Tenant) -> Self {
        let base = base.folded();
        Self {
            checksum: checksum_of_key(base, tenant.as_str()),
            base: Arc::clone(base),
            tenant: tenant.clone(),
        }
    }

    /// The base URL as all keys of its tenants have it: spellings that the service treats as the same base URL have the
    /// same ledger.
    #[must_use]
    pub fn base_of(base: &BaseUrl) -> String {
        (**base.folded()).to_owned()
    }

    /// The base URL, folded to lower case.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    pub(super) const fn checksum(&self) -> u32 {
        self.checksum
    }

    pub(crate) const fn of_tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// The tenant's name.
    #[must_use]
    pub fn tenant(&self) -> &str {
        self.tenant.as_str()
    }
}

/// The caller of a start, recorded for the readers of the ledger.
///
/// A ledger keeps at most [`Caller::LONGEST`] characters of each text, without control characters.
///
/// ```
/// use industrydata_core::{Settings, ledger::Caller};
///
/// let caller = Caller { host: Some("worker-3".into()), process: Some(4711), ..Caller::default() };
/// let settings = Settings::default().caller(caller);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Caller {
    /// The machine.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub host: Option<String>,
    /// The process id.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub process: Option<u32>,
    /// A label that the caller chose.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub label: Option<String>,
}

impl Caller {
    /// The most characters that are kept of a host or a label.
    pub const LONGEST: usize = MAX_CALLER_CHARS;

    /// The form that a ledger stores, with bounded texts on one line.
    pub(super) fn kept(&self) -> KeptCaller {
        let kept = |text: &String| {
            let plain = text.chars().filter(|c| !c.is_control());
            Text::from(plain.take(Self::LONGEST).collect::<String>())
        };
        KeptCaller {
            host: self.host.as_ref().map(kept),
            process: self.process,
            label: self.label.as_ref().map(kept),
        }
    }
}

/// A caller as an entry keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(any(test, feature = "serde"), derive(serde::Serialize))]
pub(super) struct KeptCaller {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) host: Option<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) process: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) label: Option<Text>,
}

impl KeptCaller {
    pub(super) const fn is_empty(&self) -> bool {
        self.host.is_none() && self.process.is_none() && self.label.is_none()
    }

    /// The caller, for readers of the entry.
    pub(super) fn shown(&self) -> Caller {
        let owned = |text: &Option<Text>| text.as_deref().map(str::to_owned);
        Caller {
            host: owned(&self.host),
            process: self.process,
            label: owned(&self.label),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_with_any_member_is_not_empty() {
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
        assert!(Caller::default().kept().is_empty());
        assert!(
            [host, process, label]
                .iter()
                .all(|caller| !caller.kept().is_empty())
        );
    }

    #[test]
    fn texts_are_kept_bounded_and_on_one_line() {
        let caller = Caller {
            host: Some(format!("a\n{}", "é".repeat(300))),
            process: Some(1),
            label: Some("b\u{85}c".to_owned()),
        };
        let kept = caller.kept().shown();
        assert_eq!(kept.host, Some(format!("a{}", "é".repeat(254))));
        assert_eq!((kept.process, kept.label.as_deref()), (Some(1), Some("bc")));
    }
}
