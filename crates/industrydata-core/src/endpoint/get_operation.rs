//! `GET {base}/external/industryData/operations/{id}`, permission `IndustryData.ReadBasic.All`
//! ([Get longRunningOperation](https://learn.microsoft.com/graph/api/longrunningoperation-get)).

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

/// Reads one operation, once; [`OperationPoll`](crate::lro::OperationPoll) is what follows one to its end.
#[derive(Clone, Debug)]
pub struct GetOperation {
    id: String,
}

impl GetOperation {
    /// The operation of this id.
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
        let operation = Operation::decode(answer.content_type(), answer.body())?;
        Ok(Page::only(match answer.secret() {
            Some(secret) => operation.without(secret),
            None => operation,
        }))
    }
}
