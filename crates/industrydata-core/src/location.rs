//! The `Location` of a 202: which operation it names, and whether the token may go there.
//!
//! `GET {base}/external/industryData/operations/{id}`
//! ([Get longRunningOperation](https://learn.microsoft.com/graph/api/longrunningoperation-get)).
//! An unusable Location never means "not started": a 202 is a confirmed start (rule S1).

use std::{
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

use http::{HeaderMap, Uri, header::LOCATION, uri::PathAndQuery};

use crate::{
    base::{Base, is_loopback_host},
    text::trim_ows,
    uri::{Reference, Target, decode_unreserved, effective_port},
};

const OPERATIONS_PATH: &str = "/external/industryData/operations";
/// RFC 9110 section 4.1 asks for support of at least this many octets.
const MAX_BYTES: usize = 8000;
const MAX_ID: usize = 128;

/// The URL of an operation under a [`Base`], checked so that the token may be sent to it.
///
/// What was checked is what is sent: [`uri`](Self::uri) is the same text as
/// [`as_str`](Self::as_str). `Display` and `Debug` leave the query out, which has no place in
/// logs. Cheap to clone.
///
/// ```
/// use industrydata_core::{Base, LocationError, OperationUrl};
///
/// let mut headers = http::HeaderMap::new();
/// headers.insert("location", "../operations('a-1')?$select=status#top".parse()?);
/// let url = OperationUrl::from_headers(&Base::graph(), &headers)?;
/// assert_eq!(url.operation_id(), "a-1");
/// assert_eq!(
///     url.as_str(),
///     "https://graph.microsoft.com/beta/external/industryData/operations('a-1')?$select=status",
/// );
///
/// headers.insert("location", "//evil.example/beta/external/industryData/operations/a-1".parse()?);
/// let refused = OperationUrl::from_headers(&Base::graph(), &headers);
/// assert_eq!(refused, Err(LocationError::CrossOrigin));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct OperationUrl(Arc<Inner>);

struct Inner {
    uri: Uri,
    /// The URL, and right behind it the operation's id: one allocation for both.
    text: Box<str>,
    url_end: usize,
}

impl OperationUrl {
    /// Reads the `Location` of the answer to a start (rule L).
    ///
    /// # Errors
    ///
    /// The first rule that fails. The run was started all the same.
    pub fn from_headers(base: &Base, headers: &HeaderMap) -> Result<Self, LocationError> {
        let values = headers.get_all(LOCATION).iter();
        Self::resolve(base, base.start_url(), values.map(|value| value.as_bytes()))
    }

    /// Reads raw `Location` field values in the answer to a request for `request_url` (rule L).
    ///
    /// # Errors
    ///
    /// The first rule that fails.
    pub fn resolve<'a>(
        base: &Base,
        request_url: &str,
        values: impl Iterator<Item = &'a [u8]>,
    ) -> Result<Self, LocationError> {
        let value = only_value(values)?;
        let value = str::from_utf8(value).map_err(|_| LocationError::NotUtf8)?;
        if value.len() > MAX_BYTES {
            return Err(LocationError::TooLong);
        }
        let request = Reference::parse(request_url).ok_or(LocationError::Unparsable)?;
        let reference = Reference::parse(value).ok_or(LocationError::Unparsable)?;
        let target = request.resolve(&reference).ok_or(LocationError::Unparsable)?;
        check_origin(base, &target)?;
        let path = target.normalised_path();
        let compared = decode_unreserved(&path);
        if let Some(id) = operation_id(&compared, base.path()) {
            return Self::build(base, "", &path, target.query, id);
        }
        if is_versionless(base, &reference, &path, &compared)
            && let Some(id) = operation_id(&compared, "")
        {
            return Self::build(base, base.path(), &path, target.query, id);
        }
        Err(LocationError::NotAnOperation)
    }

    /// Reads the URL of an operation that a person or a file gave: the same rules, as if it had
    /// been the one `Location`.
    ///
    /// # Errors
    ///
    /// The first rule that fails.
    pub fn parse(base: &Base, url: &str) -> Result<Self, LocationError> {
        Self::resolve(base, base.start_url(), std::iter::once(url.as_bytes()))
    }

    /// The URL of the operation `id`, in the form Graph's documentation shows.
    ///
    /// # Errors
    ///
    /// [`LocationError::NotAnOperation`] unless `id` is 1 to 128 characters of
    /// `[A-Za-z0-9._~-]` and neither `.` nor `..` (rule L11).
    pub fn from_id(base: &Base, id: &str) -> Result<Self, LocationError> {
        if !is_id(id) {
            return Err(LocationError::NotAnOperation);
        }
        let path = format!("{OPERATIONS_PATH}/{id}");
        Self::build(base, base.path(), &path, None, id)
    }

    /// The URL as it is sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.text.get(..self.0.url_end).unwrap_or_default()
    }

    /// The URL, parsed.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        &self.0.uri
    }

    /// The operation's id, percent-decoded.
    #[must_use]
    pub fn operation_id(&self) -> &str {
        self.0.text.get(self.0.url_end..).unwrap_or_default()
    }

    fn build(
        base: &Base,
        prefix: &str,
        path: &str,
        query: Option<&str>,
        id: &str,
    ) -> Result<Self, LocationError> {
        let (mark, query) = match query {
            Some(query) => ("?", query),
            None => ("", ""),
        };
        let mut text = [base.origin(), prefix, path, mark, query].concat();
        let uri = uri_of(base, &text)?;
        let url_end = text.len();
        text.push_str(id);
        Ok(Self(Arc::new(Inner {
            uri,
            text: text.into_boxed_str(),
            url_end,
        })))
    }
}

