//! The checks of a `Location`, each with the rules that it applies.

use http::{
    Uri,
    uri::{Parts, PathAndQuery},
};

use crate::wire::location::error::LocationError;
use crate::wire::{
    base_url::{BaseUrl, parts::is_loopback_host},
    resource_path::{OPERATIONS_PATH, id_after_collection, strip_prefix},
    text::trim_ows,
    uri::{Reference, Target, decode_unreserved, effective_port},
};

/// The one value without whitespace around it (L1, L2, L4a).
pub(super) fn only_value<'a>(
    values: impl Iterator<Item = &'a [u8]>,
) -> Result<&'a [u8], LocationError> {
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

/// Whether the token may be sent to the origin of `target` (L6 to L9).
pub(super) fn check_origin(base: &BaseUrl, target: &Target<'_>) -> Result<(), LocationError> {
    let is_https = target.scheme.eq_ignore_ascii_case("https");
    let is_http = target.scheme.eq_ignore_ascii_case("http");
    let authority = target
        .authority
        .filter(|authority| !authority.host.is_empty());
    if (is_https || is_http) && authority.is_none() {
        return Err(LocationError::Unparsable);
    }
    if is_http && !authority.is_some_and(|authority| is_loopback_host(authority.host)) {
        return Err(LocationError::Insecure);
    }
    if target
        .authority
        .is_some_and(|authority| authority.has_userinfo)
    {
        return Err(LocationError::HasCredentials);
    }
    let is_same = authority.is_some_and(|authority| {
        (is_https || is_http)
            && is_https == base.is_https()
            && authority.host.eq_ignore_ascii_case(base.host())
            && effective_port(is_https, authority.port) == base.port()
    });
    if is_same {
        Ok(())
    } else {
        Err(LocationError::CrossOrigin)
    }
}

/// The id of the operation under `base_path` that a path names (L10, L11). Unreserved octets of `compared` are decoded,
/// and its dot segments removed.
pub(super) fn operation_id<'p>(compared: &'p str, base_path: &str) -> Option<&'p str> {
    let rest = strip_prefix(compared, &decode_unreserved(base_path))?;
    id_after_collection(strip_prefix(rest, OPERATIONS_PATH)?)
}

/// Whether `reference` is a path from the root that leaves out the base's path (L10).
///
/// Graph sends such Locations for other resources, without the version segment (`/teams('…')/operations('…')`). Only the
/// plain form is accepted, without a host or dot segments.
pub(super) fn is_versionless(
    base: &BaseUrl,
    reference: &Reference<'_>,
    path: &str,
    compared: &str,
) -> bool {
    let is_under_base = strip_prefix(compared, &decode_unreserved(base.path()))
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    reference.scheme.is_none()
        && reference.authority.is_none()
        && reference.path == path
        && !base.path().is_empty()
        && !is_under_base
}

/// A path, and a query if there is one. Refused if it would be sent as another text.
pub(super) fn path_of(text: String) -> Result<PathAndQuery, LocationError> {
    let length = text.len();
    // What it leaves out is a fragment, at the end.
    let path = PathAndQuery::try_from(text).map_err(|_| LocationError::Unparsable)?;
    if path.as_str().len() != length || !path.as_str().starts_with('/') {
        return Err(LocationError::Unparsable);
    }
    Ok(path)
}

/// The URI of a checked path at the base's origin.
pub(super) fn uri_at(base: &BaseUrl, path: PathAndQuery) -> Uri {
    let mut parts = Parts::default();
    parts.scheme = base.start_uri().scheme().cloned();
    parts.authority = base.start_uri().authority().cloned();
    parts.path_and_query = Some(path);
    // A scheme, a host and a path that begins with a slash are always a URI.
    Uri::from_parts(parts).unwrap_or_default()
}
