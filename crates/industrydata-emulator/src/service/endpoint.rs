//! What the documentation fixes for each endpoint: its path, method and permissions.

use http::Method;

use crate::{
    config::Permission::{self, ReadOperations, ReadRuns, Reset, Start, Validate},
    fault::On,
    platform::Platform,
    service::route::Route,
};

/// The fixed properties of an endpoint.
pub(super) struct Endpoint {
    /// The path below the service root, with names in place of ids.
    pub(super) template: &'static str,
    /// The only method it allows; `None` allows any.
    pub(super) method: Option<Method>,
    /// The permissions of which a token needs one. An empty list means that any valid token will do.
    pub(super) permissions: &'static [Permission],
    /// The kind by which a fault names the endpoint; `None` is matched by [`On::Any`] alone.
    pub(super) kind: Option<On>,
}

impl Route {
    /// The endpoint's fixed properties.
    pub(super) fn endpoint(&self) -> Endpoint {
        let read = |template, permissions, kind| Endpoint {
            template,
            method: Some(Method::GET),
            permissions,
            kind: Some(kind),
        };
        let operations = |template, kind| read(template, &[ReadOperations], kind);
        let runs = |template| read(template, &[ReadRuns, Start], On::Runs);
        match self {
            Self::Start => Endpoint {
                template: "/external/industryData/runs/start",
                method: Some(Method::POST),
                permissions: &[Start],
                kind: Some(On::Start),
            },
            Self::Validate(_) => Endpoint {
                template: "/external/industryData/dataConnectors/{id}/validate",
                method: Some(Method::POST),
                permissions: &[Validate],
                kind: Some(On::Validate),
            },
            Self::Reset(..) => Endpoint {
                template: "/external/industryData/outboundProvisioningFlowSets/{id}/provisioningFlows/{id}/reset",
                method: Some(Method::POST),
                permissions: &[Reset],
                kind: Some(On::Reset),
            },
            Self::Operations => operations("/external/industryData/operations", On::Operations),
            Self::OperationCount => {
                operations("/external/industryData/operations/$count", On::Operations)
            }
            Self::Operation(_) => {
                operations("/external/industryData/operations/{id}", On::Operation)
            }
            Self::Runs => runs("/external/industryData/runs"),
            Self::RunCount => runs("/external/industryData/runs/$count"),
            Self::Run(_) => runs("/external/industryData/runs/{id}"),
            Self::LatestStatistics => runs("/external/industryData/runs/getStatistics"),
            Self::Statistics(_) => runs("/external/industryData/runs/{id}/getStatistics"),
            Self::Activities(_) => runs("/external/industryData/runs/{id}/activities"),
            Self::Activity(..) => runs("/external/industryData/runs/{id}/activities/{id}"),
            Self::Token(_) => Endpoint {
                template: "/{tenant}/oauth2/v2.0/token",
                method: Some(Method::POST),
                permissions: &[],
                kind: Some(On::Token),
            },
            Self::Platform(platform) => match platform {
                Platform::Metadata => read("/metadata/identity/oauth2/token", &[], On::Metadata),
                Platform::App => read("/msi/token", &[], On::Identity),
                Platform::GitHub => read("/github/token", &[], On::GitHub),
            },
            Self::Unknown => Endpoint {
                template: "other",
                method: None,
                permissions: &[],
                kind: None,
            },
        }
    }
}
