//! `GET {base}/external/industryData/runs/{id}/getStatistics` reads the statistics of a run.
//!
//! - Permission: `IndustryData-Run.Read.All`, or `IndustryData-Run.Start`, which includes it.
//! - Documentation:
//!   [industryDataRun: getStatistics](https://learn.microsoft.com/graph/api/industrydata-industrydatarun-getstatistics).

use http::Uri;

use crate::endpoint::{
    answer::{Answer, Page},
    contract::Endpoint,
    path::{segment, under},
};
use crate::{
    model::statistics::RunStatistics,
    wire::{base_url::BaseUrl, body_error::BodyError},
};

/// Reads the statistics of a run. While the run is running, the totals may be absent.
#[derive(Clone, Debug)]
pub struct GetStatistics {
    run: String,
}

impl GetStatistics {
    /// The statistics of the run `run`.
    #[must_use]
    pub fn new(run: impl Into<String>) -> Self {
        Self { run: run.into() }
    }
}

impl Endpoint for GetStatistics {
    type Output = RunStatistics;

    const SUBJECT: &'static str = "the statistics of the run";
    const PERMISSION: &'static str = "IndustryData-Run.Read.All";

    fn request(&self, base: &BaseUrl) -> Option<Uri> {
        under(
            base,
            &format!("/runs/{}/getStatistics", segment(&self.run)?),
        )
    }

    fn decode(&self, answer: &Answer<'_>) -> Result<Page<RunStatistics>, BodyError> {
        let read = answer.object(RunStatistics::NAMES, |body| RunStatistics::of(&body))?;
        Ok(Page::only(read))
    }
}
