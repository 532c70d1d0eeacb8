//! The allowed differences between the core and the independent crate, each with its rule.

use iri_string::types::{UriReferenceStr, UriStr};

/// Why the core refuses what RFC 3986 allows.
#[derive(Debug)]
pub(super) enum Stricter {
    /// L5: a port above 65535.
    Port,
    /// L6: http or https without a host (RFC 9110 sections 4.2.1 and 4.2.2).
    NoHost,
    /// The request URL is not absolute.
    NoRequest,
}

/// Why the core parses what RFC 3986 refuses. Such a URL is never accepted as an operation.
#[derive(Debug)]
pub(super) enum Looser {
    /// A zone identifier (RFC 6874).
    Zone,
}

pub(super) fn stricter(request: &str, reference: &str, target: &UriStr) -> Option<Stricter> {
    let is_high = |text: &str| {
        let port = UriReferenceStr::new(text)
            .ok()
            .and_then(|it| it.authority_components()?.port());
        port.is_some_and(|port| {
            !port.is_empty() && port.parse::<u128>().map_or(true, |port| port > 65535)
        })
    };
    if UriStr::new(request).is_err() {
        return Some(Stricter::NoRequest);
    }
    if is_high(request) || is_high(reference) {
        return Some(Stricter::Port);
    }
    let is_http = ["http", "https"]
        .iter()
        .any(|it| target.scheme_str().eq_ignore_ascii_case(it));
    let has_host = target
        .authority_components()
        .is_some_and(|it| !it.host().is_empty());
    (is_http && !has_host).then_some(Stricter::NoHost)
}

pub(super) fn looser(request: &str, reference: &str) -> Option<Looser> {
    [request, reference]
        .iter()
        .any(|it| it.contains('[') && it.contains("%25"))
        .then_some(Looser::Zone)
}
