//! The base URL of the service: checked once, then kept with what is made from it.

use std::{
    fmt,
    hash::{Hash, Hasher},
    net::Ipv4Addr,
    ops::Range,
    str::FromStr,
    sync::Arc,
};

use http::Uri;

use crate::uri::{Authority, Reference, Target, decode_unreserved, effective_port};

const GRAPH_HOST: &str = "graph.microsoft.com";
const GRAPH_PATH: &str = "/beta";
const GRAPH_START: &str = "https://graph.microsoft.com/beta/external/industryData/runs/start";
const START_PATH: &str = "/external/industryData/runs/start";
const OPERATIONS_PATH: &str = "/external/industryData/operations";
/// Deployments of Graph for one country, which do not have the industryData API.
const NATIONAL_CLOUDS: [&str; 4] = [
    "graph.microsoft.us",
    "dod-graph.microsoft.us",
    "microsoftgraph.chinacloudapi.cn",
    "graph.microsoft.de",
];
/// The longest base taken, in bytes.
const MAX_BYTES: usize = 2000;

/// The base URL all requests stand under, such as `https://graph.microsoft.com/beta`.
///
/// The bearer token goes to this origin and to no other. A base is `https`, or `http` on this
/// machine (rule L0). It is kept normalised: scheme and host in lower case, no default port, no
/// dot segments, no trailing slash; two bases are equal if their normalised texts are. Cheap to
/// clone.
///
/// ```
/// use industrydata_core::Base;
///
/// let base: Base = "HTTPS://Gateway.Example:443/graph/./beta/".parse()?;
/// assert_eq!(base.as_str(), "https://gateway.example/graph/beta");
/// assert_eq!(
///     base.start_url(),
///     "https://gateway.example/graph/beta/external/industryData/runs/start",
/// );
/// assert!("http://gateway.example/beta".parse::<Base>().is_err());
/// assert_eq!(Base::graph().as_str(), "https://graph.microsoft.com/beta");
/// # Ok::<(), industrydata_core::BaseError>(())
/// ```
#[derive(Clone)]
pub struct Base(Arc<Inner>);

struct Inner {
    /// The start's URL; the base is its beginning.
    start_url: Box<str>,
    base_end: usize,
    path_start: usize,
    host: Range<usize>,
    port: u16,
    is_https: bool,
    start_uri: Uri,
}

impl Base {
    /// Microsoft Graph's global service, `https://graph.microsoft.com/beta`.
    #[must_use]
    pub fn graph() -> Self {
        let text = Text::new(true, GRAPH_HOST, 443, GRAPH_PATH);
        Self(Arc::new(text.with(Uri::from_static(GRAPH_START))))
    }

    /// Reads a base URL.
    ///
    /// # Errors
    ///
    /// [`BaseError`] says what to write instead. Nothing is stripped, repaired or guessed.
    pub fn parse(text: &str) -> Result<Self, BaseError> {
        if text.len() > MAX_BYTES {
            return Err(BaseError::TooLong);
        }
        let reference = Reference::parse(text).ok_or(BaseError::Unparsable)?;
        let is_https = match reference.scheme {
            Some(scheme) if scheme.eq_ignore_ascii_case("https") => true,
            Some(scheme) if scheme.eq_ignore_ascii_case("http") => false,
            Some(_) | None => return Err(BaseError::NotHttp),
        };
        let authority = reference
            .authority
            .filter(|authority| !authority.host.is_empty())
            .ok_or(BaseError::NoHost)?;
        if authority.has_userinfo {
            return Err(BaseError::HasCredentials);
        }
        if !is_https && !is_loopback_host(authority.host) {
            return Err(BaseError::Insecure);
        }
        if reference.query.is_some() {
            return Err(BaseError::HasQuery);
        }
        if reference.fragment.is_some() {
            return Err(BaseError::HasFragment);
        }
        let path = base_path(authority, &reference)?;
        let port = effective_port(is_https, authority.port);
        let text = Text::new(is_https, &authority.host.to_ascii_lowercase(), port, &path);
        let start_uri = Uri::try_from(text.start_url.as_str()).map_err(|_| BaseError::Unparsable)?;
        if start_uri.to_string() != text.start_url {
            return Err(BaseError::Unparsable);
        }
        Ok(Self(Arc::new(text.with(start_uri))))
    }

