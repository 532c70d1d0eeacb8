//! `GET {base}/external/industryData/operations` lists operations, those of starts and those of file validations.
//!
//! - Permission: `IndustryData.ReadBasic.All`.
//! - Documentation:
//!   [List fileValidateOperations](https://learn.microsoft.com/graph/api/industrydata-filevalidateoperation-list).
//! - Not documented: the order and the page size.

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

/// Lists the operations that the service still has, of starts and of file validations, in no documented order.
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
        answer.list(Operation::NAMES, |item| Ok(Operation::of(&item)))
    }

    fn extend(whole: &mut Vec<Operation>, page: Vec<Operation>) {
        whole.extend(page);
    }

    fn items(whole: &Vec<Operation>) -> usize {
        whole.len()
    }
}
