//! The contract of a GET endpoint.

use std::fmt::Debug;

use http::Uri;

use crate::endpoint::answer::{Answer, Page};
use crate::policy::READ_TRIES;
use crate::wire::{base_url::BaseUrl, body_error::BodyError};

/// A GET of the industryData API: its URI, its permission, and how its answer is read.
///
/// Implement it to read an endpoint that this crate lacks. [`Read`](crate::lro::Read) checks the URI before it sends
/// anything, so an endpoint cannot send the token outside the base URL's `external/industryData/`.
///
/// ```
/// use http::Uri;
/// use industrydata_core::{
///     endpoint::{Answer, Endpoint, Page},
///     wire::{BaseUrl, BodyError},
/// };
///
/// /// The size of the list of connectors, which this crate does not read.
/// #[derive(Debug)]
/// struct ConnectorBytes;
///
/// impl Endpoint for ConnectorBytes {
///     type Output = usize;
///     const SUBJECT: &'static str = "the list of data connectors";
///     const PERMISSION: &'static str = "IndustryData-DataConnector.Read.All";
///
///     fn request(&self, base: &BaseUrl) -> Option<Uri> {
///         format!("{base}/external/industryData/dataConnectors").parse().ok()
///     }
///
///     fn decode(&self, answer: &Answer<'_>) -> Result<Page<usize>, BodyError> {
///         Ok(Page::only(answer.body().len()))
///     }
/// }
///
/// // A client reads it with `read`, with the retries and checks of the others.
/// assert!(ConnectorBytes.request(&BaseUrl::graph()).is_some());
/// ```
pub trait Endpoint: Debug + Send + Sync + 'static {
    /// The value that is read. For a list, all of its items.
    type Output: Clone + Debug + Send + Sync + 'static;

    /// What is read, for messages, such as `the list of runs`.
    const SUBJECT: &'static str;
    /// The least privileged permission that the request needs.
    const PERMISSION: &'static str;
    /// How often a page is requested before the read fails: five times.
    const TRIES: u32 = READ_TRIES;

    /// The URI of the first request. `None` if an id in it is not usable in a path.
    fn request(&self, base: &BaseUrl) -> Option<Uri>;

    /// Reads one answer. A wrong type in an optional member is not an error.
    ///
    /// # Errors
    ///
    /// [`BodyError`] if the answer is not what the endpoint returns.
    fn decode(&self, answer: &Answer<'_>) -> Result<Page<Self::Output>, BodyError>;

    /// Appends the next page. Only a list has one.
    fn extend(whole: &mut Self::Output, page: Self::Output) {
        *whole = page;
    }

    /// The number of items: 1 unless it is a list.
    fn items(_: &Self::Output) -> usize {
        1
    }
}
