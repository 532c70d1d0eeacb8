//! Access tokens, and the cache of one.

use std::{convert::Infallible, error::Error, fmt, sync::Arc, time::Duration};

use http::HeaderValue;
use jiff::Timestamp;

use crate::auth::refusal::TokenRefusal;
use crate::policy::{MAX_TOKEN_BYTES, TOKEN_RENEWAL_LEAD};
use crate::wire::{challenge::ClaimsChallenge, transport::Cause};

/// A bearer token that is valid in a header field, and its expiry if known.
///
/// `Debug` does not show the token. HTTP clients copy it into their buffers, so its removal from memory is not promised.
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
pub struct AccessToken(Arc<Inner>);

#[derive(Clone, PartialEq, Eq)]
struct Inner {
    header: HeaderValue,
    /// The token alone. It is kept, since every answer is searched for it.
    text: Box<str>,
    /// When the token was obtained, and when it expires.
    life: Option<(Timestamp, Timestamp)>,
}

impl AccessToken {
    /// A token of unknown expiry. It is used until the service refuses it.
    ///
    /// # Errors
    ///
    /// [`TokenError::Malformed`] unless the text is a `b64token` (RFC 6750 section 2.1) of at most 16 KiB. The error does
    /// not contain the text.
    pub fn new(token: &str) -> Result<Self, TokenError> {
        if token.is_empty() {
            return Err(TokenError::Malformed("it is empty"));
        }
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::Malformed("it is longer than 16 KiB"));
        }
        if let Some((scheme, _)) = token.split_once(' ')
            && scheme.eq_ignore_ascii_case("bearer")
        {
            return Err(TokenError::Malformed("leave out `Bearer `"));
        }
        let body = token.trim_end_matches('=');
        let is_b64token = !body.is_empty()
            && body
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b));
        if !is_b64token {
            return Err(TokenError::Malformed(
                "it has a character that bearer tokens do not allow, such as a space, a quote or a line break",
            ));
        }
        let mut header = HeaderValue::try_from(format!("Bearer {token}"))
            .map_err(|_| TokenError::Malformed("it is not a valid header value"))?;
        header.set_sensitive(true);
        Ok(Self(Arc::new(Inner {
            header,
            text: token.into(),
            life: None,
        })))
    }

    /// The same token, obtained at `obtained` and valid until `expires`.
    #[must_use]
    pub fn with_life(mut self, obtained: Timestamp, expires: Timestamp) -> Self {
        Arc::make_mut(&mut self.0).life = Some((obtained, expires));
        self
    }

    /// When the token expires, if known.
    #[must_use]
    pub fn expires(&self) -> Option<Timestamp> {
        self.0.life.map(|(_, expires)| expires)
    }

    /// Whether the token has not expired at `now`.
    #[must_use]
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.0.life.is_none_or(|(_, expires)| now < expires)
    }

    /// Whether to renew the token: five minutes before it expires, or after half its life if that is later.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.0.life.is_some_and(|(obtained, expires)| {
            let life = Duration::try_from(expires.duration_since(obtained)).unwrap_or_default();
            let margin = TOKEN_RENEWAL_LEAD.min(life / 2);
            expires
                .checked_sub(margin)
                .is_ok_and(|renew_at| now >= renew_at)
        })
    }

    pub(crate) fn header(&self) -> &HeaderValue {
        &self.0.header
    }

    /// The token without `Bearer`, for redaction.
    pub(crate) fn text(&self) -> Option<&str> {
        Some(&self.0.text)
    }

    /// Whether both are the same token, whatever their expiry.
    #[must_use]
    pub fn is_same_token(&self, other: &Self) -> bool {
        self.0.header == other.0.header
    }
}

impl TryFrom<&str> for AccessToken {
    type Error = TokenError;

    fn try_from(token: &str) -> Result<Self, TokenError> {
        Self::new(token)
    }
}

