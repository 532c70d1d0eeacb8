//! `GET {base}/external/industryData/runs`, permission `IndustryData-Run.Read.All`, or `IndustryData-Run.Start`, which
//! contains it ([List industryDataRuns](https://learn.microsoft.com/graph/api/industrydata-industrydatarun-list)).
//!
//! Order and page size are not documented, nor is how long the service keeps a run. Nothing in one tells whether it was
//! scheduled or started on demand.

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

/// Lists the runs the service still has.
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
