//! Error answers of the service, of gateways before it and of token endpoints.
//!
//! Source: [Graph's error body](https://learn.microsoft.com/graph/errors), and RFC 6749 section 5.2 for token endpoints.

pub(crate) mod detail;
pub(crate) mod reading;

use std::{fmt, sync::Arc};

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use jiff::Timestamp;

pub use self::detail::ErrorDetail;
use crate::policy::{MAX_ERROR_BODY_DEPTH, MAX_INNER_ERRORS};
use crate::wire::challenge::ClaimsChallenge;
use crate::wire::service_error::reading::{
    INNER, INNER_LOWER, codes, details, inner_errors, summary,
};
use crate::wire::{
    brief::cut,
    http_date::{date_line, http_date},
    json::{Node, without_bom},
    redact::Redaction,
    text::{escape_controls, trim_ows},
};

/// The members that are read; all others are skipped.
const NAMES: &[&str] = &[
    "error",
    "error_description",
    "code",
    "message",
    "Message",
    "value",
    "target",
    "details",
    INNER,
    INNER_LOWER,
    REQUEST_ID,
    CLIENT_REQUEST_ID,
    "date",
];
const REQUEST_ID: &str = "request-id";
const CLIENT_REQUEST_ID: &str = "client-request-id";
/// The header fields that may hold an id: Graph's own, then those of gateways before it.
const REQUEST_IDS: [HeaderName; 2] = [
    HeaderName::from_static(REQUEST_ID),
    HeaderName::from_static("x-ms-request-id"),
];
const CLIENT_REQUEST_IDS: [HeaderName; 2] = [
    HeaderName::from_static(CLIENT_REQUEST_ID),
    HeaderName::from_static("x-ms-client-request-id"),
];

/// What the service said in an error answer.
///
/// Reading never fails: what an answer lacks is absent. Text is kept as received, except that the token of the request is
/// redacted. `Display` and `Debug` escape control characters. To show a single field, use [`escape_controls`]. Cheap to
/// clone.
///
/// ```
/// use http::{HeaderMap, HeaderName, StatusCode};
/// use industrydata_core::wire::ServiceError;
///
/// let body = br#"{"error":{"code":"TooManyRequests","message":"Slow\ndown",
///     "innerError":{"code":"throttledRequest","request-id":"r-1"}}}"#;
/// let error = ServiceError::decode(StatusCode::TOO_MANY_REQUESTS, &HeaderMap::new(), body, None);
/// assert_eq!(error.code(), Some("TooManyRequests"));
/// assert_eq!(error.inner_codes(), ["throttledRequest"]);
/// assert_eq!(
///     error.to_string(),
///     r"429 Too Many Requests: TooManyRequests: Slow\ndown (request-id r-1)",
/// );
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ServiceError(Arc<Inner>);

#[derive(PartialEq, Eq)]
struct Inner {
    status: StatusCode,
    summary: ErrorDetail,
    inner_codes: Vec<String>,
    request_id: Option<String>,
    client_request_id: Option<String>,
    inner_date: Option<String>,
    /// The line of the `Date` field as received. It is never shown.
    date: Option<HeaderValue>,
    details: Vec<ErrorDetail>,
    claims: Option<ClaimsChallenge>,
}

