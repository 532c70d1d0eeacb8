//! `GET {base}/external/industryData/operations`, once: what the service says to a token now.
//!
//! - Permission: `IndustryData.ReadBasic.All`. An answer that refuses it shows as much of the service and of the token as a
//!   success does.
//! - Documentation:
//!   [List fileValidateOperations](https://learn.microsoft.com/graph/api/industrydata-filevalidateoperation-list).

use http::Uri;
use jiff::Timestamp;

use crate::endpoint::{
    answer::{Answer, Page},
    contract::Endpoint,
    dated::Dated,
    preflight::Preflight,
};
use crate::wire::{base_url::BaseUrl, body_error::BodyError};

/// Reads the first page of the operations, without a second try, and returns the `Date` of the answer.
///
/// A start has one try too, so the first answer shows what a start would meet.
#[derive(Clone, Copy, Debug, Default)]
pub struct Probe;

impl Endpoint for Probe {
    type Output = Option<Timestamp>;

    const SUBJECT: &'static str = Preflight::SUBJECT;
    const PERMISSION: &'static str = Preflight::PERMISSION;
    const TRIES: u32 = 1;

    fn request(&self, base: &BaseUrl) -> Option<Uri> {
        Preflight.request(base)
    }

    fn decode(&self, answer: &Answer<'_>) -> Result<Page<Option<Timestamp>>, BodyError> {
        let page = Dated(Preflight).decode(answer)?;
        Ok(Page::only(page.content.1))
    }
}
