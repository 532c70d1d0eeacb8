//! A server that repeats a secret, in one of several spellings.

use base64::{Engine, engine::general_purpose::STANDARD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// Replaces the bytes 1 to 6 by a spelling of the secret each.
pub(crate) fn echoed(bytes: &[u8], secret: &str) -> Vec<u8> {
    let spellings = spellings(secret);
    let mut echoed = Vec::with_capacity(bytes.len());
    for byte in bytes {
        match usize::from(*byte)
            .checked_sub(1)
            .map(|at| spellings.get(at))
        {
            Some(Some(spelling)) => echoed.extend_from_slice(spelling.as_bytes()),
            Some(None) | None => echoed.push(*byte),
        }
    }
    echoed
}

/// Checks that no spelling of the secret is shown.
#[track_caller]
pub(crate) fn assert_hidden(shown: &str, secret: &str) {
    // `Debug` doubles a backslash.
    let shown = shown.replace(r"\\", r"\").to_lowercase();
    for spelling in spellings(secret) {
        let spelling = spelling.to_lowercase();
        assert!(!shown.contains(&spelling), "the secret is shown: {shown}");
    }
}

/// As it is, percent-encoded once and twice, in upper case, in base64 and with JSON's escapes.
fn spellings(secret: &str) -> [String; 6] {
    let percent = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
    let escaped = secret.replace('/', r"\/").replace('c', r"\u0063");
    [
        secret.to_owned(),
        percent.clone(),
        percent.replace('%', "%25"),
        secret.to_uppercase(),
        STANDARD.encode(secret),
        escaped,
    ]
}
