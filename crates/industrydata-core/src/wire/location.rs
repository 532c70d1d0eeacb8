//! The gate for URLs from outside: a `Location`, a next link, or a URL in a resume token.
//!
//! A refused `Location` never means "not started": a 202 confirms the start.

pub(crate) mod error;
mod rules;

use std::{
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

use http::{HeaderMap, Uri, header::LOCATION, uri::PathAndQuery};

pub use self::error::LocationError;
use crate::policy::MAX_LOCATION_BYTES;
use crate::wire::location::rules::{
    check_origin, is_versionless, only_value, operation_id, path_of, uri_at,
};
use crate::wire::{
    base_url::BaseUrl,
    resource_path::{OPERATIONS_PATH, is_id},
    uri::{Reference, decode_unreserved},
};

/// The checked URL of an operation under a [`BaseUrl`]. The token may be sent to it.
///
/// The URL has the origin of the base and the path of one operation
/// ([Get longRunningOperation](https://learn.microsoft.com/graph/api/longrunningoperation-get)). It is resolved strictly by
/// RFC 3986 section 5.2.2 and never corrected. [`uri`](Self::uri) is the same text as [`text`](Self::text). `Display`
/// and `Debug` leave out the query, which may contain secrets. Cheap to clone.
///
/// ```
/// use industrydata_core::wire::{BaseUrl, LocationError, OperationUrl};
///
/// let mut headers = http::HeaderMap::new();
/// headers.insert("location", "../operations('a-1')?$select=status#top".parse()?);
/// let url = OperationUrl::from_headers(&BaseUrl::graph(), &headers)?;
/// assert_eq!(url.operation_id(), "a-1");
/// assert_eq!(
///     url.text(),
///     "https://graph.microsoft.com/beta/external/industryData/operations('a-1')?$select=status",
/// );
///
/// headers.insert("location", "//evil.example/beta/external/industryData/operations/a-1".parse()?);
/// let refused = OperationUrl::from_headers(&BaseUrl::graph(), &headers);
/// assert_eq!(refused, Err(LocationError::CrossOrigin));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct OperationUrl(Arc<Inner>);

struct Inner {
    base: BaseUrl,
    path: PathAndQuery,
    id: Id,
}

/// Where the operation's id is.
enum Id {
    /// From here to there in the path.
    Within(u32, u32),
    /// The path has it encoded.
    Apart(Box<str>),
}

impl OperationUrl {
    /// Reads the `Location` of the answer to a start.
    ///
    /// # Errors
    ///
    /// [`LocationError`] if the operation cannot be polled. The run was started all the same.
    pub fn from_headers(base: &BaseUrl, headers: &HeaderMap) -> Result<Self, LocationError> {
        let values = headers.get_all(LOCATION).iter();
        Self::resolve(base, base.start_url(), values.map(|value| value.as_bytes()))
    }

    /// Reads raw `Location` values, one a field line, in the answer to a request for `request_url`.
    ///
    /// # Errors
    ///
    /// [`LocationError`] as for [`from_headers`](Self::from_headers).
    pub fn resolve<'a>(
        base: &BaseUrl,
        request_url: &str,
        values: impl Iterator<Item = &'a [u8]>,
    ) -> Result<Self, LocationError> {
        let value = only_value(values)?;
        let value = str::from_utf8(value).map_err(|_| LocationError::NotUtf8)?;
        if value.len() > MAX_LOCATION_BYTES {
            return Err(LocationError::TooLong);
        }
        Self::of_value(base, request_url, value)
    }

    /// Reads a URL back from a resume token. The limit of L4b does not apply: a relative Location of 8000 octets resolves to
    /// a longer URL, and a resume token has its own limit.
    pub(crate) fn reread(base: &BaseUrl, url: &str) -> Result<Self, LocationError> {
        Self::of_value(base, base.start_url(), url)
    }

    /// L5 to L11.
    fn of_value(base: &BaseUrl, request_url: &str, value: &str) -> Result<Self, LocationError> {
        // The start's URL is known to be valid. Another request URL is checked even if the value does not need it.
        let is_start = request_url == base.start_url();
        match Self::as_documented(base, value).filter(|_| is_start) {
            Some(url) => Ok(url),
            None => Self::checked(base, request_url, value),
        }
    }

    /// Reads the form that Graph's documentation shows: the base as it is, the path of the operations, and an id.
    ///
    /// `None` for any other text. Where there is a result, [`checked`](Self::checked) has the same.
    fn as_documented(base: &BaseUrl, value: &str) -> Option<Self> {
        let path = value.strip_prefix(base.as_str())?;
        let id = path.strip_prefix(OPERATIONS_PATH)?.strip_prefix('/')?;
        Self::from_id(base, id).ok()
    }

    fn checked(base: &BaseUrl, request_url: &str, value: &str) -> Result<Self, LocationError> {
        let reference = Reference::parse(value).ok_or(LocationError::Unparsable)?;
        // A reference with a scheme needs no base (RFC 3986 section 5.2.2), and the start's URL is known to be valid.
        let request = if reference.scheme.is_some() && request_url == base.start_url() {
            reference
        } else {
            Reference::parse(request_url).ok_or(LocationError::Unparsable)?
        };
        let target = request
            .resolve(&reference)
            .ok_or(LocationError::Unparsable)?;
        check_origin(base, &target)?;
        let path = target.normalised_path();
        let compared = decode_unreserved(&path);
        if let Some(id) = operation_id(&compared, base.path()) {
            return Self::build(base, [&path], target.query, id);
        }
        if is_versionless(base, &reference, &path, &compared)
            && let Some(id) = operation_id(&compared, "")
        {
            return Self::build(base, [base.path(), &path], target.query, id);
        }
        Err(LocationError::NotAnOperation)
    }

    /// Reads the URL of an operation from a user or a file, with the same checks as a `Location`.
    ///
    /// # Errors
    ///
    /// [`LocationError`] if the token must not be sent to the URL.
    pub fn parse(base: &BaseUrl, url: &str) -> Result<Self, LocationError> {
        Self::resolve(base, base.start_url(), std::iter::once(url.as_bytes()))
    }

    /// The URL of the operation `id`, in the form Graph's documentation shows.
    ///
    /// # Errors
    ///
    /// [`LocationError::NotAnOperation`] unless `id` is 1 to 128 characters of `[A-Za-z0-9._~-]`, and neither `.` nor `..`.
    pub fn from_id(base: &BaseUrl, id: &str) -> Result<Self, LocationError> {
        if !is_id(id) {
            return Err(LocationError::NotAnOperation);
        }
        Self::build(base, [base.path(), OPERATIONS_PATH, "/", id], None, id)
    }

    /// The URL as it is requested, with its query. `Display` leaves the query out.
    #[must_use]
    pub fn text(&self) -> String {
        self.parts().concat()
    }

    /// The length of that text.
    pub(crate) fn length(&self) -> usize {
        self.parts().map(str::len).into_iter().sum()
    }

    /// The URL, parsed.
    #[must_use]
    pub fn uri(&self) -> Uri {
        uri_at(&self.0.base, self.0.path.clone())
    }

    /// The operation's id, percent-decoded.
    #[must_use]
    pub fn operation_id(&self) -> &str {
        match &self.0.id {
            Id::Within(from, to) => {
                let id = *from as usize..*to as usize;
                self.0.path.path().get(id).unwrap_or_default()
            }
            Id::Apart(id) => id,
        }
    }

    /// Origin, and path with query: the parts of its text.
    fn parts(&self) -> [&str; 2] {
        [self.0.base.origin(), self.0.path.as_str()]
    }

    /// The URL with this path, whose parts follow each other.
    fn build<const N: usize>(
        base: &BaseUrl,
        path: [&str; N],
        query: Option<&str>,
        id: &str,
    ) -> Result<Self, LocationError> {
        let length: usize = path.iter().map(|part| part.len()).sum();
        let mut text = String::with_capacity(length + query.map_or(0, |query| query.len() + 1));
        path.iter().for_each(|part| text.push_str(part));
        if let Some(query) = query {
            text.push('?');
            text.push_str(query);
        }
        let path = path_of(text)?;
        // In the usual form the id is last.
        let text = path.path();
        let before = text.strip_suffix(id).map(str::len);
        let within = before.or_else(|| text.rfind(id)).and_then(|from| {
            let to = u32::try_from(from + id.len()).ok()?;
            Some(Id::Within(u32::try_from(from).ok()?, to))
        });
        Ok(Self(Arc::new(Inner {
            id: within.unwrap_or_else(|| Id::Apart(id.into())),
            base: base.clone(),
            path,
        })))
    }
}