    /// The normalised text, without a trailing slash.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.start_url.get(..self.0.base_end).unwrap_or_default()
    }

    /// The host in lower case; an IPv6 address in its brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        self.0.start_url.get(self.0.host.clone()).unwrap_or_default()
    }

    /// The port in force, written or not.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.0.port
    }

    /// Whether requests go over TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.is_https
    }

    /// Whether the host names this machine (rule L0): `localhost`, a dotted quad in
    /// `127.0.0.0/8`, or `[::1]`, judged on the text as written. What `localhost` resolves to
    /// is for the one that connects to check.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback_host(self.host())
    }

    /// Where a run is started:
    /// `{base}/external/industryData/runs/start`
    /// ([industryDataRun: start](https://learn.microsoft.com/graph/api/industrydata-industrydatarun-start)).
    #[must_use]
    pub fn start_url(&self) -> &str {
        &self.0.start_url
    }

    /// [`start_url`](Self::start_url), parsed.
    #[must_use]
    pub fn start_uri(&self) -> &Uri {
        &self.0.start_uri
    }

    /// The collection the operations stand in: `{base}/external/industryData/operations`.
    #[must_use]
    pub fn operations_url(&self) -> String {
        format!("{self}{OPERATIONS_PATH}")
    }

    /// Scheme, host and port as text: what [`as_str`](Self::as_str) begins with.
    pub(crate) fn origin(&self) -> &str {
        self.0.start_url.get(..self.0.path_start).unwrap_or_default()
    }

    /// The path, empty or with a leading and no trailing slash.
    pub(crate) fn path(&self) -> &str {
        let path = self.0.path_start..self.0.base_end;
        self.0.start_url.get(path).unwrap_or_default()
    }
}

impl FromStr for Base {
    type Err = BaseError;

    fn from_str(text: &str) -> Result<Self, BaseError> {
        Self::parse(text)
    }
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Base").field(&self.as_str()).finish()
    }
}

impl PartialEq for Base {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Base {}

impl Hash for Base {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

/// A base URL that is not taken. Nothing was sent. A run may have started: no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BaseError {
    /// Longer than 2000 bytes.
    #[error("the base URL is longer than {MAX_BYTES} bytes: give its scheme, host and path only")]
    TooLong,
    /// Not in the grammar of RFC 3986.
    #[error(
        "the base URL is no URL by RFC 3986: write it in ASCII, percent-encoded, with no spaces or backslashes, \
         as in https://graph.microsoft.com/beta"
    )]
    Unparsable,
    /// Another scheme than `https` and `http`, or none.
    #[error("the base URL has no https scheme: write it out, as in https://graph.microsoft.com/beta")]
    NotHttp,
    /// No host.
    #[error("the base URL has no host: write it as in https://graph.microsoft.com/beta")]
    NoHost,
    /// A user name or an `@` before the host.
    #[error("the base URL has a user name or an @ before its host: take it out, tokens are given elsewhere")]
    HasCredentials,
    /// `http` to another machine (rule L0).
    #[error(
        "the base URL is plain http to another machine, where the token could be read: use https \
         (http is for localhost, 127.0.0.0/8 and [::1])"
    )]
    Insecure,
    /// A query.
    #[error("the base URL has a query: take out the ? and what follows")]
    HasQuery,
    /// A fragment.
    #[error("the base URL has a fragment: take out the # and what follows")]
    HasFragment,
    /// Two slashes in a row in the path.
    #[error("the base URL has an empty segment in its path: write single slashes")]
    EmptySegment,
    /// A national cloud.
    #[error(
        "{host} is a national cloud, and the industryData API exists in the global service only: \
         use https://graph.microsoft.com/beta"
    )]
    NationalCloud {
        /// The host.
        host: &'static str,
    },
    /// Version 1.0 of Graph.
    #[error("the industryData API is not part of v1.0: use the base URL that ends in /beta")]
    VersionOne,
    /// Graph itself, with another path than its beta's.
    #[error("the industryData API on graph.microsoft.com is under /beta only: use https://graph.microsoft.com/beta")]
    NotBeta,
}

/// Whether `host` names this machine, judged on its text (rule L0).
pub(crate) fn is_loopback_host(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host == "[::1]"
        || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

/// The normalised path, and the refusals that name the host or the path.
fn base_path(authority: Authority<'_>, reference: &Reference<'_>) -> Result<String, BaseError> {
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
        return Err(BaseError::EmptySegment);
    }
    // A final dot names the same host in the DNS.
    let host = authority.host.strip_suffix('.').unwrap_or(authority.host);
    let is_host = |name: &&str| host.eq_ignore_ascii_case(name);
    if let Some(host) = NATIONAL_CLOUDS.into_iter().find(is_host) {
        return Err(BaseError::NationalCloud { host });
    }
    let compared = decode_unreserved(&path);
    if compared.rsplit('/').next().is_some_and(|last| last.eq_ignore_ascii_case("v1.0")) {
        return Err(BaseError::VersionOne);
    }
    if host.eq_ignore_ascii_case(GRAPH_HOST) {
        // One spelling, since books are kept per base.
        return if compared.eq_ignore_ascii_case(GRAPH_PATH) {
            Ok(GRAPH_PATH.to_owned())
        } else {
            Err(BaseError::NotBeta)
        };
    }
    Ok(path)
}

/// The start's URL while it is put together.
struct Text {
    start_url: String,
    base_end: usize,
    path_start: usize,
    host: Range<usize>,
    port: u16,
    is_https: bool,
}

