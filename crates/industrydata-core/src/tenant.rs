//! The name of a tenant.

use crate::policy::MAX_TENANT_BYTES;
use std::{fmt, str::FromStr, sync::Arc};

/// The name of a tenant: its directory id, or any label.
///
/// A name has 1 to 256 bytes of UTF-8 without control characters. `common`, `organizations` and `consumers`, which stand for
/// many tenants at a sign-in, are refused. Names are compared byte for byte; a GUID is folded to lower case first. A name
/// is never part of a path or of SQL text.
///
/// **Each name has its own ledger.** Two names for one tenant could start ten runs in one window, so use one spelling
/// everywhere, preferably the directory id.
///
/// ```
/// use industrydata_core::Tenant;
///
/// let tenant: Tenant = "72F988BF-86F1-41AF-91AB-2D7CD011DB47".parse()?;
/// assert_eq!(tenant.as_str(), "72f988bf-86f1-41af-91ab-2d7cd011db47");
/// assert!("".parse::<Tenant>().is_err());
/// # Ok::<(), industrydata_core::TenantError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tenant(Arc<str>);

impl Tenant {
    /// The name, with a GUID in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the name is a GUID, as directory ids are.
    #[must_use]
    pub fn is_guid(&self) -> bool {
        is_guid(&self.0)
    }
}

impl FromStr for Tenant {
    type Err = TenantError;

    fn from_str(name: &str) -> Result<Self, TenantError> {
        if name.is_empty() {
            return Err(TenantError::Empty);
        }
        if name.len() > MAX_TENANT_BYTES {
            return Err(TenantError::TooLong { bytes: name.len() });
        }
        if name.chars().any(char::is_control) {
            return Err(TenantError::Control);
        }
        if let Some(of_many) = of_many(name) {
            return Err(TenantError::OfMany(of_many));
        }
        Ok(Self(if is_guid(name) {
            name.to_ascii_lowercase().into()
        } else {
            name.into()
        }))
    }
}

#[cfg(feature = "serde")]
crate::serial::as_text!(Tenant);

impl TryFrom<&str> for Tenant {
    type Error = TenantError;

    fn try_from(name: &str) -> Result<Self, TenantError> {
        name.parse()
    }
}

impl TryFrom<&String> for Tenant {
    type Error = TenantError;

    fn try_from(name: &String) -> Result<Self, TenantError> {
        name.parse()
    }
}

impl TryFrom<String> for Tenant {
    type Error = TenantError;

    fn try_from(name: String) -> Result<Self, TenantError> {
        name.parse()
    }
}

impl From<&Self> for Tenant {
    fn from(tenant: &Self) -> Self {
        tenant.clone()
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a tenant name was refused. Nothing was sent, so no run was started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TenantError {
    /// The name is empty.
    #[error("the tenant name is empty: give the directory id, or any label of 1 to 256 bytes")]
    Empty,
    /// The name is longer than 256 bytes.
    #[error("the tenant name has {bytes} bytes: give one of at most 256")]
    TooLong {
        /// The length of the name, in bytes of UTF-8.
        bytes: usize,
    },
    /// The name has a control character, such as a line break.
    #[error("the tenant name has a control character, such as a line break: remove it")]
    Control,
    /// The name stands for many tenants, each of which has its own five starts.
    #[error("`{0}` stands for many tenants: give the directory id of one, or any other label")]
    OfMany(&'static str),
}

impl From<std::convert::Infallible> for TenantError {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

/// The directory for the sign-in of people from many tenants that this names, in any letter case.
pub(crate) fn of_many(name: &str) -> Option<&'static str> {
    let mut names = ["common", "organizations", "consumers"].into_iter();
    names.find(|it| it.eq_ignore_ascii_case(name))
}

fn is_guid(name: &str) -> bool {
    name.len() == 36
        && name.bytes().enumerate().all(|(i, byte)| match i {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_a_limit_and_no_control_characters() {
        assert!("a".repeat(256).parse::<Tenant>().is_ok());
        assert_eq!(
            "a".repeat(257).parse::<Tenant>(),
            Err(TenantError::TooLong { bytes: 257 })
        );
        for bad in ["a\nb", "\0", "a\u{85}", "\u{7f}"] {
            assert_eq!(bad.parse::<Tenant>(), Err(TenantError::Control), "{bad:?}");
        }
        assert_eq!("../é".parse::<Tenant>().unwrap().as_str(), "../é");
    }

    #[test]
    fn a_name_of_many_tenants_is_refused() {
        for name in ["common", "Organizations", "CONSUMERS"] {
            let error = name.parse::<Tenant>().unwrap_err().to_string();
            assert!(error.contains(&name.to_ascii_lowercase()), "{error}");
        }
        assert!("common.example".parse::<Tenant>().is_ok());
    }

    #[test]
    fn only_a_guid_is_folded() {
        assert_eq!("Contoso".parse::<Tenant>().unwrap().as_str(), "Contoso");
        let near = "72F988BF-86F1-41AF-91AB-2D7CD011DB4G";
        assert_eq!(near.parse::<Tenant>().unwrap().as_str(), near);
    }

    #[test]
    fn a_guid_is_folded_to_lower_case() {
        let guid = "72F988BF-86F1-41AF-91AB-2D7CD011DB47"
            .parse::<Tenant>()
            .unwrap();
        assert_eq!(guid.to_string(), "72f988bf-86f1-41af-91ab-2d7cd011db47");
        for near in [
            "72F988BF-86F1-41AF-91AB-2D7CD011DB4",
            "72F988BF-86F1-41AF-91AB-2D7CD011DB477",
            "72F988BFA86F1-41AF-91AB-2D7CD011DB47",
            "72F988B-F86F1-41AF-91AB-2D7CD011DB47",
        ] {
            assert_eq!(near.parse::<Tenant>().unwrap().to_string(), near);
        }
    }

    #[test]
    fn a_name_converts_from_text() {
        assert_eq!("".parse::<Tenant>(), Err(TenantError::Empty));
        let name = Tenant::try_from("contoso").unwrap();
        assert_eq!(Tenant::try_from("contoso".to_owned()), Ok(name.clone()));
        assert_eq!(Tenant::try_from(&"contoso".to_owned()), Ok(name.clone()));
        assert_eq!(Tenant::from(&name), name);
    }
}
