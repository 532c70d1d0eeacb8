//! Access tokens: checked when they are made, shown nowhere.

use std::{fmt, time::Duration};

use http::HeaderValue;
use jiff::Timestamp;

use crate::policy::{MAX_TOKEN_BYTES, TOKEN_RENEWAL_LEAD};
use crate::wire::{challenge::ClaimsChallenge, transport::Cause};

/// A bearer token that is safe to put into a header field, and its end if that is known.
///
/// It is kept as the finished `Authorization` value, marked sensitive; `Debug` shows none of it. HTTP clients copy it
/// into buffers of their own, so that no promise is made of its removal from memory.
///
/// ```
/// use industrydata_core::auth::{AccessToken, TokenError};
///
/// let token = AccessToken::new("eyJ0eXAi.eyJhdWQi.c2ln")?;
/// assert_eq!(format!("{token:?}"), "AccessToken { .. }");
/// assert!(AccessToken::new("two\nlines").is_err());
/// # Ok::<(), TokenError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken {
    header: HeaderValue,
    /// When it was obtained and when it ends.
    life: Option<(Timestamp, Timestamp)>,
}

impl AccessToken {
    /// A token of unknown life: it is used until the service refuses it.
    ///
    /// # Errors
    ///
    /// [`TokenError::Malformed`] unless it is a `b64token` (RFC 6750 section 2.1) of at most 16 KiB. The text is not in
    /// the error. A run may have started: no.
    pub fn new(token: &str) -> Result<Self, TokenError> {
        if token.is_empty() {
            return Err(TokenError::Malformed("it is empty"));
        }
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::Malformed("it is longer than 16 KiB"));
        }
        let body = token.trim_end_matches('=');
        let is_b64token = !body.is_empty()
            && body
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b));
        if !is_b64token {
            return Err(TokenError::Malformed(
                "it has a character that no bearer token has, such as a space, a quote or a line break",
            ));
        }
        let mut header = HeaderValue::try_from(format!("Bearer {token}"))
            .map_err(|_| TokenError::Malformed("it fits no header field"))?;
        header.set_sensitive(true);
        Ok(Self { header, life: None })
    }

    /// The same token, obtained at `obtained` and ending at `expires`.
    #[must_use]
    pub fn with_life(mut self, obtained: Timestamp, expires: Timestamp) -> Self {
        self.life = Some((obtained, expires));
        self
    }

    /// When it ends, if that is known.
    #[must_use]
    pub fn expires(&self) -> Option<Timestamp> {
        self.life.map(|(_, expires)| expires)
    }

    /// Whether it can still be used at `now`.
    #[must_use]
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.life.is_none_or(|(_, expires)| now < expires)
    }

    /// Whether it is time for a new one: five minutes before its end, or halfway for one that lives for less than ten.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.life.is_some_and(|(obtained, expires)| {
            let life = Duration::try_from(expires.duration_since(obtained)).unwrap_or_default();
            let margin = TOKEN_RENEWAL_LEAD.min(life / 2);
            expires
                .checked_sub(margin)
                .is_ok_and(|renew_at| now >= renew_at)
        })
    }

    pub(crate) const fn header(&self) -> &HeaderValue {
        &self.header
    }

    /// The bare token, to be looked for in what the server sends back.
    pub(crate) fn text(&self) -> Option<&str> {
        // A b64token is ASCII, so this is quicker than the header's own check of each byte.
        std::str::from_utf8(self.header.as_bytes())
            .ok()?
            .strip_prefix("Bearer ")
    }

    /// Whether both are the same token, whatever is known of their lives.
    #[must_use]
    pub fn is_same_token(&self, other: &Self) -> bool {
        self.header == other.header
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken").finish_non_exhaustive()
    }
}

/// The service refused a token: what is asked for next.
#[derive(Clone, Debug)]
pub struct Challenge {
    refused: AccessToken,
    claims: Option<ClaimsChallenge>,
}

impl Challenge {
    pub(crate) const fn new(refused: AccessToken, claims: Option<ClaimsChallenge>) -> Self {
        Self { refused, claims }
    }

    /// The token that was refused. The same token again ends the matter.
    #[must_use]
    pub const fn refused(&self) -> &AccessToken {
        &self.refused
    }

    /// The claims the service asks for, as JSON text, to be handed to the token endpoint
    /// ([claims challenges](https://learn.microsoft.com/entra/identity-platform/claims-challenge)).
    #[must_use]
    pub fn claims(&self) -> Option<&str> {
        self.claims.as_ref().and_then(ClaimsChallenge::claims)
    }
}

/// No usable token. While starting: a run may have started: no.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// What was given is no bearer token. It is not shown.
    #[error("the token cannot be used: {0}")]
    Malformed(&'static str),
    /// The source answered, but with no token in it.
    #[error("{0}")]
    Unusable(String),
    /// The authority refused to give a token.
    #[error("the token endpoint refused: {0}")]
    Refused(String),
    /// The source could not be asked, or not in time; it may answer later.
    #[error("no token could be had: {0}")]
    Unavailable(Cause),
}

impl TokenError {
    /// A source that could not be asked because of `error`.
    pub fn unavailable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unavailable(Cause::new(error))
    }

    /// Whether asking again later may help.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

