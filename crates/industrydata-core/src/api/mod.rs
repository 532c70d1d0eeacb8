//! The read API: one small file an endpoint, with what it is asked by and how its answer is read beside each other.
//!
//! An endpoint here is a GET under `{base}/external/industryData/`. [`Fetch`](crate::Fetch) makes it, page by page if it
//! is a list; `async` and `blocking` clients drive that. Nothing here starts a run.

mod answer;
mod dated;
mod endpoint;
mod get_operation;
mod get_run;
mod link;
mod list_activities;
mod list_operations;
mod list_runs;
mod path;
mod preflight;
mod run_statistics;
#[cfg(test)]
mod tests;

pub use answer::{Answer, Page};
pub use dated::Dated;
pub use endpoint::Endpoint;
pub use get_operation::GetOperation;
pub use get_run::GetRun;
pub use link::{LinkError, next_link};
pub use list_activities::ListActivities;
pub use list_operations::ListOperations;
pub use list_runs::ListRuns;
pub use preflight::Preflight;
pub use run_statistics::GetStatistics;

pub(crate) use answer::Members;
pub(crate) use link::run_id;
