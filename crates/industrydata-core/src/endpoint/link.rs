//! Links the service names: whether the token may follow a next page, and which run a resource is.

use http::Uri;

use crate::wire::{
    base_url::BaseUrl,
    location::{error::LocationError, same_origin},
    uri::decode_unreserved,
};

const API: &str = "/external/industryData/";

/// Why an `@odata.nextLink` is not followed. Nothing was sent there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// Not an absolute URL of the base's origin.
    #[error("{0}")]
    Location(LocationError),
    /// Of the base's origin, but not under its `external/industryData/`.
    #[error("the link is not under the base URL's external/industryData/")]
    Elsewhere,
}

/// The URI of an `@odata.nextLink`, if the token may be sent to it: of the base's origin, and under the base's
/// `external/industryData/` after dot segments are taken out. The query is the service's own and is kept as it is.
///
/// ```
/// use industrydata_core::{endpoint::{LinkError, next_link}, wire::{BaseUrl, LocationError}};
///
/// let base = BaseUrl::graph();
/// let link = "https://graph.microsoft.com/beta/external/industryData/runs?$skiptoken=a";
/// assert_eq!(next_link(&base, link)?, link);
/// assert_eq!(
///     next_link(&base, "https://evil.example/beta/external/industryData/runs"),
///     Err(LinkError::Location(LocationError::CrossOrigin)),
/// );
/// assert_eq!(next_link(&base, "https://graph.microsoft.com/beta/me"), Err(LinkError::Elsewhere));
/// # Ok::<(), LinkError>(())
/// ```
///
/// # Errors
///
/// [`LinkError`]: the list cannot be read to its end.
pub fn next_link(base: &BaseUrl, link: &str) -> Result<Uri, LinkError> {
    let uri = same_origin(base, link).map_err(LinkError::Location)?;
    industry_data_path(base, &uri).ok_or(LinkError::Elsewhere)?;
    Ok(uri)
}

/// What follows `{base}/external/industryData/` in the path of a URI of the base's origin. `None` for any other, and for
/// one with an encoded separator, which some server would decode once more.
fn industry_data_path(base: &BaseUrl, uri: &Uri) -> Option<String> {
    let path = decode_unreserved(uri.path()).into_owned();
    let lower = path.to_ascii_lowercase();
    if ["%2f", "%5c", "%25", "%00"]
        .iter()
        .any(|it| lower.contains(it))
    {
        return None;
    }
    let prefix = format!("{}{API}", decode_unreserved(base.path()));
    let (head, tail) = path.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(&prefix).then(|| tail.to_owned())
}

/// The id of the run that a `resourceLocation` names, if it is one of the base's own: `…/runs/{id}` or `…/runs('{id}')`
/// under its `external/industryData/`. It is data: the URL itself is never fetched, only the id is taken.
pub(crate) fn run_id(base: &BaseUrl, resource: &str) -> Option<String> {
    let uri = same_origin(base, resource).ok()?;
    let path = industry_data_path(base, &uri)?;
    let (runs, rest) = path.split_at_checked("runs".len())?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let id = match rest.strip_prefix('/') {
        Some(id) => id,
        None => rest.strip_prefix("('")?.strip_suffix("')")?,
    };
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'~' | b'-');
    let is_id = (1..=128).contains(&id.len()) && id.bytes().all(is_plain);
    let is_action = ["start", "getStatistics"]
        .iter()
        .any(|it| id.eq_ignore_ascii_case(it));
    (runs.eq_ignore_ascii_case("runs") && is_id && !is_action && !matches!(id, "." | ".."))
        .then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_bases_own_links_are_followed() {
        let base: BaseUrl = "https://gate.example/g/beta".parse().unwrap();
        for (link, follows) in [
            (
                "https://gate.example/g/beta/external/industryData/runs?$skiptoken=x%2F",
                true,
            ),
            (
                "https://GATE.example:443/g/beta/External/IndustryData/operations",
                true,
            ),
            (
                "https://gate.example/g/beta/external/industryData/a/../runs",
                true,
            ),
            (
                "https://gate.example/g/beta/external/industryData/../../me",
                false,
            ),
            (
                "https://gate.example/g/beta/external/industryData/%2e%2e/%2e%2e/me",
                false,
            ),
            (
                "https://gate.example/g/beta/external/industryData/..%2f..%2fme",
                false,
            ),
            (
                "https://gate.example/g/beta/external/industryData/%252e%252e/me",
                false,
            ),
            (
                "https://gate.example/g/beta/external/industryDataX/runs",
                false,
            ),
            (
                "https://gate.example/beta/external/industryData/runs",
                false,
            ),
            (
                "https://gate.example:444/g/beta/external/industryData/runs",
                false,
            ),
            (
                "http://gate.example/g/beta/external/industryData/runs",
                false,
            ),
            (
                "https://gate.example@evil.example/g/beta/external/industryData/runs",
                false,
            ),
            (
                "https://gate.example.evil.example/g/beta/external/industryData/runs",
                false,
            ),
            (
                "https:\\\\gate.example/g/beta/external/industryData/runs",
                false,
            ),
            ("//gate.example/g/beta/external/industryData/runs", false),
            ("/g/beta/external/industryData/runs?$skiptoken=x", false),
            ("?$skiptoken=x", false),
            ("", false),
        ] {
            assert_eq!(next_link(&base, link).is_ok(), follows, "{link}");
        }
    }

    #[test]
    fn a_resource_names_a_run_or_something_else() {
        let base = BaseUrl::graph();
        let run = |path: &str| run_id(&base, &format!("https://graph.microsoft.com/beta{path}"));
        assert_eq!(
            run("/external/industryData/runs/a-1").as_deref(),
            Some("a-1")
        );
        assert_eq!(
            run("/external/industryData/runs('a-1')").as_deref(),
            Some("a-1")
        );
        assert_eq!(
            run("/external/industryData/Runs/a-1/").as_deref(),
            Some("a-1")
        );
        for other in [
            "/industryData/dataConnectors/022da4a0-c239-4b07-abed-08dad8e7a07a",
            "/industryData/runs/a-1",
            "/external/industryData/runs",
            "/external/industryData/runs/",
            "/external/industryData/runs/start",
            "/external/industryData/runs/a-1/activities",
            "/external/industryData/runs/a%2Fb",
            "/external/industryData/operations/a-1",
        ] {
            assert_eq!(run(other), None, "{other}");
        }
        assert_eq!(run_id(&base, ""), None);
        let evil = "https://evil.example/beta/external/industryData/runs/a-1";
        assert_eq!(run_id(&base, evil), None);
    }
}
