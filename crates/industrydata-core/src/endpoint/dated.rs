//! A read together with the `Date` of its answer.

use http::Uri;
use jiff::Timestamp;

use crate::endpoint::{
    answer::{Answer, Page},
    contract::Endpoint,
};
use crate::wire::{base_url::BaseUrl, body_error::BodyError};

/// Reads `E` and the `Date` of its last answer; `None` if it has none.
///
/// The service dates what it lists by its own clock. Compare such times with this one, not with the local clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct Dated<E>(pub E);

impl<E: Endpoint> Endpoint for Dated<E> {
    type Output = (E::Output, Option<Timestamp>);

    const SUBJECT: &'static str = E::SUBJECT;
    const PERMISSION: &'static str = E::PERMISSION;

    fn request(&self, base: &BaseUrl) -> Option<Uri> {
        self.0.request(base)
    }

    fn decode(&self, answer: &Answer<'_>) -> Result<Page<Self::Output>, BodyError> {
        let page = self.0.decode(answer)?;
        Ok(Page {
            content: (page.content, answer.date()),
            next: page.next,
        })
    }

    fn extend(whole: &mut Self::Output, (page, date): Self::Output) {
        E::extend(&mut whole.0, page);
        whole.1 = date;
    }

    fn items(whole: &Self::Output) -> usize {
        E::items(&whole.0)
    }
}
