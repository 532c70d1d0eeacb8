//! Tokens in the output of a command or in a file.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::auth::token::{AccessToken, TokenError};

#[derive(Deserialize)]
struct Az {
    #[serde(rename = "accessToken")]
    access_token: String,
    /// Unix seconds.
    expires_on: Option<Value>,
    /// In most releases a local time without an offset, which is ignored.
    #[serde(rename = "expiresOn")]
    expires_on_text: Option<Value>,
}

impl AccessToken {
    /// Reads the output of a command or the text of a file: a bare token, or the JSON that
    /// [`az account get-access-token`](https://learn.microsoft.com/cli/azure/account#az-account-get-access-token)
    /// prints. White space at both ends is ignored. Without an expiry, the token is used until the service refuses it.
    ///
    /// ```
    /// use industrydata_core::{auth::AccessToken, Timestamp};
    ///
    /// let now = Timestamp::UNIX_EPOCH;
    /// assert_eq!(AccessToken::from_output("abc\n", now)?.expires(), None);
    /// let az = r#"{"accessToken": "abc", "expires_on": 3600, "tokenType": "Bearer"}"#;
    /// assert_eq!(AccessToken::from_output(az, now)?.expires(), Some(Timestamp::from_second(3600)?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`TokenError::Unusable`] for JSON without an `accessToken`, and [`TokenError::Malformed`] for any other text that is
    /// not a bearer token. Neither contains the text.
    pub fn from_output(text: &str, now: Timestamp) -> Result<Self, TokenError> {
        let text = text.trim_start_matches('\u{feff}').trim();
        if !text.starts_with('{') {
            return Self::new(text);
        }
        let az: Az = serde_json::from_str(text).map_err(|_| {
            TokenError::Unusable("the token source returned JSON without an accessToken".to_owned())
        })?;
        let token = Self::new(az.access_token.trim())?;
        let seconds = az.expires_on.and_then(|value| match value {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.trim().parse().ok(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        });
        let expires = seconds
            .and_then(|seconds| Timestamp::from_second(seconds).ok())
            .or_else(|| az.expires_on_text?.as_str()?.trim().parse().ok());
        Ok(match expires {
            Some(expires) => token.with_life(now, expires),
            None => token,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expires(text: &str) -> Option<i64> {
        AccessToken::from_output(text, Timestamp::UNIX_EPOCH)
            .unwrap()
            .expires()
            .map(Timestamp::as_second)
    }

    #[test]
    fn the_expiry_is_read_from_either_member() {
        assert_eq!(expires(" \r\nabc\n"), None);
        assert_eq!(
            expires(r#"{"accessToken":"a","expires_on":"99"}"#),
            Some(99)
        );
        assert_eq!(
            expires(r#"{"accessToken":"a","expiresOn":"1970-01-01T01:00:00+01:00"}"#),
            Some(0)
        );
        assert_eq!(
            expires(r#"{"accessToken":"a","expiresOn":"2026-11-23 18:00:00.000000"}"#),
            None
        );
        assert_eq!(
            expires(r#"{"accessToken":"a","expires_on":5,"expiresOn":"1970-01-01T01:00:00Z"}"#),
            Some(5)
        );
    }

    #[test]
    fn other_text_is_refused_and_not_shown() {
        for bad in [
            "",
            "  ",
            "{}",
            "{\"accessToken\":null}",
            "canary x",
            "{\"accessToken\":\"ca\\nnary\"}",
            "[1]",
        ] {
            let error = AccessToken::from_output(bad, Timestamp::UNIX_EPOCH).unwrap_err();
            assert!(!error.to_string().contains("canary"), "{error}");
        }
    }

    #[test]
    fn an_expiry_of_another_type_is_ignored() {
        assert_eq!(expires(r#"{"accessToken":"a","expires_on":[1]}"#), None);
    }
}
