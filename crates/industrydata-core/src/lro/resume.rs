//! Resume tokens, with which another process resumes a poll.

use std::{fmt, str::FromStr};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::Timestamp;

use crate::policy::MAX_RESUME_TOKEN_BYTES;
use crate::{
    model::origin::OperationOrigin,
    wire::{
        base_url::BaseUrl,
        location::{OperationUrl, error::LocationError},
    },
};

/// What the token of a start begins with; no operation id has a colon. Every release can read such tokens.
const PREFIX: &str = "idr1:";
/// What a token of another operation begins with. Release 0.1 reports it as newer.
const PREFIX_WITH_ORIGIN: &str = "idr2:";
/// The origins that have a number in a token, and that number. None is the number of a kind of target.
const ORIGINS: [(OperationOrigin, u8); 2] = [
    (OperationOrigin::Validation, 16),
    (OperationOrigin::Reset, 17),
];

/// An operation poll that another process can resume: short ASCII text with no secret in it.
///
/// It holds the operation, what created it, and the time when that was accepted, by which its run is found. Before its
/// use it is checked against the base URL, and a token made for another service is refused.
///
/// ```
/// use industrydata_core::{lro::ResumeToken, wire::{BaseUrl, OperationUrl}};
///
/// let base = BaseUrl::graph();
/// let url = OperationUrl::from_id(&base, "171bf0b4-14e9-408f-71dd-08dcd2a15d23")?;
/// let token = ResumeToken::new(&base, &url, "2026-03-10T12:00:00Z".parse()?);
/// let read: ResumeToken = token.to_string().parse()?;
/// assert_eq!(read.operation_url(&base)?, url);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ResumeToken {
    /// Unix seconds of the 202, or of the poll's beginning.
    accepted: i64,
    origin: OperationOrigin,
    target: Target,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Target {
    /// The usual URL under the base of this checksum.
    Id { base: u32, id: String },
    /// Any other checked URL.
    Url(String),
}

impl ResumeToken {
    /// The token for the operation at `url`, whose start was accepted at `accepted`.
    #[must_use]
    pub fn new(base: &BaseUrl, url: &OperationUrl, accepted: Timestamp) -> Self {
        let id = url.operation_id();
        let usual = OperationUrl::from_id(base, id).is_ok_and(|usual| usual == *url);
        Self {
            accepted: accepted.as_second().clamp(0, (1 << 40) - 1),
            origin: OperationOrigin::Start,
            target: if usual {
                Target::Id {
                    base: crc32fast::hash(base.as_str().as_bytes()),
                    id: id.to_owned(),
                }
            } else {
                Target::Url(url.text())
            },
        }
    }

    /// The same token for an operation of this origin; [`OperationOrigin::Start`] if none is set.
    #[must_use]
    pub const fn with_origin(mut self, origin: OperationOrigin) -> Self {
        self.origin = origin;
        self
    }

    /// What created the operation. A token of release 0.1 has [`OperationOrigin::Start`].
    #[must_use]
    pub const fn origin(&self) -> OperationOrigin {
        self.origin
    }

    /// Whether `text` begins like a resume token of any version, even if the rest is malformed.
    #[must_use]
    pub fn is_meant_by(text: &str) -> bool {
        text.strip_prefix("idr")
            .and_then(|rest| rest.split_once(':'))
            .is_some_and(|(version, _)| {
                !version.is_empty() && version.bytes().all(|b| b.is_ascii_digit())
            })
    }

    /// When the start was accepted, to the second.
    #[must_use]
    pub fn accepted(&self) -> Timestamp {
        Timestamp::from_second(self.accepted).unwrap_or_default()
    }

    /// The operation's URL, checked against `base` like any Location.
    ///
    /// # Errors
    ///
    /// [`ResumeError::OtherBase`] if it belongs to another service.
    pub fn operation_url(&self, base: &BaseUrl) -> Result<OperationUrl, ResumeError> {
        match &self.target {
            Target::Id { base: sum, id } => {
                if *sum != crc32fast::hash(base.as_str().as_bytes()) {
                    return Err(ResumeError::OtherBase(LocationError::CrossOrigin));
                }
                OperationUrl::from_id(base, id).map_err(ResumeError::OtherBase)
            }
            Target::Url(url) => OperationUrl::reread(base, url).map_err(ResumeError::OtherBase),
        }
    }
}

