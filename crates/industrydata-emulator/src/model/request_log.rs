//! The log of the requests that the service received.

use std::collections::BTreeMap;

use http::{Method, StatusCode};
use jiff::Timestamp;

use crate::model::bounded::push_bounded;

/// How many requests are kept at least.
const KEPT: usize = 1024;

/// One request as the service received it. The log holds no tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// When it arrived.
    pub at: Timestamp,
    /// Its method.
    pub method: Method,
    /// Its path and query.
    pub path: String,
    /// Whether it had an `Authorization` header, valid or not.
    pub authorization: bool,
    /// Its `client-request-id`.
    pub client_request_id: Option<String>,
    /// The `request-id` that the service assigned.
    pub request_id: String,
    /// Whether the service acted on it. It does not if a fault replaces the response or loses the request.
    pub acted: bool,
    /// The status of the response; `None` if a fault withheld the response.
    pub status: Option<StatusCode>,
}

/// The most recent requests, and the number of requests for each endpoint.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestLog {
    recent: Vec<Logged>,
    counts: BTreeMap<&'static str, u64>,
}

impl RequestLog {
    pub(crate) fn recent(&self) -> &[Logged] {
        &self.recent
    }

    pub(crate) fn counts(&self) -> &BTreeMap<&'static str, u64> {
        &self.counts
    }

    pub(crate) fn add(&mut self, template: &'static str, entry: Logged) {
        let count = self.counts.entry(template).or_default();
        *count = count.saturating_add(1);
        push_bounded(&mut self.recent, entry, KEPT);
    }
}
