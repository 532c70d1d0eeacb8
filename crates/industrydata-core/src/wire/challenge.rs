//! The claims challenge in `WWW-Authenticate`.
//!
//! Source: RFC 9110 section 11.6.1, and
//! [claims challenges](https://learn.microsoft.com/entra/identity-platform/claims-challenge).

use std::fmt;

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use http::{HeaderMap, header::WWW_AUTHENTICATE};
use serde::de::IgnoredAny;

use crate::wire::text::is_token;

/// With or without padding. Bits past the last octet are ignored.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The claims that a new token must have, from the `WWW-Authenticate` of a 401.
///
/// Pass them to the token endpoint. The challenge's `authorization_uri` is ignored, because a server must not choose where
/// credentials go.
///
/// ```
/// use industrydata_core::wire::ClaimsChallenge;
///
/// let mut headers = http::HeaderMap::new();
/// let field = r#"Negotiate, Bearer realm="", error="insufficient_claims", claims="eyJhIjoxfQ""#;
/// headers.insert("www-authenticate", field.parse()?);
/// let challenge = ClaimsChallenge::from_headers(&headers);
/// assert_eq!(challenge.as_ref().and_then(|c| c.claims()), Some(r#"{"a":1}"#));
/// # Ok::<(), http::header::InvalidHeaderValue>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ClaimsChallenge {
    claims: Option<String>,
    claims_raw: Option<String>,
}

impl ClaimsChallenge {
    /// Finds the first `Bearer` challenge with `error="insufficient_claims"` and `claims`, in any field line.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let mut challenges = Vec::new();
        for line in headers.get_all(WWW_AUTHENTICATE) {
            // All lines are one list (RFC 9110 section 5.2), so a challenge may continue in the next one.
            let line = String::from_utf8_lossy(line.as_bytes());
            Cursor(&line).read_into(&mut challenges);
        }
        let claims_raw = challenges.into_iter().find_map(Bearer::claims)?;
        Some(Self {
            claims: decode(&claims_raw),
            claims_raw: Some(claims_raw),
        })
    }

    /// The claims as JSON text. `None` if they cannot be decoded.
    #[must_use]
    pub fn claims(&self) -> Option<&str> {
        self.claims.as_deref()
    }

    /// The claims as received. `None` in an error and for a token source, which keep the decoded claims alone: a text that
    /// cannot be decoded may hold a secret in any spelling.
    #[must_use]
    pub fn claims_raw(&self) -> Option<&str> {
        self.claims_raw.as_deref()
    }

    /// The challenge without the raw claims, and with `change` applied to the decoded ones.
    pub(crate) fn decoded(self, change: impl Fn(&str) -> String) -> Self {
        Self {
            claims: self.claims.as_deref().map(change),
            claims_raw: None,
        }
    }
}

/// Leaves out the raw claims.
impl fmt::Debug for ClaimsChallenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClaimsChallenge")
            .field("claims", &self.claims)
            .finish_non_exhaustive()
    }
}

/// Base64, standard or url-safe, of UTF-8 JSON text.
fn decode(claims: &str) -> Option<String> {
    let standard: Vec<u8> = claims
        .bytes()
        .map(|b| match b {
            b'-' => b'+',
            b'_' => b'/',
            other => other,
        })
        .collect();
    let text = String::from_utf8(BASE64.decode(standard).ok()?).ok()?;
    serde_json::from_str::<IgnoredAny>(&text).ok()?;
    Some(text)
}

/// A challenge with the first `error` and the first `claims` among its parameters.
#[derive(Default)]
struct Bearer {
    is_bearer: bool,
    error: Option<String>,
    claims: Option<String>,
}

impl Bearer {
    fn claims(self) -> Option<String> {
        (self.is_bearer && self.error.as_deref() == Some("insufficient_claims"))
            .then_some(self.claims)?
    }

