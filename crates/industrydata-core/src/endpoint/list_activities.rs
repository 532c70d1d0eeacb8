//! `GET {base}/external/industryData/runs/{id}/activities` lists the activities of a run.
//!
//! - Permission: not published. Messages name `IndustryData-Run.Read.All`, which reads runs.
//! - Documentation: none of the call, which is known only from the service's metadata; its items are
//!   [industryDataRunActivity](https://learn.microsoft.com/graph/api/resources/industrydata-industrydatarunactivity).

use http::Uri;

use crate::endpoint::{
    answer::{Answer, Page},
    contract::Endpoint,
    path::{segment, under},
};
use crate::{
    model::activity::RunActivity,
    wire::{base_url::BaseUrl, body_error::BodyError},
};

/// Lists the activities of a run, one for each of its flows. Microsoft publishes this call only in the service's metadata.
#[derive(Clone, Debug)]
pub struct ListActivities {
    run: String,
}

impl ListActivities {
    /// The activities of the run `run`.
    #[must_use]
    pub fn new(run: impl Into<String>) -> Self {
        Self { run: run.into() }
    }
}

impl Endpoint for ListActivities {
    type Output = Vec<RunActivity>;

    const SUBJECT: &'static str = "the activities of the run";
    const PERMISSION: &'static str = "IndustryData-Run.Read.All";

    fn request(&self, base: &BaseUrl) -> Option<Uri> {
        under(base, &format!("/runs/{}/activities", segment(&self.run)?))
    }

    fn decode(&self, answer: &Answer<'_>) -> Result<Page<Vec<RunActivity>>, BodyError> {
        answer.list(RunActivity::NAMES, |item| RunActivity::of(&item))
    }

    fn extend(whole: &mut Vec<RunActivity>, page: Vec<RunActivity>) {
        whole.extend(page);
    }

    fn items(whole: &Vec<RunActivity>) -> usize {
        whole.len()
    }
}