#[cfg(feature = "serde")]
crate::serial::as_text!(ResumeToken);

impl fmt::Display for ResumeToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.accepted.to_be_bytes().to_vec();
        let origin = ORIGINS.iter().find(|(origin, _)| *origin == self.origin);
        bytes.extend(origin.map(|(_, number)| *number));
        match &self.target {
            Target::Id { base, id } => {
                bytes.push(0);
                bytes.extend_from_slice(&base.to_be_bytes());
                bytes.extend_from_slice(id.as_bytes());
            }
            Target::Url(url) => {
                bytes.push(1);
                bytes.extend_from_slice(url.as_bytes());
            }
        }
        bytes.extend_from_slice(&crc32fast::hash(&bytes).to_be_bytes());
        // Only the lower five of the eight bytes of seconds: they reach the year 36,812.
        let kept = bytes.get(3..).unwrap_or_default();
        let prefix = match origin {
            Some(_) => PREFIX_WITH_ORIGIN,
            None => PREFIX,
        };
        write!(f, "{prefix}{}", BASE64_URL_SAFE_NO_PAD.encode(kept))
    }
}

impl FromStr for ResumeToken {
    type Err = ResumeError;

    fn from_str(text: &str) -> Result<Self, ResumeError> {
        let plain = text.strip_prefix(PREFIX);
        let Some(encoded) = plain.or_else(|| text.strip_prefix(PREFIX_WITH_ORIGIN)) else {
            return Err(if Self::is_meant_by(text) {
                ResumeError::Newer
            } else {
                ResumeError::Malformed
            });
        };
        if text.len() > MAX_RESUME_TOKEN_BYTES {
            return Err(ResumeError::Malformed);
        }
        let kept = BASE64_URL_SAFE_NO_PAD
            .decode(encoded)
            .map_err(|_| ResumeError::Malformed)?;
        let mut bytes = vec![0; 3];
        bytes.extend_from_slice(&kept);
        let (body, sum) = bytes
            .split_last_chunk::<4>()
            .ok_or(ResumeError::Malformed)?;
        if crc32fast::hash(body) != u32::from_be_bytes(*sum) {
            return Err(ResumeError::Malformed);
        }
        let (accepted, rest) = body
            .split_first_chunk::<8>()
            .ok_or(ResumeError::Malformed)?;
        let (origin, rest) = match (plain, rest) {
            (Some(_), rest) => (OperationOrigin::Start, rest),
            (None, [number, rest @ ..]) => {
                let origin = ORIGINS.iter().find(|(_, it)| it == number);
                let (origin, _) = origin.ok_or(ResumeError::Newer)?;
                (*origin, rest)
            }
            (None, []) => return Err(ResumeError::Malformed),
        };
        let target = match rest.split_first().ok_or(ResumeError::Malformed)? {
            (0, rest) => {
                let (base, id) = rest
                    .split_first_chunk::<4>()
                    .ok_or(ResumeError::Malformed)?;
                Target::Id {
                    base: u32::from_be_bytes(*base),
                    id: utf8(id)?,
                }
            }
            (1, url) => Target::Url(utf8(url)?),
            _ => return Err(ResumeError::Malformed),
        };
        Ok(Self {
            accepted: i64::from_be_bytes(*accepted),
            origin,
            target,
        })
    }
}

impl TryFrom<&str> for ResumeToken {
    type Error = ResumeError;

    fn try_from(text: &str) -> Result<Self, ResumeError> {
        text.parse()
    }
}

impl TryFrom<&String> for ResumeToken {
    type Error = ResumeError;

    fn try_from(text: &String) -> Result<Self, ResumeError> {
        text.parse()
    }
}

impl TryFrom<String> for ResumeToken {
    type Error = ResumeError;

    fn try_from(text: String) -> Result<Self, ResumeError> {
        text.parse()
    }
}

impl From<&Self> for ResumeToken {
    fn from(token: &Self) -> Self {
        token.clone()
    }
}

