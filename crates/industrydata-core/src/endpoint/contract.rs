//! What an endpoint is.

use std::fmt::Debug;

use http::Uri;

use crate::endpoint::answer::{Answer, Page};
use crate::wire::{base_url::BaseUrl, body_error::BodyError};

/// A GET of the industryData API: where it goes, what it takes, how its answer is read.
///
/// The ones of this crate are all that its clients need; another can be written outside of it. Where it points is checked
/// before anything is sent, so that no endpoint can take the token elsewhere.
pub trait Endpoint: Debug + Send + Sync + 'static {
    /// What it answers with: of a list, all of its items.
    type Output: Clone + Debug + Send + Sync + 'static;

    /// What is read, for messages: `the list of runs`.
    const SUBJECT: &'static str;
    /// The least permission it takes.
    const PERMISSION: &'static str;

    /// Where the first request goes; `None` if an id in it cannot stand in a path.
    fn request(&self, base: &BaseUrl) -> Option<Uri>;

    /// Reads one answer.
    ///
    /// # Errors
    ///
    /// [`BodyError`] if it says nothing; wrong types of advisory members are no error.
    fn decode(&self, answer: &Answer<'_>) -> Result<Page<Self::Output>, BodyError>;

    /// Adds the next page to what is already there. Only lists have one.
    fn extend(whole: &mut Self::Output, page: Self::Output) {
        *whole = page;
    }

    /// How many items there are: 1 unless it is a list.
    fn items(_: &Self::Output) -> usize {
        1
    }
}
