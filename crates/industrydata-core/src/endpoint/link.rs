//! Links in answers: the next page of a list, and the run that an operation names.

use http::Uri;

use crate::wire::{
    base_url::BaseUrl,
    location::{error::LocationError, same_origin},
    resource_path::{API_PATH, id_after_collection, strip_prefix},
    uri::decode_unreserved,
};

/// Why an `@odata.nextLink` was refused. Nothing was sent to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// The link is not an absolute URL of the base URL's origin.
    #[error("{0}")]
    Location(LocationError),
    /// The link is of the base URL's origin, but not under its `external/industryData/`.
    #[error("the link is not under the base URL's external/industryData/")]
    Elsewhere,
}

/// Checks an `@odata.nextLink` and returns its URI.
///
/// The link must have the origin of `base`. After dot segments are removed, its path must be under the base's
/// `external/industryData/`. The query stays as it is.
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
/// [`LinkError`] if the token must not be sent to the link. The list cannot be read to its end.
pub fn next_link(base: &BaseUrl, link: &str) -> Result<Uri, LinkError> {
    let uri = same_origin(base, link).map_err(LinkError::Location)?;
    industry_data_path(base, &uri).ok_or(LinkError::Elsewhere)?;
    Ok(uri)
}

/// What follows `{base}/external/industryData/` in the path of a URI of the base's origin.
///
/// `None` for any other path, and for one with an encoded separator, which some server would decode once more.
fn industry_data_path(base: &BaseUrl, uri: &Uri) -> Option<String> {
    let path = decode_unreserved(uri.path());
    let lower = path.to_ascii_lowercase();
    if ["%2f", "%5c", "%25", "%00"]
        .iter()
        .any(|it| lower.contains(it))
    {
        return None;
    }
    let rest = strip_prefix(&path, &decode_unreserved(base.path()))?;
    let rest = strip_prefix(rest, API_PATH)?;
    rest.strip_prefix('/').map(str::to_owned)
}

/// The id of the run that a `resourceLocation` names: `…/runs/{id}` or `…/runs('{id}')` under the base's
/// `external/industryData/`. The URL is only read, never requested (B11).
pub(crate) fn run_id(base: &BaseUrl, resource: &str) -> Option<String> {
    let uri = same_origin(base, resource).ok()?;
    let path = industry_data_path(base, &uri)?;
    let id = id_after_collection(strip_prefix(&path, "runs")?)?;
    let is_action = ["start", "getStatistics"]
        .iter()
        .any(|it| id.eq_ignore_ascii_case(it));
    (!is_action).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_links_under_the_base_are_accepted() {
        let base: BaseUrl = "https://gate.example/g/beta".parse().unwrap();
        for (link, is_accepted) in [
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
            assert_eq!(next_link(&base, link).is_ok(), is_accepted, "{link}");
        }
    }

    #[test]
    fn a_resource_location_may_name_a_run() {
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