impl fmt::Display for OperationUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str().split('?').next().unwrap_or_default())
    }
}

impl fmt::Debug for OperationUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OperationUrl({self})")
    }
}

impl PartialEq for OperationUrl {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for OperationUrl {}

impl Hash for OperationUrl {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

/// Why a `Location` cannot be followed (rule L). A run may have started: yes, if this was the
/// `Location` of a 202.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum LocationError {
    /// Plain http to another machine (L0, L7).
    #[error("the location is plain http to another machine, where the token could be read")]
    Insecure,
    /// No `Location`, or only empty ones (L1).
    #[error("the answer has no location")]
    Missing,
    /// More than one `Location` field line (L2).
    #[error("the answer has more than one location")]
    Multiple,
    /// Not UTF-8 (L3).
    #[error("the location is not UTF-8")]
    NotUtf8,
    /// Longer than 8000 octets (L4b).
    #[error("the location is longer than {MAX_BYTES} octets")]
    TooLong,
    /// Not a URI reference by RFC 3986, or one without a host (L5, L6).
    #[error("the location is no URI reference by RFC 3986")]
    Unparsable,
    /// An `@` in the authority (L8).
    #[error("the location has a user name or an @ before its host")]
    HasCredentials,
    /// Another scheme, host or port than the base's (L9).
    #[error("the location is not on the base URL's scheme, host and port, so the token must not go there")]
    CrossOrigin,
    /// Not an operation under the base (L10, L11).
    #[error("the location is not an industryData operation under the base URL")]
    NotAnOperation,
}

impl LocationError {
    /// A short stable name, such as `cross_origin`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Insecure => "insecure",
            Self::Missing => "missing",
            Self::Multiple => "multiple",
            Self::NotUtf8 => "not_utf8",
            Self::TooLong => "too_long",
            Self::Unparsable => "unparsable",
            Self::HasCredentials => "has_credentials",
            Self::CrossOrigin => "cross_origin",
            Self::NotAnOperation => "not_an_operation",
        }
    }
}

/// The URI of an absolute URL the service names, such as an `@odata.nextLink`, if the token may
/// be sent to it: `https` (or `http` on this machine), no credentials, and the base's scheme,
/// host and port (rules L4b to L9). Dot segments and a fragment are taken out.
///
/// # Errors
///
/// The first rule that fails; [`LocationError::Unparsable`] for a relative reference.
pub fn same_origin(base: &Base, absolute_url: &str) -> Result<Uri, LocationError> {
    if absolute_url.len() > MAX_BYTES {
        return Err(LocationError::TooLong);
    }
    let reference = Reference::parse(absolute_url).ok_or(LocationError::Unparsable)?;
    let target = reference.resolve(&reference).ok_or(LocationError::Unparsable)?;
    check_origin(base, &target)?;
    let path = target.normalised_path();
    // An empty path is sent as "/" (RFC 9110 section 4.2.3).
    let path = if path.is_empty() { "/" } else { &path };
    let mut text = [base.origin(), path].concat();
    if let Some(query) = target.query {
        text.push('?');
        text.push_str(query);
    }
    uri_of(base, &text)
}