impl Text {
    fn new(is_https: bool, host: &str, port: u16, path: &str) -> Self {
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

    fn with(self, start_uri: Uri) -> Inner {
        Inner {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: Result<&str, BaseError>) {
        let base = Base::parse(text);
        assert_eq!(base.as_ref().map(Base::as_str).map_err(|e| *e), expected, "{text:?}");
    }

    #[test]
    fn normalises() {
        check("https://graph.microsoft.com/beta", Ok("https://graph.microsoft.com/beta"));
        check("HTTPS://GRAPH.microsoft.COM:443/Beta/", Ok("https://graph.microsoft.com/beta"));
        check("https://graph.microsoft.com/%62eta", Ok("https://graph.microsoft.com/beta"));
        check("https://gw.example", Ok("https://gw.example"));
        check("https://gw.example/", Ok("https://gw.example"));
        check("https://gw.example:/a/../b/%2e/c/", Ok("https://gw.example/b/c"));
        check("https://gw.example:08443/B", Ok("https://gw.example:8443/B"));
        check("http://localhost:80/beta", Ok("http://localhost/beta"));
        check("http://LOCALHOST:3000", Ok("http://localhost:3000"));
        check("http://127.9.9.9:1/x", Ok("http://127.9.9.9:1/x"));
        check("http://[::1]:18080/beta", Ok("http://[::1]:18080/beta"));
        check("https://gw.example/v1.0/graph", Ok("https://gw.example/v1.0/graph"));
    }

    #[test]
    fn refuses_by_name() {
        check("graph.microsoft.com/beta", Err(BaseError::NotHttp));
        check("ftp://graph.microsoft.com/beta", Err(BaseError::NotHttp));
        check("https:/beta", Err(BaseError::NoHost));
        check("https:///beta", Err(BaseError::NoHost));
        check("https://:443/beta", Err(BaseError::NoHost));
        check("https://u:p@gw.example/beta", Err(BaseError::HasCredentials));
        check("https://@gw.example/beta", Err(BaseError::HasCredentials));
        check("https://gw.example/beta?x", Err(BaseError::HasQuery));
        check("https://gw.example/beta?", Err(BaseError::HasQuery));
        check("https://gw.example/beta#", Err(BaseError::HasFragment));
        check("https://gw.example//beta", Err(BaseError::EmptySegment));
        check("https://gw.example/beta//", Err(BaseError::EmptySegment));
        check(" https://gw.example/beta", Err(BaseError::Unparsable));
        check("https:\\\\gw.example\\beta", Err(BaseError::Unparsable));
        check("https://gw.example:65536/beta", Err(BaseError::Unparsable));
        check("https://gw%2eexample/beta", Err(BaseError::Unparsable));
        check("https://[fe80::1%25eth0]/beta", Err(BaseError::Unparsable));
        check("", Err(BaseError::NotHttp));
        check("https://gw.example/v1.0", Err(BaseError::VersionOne));
        check("https://graph.microsoft.com/V1%2E0/", Err(BaseError::VersionOne));
        check("https://graph.microsoft.com", Err(BaseError::NotBeta));
        check("https://graph.microsoft.com./beta/x", Err(BaseError::NotBeta));
        for host in NATIONAL_CLOUDS {
            check(&format!("https://{}./beta", host.to_uppercase()), Err(BaseError::NationalCloud { host }));
        }
        check(&format!("https://gw.example/{}", "a".repeat(1981)), Ok(&format!("https://gw.example/{}", "a".repeat(1981))));
        check(&format!("https://gw.example/{}", "a".repeat(1982)), Err(BaseError::TooLong));
    }

    #[test]
    fn plain_http_is_for_this_machine() {
        for host in [
            "graph.microsoft.com", "0.0.0.0", "localhost.", "foo.localhost", "127.1", "2130706433", "0177.0.0.1",
            "127.000.0.1", "128.0.0.1", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "localhost.evil.example",
            "127.0.0.1.evil.example", "[::1%25lo]", "10.0.0.1", "127.0.0.256",
        ] {
            check(&format!("http://{host}:8080/beta"), Err(BaseError::Insecure));
        }
    }

    #[test]
    fn the_parts() {
        let base = Base::parse("http://[::1]:8080/a/b/").unwrap();
        assert_eq!((base.host(), base.port()), ("[::1]", 8080));
        assert_eq!((base.origin(), base.path()), ("http://[::1]:8080", "/a/b"));
        assert!(base.is_loopback() && !base.is_https());
        assert_eq!(base.operations_url(), "http://[::1]:8080/a/b/external/industryData/operations");
        assert_eq!(base.start_uri().to_string(), base.start_url());
        let graph = Base::graph();
        assert_eq!(graph, Base::parse("https://graph.microsoft.com/beta").unwrap());
        assert_eq!(graph.start_uri().to_string(), graph.start_url());
        assert_eq!((graph.host(), graph.port(), graph.path()), (GRAPH_HOST, 443, GRAPH_PATH));
        assert!(graph.is_https() && !graph.is_loopback());
        assert_eq!(format!("{graph:?} {graph}"), format!("Base({0:?}) {0}", graph.as_str()));
    }

    proptest! {
        #[test]
        fn never_panics_and_is_idempotent(text in "https?://[a-z0-9.:\\[\\]%@]{0,12}(/[a-zA-Z0-9.%]{0,4}){0,4}|\\PC{0,40}") {
            if let Ok(base) = Base::parse(&text) {
                prop_assert_eq!(Base::parse(base.as_str()), Ok(base));
            }
        }
    }
}
