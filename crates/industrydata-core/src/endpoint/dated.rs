//! Any read, with the service's own time of its answer.

use http::Uri;
use jiff::Timestamp;

use crate::endpoint::{
    answer::{Answer, Page},
    contract::Endpoint,
};
use crate::wire::{base_url::BaseUrl, body_error::BodyError};

/// A read that also tells the `Date` of its last answer; `None` without one. What the service lists is dated by its
/// clock, which need not be the one that looks at the list.
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
