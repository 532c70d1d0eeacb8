//! Which endpoint a path names. A name may be short or qualified with its namespace, a call may have parentheses, and an
//! id may be a segment or an OData key.

use percent_encoding::percent_decode_str;

use crate::platform::Platform;

/// An endpoint of the service, with the ids in its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// `POST /external/industryData/runs/start`
    Start,
    /// `POST /external/industryData/dataConnectors/{id}/validate`
    Validate(String),
    /// `POST /external/industryData/outboundProvisioningFlowSets/{id}/provisioningFlows/{id}/reset`
    Reset(String, String),
    /// `GET /external/industryData/operations`
    Operations,
    /// `GET /external/industryData/operations/$count`
    OperationCount,
    /// `GET /external/industryData/operations/{id}`
    Operation(String),
    /// `GET /external/industryData/runs`
    Runs,
    /// `GET /external/industryData/runs/$count`
    RunCount,
    /// `GET /external/industryData/runs/{id}`
    Run(String),
    /// `GET /external/industryData/runs/getStatistics()`
    LatestStatistics,
    /// `GET /external/industryData/runs/{id}/getStatistics`
    Statistics(String),
    /// `GET /external/industryData/runs/{id}/activities`
    Activities(String),
    /// `GET /external/industryData/runs/{id}/activities/{id}`
    Activity(String, String),
    /// `POST /{tenant}/oauth2/v2.0/token`
    Token(String),
    /// `GET /metadata/identity/oauth2/token`, `GET /msi/token` or `GET /github/token`
    Platform(Platform),
    /// Anything else.
    Unknown,
}

impl Route {
    /// The endpoint that a path names, given the path of the service root, for example `/beta`.
    pub(crate) fn of(path: &str, root: &str) -> Self {
        let all: Vec<String> = segments(path);
        if let [tenant, oauth, version, token] = all.as_slice()
            && [oauth.as_str(), version, token] == ["oauth2", "v2.0", "token"]
        {
            return Self::Token(tenant.clone());
        }
        let platform = match all
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .as_slice()
        {
            ["metadata", "identity", "oauth2", "token"] => Some(Platform::Metadata),
            ["msi", "token"] => Some(Platform::App),
            ["github", "token"] => Some(Platform::GitHub),
            _ => None,
        };
        if let Some(platform) = platform {
            return Self::Platform(platform);
        }
        let root = segments(root);
        let (Some(begin), Some(rest)) = (all.get(..root.len()), all.get(root.len()..)) else {
            return Self::Unknown;
        };
        if begin != root {
            return Self::Unknown;
        }
        let names: Vec<&str> = rest.iter().map(String::as_str).collect();
        match names.as_slice() {
            [external, data, rest @ ..]
                if same(external, "external") && same(data, "industryData") =>
            {
                Self::of_data(rest)
            }
            _ => Self::Unknown,
        }
    }

    fn of_data(names: &[&str]) -> Self {
        match names {
            [list] if same(list, "operations") => Self::Operations,
            [list, count] if same(list, "operations") && same(count, "$count") => {
                Self::OperationCount
            }
            [list, id] if same(list, "operations") => Self::Operation((*id).to_owned()),
            [list] if same(list, "runs") => Self::Runs,
            [list, count] if same(list, "runs") && same(count, "$count") => Self::RunCount,
            [list, action] if same(list, "runs") && calls(action, "start") => Self::Start,
            [list, call] if same(list, "runs") && calls(call, "getStatistics") => {
                Self::LatestStatistics
            }
            [list, id] if same(list, "runs") => Self::Run((*id).to_owned()),
            [list, id, call] if same(list, "runs") && calls(call, "getStatistics") => {
                Self::Statistics((*id).to_owned())
            }
            [list, id, of] if same(list, "runs") && same(of, "activities") => {
                Self::Activities((*id).to_owned())
            }
            [list, id, of, activity] if same(list, "runs") && same(of, "activities") => {
                Self::Activity((*id).to_owned(), (*activity).to_owned())
            }
            [list, id, action] if same(list, "dataConnectors") && calls(action, "validate") => {
                Self::Validate((*id).to_owned())
            }
            [sets, set, flows, flow, action]
                if same(sets, "outboundProvisioningFlowSets")
                    && same(flows, "provisioningFlows")
                    && calls(action, "reset") =>
            {
                Self::Reset((*set).to_owned(), (*flow).to_owned())
            }
            _ => Self::Unknown,
        }
    }
}