/// The token kept for one tenant: what a cache holds between two calls of a source.
///
/// It decides; locking and calling the source are the adapter's.
#[derive(Clone, Debug, Default)]
pub struct KeptToken(Option<AccessToken>);

impl KeptToken {
    /// The kept token, if it may be used as it is: not due for renewal, and not the refused one.
    #[must_use]
    pub fn usable(&self, challenge: Option<&Challenge>, now: Timestamp) -> Option<AccessToken> {
        self.0
            .as_ref()
            .filter(|kept| !kept.is_due(now))
            .filter(|kept| challenge.is_none_or(|c| !c.refused().is_same_token(kept)))
            .cloned()
    }

    /// Takes in what the source answered. A failure that may pass leaves a kept token in use while it is valid and not
    /// refused.
    ///
    /// # Errors
    ///
    /// The source's own error.
    pub fn renewed(
        &mut self,
        answer: Result<AccessToken, TokenError>,
        challenge: Option<&Challenge>,
        now: Timestamp,
    ) -> Result<AccessToken, TokenError> {
        match answer {
            Ok(token) => {
                self.0 = Some(token.clone());
                Ok(token)
            }
            Err(error) if error.is_transient() => self
                .0
                .as_ref()
                .filter(|kept| kept.is_valid(now))
                .filter(|kept| challenge.is_none_or(|c| !c.refused().is_same_token(kept)))
                .cloned()
                .ok_or(error),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn only_b64tokens_are_taken() {
        let long = "a".repeat(MAX_TOKEN_BYTES + 1);
        for bad in [
            "", "=", "a b", "a\r\nb", "a\0", "é", "a,b", "a=b", "\"a\"", &long,
        ] {
            let error = AccessToken::new(bad).unwrap_err().to_string();
            assert!(bad.len() < 3 || !error.contains(bad), "{error}");
        }
        for good in ["a", "A-._~+/9==", &"a".repeat(MAX_TOKEN_BYTES)] {
            assert!(AccessToken::new(good).is_ok());
        }
    }

    #[test]
    fn debug_shows_nothing() {
        let token = AccessToken::new("canary").unwrap().with_life(at(0), at(9));
        assert!(!format!("{token:?} {:?}", token.header()).contains("canary"));
    }

    #[test]
    fn renewal_is_due_before_the_end() {
        let hour = AccessToken::new("a").unwrap().with_life(at(0), at(3600));
        assert!(!hour.is_due(at(3299)) && hour.is_due(at(3300)));
        let minute = AccessToken::new("a").unwrap().with_life(at(0), at(60));
        assert!(!minute.is_due(at(29)) && minute.is_due(at(30)));
        assert!(!AccessToken::new("a").unwrap().is_due(Timestamp::MAX));
    }

    #[test]
    fn a_kept_token_survives_a_failing_source_but_no_refusal() {
        let token = AccessToken::new("a").unwrap().with_life(at(0), at(3600));
        let mut kept = KeptToken::default();
        assert!(kept.usable(None, at(0)).is_none());
        assert!(kept.renewed(Ok(token.clone()), None, at(0)).is_ok());
        assert!(kept.usable(None, at(1)).is_some());
        assert!(kept.usable(None, at(3500)).is_none());
        let down = || Err(TokenError::unavailable("down"));
        assert!(kept.renewed(down(), None, at(3500)).is_ok());
        assert!(kept.renewed(down(), None, at(3600)).is_err());
        let challenge = Challenge::new(token, None);
        assert!(kept.usable(Some(&challenge), at(1)).is_none());
        assert!(kept.renewed(down(), Some(&challenge), at(1)).is_err());
    }

    #[test]
    fn a_token_is_as_long_as_sixteen_kibibytes() {
        assert!(AccessToken::new(&"a".repeat(16_384)).is_ok());
        assert!(AccessToken::new(&"a".repeat(16_385)).is_err());
    }

    #[test]
    fn tokens_are_told_apart() {
        let token = AccessToken::new("canary-token").unwrap();
        assert_eq!(token.text(), Some("canary-token"));
        assert!(token.is_same_token(&token.clone().with_life(at(0), at(9))));
        assert!(!token.is_same_token(&AccessToken::new("another").unwrap()));
        assert!(format!("{token:?}").contains("AccessToken"));
        assert_eq!(Challenge::new(token, None).claims(), None);
    }

    #[test]
    fn a_source_that_refuses_is_told_although_a_token_is_kept() {
        let token = AccessToken::new("a").unwrap().with_life(at(0), at(3600));
        let mut kept = KeptToken::default();
        assert!(kept.renewed(Ok(token), None, at(0)).is_ok());
        let refused = Err(TokenError::Refused("no".to_owned()));
        assert!(kept.renewed(refused, None, at(3500)).is_err());
    }

    #[test]
    fn a_challenge_hands_on_the_claims() {
        let mut headers = http::HeaderMap::new();
        // {"a":1}
        let value = r#"Bearer error="insufficient_claims", claims="eyJhIjoxfQ""#;
        headers.insert(http::header::WWW_AUTHENTICATE, value.parse().unwrap());
        let refused = AccessToken::new("canary-a").unwrap();
        let challenge = Challenge::new(refused, ClaimsChallenge::from_headers(&headers));
        assert_eq!(challenge.claims(), Some(r#"{"a":1}"#));
    }
}
