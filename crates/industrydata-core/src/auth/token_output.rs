//! Tokens in the output of a command or in a file.

use std::{borrow::Cow, time::Duration};

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::{
    auth::token::{AccessToken, TokenError},
    wire::json::without_bom,
};

/// The members that hold a token: az, a managed identity or token endpoint, azd, and Azure PowerShell.
const TOKEN_MEMBERS: [&str; 4] = ["accessToken", "access_token", "token", "Token"];
/// The members that hold an expiry as text. In most releases az prints a local time without an offset, which is ignored.
const EXPIRY_MEMBERS: [&str; 2] = ["expiresOn", "ExpiresOn"];

/// Environment variables of this process that hold secrets or may do so. A token command does not inherit them: it starts
/// programs that need none of these, and a command that wants one can read it from its source.
pub const SECRET_VARIABLES: [&str; 4] = [
    "AZURE_CLIENT_SECRET",
    "INDUSTRYDATA_TOKEN",
    // The URL of a PostgreSQL ledger may hold a password.
    "INDUSTRYDATA_LEDGER",
    "PGPASSWORD",
];

/// The shell that runs a token command, and the arguments before the line: `sh -c`, or `cmd /D /S /C` on Windows. With these,
/// cmd runs no commands of the registry first, and takes the line as it is between the outer quotes.
pub const SHELL: (&str, &[&str]) = if cfg!(windows) {
    ("cmd", &["/D", "/S", "/C"])
} else {
    ("sh", &["-c"])
};

impl AccessToken {
    /// Reads the output of a command or the content of a file: a bare token, a JSON string, or the JSON object that
    /// [`az account get-access-token`](https://learn.microsoft.com/cli/azure/account#az-account-get-access-token) or a
    /// [managed identity](https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token)
    /// prints. The text is UTF-8, or UTF-16 with a byte order mark. White space at both ends and terminal escapes are
    /// ignored. Without an expiry, the token is used until the service refuses it.
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
    /// [`TokenError::Unusable`] for bytes that are not text, for JSON without a token and for a table, and
    /// [`TokenError::Malformed`] for any other text that is not a bearer token. Neither contains the text.
    pub fn from_output(output: impl AsRef<[u8]>, now: Timestamp) -> Result<Self, TokenError> {
        let text = without_escapes(&decoded(output.as_ref())?);
        let text = text.trim();
        if text.starts_with('"') {
            let token: String = serde_json::from_str(text)
                .map_err(|_| TokenError::Malformed("it has a quote and is not a JSON string"))?;
            return Self::new(token.trim());
        }
        if !text.starts_with('{') {
            if is_table(text) {
                return Err(TokenError::Unusable(
                    "the token source returned a table: add `--output json` to its command"
                        .to_owned(),
                ));
            }
            return Self::new(text);
        }
        let members: Map<String, Value> = serde_json::from_str(text).map_err(|_| {
            TokenError::Unusable("the token source returned JSON that is cut or invalid".to_owned())
        })?;
        let token = TOKEN_MEMBERS
            .iter()
            .find_map(|name| members.get(*name)?.as_str())
            .ok_or_else(|| {
                TokenError::Unusable(
                    "the token source returned JSON without an accessToken".to_owned(),
                )
            })?;
        let token = Self::new(token.trim())?;
        let expires = members.get("expires_on").and_then(seconds);
        let expires = expires.and_then(|since| Timestamp::UNIX_EPOCH.checked_add(since).ok());
        let expires = expires.or_else(|| {
            let find = |name: &&str| members.get(*name)?.as_str()?.trim().parse().ok();
            EXPIRY_MEMBERS.iter().find_map(find)
        });
        Ok(match expires {
            Some(expires) => token.with_life(now, expires),
            None => token,
        })
    }
}

/// A positive number of seconds, as a number or as text.
pub(super) fn seconds(value: &Value) -> Option<Duration> {
    let seconds: f64 = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    let positive = Some(seconds).filter(|seconds| *seconds > 0.0);
    Duration::try_from_secs_f64(positive?).ok()
}

fn decoded(bytes: &[u8]) -> Result<Cow<'_, str>, TokenError> {
    text_of(bytes).ok_or_else(|| {
        TokenError::Unusable("the token source returned something that is not text".to_owned())
    })
}

/// The text of the bytes, without a byte order mark. PowerShell's `>` writes UTF-16.
pub(crate) fn text_of(bytes: &[u8]) -> Option<Cow<'_, str>> {
    match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        _ => str::from_utf8(bytes)
            .ok()
            .map(|text| Cow::Borrowed(without_bom(text))),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<Cow<'static, str>> {
    let (units, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let units = units.iter().map(|pair| unit(*pair));
    let text: Result<String, _> = char::decode_utf16(units).collect();
    text.ok().map(Cow::Owned)
}

/// The text without the escape sequences of a terminal (ECMA-48): colours, cursor moves and titles.
fn without_escapes(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\u{1b}' {
            plain.push(c);
            continue;
        }
        match chars.next() {
            // Parameters, then one final character.
            Some('[') => _ = chars.find(|c| ('\u{40}'..='\u{7e}').contains(c)),
            // A string, ended by BEL or by the escape of a backslash.
            Some(']') => {
                if chars.find(|c| ['\u{7}', '\u{1b}'].contains(c)) == Some('\u{1b}') {
                    chars.next();
                }
            }
            Some(_) | None => {}
        }
    }
    plain
}

