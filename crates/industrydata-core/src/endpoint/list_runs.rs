//! `GET {base}/external/industryData/runs` lists runs.
//!
//! - Permission: `IndustryData-Run.Read.All`, or `IndustryData-Run.Start`, which includes it.
//! - Documentation: [List industryDataRuns](https://learn.microsoft.com/graph/api/industrydata-industrydatarun-list).
//! - Not documented: the order, the page size, and how long the service keeps a run.

use http::Uri;

use crate::endpoint::{
    answer::{Answer, Page},
    contract::Endpoint,
    path::under,
};
use crate::{
    model::run::IndustryDataRun,
    wire::{base_url::BaseUrl, body_error::BodyError},
};

/// Lists the runs that the service still has, scheduled ones and others, in no documented order.
#[derive(Clone, Copy, Debug, Default)]
pub struct ListRuns;

impl Endpoint for ListRuns {
    type Output = Vec<IndustryDataRun>;

    const SUBJECT: &'static str = "the list of runs";
    const PERMISSION: &'static str = "IndustryData-Run.Read.All";

    fn request(&self, base: &BaseUrl) -> Option<Uri> {
        under(base, "/runs")
    }

    fn decode(&self, answer: &Answer<'_>) -> Result<Page<Vec<IndustryDataRun>>, BodyError> {
        answer.list(IndustryDataRun::NAMES, |item| IndustryDataRun::of(&item))
    }

    fn extend(whole: &mut Vec<IndustryDataRun>, page: Vec<IndustryDataRun>) {
        whole.extend(page);
    }

    fn items(whole: &Vec<IndustryDataRun>) -> usize {
        whole.len()
    }
}
