//! The endpoints of the industryData API, one file each: the request and the reader of its answer.
//!
//! | endpoint | request under `{base}/external/industryData` |
//! | --- | --- |
//! | [`StartRun`] | `POST /runs/start` |
//! | [`ListRuns`] | `GET /runs` |
//! | [`GetRun`] | `GET /runs/{id}` |
//! | [`GetStatistics`] | `GET /runs/{id}/getStatistics` |
//! | [`ListActivities`] | `GET /runs/{id}/activities` |
//! | [`ListOperations`], [`Preflight`], [`Probe`] | `GET /operations` |
//! | [`GetOperation`] | `GET /operations/{id}` |
//! | [`Action::validate`] | `POST /dataConnectors/{id}/validate` |
//! | [`Action::reset_flow`] | `POST /outboundProvisioningFlowSets/{id}/provisioningFlows/{id}/reset` |
//!
//! [`Start`](crate::lro::Start) sends the POST of a start, [`Perform`](crate::lro::Perform) that of an [`Action`].
//! [`Read`](crate::lro::Read) sends any GET that implements [`Endpoint`], page by page for a list. The client's methods
//! do this for you; use this module to read an endpoint of your own.

pub(crate) mod action;
pub(crate) mod answer;
pub(crate) mod contract;
pub(crate) mod dated;
pub(crate) mod get_operation;
pub(crate) mod get_run;
pub(crate) mod link;
pub(crate) mod list_activities;
pub(crate) mod list_operations;
pub(crate) mod list_runs;
pub(crate) mod path;
pub(crate) mod preflight;
pub(crate) mod probe;
pub(crate) mod reset_flow;
pub(crate) mod run_statistics;
pub(crate) mod service;
pub(crate) mod start_run;
#[cfg(test)]
mod tests;
pub(crate) mod validate_connector;

pub use self::{
    action::Action,
    answer::{Answer, Page},
    contract::Endpoint,
    dated::Dated,
    get_operation::GetOperation,
    get_run::GetRun,
    link::{LinkError, next_link},
    list_activities::ListActivities,
    list_operations::ListOperations,
    list_runs::ListRuns,
    preflight::Preflight,
    probe::Probe,
    run_statistics::GetStatistics,
    service::Service,
    start_run::StartRun,
};