/// The decoded segments of a path. A key, as in `runs('id')`, becomes its own segment. One trailing slash is allowed.
fn segments(path: &str) -> Vec<String> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    let mut segments = Vec::new();
    if path.is_empty() {
        return segments;
    }
    for segment in path.split('/') {
        let segment = percent_decode_str(segment).decode_utf8_lossy();
        match segment
            .split_once("('")
            .and_then(|(name, key)| Some((name, key.strip_suffix("')")?)))
        {
            Some((name, key)) => segments.extend([name.to_owned(), key.replace("''", "'")]),
            None => segments.push(segment.into_owned()),
        }
    }
    segments
}

fn same(segment: &str, name: &str) -> bool {
    segment.eq_ignore_ascii_case(name)
}

/// Whether a segment calls this action or function: `start`, `start()`, `microsoft.graph.industryData.start`.
fn calls(segment: &str, name: &str) -> bool {
    const NAMESPACE: &str = "microsoft.graph.industryData.";
    let segment = segment.strip_suffix("()").unwrap_or(segment);
    let short = match segment.split_at_checked(NAMESPACE.len()) {
        Some((namespace, short)) if same(namespace, NAMESPACE) => short,
        Some(_) | None => segment,
    };
    same(short, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_an_endpoint() {
        let id = || "i-1".to_owned();
        for (path, expected) in [
            ("runs/start", Route::Start),
            ("runs/start()", Route::Start),
            ("Runs/microsoft.graph.industryData.start", Route::Start),
            ("runs/microsoft.graph.industryData.start()/", Route::Start),
            ("operations", Route::Operations),
            ("operations/$count", Route::OperationCount),
            ("operations/%24count", Route::OperationCount),
            ("operations/i-1", Route::Operation(id())),
            ("operations('i-1')", Route::Operation(id())),
            ("operations(%27i-1%27)", Route::Operation(id())),
            ("runs", Route::Runs),
            ("runs/$count", Route::RunCount),
            ("runs/i-1", Route::Run(id())),
            ("runs('i-1')/getStatistics", Route::Statistics(id())),
            (
                "runs/i-1/microsoft.graph.industryData.getStatistics()",
                Route::Statistics(id()),
            ),
            ("runs/getStatistics()", Route::LatestStatistics),
            ("runs/i-1/activities", Route::Activities(id())),
            (
                "runs/i-1/activities/a",
                Route::Activity(id(), "a".to_owned()),
            ),
            ("dataConnectors/i-1/validate", Route::Validate(id())),
            (
                "dataConnectors('i-1')/microsoft.graph.industryData.validate()",
                Route::Validate(id()),
            ),
            (
                "outboundProvisioningFlowSets/s/provisioningFlows/i-1/reset",
                Route::Reset("s".to_owned(), id()),
            ),
            ("dataConnectors/i-1/reset", Route::Unknown),
            ("runs/i-1/other", Route::Unknown),
            ("", Route::Unknown),
        ] {
            let path = format!("/beta/external/industryData/{path}");
            assert_eq!(Route::of(&path, "/beta"), expected, "{path}");
        }
    }

    #[test]
    fn other_service_roots() {
        assert_eq!(
            Route::of("/contoso/oauth2/v2.0/token", "/beta"),
            Route::Token("contoso".to_owned())
        );
        for (path, platform) in [
            ("/metadata/identity/oauth2/token", Platform::Metadata),
            ("/msi/token/", Platform::App),
            ("/github/token", Platform::GitHub),
        ] {
            assert_eq!(Route::of(path, "/beta"), Route::Platform(platform));
        }
        assert_eq!(Route::of("/beta/msi/token", "/beta"), Route::Unknown);
        assert_eq!(
            Route::of("/v1.0/external/industryData/runs", "/beta"),
            Route::Unknown
        );
        assert_eq!(
            Route::of("/gate/beta/external/industryData/runs", "/gate/beta"),
            Route::Runs
        );
        assert_eq!(Route::of("/external/industryData/runs", ""), Route::Runs);
        assert_eq!(Route::of("/", "/beta"), Route::Unknown);
    }
}
