//! The key of a start.

use std::{fmt, str::FromStr, sync::Arc};

use crate::policy::MAX_START_KEY_BYTES;

/// The key of a start: the name of the occasion for which a run is started, such as `nightly-2026-03-10`.
///
/// Within a window, one key starts at most one run, over all threads, processes and machines that share the ledger. A
/// second start with the key goes on with the first one. A key belongs to one base URL and tenant, and the service never
/// sees it.
///
/// **A key names one occasion.** A key that is used again within the window, as the next night, names the start of the
/// night before: put the date into it.
///
/// A key has 1 to 128 bytes of UTF-8 without control characters. Keys are compared byte for byte.
///
/// ```
/// use industrydata_core::ledger::StartKey;
///
/// let key: StartKey = "nightly-2026-03-10".parse()?;
/// assert_eq!(key.as_str(), "nightly-2026-03-10");
/// assert!("".parse::<StartKey>().is_err());
/// # Ok::<(), industrydata_core::ledger::StartKeyError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StartKey(Arc<str>);

impl StartKey {
    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for StartKey {
    type Err = StartKeyError;

    fn from_str(key: &str) -> Result<Self, StartKeyError> {
        if key.is_empty() {
            return Err(StartKeyError::Empty);
        }
        if key.len() > MAX_START_KEY_BYTES {
            return Err(StartKeyError::TooLong { bytes: key.len() });
        }
        if key.chars().any(char::is_control) {
            return Err(StartKeyError::Control);
        }
        Ok(Self(key.into()))
    }
}

#[cfg(feature = "serde")]
crate::serial::as_text!(StartKey);

impl TryFrom<&str> for StartKey {
    type Error = StartKeyError;

    fn try_from(key: &str) -> Result<Self, StartKeyError> {
        key.parse()
    }
}

impl TryFrom<&String> for StartKey {
    type Error = StartKeyError;

    fn try_from(key: &String) -> Result<Self, StartKeyError> {
        key.parse()
    }
}

impl TryFrom<String> for StartKey {
    type Error = StartKeyError;

    fn try_from(key: String) -> Result<Self, StartKeyError> {
        key.parse()
    }
}

impl From<&Self> for StartKey {
    fn from(key: &Self) -> Self {
        key.clone()
    }
}

impl From<std::convert::Infallible> for StartKeyError {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

impl fmt::Display for StartKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is not the key of a start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StartKeyError {
    /// The text is empty.
    #[error("the key of a start is empty: give it 1 to {MAX_START_KEY_BYTES} bytes")]
    Empty,
    /// The text is too long.
    #[error("the key of a start has {bytes} bytes: shorten it to {MAX_START_KEY_BYTES} or fewer")]
    TooLong {
        /// Its length in bytes.
        bytes: usize,
    },
    /// The text has a control character.
    #[error("the key of a start has a control character: remove it")]
    Control,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_1_to_128_bytes_without_controls() {
        for text in [
            "a",
            " ",
            "nightly-2026-03-10",
            "é✅\"\\/{}",
            &"é".repeat(64),
        ] {
            let key = StartKey::try_from(text).unwrap();
            assert_eq!((key.as_str(), key.to_string()), (text, text.to_owned()));
        }
        for (text, error) in [
            (String::new(), StartKeyError::Empty),
            ("a".repeat(129), StartKeyError::TooLong { bytes: 129 }),
            ("é".repeat(65), StartKeyError::TooLong { bytes: 130 }),
            ("a\nb".to_owned(), StartKeyError::Control),
            ("\0".to_owned(), StartKeyError::Control),
            ("a\u{85}".to_owned(), StartKeyError::Control),
            ("a\u{7f}".to_owned(), StartKeyError::Control),
        ] {
            assert_eq!(StartKey::try_from(text), Err(error));
        }
    }
}
