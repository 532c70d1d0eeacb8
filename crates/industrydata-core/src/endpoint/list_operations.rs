//! `GET {base}/external/industryData/operations`, permission `IndustryData.ReadBasic.All`
//! ([List fileValidateOperations](https://learn.microsoft.com/graph/api/industrydata-filevalidateoperation-list)).
//!
//! The collection holds the operations of starts and of validations alike. Order and page size are not documented.

use http::Uri;

use crate::endpoint::{
    answer::{Answer, Page},
    contract::Endpoint,
    path::under,
};
use crate::{
    model::operation::Operation,
    wire::{base_url::BaseUrl, body_error::BodyError},
};

const NAMES: &[&str] = &[
    "value",
    "@odata.nextLink",
    "status",
    "id",
    "statusDetail",
    "resourceLocation",
    "@odata.type",
    "createdDateTime",
    "lastActionDateTime",
];

/// Lists the operations the service still has.
#[derive(Clone, Copy, Debug, Default)]
pub struct ListOperations;

impl Endpoint for ListOperations {
    type Output = Vec<Operation>;

    const SUBJECT: &'static str = "the list of operations";
    const PERMISSION: &'static str = "IndustryData.ReadBasic.All";

    fn request(&self, base: &BaseUrl) -> Option<Uri> {
        under(base, "/operations")
    }

    fn decode(&self, answer: &Answer<'_>) -> Result<Page<Vec<Operation>>, BodyError> {
        answer.list(NAMES, |item| Ok(Operation::of(&item)))
    }

    fn extend(whole: &mut Vec<Operation>, page: Vec<Operation>) {
        whole.extend(page);
    }

    fn items(whole: &Vec<Operation>) -> usize {
        whole.len()
    }
}