impl From<std::convert::Infallible> for ResumeError {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

/// Why a resume token cannot be used. The start that it belongs to was accepted nevertheless.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResumeError {
    /// The text is not a resume token, or not a whole one.
    #[error("this is not a whole resume token: copy it again, from `idr` to its end")]
    Malformed,
    /// A newer release made the token.
    #[error("this resume token was made by a newer release: update this program")]
    Newer,
    /// The token was made for another service.
    #[error(
        "this resume token was made for another base URL: give the base it was made with ({0})"
    )]
    OtherBase(#[source] LocationError),
}

fn utf8(bytes: &[u8]) -> Result<String, ResumeError> {
    String::from_utf8(bytes.to_vec()).map_err(|_| ResumeError::Malformed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_token_is_for_its_base() {
        let base = BaseUrl::graph();
        let other: BaseUrl = "http://127.0.0.1:8085/beta".parse().unwrap();
        for text in [
            "abc",
            "https://graph.microsoft.com/beta/external/industryData/operations('abc')?x=1",
        ] {
            let url = match OperationUrl::from_id(&base, text) {
                Ok(url) => url,
                Err(_) => OperationUrl::parse(&base, text).unwrap(),
            };
            let token =
                ResumeToken::new(&base, &url, Timestamp::from_second(1_700_000_000).unwrap());
            let read: ResumeToken = token.to_string().parse().unwrap();
            assert_eq!(read, token);
            assert_eq!(read.accepted().as_second(), 1_700_000_000);
            assert_eq!(read.operation_url(&base).unwrap(), url);
            assert!(matches!(
                read.operation_url(&other),
                Err(ResumeError::OtherBase(_))
            ));
        }
    }

    #[test]
    fn the_longest_location_can_be_resumed() {
        let longest = format!("https://gate.example/{}", "b".repeat(1979));
        for base in [BaseUrl::graph(), BaseUrl::parse(&longest).unwrap()] {
            let location = format!("../operations/a?{}", "x".repeat(7984));
            let values = std::iter::once(location.as_bytes());
            let url = OperationUrl::resolve(&base, base.start_url(), values).unwrap();
            assert!(url.text().len() > 8000);
            let token = ResumeToken::new(&base, &url, Timestamp::UNIX_EPOCH).to_string();
            let read: ResumeToken = token.parse().unwrap();
            assert_eq!(read.operation_url(&base), Ok(url));
        }
    }

    #[test]
    fn a_newer_token_is_not_a_broken_one() {
        assert_eq!("idr3:AAAA".parse::<ResumeToken>(), Err(ResumeError::Newer));
        for broken in ["idr1:AAAA", "idr2:AAAA"] {
            let read = broken.parse::<ResumeToken>();
            assert_eq!(read, Err(ResumeError::Malformed), "{broken}");
        }
        assert_eq!("abc".parse::<ResumeToken>(), Err(ResumeError::Malformed));
        assert!(!ResumeToken::is_meant_by("https://a/"));
    }

    proptest! {
        #[test]
        fn no_text_panics_and_no_flip_passes(text in ".{0,80}", at in 0usize..60, bit in 0u8..7) {
            let _ = text.parse::<ResumeToken>();
            let base = BaseUrl::graph();
            let url = OperationUrl::from_id(&base, "171bf0b4-14e9-408f-71dd-08dcd2a15d23").unwrap();
            let token = ResumeToken::new(&base, &url, Timestamp::UNIX_EPOCH);
            let mut bytes = token.to_string().into_bytes();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            if let Ok(flipped) = String::from_utf8(bytes) {
                prop_assert_ne!(flipped.parse::<ResumeToken>(), Ok(token));
            }
        }
    }

    #[test]
    fn a_resume_token_begins_with_a_version() {
        assert!(ResumeToken::is_meant_by("idr12:AAAA"));
        for other in ["idr:AAAA", "idrx:AAAA", "idr1x:AAAA", "idr1", "1:AAAA", ""] {
            assert!(!ResumeToken::is_meant_by(other), "{other}");
        }
    }

    #[test]
    fn a_resume_token_has_a_maximum_length() {
        let token = |url: usize| ResumeToken {
            accepted: 1,
            origin: OperationOrigin::Start,
            target: Target::Url("u".repeat(url)),
        };
        let (longest, longer) = (token(10_486), token(10_487));
        assert_eq!(longest.to_string().len(), MAX_RESUME_TOKEN_BYTES);
        assert_eq!(longest.to_string().parse(), Ok(longest));
        let longer = longer.to_string().parse::<ResumeToken>();
        assert_eq!(longer, Err(ResumeError::Malformed));
    }

    #[test]
    fn a_token_keeps_what_created_its_operation() {
        let base = BaseUrl::graph();
        let usual = OperationUrl::from_id(&base, "abc").unwrap();
        let other = "https://graph.microsoft.com/beta/external/industryData/operations('abc')?x=1";
        let other = OperationUrl::parse(&base, other).unwrap();
        for url in [&usual, &other] {
            let token = ResumeToken::new(&base, url, Timestamp::from_second(7).unwrap());
            for (origin, prefix) in [
                (OperationOrigin::Start, "idr1:"),
                (OperationOrigin::Validation, "idr2:"),
                (OperationOrigin::Reset, "idr2:"),
            ] {
                let token = token.clone().with_origin(origin);
                let text = token.to_string();
                assert!(text.starts_with(prefix), "{text}");
                let read: ResumeToken = text.parse().unwrap();
                assert_eq!((read.origin(), &read), (origin, &token));
                assert_eq!(read.accepted().as_second(), 7);
                assert_eq!(read.operation_url(&base).as_ref(), Ok(url));
                // Neither prefix makes a token of the other kind.
                let swapped = match text.split_once(':').unwrap() {
                    ("idr1", rest) => format!("idr2:{rest}"),
                    (_, rest) => format!("idr1:{rest}"),
                };
                assert!(swapped.parse::<ResumeToken>().is_err(), "{swapped}");
            }
        }
    }

    /// Tokens as release 0.1 writes them: for the usual URL, and for another one.
    const OLD: [(&str, i64, &str); 2] = [
        (
            "idr1:AGmwB8AA7gF0ATE3MWJmMGI0LTE0ZTktNDA4Zi03MWRkLTA4ZGNkMmExNWQyMzOMTlY",
            1_773_144_000,
            "171bf0b4-14e9-408f-71dd-08dcd2a15d23",
        ),
        (
            "idr1:AGmwB8EBaHR0cHM6Ly9ncmFwaC5taWNyb3NvZnQuY29tL2JldGEvZXh0ZXJuYWwvaW5kdXN0cnlEYXRhL29wZXJhdGlvbnMoJ2FiYycpP3g9MU5U4SQ",
            1_773_144_001,
            "abc",
        ),
    ];

    #[test]
    fn tokens_of_the_first_release_are_read() {
        for (text, accepted, id) in OLD {
            let token: ResumeToken = text.parse().unwrap();
            assert_eq!(token.accepted().as_second(), accepted);
            assert_eq!(token.origin(), OperationOrigin::Start);
            let url = token.operation_url(&BaseUrl::graph()).unwrap();
            assert_eq!(url.operation_id(), id);
            assert_eq!(token.to_string(), text);
        }
    }

    #[test]
    fn an_origin_of_a_newer_release_is_newer() {
        let mut bytes = vec![0; 8];
        bytes.extend_from_slice(&[9, 1, b'u']);
        bytes.extend_from_slice(&crc32fast::hash(&bytes).to_be_bytes());
        let text = format!(
            "{PREFIX_WITH_ORIGIN}{}",
            BASE64_URL_SAFE_NO_PAD.encode(&bytes[3..])
        );
        assert_eq!(text.parse::<ResumeToken>(), Err(ResumeError::Newer));
    }

    #[test]
    fn an_unknown_kind_of_resume_token_is_malformed() {
        let mut bytes = vec![0; 8];
        bytes.push(7);
        bytes.extend_from_slice(&crc32fast::hash(&bytes).to_be_bytes());
        let text = format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(&bytes[3..]));
        assert_eq!(text.parse::<ResumeToken>(), Err(ResumeError::Malformed));
    }
}
