//! What is fixed for each endpoint: its permissions, its method, its path as documented.

use http::Method;

use crate::{config::Permission, route::Route};

impl Route {
    /// The permissions of which one is enough.
    pub(crate) fn permissions(&self) -> &'static [Permission] {
        match self {
            Self::Start => &[Permission::Start],
            Self::Operations | Self::OperationCount | Self::Operation(_) => {
                &[Permission::ReadOperations]
            }
            Self::Runs
            | Self::RunCount
            | Self::Run(_)
            | Self::LatestStatistics
            | Self::Statistics(_)
            | Self::Activities(_)
            | Self::Activity(..) => &[Permission::ReadRuns, Permission::Start],
            Self::Token(_) | Self::Unknown => &[],
        }
    }

    /// The one method there is for it.
    pub(crate) fn method(&self) -> Option<Method> {
        match self {
            Self::Start | Self::Token(_) => Some(Method::POST),
            Self::Unknown => None,
            Self::Operations
            | Self::OperationCount
            | Self::Operation(_)
            | Self::Runs
            | Self::RunCount
            | Self::Run(_)
            | Self::LatestStatistics
            | Self::Statistics(_)
            | Self::Activities(_)
            | Self::Activity(..) => Some(Method::GET),
        }
    }

    /// Its path with names for what varies.
    pub(crate) fn template(&self) -> &'static str {
        match self {
            Self::Start => "/external/industryData/runs/start",
            Self::Operations => "/external/industryData/operations",
            Self::OperationCount => "/external/industryData/operations/$count",
            Self::Operation(_) => "/external/industryData/operations/{id}",
            Self::Runs => "/external/industryData/runs",
            Self::RunCount => "/external/industryData/runs/$count",
            Self::Run(_) => "/external/industryData/runs/{id}",
            Self::LatestStatistics => "/external/industryData/runs/getStatistics",
            Self::Statistics(_) => "/external/industryData/runs/{id}/getStatistics",
            Self::Activities(_) => "/external/industryData/runs/{id}/activities",
            Self::Activity(..) => "/external/industryData/runs/{id}/activities/{id}",
            Self::Token(_) => "/{tenant}/oauth2/v2.0/token",
            Self::Unknown => "other",
        }
    }
}
