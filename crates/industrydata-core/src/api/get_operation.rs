//! `GET {base}/external/industryData/operations/{id}`, permission `IndustryData.ReadBasic.All`
//! ([Get longRunningOperation](https://learn.microsoft.com/graph/api/longrunningoperation-get)).

use http::Uri;

use super::{
    answer::{Answer, Page},
    endpoint::Endpoint,
    path::{segment, under},
};
use crate::{
    base::Base,
    operation::{BodyError, Operation},
};

/// Reads one operation, once; [`Watch`](crate::Watch) is what follows one to its end.
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

    fn request(&self, base: &Base) -> Option<Uri> {
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
