//! The first checks of an answer, common to all machines.

use std::sync::Arc;

use http::{
    HeaderValue, StatusCode,
    header::{CONTENT_ENCODING, CONTENT_TYPE},
    response::Parts,
};

use crate::lro::transient::TransientError;
use crate::policy::{MAX_SHOWN_CHARS, MIN_REDACTED_BYTES};
use crate::{
    auth::token::AccessToken,
    model::operation::Operation,
    wire::{
        location::{OperationUrl, error::LocationError},
        redact::Redaction,
        transport::IncompleteBody,
    },
};

/// Whether an answer is a whole success. A 206 is a part of an answer, and no request asks for a part.
pub(super) fn is_whole_success(status: StatusCode) -> bool {
    status.is_success() && status != StatusCode::PARTIAL_CONTENT
}

/// The body of an error answer; empty if it is encoded, which no request asks for.
pub(super) fn error_body<'b>(head: &Parts, body: &'b [u8]) -> &'b [u8] {
    if is_encoded(head) { &[] } else { body }
}

/// Reads the operation in a 2xx answer to a poll, or says why the poll failed for now.
pub(super) fn operation(
    head: &Parts,
    body: Result<Vec<u8>, IncompleteBody>,
    token: &AccessToken,
) -> Result<Arc<Operation>, TransientError> {
    if is_encoded(head) {
        return Err(TransientError::Encoded);
    }
    let body = body.map_err(TransientError::Body)?;
    let content_type = head.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    Operation::decode_redacted(content_type, &body, secret(token))
        .map(Arc::new)
        .map_err(TransientError::Unreadable)
}

/// Refuses a Location that repeats the token, because the Location is stored and shown.
pub(super) fn redacted(
    url: OperationUrl,
    token: &AccessToken,
) -> Result<OperationUrl, LocationError> {
    let redaction = Redaction::of(secret(token));
    if redaction.can_be_in(url.length()) && redaction.is_in(&url.text()) {
        return Err(LocationError::NotAnOperation);
    }
    Ok(url)
}

pub(super) fn without_token(text: &str, token: &AccessToken) -> String {
    Redaction::of(secret(token)).text(text)
}

/// A header value for messages: redacted, then cut. A cut within the token would leave its beginning.
pub(super) fn readable(value: &[u8], token: &AccessToken) -> String {
    let text = without_token(&String::from_utf8_lossy(value), token);
    text.chars().take(MAX_SHOWN_CHARS).collect()
}

pub(super) fn secret(token: &AccessToken) -> Option<&str> {
    token.text().filter(|text| text.len() >= MIN_REDACTED_BYTES)
}

pub(super) fn is_encoded(head: &Parts) -> bool {
    let is_identity = |value: &HeaderValue| {
        let value = value.as_bytes().trim_ascii();
        value.eq_ignore_ascii_case(b"identity")
    };
    // Looking for the field alone costs less.
    head.headers.contains_key(CONTENT_ENCODING)
        && !(head.headers.get_all(CONTENT_ENCODING).iter()).all(is_identity)
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::wire::base_url::BaseUrl;

    fn url(rest: &str) -> OperationUrl {
        let text =
            format!("https://graph.microsoft.com/beta/external/industryData/operations/{rest}");
        OperationUrl::parse(&BaseUrl::graph(), &text).unwrap()
    }

    #[test]
    fn a_location_that_repeats_the_token_is_not_kept() {
        let token = AccessToken::new("canary-token-of-twenty").unwrap();
        let kept = |rest: &str| redacted(url(rest), &token).is_ok();
        assert!(kept("op-1"));
        assert!(kept("op-1?sig=a%2fb"));
        assert!(!kept("canary-token-of-twenty"));
        assert!(!kept("op-1?sig=canary-token-of-twenty"));
        assert!(!kept("op-1?sig=%63anary%2Dtoken-of-twenty"));
        assert!(!kept("op-1?sig=%2563anary%252Dtoken-of-twenty"));
        assert!(!kept("op-1?sig=CANARY-TOKEN-OF-TWENTY"));
        assert!(!kept("op-1?sig=Y2FuYXJ5LXRva2VuLW9mLXR3ZW50eQ"));
        // A very short token occurs in other text by chance, so it is not redacted.
        let short = AccessToken::new("op").unwrap();
        assert!(redacted(url("op-1"), &short).is_ok());
        assert_eq!(without_token("op-1 op", &short), "op-1 op");
        assert_eq!(
            without_token("a canary-token-of-twenty b", &token),
            "a [redacted] b"
        );
    }
}
