//! The endpoints: one file each, with the request and the reader of its answer side by side.
//!
//! All but the start are GETs under `{base}/external/industryData/`. [`Read`](crate::lro::Read) makes them, page by page
//! for a list.

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
pub(crate) mod run_statistics;
pub(crate) mod service;
#[cfg(test)]
mod tests;

pub use self::{
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
    run_statistics::GetStatistics,
    service::Service,
};
