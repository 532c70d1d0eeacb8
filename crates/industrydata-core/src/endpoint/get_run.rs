//! `GET {base}/external/industryData/runs/{id}` reads a run.
//!
//! - Permission: `IndustryData-Run.Read.All`, or `IndustryData-Run.Start`, which includes it.
//! - Documentation: [Get industryDataRun](https://learn.microsoft.com/graph/api/industrydata-industrydatarun-get).

use http::Uri;

use crate::endpoint::{
    answer::{Answer, Page},
    contract::Endpoint,
    path::{segment, under},
};
use crate::{
    model::run::IndustryDataRun,
    wire::{base_url::BaseUrl, body_error::BodyError},
};

/// Reads a run once. To poll it until it ends, use [`RunPoll`](crate::lro::RunPoll).
#[derive(Clone, Debug)]
pub struct GetRun {
    id: String,
}

impl GetRun {
    /// The run `id`.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into() }
    }

    /// The id of the run to read.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl Endpoint for GetRun {
    type Output = IndustryDataRun;

    const SUBJECT: &'static str = "the run";
    const PERMISSION: &'static str = "IndustryData-Run.Read.All";

    fn request(&self, base: &BaseUrl) -> Option<Uri> {
        under(base, &format!("/runs/{}", segment(&self.id)?))
    }

    fn decode(&self, answer: &Answer<'_>) -> Result<Page<IndustryDataRun>, BodyError> {
        let run = answer.object(IndustryDataRun::NAMES, |run| IndustryDataRun::of(&run))?;
        Ok(Page::only(run))
    }
}