impl fmt::Display for OperationUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.base.origin())?;
        f.write_str(self.0.path.path())
    }
}

impl fmt::Debug for OperationUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OperationUrl({self})")
    }
}

impl PartialEq for OperationUrl {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

impl Eq for OperationUrl {}

impl Hash for OperationUrl {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parts().hash(state);
    }
}

/// Checks an absolute URL that the service names, such as an `@odata.nextLink`, and returns its URI.
///
/// The URL must have the scheme, host and port of `base`, must not contain credentials, and has at most 8000 octets. Dot
/// segments and the fragment are removed. The path is not checked.
///
/// # Errors
///
/// [`LocationError`] if the token must not be sent to the URL; [`LocationError::Unparsable`] for a relative reference.
pub fn same_origin(base: &BaseUrl, absolute_url: &str) -> Result<Uri, LocationError> {
    if absolute_url.len() > MAX_LOCATION_BYTES {
        return Err(LocationError::TooLong);
    }
    let reference = Reference::parse(absolute_url).ok_or(LocationError::Unparsable)?;
    let target = reference
        .resolve(&reference)
        .ok_or(LocationError::Unparsable)?;
    check_origin(base, &target)?;
    let path = target.normalised_path();
    // An empty path is sent as "/" (RFC 9110 section 4.2.3).
    let path = if path.is_empty() { "/" } else { &path };
    let mut text = path.to_owned();
    if let Some(query) = target.query {
        text.push('?');
        text.push_str(query);
    }
    Ok(uri_at(base, path_of(text)?))
}

#[cfg(test)]
mod tests;
