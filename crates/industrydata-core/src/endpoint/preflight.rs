//! `GET {base}/external/industryData/operations` checks whether a token can poll operations.
//!
//! - Permission: `IndustryData.ReadBasic.All`, which `IndustryData-Run.Start` does not include
//!   ([permissions](https://learn.microsoft.com/graph/permissions-reference)).
//! - Documentation:
//!   [List fileValidateOperations](https://learn.microsoft.com/graph/api/industrydata-filevalidateoperation-list).

use http::Uri;

use crate::endpoint::{
    answer::{Answer, Page},
    contract::Endpoint,
    list_operations::ListOperations,
};
use crate::wire::{base_url::BaseUrl, body_error::BodyError};

/// Reads the first page of the operations. Send it before a start, so that no slot is spent on an operation that the token
/// cannot poll.
#[derive(Clone, Copy, Debug, Default)]
pub struct Preflight;

impl Endpoint for Preflight {
    type Output = ();

    const SUBJECT: &'static str = ListOperations::SUBJECT;
    const PERMISSION: &'static str = ListOperations::PERMISSION;

    fn request(&self, base: &BaseUrl) -> Option<Uri> {
        ListOperations.request(base)
    }

    fn decode(&self, answer: &Answer<'_>) -> Result<Page<()>, BodyError> {
        // The first page is enough: it shows the permission.
        ListOperations.decode(answer).map(|_| Page::only(()))
    }
}
