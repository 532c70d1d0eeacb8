//! `GET {base}/external/industryData/operations`, permission `IndustryData.ReadBasic.All`: whether a token that starts
//! runs could watch them too. `IndustryData-Run.Start` does not contain that permission
//! ([permissions](https://learn.microsoft.com/graph/permissions-reference)).

use http::Uri;

use crate::endpoint::{
    answer::{Answer, Page},
    contract::Endpoint,
    list_operations::ListOperations,
};
use crate::wire::{base_url::BaseUrl, body_error::BodyError};

/// Asks for the first page of the operations, before a slot is spent on a start that nobody could watch.
#[derive(Clone, Copy, Debug, Default)]
pub struct Preflight;

impl Endpoint for Preflight {
    type Output = ();

    const SUBJECT: &'static str = "the list of operations";
    const PERMISSION: &'static str = ListOperations::PERMISSION;

    fn request(&self, base: &BaseUrl) -> Option<Uri> {
        ListOperations.request(base)
    }

    fn decode(&self, answer: &Answer<'_>) -> Result<Page<()>, BodyError> {
        // One page tells; the next is not asked for.
        ListOperations.decode(answer).map(|_| Page::only(()))
    }
}