impl TryFrom<&String> for AccessToken {
    type Error = TokenError;

    fn try_from(token: &String) -> Result<Self, TokenError> {
        Self::new(token)
    }
}

impl TryFrom<String> for AccessToken {
    type Error = TokenError;

    fn try_from(token: String) -> Result<Self, TokenError> {
        Self::new(&token)
    }
}

impl From<&Self> for AccessToken {
    fn from(token: &Self) -> Self {
        token.clone()
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken").finish_non_exhaustive()
    }
}

/// The service refused a token. A token source gets this, to obtain another one.
///
/// ```
/// use industrydata_core::auth::Challenge;
///
/// /// What to pass to the authority along with the next request for a token.
/// fn claims(challenge: Option<&Challenge>) -> Option<&str> {
///     challenge.and_then(Challenge::claims)
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Challenge {
    refused: AccessToken,
    claims: Option<ClaimsChallenge>,
}

impl Challenge {
    pub(crate) const fn new(refused: AccessToken, claims: Option<ClaimsChallenge>) -> Self {
        Self { refused, claims }
    }

    /// The token that was refused. If the source returns it again, the service is not asked again.
    #[must_use]
    pub const fn refused(&self) -> &AccessToken {
        &self.refused
    }

    /// The claims that the new token must have, as JSON text. Pass them to the token endpoint
    /// ([claims challenges](https://learn.microsoft.com/entra/identity-platform/claims-challenge)).
    #[must_use]
    pub fn claims(&self) -> Option<&str> {
        self.claims.as_ref().and_then(ClaimsChallenge::claims)
    }
}

/// Why there is no usable token.
///
/// The source of [`Unavailable`](Self::Unavailable) is the error of the token source, whose text is also in the message.
///
/// ```
/// use std::error::Error;
/// use industrydata_core::auth::TokenError;
///
/// // What a source of tokens returns if it fails for now.
/// let error = TokenError::unavailable(std::fmt::Error);
/// assert!(error.is_transient());
/// assert!(error.source().unwrap().is::<std::fmt::Error>());
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum TokenError {
    /// The text is not a bearer token. The error does not contain it.
    Malformed(&'static str),
    /// The source returned something that is not a token, or its settings are invalid.
    Unusable(String),
    /// The token or identity endpoint refused the credentials.
    Refused(TokenRefusal),
    /// The source failed or was too slow. It may succeed later.
    Unavailable(Cause),
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(why) => write!(f, "the token cannot be used: {why}"),
            Self::Unusable(why) => f.write_str(why),
            Self::Refused(why) => write!(f, "{} refused: {}", why.endpoint(), why.text()),
            Self::Unavailable(cause) => write!(f, "could not obtain a token: {cause}"),
        }
    }
}

impl Error for TokenError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Malformed(_) | Self::Unusable(_) | Self::Refused(_) => None,
            Self::Unavailable(cause) => Some(&**cause),
        }
    }
}

impl From<Infallible> for TokenError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl TokenError {
    /// A source that failed with `error`.
    pub fn unavailable(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unavailable(Cause::new(error))
    }

    /// The same error with this advice, if it is a refusal without one.
    pub(crate) fn or_advice(self, advice: &'static str) -> Self {
        match self {
            Self::Refused(refusal) => Self::Refused(refusal.or_advice(advice)),
            Self::Malformed(_) | Self::Unusable(_) | Self::Unavailable(_) => self,
        }
    }

    /// The same error, for an answer that another attempt may change.
    pub(crate) fn passing(self) -> Self {
        match self {
            Self::Refused(refusal) => Self::unavailable(refusal),
            Self::Malformed(_) | Self::Unusable(_) | Self::Unavailable(_) => self,
        }
    }