/// L1, L2 and L4a.
fn only_value<'a>(values: impl Iterator<Item = &'a [u8]>) -> Result<&'a [u8], LocationError> {
    let mut lines = 0_usize;
    let mut value: &[u8] = b"";
    for line in values.map(trim_ows) {
        lines = lines.saturating_add(1);
        if value.is_empty() {
            value = line;
        }
    }
    match lines {
        _ if value.is_empty() => Err(LocationError::Missing),
        1 => Ok(value),
        _ => Err(LocationError::Multiple),
    }
}

/// L6 to L9.
fn check_origin(base: &Base, target: &Target<'_>) -> Result<(), LocationError> {
    let is_https = target.scheme.eq_ignore_ascii_case("https");
    let is_http = target.scheme.eq_ignore_ascii_case("http");
    let authority = target.authority.filter(|authority| !authority.host.is_empty());
    if (is_https || is_http) && authority.is_none() {
        return Err(LocationError::Unparsable);
    }
    if is_http && !authority.is_some_and(|authority| is_loopback_host(authority.host)) {
        return Err(LocationError::Insecure);
    }
    if target.authority.is_some_and(|authority| authority.has_userinfo) {
        return Err(LocationError::HasCredentials);
    }
    let is_same = authority.is_some_and(|authority| {
        (is_https || is_http)
            && is_https == base.is_https()
            && authority.host.eq_ignore_ascii_case(base.host())
            && effective_port(is_https, authority.port) == base.port()
    });
    if is_same { Ok(()) } else { Err(LocationError::CrossOrigin) }
}

/// L10 and L11, on a path with its unreserved octets decoded and its dot segments removed: the
/// id, if this is an operation under `base_path`.
fn operation_id<'p>(compared: &'p str, base_path: &str) -> Option<&'p str> {
    let rest = strip_prefix(compared, &decode_unreserved(base_path))?;
    let rest = strip_prefix(rest, OPERATIONS_PATH)?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let id = match rest.strip_prefix('/') {
        Some(id) => id,
        None => rest.strip_prefix("('")?.strip_suffix("')")?,
    };
    is_id(id).then_some(id)
}

/// Whether `reference` is a path from the root that leaves out the base's own path.
///
/// Graph is known to send such Locations elsewhere, without the version segment
/// (`/teams('…')/operations('…')`). Only the plain form counts: no host, nothing resolved.
fn is_versionless(base: &Base, reference: &Reference<'_>, path: &str, compared: &str) -> bool {
    let is_under_base = strip_prefix(compared, &decode_unreserved(base.path()))
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    reference.scheme.is_none()
        && reference.authority.is_none()
        && reference.path == path
        && !base.path().is_empty()
        && !is_under_base
}

/// L11.
fn is_id(id: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'~' | b'-');
    (1..=MAX_ID).contains(&id.len()) && id.bytes().all(is_plain) && !matches!(id, "." | "..")
}

/// Like [`str::strip_prefix`], ASCII case-insensitively.
fn strip_prefix<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let (head, tail) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(tail)
}

/// The URI of `text`, which begins with the base's origin, if it is the same text.
fn uri_of(base: &Base, text: &str) -> Result<Uri, LocationError> {
    let rest = text.strip_prefix(base.origin()).ok_or(LocationError::Unparsable)?;
    let path_and_query =
        PathAndQuery::try_from(rest.to_owned()).map_err(|_| LocationError::Unparsable)?;
    if path_and_query.as_str() != rest {
        return Err(LocationError::Unparsable);
    }
    let mut parts = base.start_uri().clone().into_parts();
    parts.path_and_query = Some(path_and_query);
    Uri::from_parts(parts).map_err(|_| LocationError::Unparsable)
}