/// Whether this is az's answer in another format than JSON: columns with tabs, or a heading with the name of the member.
fn is_table(text: &str) -> bool {
    text.contains('\t') || text.to_ascii_lowercase().contains("accesstoken")
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

    fn is_read(output: impl AsRef<[u8]>) -> bool {
        let token = AccessToken::from_output(output, Timestamp::UNIX_EPOCH).unwrap();
        token.is_same_token(&AccessToken::new("eyJ0.eyJh.c2ln-_").unwrap())
    }

    fn refusal(output: impl AsRef<[u8]>) -> String {
        let error = AccessToken::from_output(output, Timestamp::UNIX_EPOCH).unwrap_err();
        let error = error.to_string();
        assert!(!error.contains("eyJ0"), "{error}");
        error
    }

    #[test]
    fn terminal_escapes_are_ignored() {
        for text in [
            "{\"accessToken\": \"eyJ0.eyJh.c2ln-_\"}\n\u{1b}[0m",
            "{\u{1b}[34;1m\"accessToken\"\u{1b}[39;49;00m:\u{1b}[33m\"eyJ0.eyJh.c2ln-_\"\u{1b}[m}\r\n",
            "eyJ0.eyJh.c2ln-_\u{1b}[K\u{1b}[0m\n",
            "\u{1b}]0;az\u{7}eyJ0.eyJh.c2ln-_\n",
            "\u{1b}]0;az\u{1b}\\eyJ0.eyJh.c2ln-_\u{1b}",
            "\u{1b}[?25l\u{1b}7eyJ0.eyJh.c2ln-_\u{1b}8\u{1b}[?25h",
        ] {
            assert!(is_read(text), "{text:?}");
        }
        refusal("\u{1b}[0m");
        refusal("\u{1b}]0;eyJ0.eyJh.c2ln-_");
    }

    #[test]
    fn every_usual_shape_is_read() {
        for text in [
            "\"eyJ0.eyJh.c2ln-_\"\r\n",
            "\"eyJ0.eyJh.c2ln\\u002d_ \"",
            "{\"access_token\":\"eyJ0.eyJh.c2ln-_\",\"token_type\":\"Bearer\"}",
            "{\"token\":\"eyJ0.eyJh.c2ln-_\"}",
            "{\"Token\":\"eyJ0.eyJh.c2ln-_\",\"Type\":\"Bearer\"}",
            "{\"accessToken\":null,\"access_token\":\"eyJ0.eyJh.c2ln-_\"}",
            "\u{feff}eyJ0.eyJh.c2ln-_\n",
        ] {
            assert!(is_read(text), "{text:?}");
        }
        for on in ["\"3600\"", "3600", "\" 3600 \"", "3600.0", "36e2"] {
            let imds = format!(r#"{{"access_token":"a","expires_in":"9","expires_on":{on}}}"#);
            assert_eq!(expires(&imds), Some(3600), "{on}");
        }
        let powershell = r#"{"Token":"a","ExpiresOn":"1970-01-01T00:00:09+00:00"}"#;
        assert_eq!(expires(powershell), Some(9));
    }

    #[test]
    fn utf_16_with_a_byte_order_mark_is_read() {
        for text in [
            "\u{feff}eyJ0.eyJh.c2ln-_\r\n",
            "\u{feff}{\"accessToken\": \"eyJ0.eyJh.c2ln-_\"}\r\n",
        ] {
            let units = || text.encode_utf16();
            assert!(is_read(
                units().flat_map(u16::to_le_bytes).collect::<Vec<_>>()
            ));
            assert!(is_read(
                units().flat_map(u16::to_be_bytes).collect::<Vec<_>>()
            ));
        }
        for bad in [
            &[0xff, 0xfe, b'a'][..],
            &[0xff, 0xfe, 0x00, 0xd8],
            &[0xfe, 0xff, 0xd8, 0x00],
            &[0xff, 0xff],
        ] {
            assert!(refusal(bad).contains("not text"), "{bad:?}");
        }
        assert!(refusal([0xff, 0xfe]).contains("empty"));
    }

    #[test]
    fn another_output_format_of_az_is_named() {
        for text in [
            "AccessToken       ExpiresOn\n----------------  ----------\neyJ0.eyJh.c2ln-_  2026-03-10\n",
            "eyJ0.eyJh.c2ln-_\t2026-03-10 18:00:00\tBearer\n",
            "accessToken: eyJ0.eyJh.c2ln-_\nexpiresOn: 2026-03-10\n",
        ] {
            assert!(refusal(text).contains("--output json"), "{text:?}");
        }
        for text in [
            "Bearer eyJ0.eyJh.c2ln-_",
            "bearer  eyJ0.eyJh.c2ln-_",
            "\"Bearer eyJ0.eyJh.c2ln-_\"",
            "{\"accessToken\":\"Bearer eyJ0.eyJh.c2ln-_\"}",
        ] {
            assert!(refusal(text).contains("leave out `Bearer `"), "{text:?}");
        }
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
            "\"canary",
            "\"canary\" canary",
            "{\"accessToken\":\"canary",
        ] {
            let error = AccessToken::from_output(bad, Timestamp::UNIX_EPOCH).unwrap_err();
            assert!(!error.to_string().contains("canary"), "{error}");
        }
    }

    #[test]
    fn an_expiry_of_another_type_is_ignored() {
        for other in [
            "[1]",
            "null",
            "\"11/05/2026 12:00:00 AM +00:00\"",
            "-1",
            "\"inf\"",
            "1e30",
        ] {
            let text = format!(r#"{{"accessToken":"a","expires_on":{other}}}"#);
            assert_eq!(expires(&text), None, "{other}");
        }
    }
}
