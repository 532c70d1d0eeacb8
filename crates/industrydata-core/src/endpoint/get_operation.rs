//! `GET {base}/external/industryData/operations/{id}` reads an operation.
//!
//! - Permission: `IndustryData.ReadBasic.All`.
//! - Documentation: [Get longRunningOperation](https://learn.microsoft.com/graph/api/longrunningoperation-get).

use http::Uri;

use crate::endpoint::{
    answer::{Answer, Page},
    contract::Endpoint,
    path::{segment, under},
};
use crate::{
    model::operation::Operation,
    wire::{base_url::BaseUrl, body_error::BodyError},
};

/// Reads an operation once. To poll it until it ends, use [`OperationPoll`](crate::lro::OperationPoll).
#[derive(Clone, Debug)]
pub struct GetOperation {
    id: String,
}

impl GetOperation {
    /// The operation `id`.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into() }
    }
}

impl Endpoint for GetOperation {
    type Output = Operation;

    const SUBJECT: &'static str = "the operation";
    const PERMISSION: &'static str = "IndustryData.ReadBasic.All";

    fn request(&self, base: &BaseUrl) -> Option<Uri> {
        under(base, &format!("/operations/{}", segment(&self.id)?))
    }

    fn decode(&self, answer: &Answer<'_>) -> Result<Page<Operation>, BodyError> {
        let (content_type, body) = (answer.content_type(), answer.body());
        Operation::decode_redacted(content_type, body, answer.token()).map(Page::only)
    }
}