    /// Whether a later attempt may succeed.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    /// The answer of the token or identity endpoint, if it caused the error.
    #[must_use]
    pub fn refusal(&self) -> Option<&TokenRefusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            Self::Unavailable(cause) => cause.downcast_ref(),
            Self::Malformed(_) | Self::Unusable(_) => None,
        }
    }

    /// What to do about the answer of the endpoint, if its code is known.
    #[must_use]
    pub fn advice(&self) -> Option<&'static str> {
        self.refusal()?.advice()
    }
}

/// The cached token of one tenant.
///
/// It decides when the token is used and when it is renewed. The adapter calls the token source, and locks the cache.
#[derive(Clone, Debug, Default)]
pub struct KeptToken(Option<AccessToken>);

impl KeptToken {
    /// The cached token, unless it is due for renewal or is the one that was refused.
    #[must_use]
    pub fn usable(&self, challenge: Option<&Challenge>, now: Timestamp) -> Option<AccessToken> {
        self.not_refused(challenge)
            .filter(|kept| !kept.is_due(now))
            .cloned()
    }

    /// Caches the token that the source returned. After a transient failure, the cached token stays in use while it is valid
    /// and was not refused.
    ///
    /// # Errors
    ///
    /// The error of the source, if there is no token to fall back on.
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
                .not_refused(challenge)
                .filter(|kept| kept.is_valid(now))
                .cloned()
                .ok_or(error),
            Err(error) => Err(error),
        }
    }

    fn not_refused(&self, challenge: Option<&Challenge>) -> Option<&AccessToken> {
        let is_refused = |kept| challenge.is_some_and(|it| it.refused().is_same_token(kept));
        self.0.as_ref().filter(|kept| !is_refused(kept))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn only_b64tokens_are_accepted() {
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
    fn renewal_is_due_before_the_expiry() {
        let hour = AccessToken::new("a").unwrap().with_life(at(0), at(3600));
        assert!(!hour.is_due(at(3299)) && hour.is_due(at(3300)));
        let minute = AccessToken::new("a").unwrap().with_life(at(0), at(60));
        assert!(!minute.is_due(at(29)) && minute.is_due(at(30)));
        assert!(!AccessToken::new("a").unwrap().is_due(Timestamp::MAX));
    }

    #[test]
    fn a_cached_token_survives_a_failing_source_but_not_a_refusal() {
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
    fn a_token_has_at_most_sixteen_kibibytes() {
        assert!(AccessToken::new(&"a".repeat(16_384)).is_ok());
        assert!(AccessToken::new(&"a".repeat(16_385)).is_err());
    }

    #[test]
    fn tokens_are_compared_by_their_text() {
        let token = AccessToken::new("canary-token").unwrap();
        assert_eq!(token.text(), Some("canary-token"));
        assert!(token.is_same_token(&token.clone().with_life(at(0), at(9))));
        assert!(!token.is_same_token(&AccessToken::new("another").unwrap()));
        assert!(format!("{token:?}").contains("AccessToken"));
        assert_eq!(Challenge::new(token, None).claims(), None);
    }

    #[test]
    fn a_refusal_is_reported_although_a_token_is_cached() {
        let token = AccessToken::new("a").unwrap().with_life(at(0), at(3600));
        let mut kept = KeptToken::default();
        assert!(kept.renewed(Ok(token), None, at(0)).is_ok());
        let refused = Err(TokenError::Refused("no".to_owned().into()));
        assert!(kept.renewed(refused, None, at(3500)).is_err());
    }

    #[test]
    fn a_challenge_has_the_claims() {
        let mut headers = http::HeaderMap::new();
        // {"a":1}
        let value = r#"Bearer error="insufficient_claims", claims="eyJhIjoxfQ""#;
        headers.insert(http::header::WWW_AUTHENTICATE, value.parse().unwrap());
        let refused = AccessToken::new("canary-a").unwrap();
        let challenge = Challenge::new(refused, ClaimsChallenge::from_headers(&headers));
        assert_eq!(challenge.claims(), Some(r#"{"a":1}"#));
    }
}
