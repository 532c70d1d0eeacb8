//! RFC 3986 by an independent crate, and the few additional rules computed from its components.

use industrydata_core::wire::BaseUrl;
use iri_string::{
    format::ToDedicatedString,
    types::{UriAbsoluteStr, UriReferenceStr, UriStr, UriString},
};

/// The reference resolved against the request URL.
pub(super) fn resolved(request: &str, reference: &str) -> Result<UriString, String> {
    let reference = UriReferenceStr::new(reference).map_err(|e| format!("reference: {e}"))?;
    let request = UriReferenceStr::new(request).map_err(|e| format!("request: {e}"))?;
    if let Ok(absolute) = UriStr::new(reference.as_str()) {
        // The base does not matter for an absolute URI; resolving it removes its dot segments.
        let any = UriAbsoluteStr::new("x://x/").map_err(|e| e.to_string())?;
        return Ok(UriReferenceStr::new(absolute.as_str())
            .map_err(|e| e.to_string())?
            .resolve_against(any)
            .to_dedicated_string());
    }
    let request = UriStr::new(request.as_str()).map_err(|_| "the request is relative")?;
    Ok(reference
        .resolve_against(request.to_absolute())
        .to_dedicated_string())
}

pub(super) fn normal(text: &str) -> String {
    let uri = UriStr::new(text)
        .expect("a URI")
        .normalize()
        .to_dedicated_string();
    let (scheme, port) = (
        uri.scheme_str(),
        uri.authority_components().and_then(|it| it.port()),
    );
    let default = if scheme == "https" { "443" } else { "80" };
    match port {
        Some(port) if port.is_empty() || port.trim_start_matches('0') == default => {
            uri.as_str().replacen(&format!(":{port}/"), "/", 1)
        }
        Some(port) => uri.as_str().replacen(
            &format!(":{port}/"),
            &format!(":{}/", port.trim_start_matches('0')),
            1,
        ),
        None => uri.into(),
    }
}

/// Scheme, host and effective port; `None` without a host.
pub(super) fn origin(uri: &UriStr) -> Option<(String, String, u16)> {
    let authority = uri.authority_components()?;
    let scheme = uri.scheme_str().to_ascii_lowercase();
    let port = match authority.port().unwrap_or_default() {
        "" => {
            if scheme == "https" {
                443
            } else {
                80
            }
        }
        port => port.parse().ok()?,
    };
    Some((scheme, authority.host().to_ascii_lowercase(), port))
}

pub(super) fn origin_of(base: &BaseUrl) -> Option<(String, String, u16)> {
    origin(UriStr::new(base.as_str()).expect("the base is a URI"))
}

pub(super) fn path_of(base: &BaseUrl) -> String {
    UriStr::new(base.as_str())
        .expect("the base is a URI")
        .path_str()
        .to_owned()
}

pub(super) fn is_same_by_whatwg(base: &BaseUrl, text: &str) -> bool {
    let known = url::Url::parse(base.as_str()).expect("the base is a URL");
    url::Url::parse(text).is_ok_and(|url| url.origin() == known.origin())
}

pub(super) fn is_loopback(uri: &UriStr) -> bool {
    let host = uri.authority_components().map_or("", |it| it.host());
    let quad: Vec<&str> = host.split('.').collect();
    let is_octet = |part: &&str| {
        part.parse::<u8>()
            .is_ok_and(|octet| octet.to_string() == **part)
    };
    host.eq_ignore_ascii_case("localhost")
        || host == "[::1]"
        || (quad.len() == 4 && quad[0] == "127" && quad.iter().all(is_octet))
}