impl ServiceError {
    /// Reads an answer, whatever its `Content-Type` and body.
    ///
    /// `token` is the bearer token or another secret of the request. Wherever the answer repeats it, in any usual encoding,
    /// it is redacted.
    #[must_use]
    pub fn decode(
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        token: Option<&str>,
    ) -> Self {
        let redaction = Redaction::of(token);
        let body = str::from_utf8(body).map(without_bom).unwrap_or_default();
        let body = Node::read(body, NAMES, MAX_ERROR_BODY_DEPTH).unwrap_or(Node::Null);
        let error = body.get("error");
        let inner = inner_errors(error, MAX_INNER_ERRORS);
        let first = |name| {
            let mut texts = inner.clone().filter_map(|node| node.get(name)?.text());
            texts
                .find(|text| !text.is_empty())
                .map(|text| redaction.text(text))
        };
        Self(Arc::new(Inner {
            status,
            summary: summary(&body, error, redaction),
            inner_codes: codes(inner.clone(), redaction),
            request_id: first(REQUEST_ID).or_else(|| id(headers, REQUEST_IDS, redaction)),
            client_request_id: first(CLIENT_REQUEST_ID)
                .or_else(|| id(headers, CLIENT_REQUEST_IDS, redaction)),
            inner_date: first("date"),
            date: date_line(headers).cloned(),
            details: details(error, redaction),
            claims: (status == StatusCode::UNAUTHORIZED)
                .then(|| ClaimsChallenge::from_headers(headers))
                .flatten()
                .map(|challenge| challenge.decoded(|text| redaction.text(text))),
        }))
    }

    /// The service's id of a request, from the header fields alone. `token` is redacted as in [`decode`](Self::decode).
    pub(crate) fn request_id_of(headers: &HeaderMap, token: Option<&str>) -> Option<String> {
        id(headers, REQUEST_IDS, Redaction::of(token))
    }

    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The service's code. Compare it ASCII case-insensitively.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.0.summary.code()
    }

    /// The service's message, for people. Its text may change.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.0.summary.message()
    }

    /// What the error is about.
    #[must_use]
    pub fn target(&self) -> Option<&str> {
        self.0.summary.target()
    }

    /// The codes of the inner errors, the outermost first. The last one that you know says most.
    #[must_use]
    pub fn inner_codes(&self) -> &[String] {
        &self.0.inner_codes
    }

    /// The service's id of the request. Microsoft's support asks for it.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// The client's id of the request, as the service received it.
    #[must_use]
    pub fn client_request_id(&self) -> Option<&str> {
        self.0.client_request_id.as_deref()
    }

    /// The time of the error, as received: Graph writes it without an offset.
    #[must_use]
    pub fn inner_date(&self) -> Option<&str> {
        self.0.inner_date.as_deref()
    }

    /// The `Date` of the answer: its time by the server's clock. `now` completes a year of two digits
    /// ([`http_date`](crate::wire::http_date)).
    #[must_use]
    pub fn date(&self, now: Timestamp) -> Option<Timestamp> {
        http_date(trim_ows(self.0.date.as_ref()?.as_bytes()), now)
    }

    /// The errors in the member `details`.
    #[must_use]
    pub fn details(&self) -> &[ErrorDetail] {
        &self.0.details
    }

    /// The claims that a new token must have, decoded. Only a 401 has any.
    #[must_use]
    pub fn claims(&self) -> Option<&ClaimsChallenge> {
        self.0.claims.as_ref()
    }
}

/// The first of these fields that has a value (E5).
fn id(headers: &HeaderMap, names: [HeaderName; 2], redaction: Redaction<'_>) -> Option<String> {
    let value = names.iter().find_map(|name| {
        headers.get(name)?;
        headers
            .get_all(name)
            .iter()
            .map(|value| trim_ows(value.as_bytes()))
            .find(|v| !v.is_empty())
    })?;
    Some(redaction.text(&String::from_utf8_lossy(value)))
}

impl std::error::Error for ServiceError {}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status().as_u16())?;
        if let Some(reason) = self.status().canonical_reason() {
            write!(f, " {reason}")?;
        }
        let parts = [self.code(), self.message()];
        for part in parts.into_iter().flatten().filter(|part| !part.is_empty()) {
            write!(f, ": {}", escape_controls(part))?;
        }
        if let Some(id) = self.request_id() {
            write!(f, " (request-id {})", escape_controls(id))?;
        }
        Ok(())
    }
}

// The `Debug` of a string escapes control characters.
impl fmt::Debug for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceError")
            .field("status", &self.status())
            .field("code", &self.code().map(cut))
            .field("message", &self.message().map(cut))
            .field("request_id", &self.request_id())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
