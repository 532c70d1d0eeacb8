//! The base URL of the service: checked once, then kept with what is made from it.

mod error;
pub(crate) mod parts;

use std::{
    fmt,
    hash::{Hash, Hasher},
    str::FromStr,
    sync::Arc,
};

use http::Uri;

pub use self::error::BaseUrlError;
pub(crate) use self::parts::is_loopback_host;
use crate::policy::MAX_BASE_URL_BYTES;
use crate::wire::base_url::parts::{GRAPH_HOST, GRAPH_PATH, Inner, Text, base_path};
use crate::wire::uri::{Reference, effective_port};

const GRAPH_START: &str = "https://graph.microsoft.com/beta/external/industryData/runs/start";
const OPERATIONS_PATH: &str = "/external/industryData/operations";

/// The base URL all requests stand under, such as `https://graph.microsoft.com/beta`.
///
/// The bearer token goes to this origin and to no other. A base is `https`, or `http` on this
/// machine (rule L0). It is kept normalised: scheme and host in lower case, no default port, no
/// dot segments, no trailing slash; two bases are equal if their normalised texts are. Cheap to
/// clone.
///
/// ```
/// use industrydata_core::wire::BaseUrl;
///
/// let base: BaseUrl = "HTTPS://Gateway.Example:443/graph/./beta/".parse()?;
/// assert_eq!(base.as_str(), "https://gateway.example/graph/beta");
/// assert_eq!(
///     base.start_url(),
///     "https://gateway.example/graph/beta/external/industryData/runs/start",
/// );
/// assert!("http://gateway.example/beta".parse::<BaseUrl>().is_err());
/// assert_eq!(BaseUrl::graph().as_str(), "https://graph.microsoft.com/beta");
/// # Ok::<(), industrydata_core::BaseUrlError>(())
/// ```
#[derive(Clone)]
pub struct BaseUrl(Arc<Inner>);

impl BaseUrl {
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
    /// [`BaseUrlError`] says what to write instead. Nothing is stripped, repaired or guessed.
    pub fn parse(text: &str) -> Result<Self, BaseUrlError> {
        if text.len() > MAX_BASE_URL_BYTES {
            return Err(BaseUrlError::TooLong);
        }
        let reference = Reference::parse(text).ok_or(BaseUrlError::Unparsable)?;
        let is_https = match reference.scheme {
            Some(scheme) if scheme.eq_ignore_ascii_case("https") => true,
            Some(scheme) if scheme.eq_ignore_ascii_case("http") => false,
            Some(_) | None => return Err(BaseUrlError::NotHttp),
        };
        let authority = reference
            .authority
            .filter(|authority| !authority.host.is_empty())
            .ok_or(BaseUrlError::NoHost)?;
        if authority.has_userinfo {
            return Err(BaseUrlError::HasCredentials);
        }
        // Encoded names and zone identifiers: HTTP clients differ over both.
        if authority.host.contains('%') {
            return Err(BaseUrlError::Unparsable);
        }
        if !is_https && !is_loopback_host(authority.host) {
            return Err(BaseUrlError::Insecure);
        }
        if reference.query.is_some() {
            return Err(BaseUrlError::HasQuery);
        }
        if reference.fragment.is_some() {
            return Err(BaseUrlError::HasFragment);
        }
        let path = base_path(authority, &reference)?;
        let port = effective_port(is_https, authority.port);
        let text = Text::new(is_https, &authority.host.to_ascii_lowercase(), port, &path);
        let start_uri =
            Uri::try_from(text.start_url.as_str()).map_err(|_| BaseUrlError::Unparsable)?;
        if start_uri.to_string() != text.start_url {
            return Err(BaseUrlError::Unparsable);
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
        self.0
            .start_url
            .get(self.0.host.clone())
            .unwrap_or_default()
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
        self.0
            .start_url
            .get(..self.0.path_start)
            .unwrap_or_default()
    }

    /// The path, empty or with a leading and no trailing slash.
    pub(crate) fn path(&self) -> &str {
        let path = self.0.path_start..self.0.base_end;
        self.0.start_url.get(path).unwrap_or_default()
    }
}

impl FromStr for BaseUrl {
    type Err = BaseUrlError;

    fn from_str(text: &str) -> Result<Self, BaseUrlError> {
        Self::parse(text)
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Base").field(&self.as_str()).finish()
    }
}

impl PartialEq for BaseUrl {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for BaseUrl {}

impl Hash for BaseUrl {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

#[cfg(test)]
mod tests;
