//! What the service remembers of the requests it got.

use std::collections::BTreeMap;

use http::{Method, StatusCode};
use jiff::Timestamp;

/// How many requests are kept at least.
const KEPT: usize = 1024;

/// One request as the service saw it. Tokens are not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// When it came.
    pub at: Timestamp,
    /// Its method.
    pub method: Method,
    /// Its path and query.
    pub path: String,
    /// Whether it carried an `Authorization` field, good or not.
    pub authorization: bool,
    /// Its `client-request-id`.
    pub client_request_id: Option<String>,
    /// The `request-id` the service gave it.
    pub request_id: String,
    /// Whether the service acted on it, that is: went past a fault that stands in for it.
    pub acted: bool,
    /// The status of the answer; `None` if a fault kept the answer back.
    pub status: Option<StatusCode>,
}

/// The last requests, and how many there were of each kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    last: Vec<Logged>,
    counts: BTreeMap<&'static str, u64>,
}

impl Log {
    pub(crate) fn last(&self) -> &[Logged] {
        &self.last
    }

    pub(crate) fn counts(&self) -> &BTreeMap<&'static str, u64> {
        &self.counts
    }

    pub(crate) fn add(&mut self, kind: &'static str, entry: Logged) {
        let count = self.counts.entry(kind).or_default();
        *count = count.saturating_add(1);
        if self.last.len() >= 2 * KEPT {
            self.last.drain(..KEPT);
        }
        self.last.push(entry);
    }
}
