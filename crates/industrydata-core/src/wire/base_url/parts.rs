//! The parts of a base URL: checks of host and path, and the normalised text.

use std::{net::Ipv4Addr, ops::Range, sync::Arc};

use http::Uri;

use crate::wire::base_url::error::BaseUrlError;
use crate::wire::resource_path::START_PATH;
use crate::wire::uri::{Authority, Reference, Target, decode_unreserved, effective_port};

pub(super) const GRAPH_HOST: &str = "graph.microsoft.com";
pub(super) const GRAPH_PATH: &str = "/beta";

/// Deployments of Graph for one country. They lack the industryData API.
pub(super) const NATIONAL_CLOUDS: [&str; 4] = [
    "graph.microsoft.us",
    "dod-graph.microsoft.us",
    "microsoftgraph.chinacloudapi.cn",
    "graph.microsoft.de",
];

/// A checked base URL.
pub(super) struct Inner {
    /// The URL that starts a run. The base URL is its beginning.
    pub(super) start_url: Box<str>,
    pub(super) base_end: usize,
    /// The base URL in the one form of all spellings that the service treats as the same.
    pub(super) folded: Arc<str>,
    pub(super) path_start: usize,
    pub(super) host: Range<usize>,
    pub(super) port: u16,
    pub(super) is_https: bool,
    pub(super) start_uri: Uri,
}

/// Whether the text of `host` names this machine (L0).
pub(crate) fn is_loopback_host(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host == "[::1]"
        || host
            .parse::<Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback())
}

/// The normalised path, unless the host or the path is refused.
pub(super) fn base_path(
    authority: Authority<'_>,
    reference: &Reference<'_>,
) -> Result<String, BaseUrlError> {
    let plain = Target {
        scheme: "https",
        authority: Some(authority),
        path: reference.path.to_owned(),
        query: None,
    };
    let mut path = plain.normalised_path();
    if path.ends_with('/') {
        path.pop();
    }
    let mut segments = path.split('/').skip(1);
    if segments.any(str::is_empty) {
        return Err(BaseUrlError::EmptySegment);
    }
    // A final dot names the same host in the DNS.
    let host = authority.host.strip_suffix('.').unwrap_or(authority.host);
    let is_host = |name: &&str| host.eq_ignore_ascii_case(name);
    if let Some(host) = NATIONAL_CLOUDS.into_iter().find(is_host) {
        return Err(BaseUrlError::NationalCloud { host });
    }
    if authority.host.ends_with('.') {
        return Err(BaseUrlError::FinalDot);
    }
    let compared = decode_unreserved(&path);
    if compared
        .rsplit('/')
        .next()
        .is_some_and(|last| last.eq_ignore_ascii_case("v1.0"))
    {
        return Err(BaseUrlError::VersionOne);
    }
    if host.eq_ignore_ascii_case(GRAPH_HOST) {
        // One spelling, because each base URL has its own ledger.
        return if compared.eq_ignore_ascii_case(GRAPH_PATH) {
            Ok(GRAPH_PATH.to_owned())
        } else {
            Err(BaseUrlError::NotBeta)
        };
    }
    Ok(path)
}

/// The normalised text, before it is parsed.
pub(super) struct Text {
    pub(super) start_url: String,
    base_end: usize,
    path_start: usize,
    host: Range<usize>,
    port: u16,
    is_https: bool,
}

impl Text {
    pub(super) fn new(is_https: bool, host: &str, port: u16, path: &str) -> Self {
        let scheme = if is_https { "https://" } else { "http://" };
        let mut text = format!("{scheme}{host}");
        let host = scheme.len()..text.len();
        if port != effective_port(is_https, None) {
            text.push_str(&format!(":{port}"));
        }
        let path_start = text.len();
        text.push_str(path);
        let base_end = text.len();
        text.push_str(START_PATH);
        Self {
            start_url: text,
            base_end,
            path_start,
            host,
            port,
            is_https,
        }
    }

    pub(super) fn with(self, start_uri: Uri) -> Inner {
        let base = self.start_url.get(..self.base_end).unwrap_or_default();
        Inner {
            folded: decode_unreserved(base).to_ascii_lowercase().into(),
            start_url: self.start_url.into_boxed_str(),
            base_end: self.base_end,
            path_start: self.path_start,
            host: self.host,
            port: self.port,
            is_https: self.is_https,
            start_uri,
        }
    }
}
