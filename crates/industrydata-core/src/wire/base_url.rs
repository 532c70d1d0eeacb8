//! The base URL of the service.

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
use crate::policy::MAX_BASE_URL_BYTES;
use crate::wire::base_url::parts::{
    GRAPH_HOST, GRAPH_PATH, Inner, Text, base_path, is_loopback_host,
};
use crate::wire::resource_path::OPERATIONS_PATH;
use crate::wire::uri::{Reference, effective_port};

const GRAPH_START: &str = "https://graph.microsoft.com/beta/external/industryData/runs/start";

/// The base URL of all requests, such as `https://graph.microsoft.com/beta`.
///
/// The token is sent only to the origin of this URL. The scheme is `https`, or `http` to this machine, so that the token
/// crosses no network in clear text (RFC 6750 section 5.3). The text is normalised: scheme and host in lower case, without
/// a default port, dot segments or a trailing slash. Two base URLs are equal if their normalised texts are. Cheap to clone.
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
/// # Ok::<(), industrydata_core::wire::BaseUrlError>(())
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
    /// [`BaseUrlError`], whose message says what to write instead. The text is never corrected.
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
        // HTTP clients differ over encoded names and zone identifiers.
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

    /// The text in lower case, without needless percent-encoding: spellings that the service treats as the same base URL have
    /// the same.
    pub(crate) fn folded(&self) -> &Arc<str> {
        &self.0.folded
    }

    /// Whether no segment of the path is `beta`, the only version that has the API. A gateway may map it
    /// to another path.
    pub(crate) fn lacks_beta(&self) -> bool {
        // After the scheme and the host.
        let mut segments = self.as_str().split('/').skip(3);
        !segments.any(|segment| segment.eq_ignore_ascii_case("beta"))
    }

    /// The host in lower case. An IPv6 address is in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        self.0
            .start_url
            .get(self.0.host.clone())
            .unwrap_or_default()
    }

    /// The port, or the scheme's default.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.0.port
    }

    /// Whether requests go over TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.is_https
    }

    /// Whether the host is `localhost`, an address in `127.0.0.0/8` written as four numbers, or `[::1]`.
    ///
    /// Only the text is compared. An adapter must check that `localhost` resolves to a loopback address.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback_host(self.host())
    }

    /// The URL that starts a run: `{base}/external/industryData/runs/start`.
    #[must_use]
    pub fn start_url(&self) -> &str {
        &self.0.start_url
    }

    /// [`start_url`](Self::start_url), parsed.
    #[must_use]
    pub fn start_uri(&self) -> &Uri {
        &self.0.start_uri
    }

    /// The URL of the operations: `{base}/external/industryData/operations`.
    #[must_use]
    pub fn operations_url(&self) -> String {
        format!("{self}{OPERATIONS_PATH}")
    }

    /// Scheme, host and port: the beginning of [`as_str`](Self::as_str).
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

#[cfg(feature = "serde")]
crate::serial::as_text!(BaseUrl);
impl TryFrom<&str> for BaseUrl {
    type Error = BaseUrlError;

    fn try_from(text: &str) -> Result<Self, BaseUrlError> {
        Self::parse(text)
    }
}

impl TryFrom<&String> for BaseUrl {
    type Error = BaseUrlError;

    fn try_from(text: &String) -> Result<Self, BaseUrlError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for BaseUrl {
    type Error = BaseUrlError;

    fn try_from(text: String) -> Result<Self, BaseUrlError> {
        Self::parse(&text)
    }
}

impl From<&Self> for BaseUrl {
    fn from(base: &Self) -> Self {
        base.clone()
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BaseUrl").field(&self.as_str()).finish()
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