    fn set(&mut self, name: &str, value: String) {
        let slot = if name.eq_ignore_ascii_case("error") {
            &mut self.error
        } else if name.eq_ignore_ascii_case("claims") {
            &mut self.claims
        } else {
            return;
        };
        slot.get_or_insert(value);
    }
}

/// The unread rest of a field line.
struct Cursor<'a>(&'a str);

impl<'a> Cursor<'a> {
    fn read_into(&mut self, challenges: &mut Vec<Bearer>) {
        loop {
            self.skip([' ', '\t', ',']);
            if self.0.is_empty() {
                return;
            }
            match self.item() {
                Some(Item::Scheme(scheme)) => challenges.push(Bearer {
                    is_bearer: scheme.eq_ignore_ascii_case("bearer"),
                    ..Bearer::default()
                }),
                Some(Item::Parameter(name, value)) => {
                    if let Some(challenge) = challenges.last_mut() {
                        challenge.set(name, value);
                    }
                }
                Some(Item::Token68) => {}
                // Skip what is malformed up to the next comma, or up to the end if a quote is left open.
                None if self.skip_item().is_none() => return,
                None => {}
            }
        }
    }

    /// The next item between commas and spaces. `None` if it is malformed; then nothing is consumed.
    fn item(&mut self) -> Option<Item<'a>> {
        let name = self.token(is_token);
        let after = Cursor(name.1);
        if !name.0.is_empty()
            && let Some((value, rest)) = after.parameter_value()
        {
            self.0 = rest;
            return Some(Item::Parameter(name.0, value));
        }
        if !name.0.is_empty() && is_end(name.1) {
            self.0 = name.1;
            return Some(Item::Scheme(name.0));
        }
        let (token68, rest) = self.token(is_token68);
        if !token68.is_empty() && is_end(rest) {
            self.0 = rest;
            return Some(Item::Token68);
        }
        None
    }

    /// `BWS "=" BWS ( token / quoted-string )`. An unquoted value may also be base64, as some servers send claims.
    fn parameter_value(mut self) -> Option<(String, &'a str)> {
        self.skip([' ', '\t']);
        self.0 = self.0.strip_prefix('=')?;
        self.skip([' ', '\t']);
        if let Some(quoted) = self.0.strip_prefix('"') {
            return unquote(quoted);
        }
        let (value, rest) = self.token(is_token68);
        (!value.is_empty() && !value.starts_with('=') && is_end(rest))
            .then(|| (value.to_owned(), rest))
    }

    fn token(&self, is_part: fn(char) -> bool) -> (&'a str, &'a str) {
        let end = self.0.find(|c| !is_part(c)).unwrap_or(self.0.len());
        self.0.split_at(end)
    }

    fn skip<const N: usize>(&mut self, these: [char; N]) {
        self.0 = self.0.trim_start_matches(these);
    }

    /// Skips to the next comma outside quotes. `None` if a quote is left open.
    fn skip_item(&mut self) -> Option<()> {
        while let Some(at) = self.0.find([',', '"']) {
            let (_, rest) = self.0.split_at(at);
            let Some(quoted) = rest.strip_prefix('"') else {
                self.0 = rest;
                return Some(());
            };
            (_, self.0) = unquote(quoted)?;
        }
        self.0 = "";
        Some(())
    }
}

enum Item<'a> {
    Scheme(&'a str),
    Parameter(&'a str, String),
    Token68,
}

/// Reads a quoted-string after its opening quote (RFC 9110 section 5.6.4), and returns what follows it. `None` if it is
/// not closed.
fn unquote(quoted: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = quoted.chars();
    loop {
        match chars.next()? {
            '"' => return Some((value, chars.as_str())),
            '\\' => value.push(chars.next()?),
            other => value.push(other),
        }
    }
}

fn is_end(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with([' ', '\t', ','])
}

fn is_token68(c: char) -> bool {
    is_token(c) || c == '/' || c == '='
}

#[cfg(test)]
mod tests;
