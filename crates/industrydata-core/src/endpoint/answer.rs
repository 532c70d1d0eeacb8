//! The answer to a read, and the reader of its JSON.

use jiff::Timestamp;

use crate::policy::MAX_BODY_DEPTH;
use crate::{
    model::members::{Body, Members},
    wire::{body_error::BodyError, json::Node},
};

/// A 2xx answer to a read: its body, and the header fields that matter for it.
#[derive(Clone, Copy)]
pub struct Answer<'a> {
    content_type: Option<&'a [u8]>,
    body: &'a [u8],
    token: Option<&'a str>,
    date: Option<Timestamp>,
}

/// One page of a list, or the whole answer of any other endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// What the page holds.
    pub content: T,
    /// The link to the next page (`@odata.nextLink`), not yet checked.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// A page without a next one.
    pub const fn only(content: T) -> Self {
        Self {
            content,
            next: None,
        }
    }
}

impl<'a> Answer<'a> {
    /// An answer with this body and this value of `Content-Type`.
    #[must_use]
    pub const fn new(content_type: Option<&'a [u8]>, body: &'a [u8]) -> Self {
        Self {
            content_type,
            body,
            token: None,
            date: None,
        }
    }

    /// The same answer, with the token of its request redacted when the body is read.
    pub(crate) const fn redacting(mut self, token: Option<&'a str>) -> Self {
        self.token = token;
        self
    }

    /// The same answer with this `Date`.
    #[must_use]
    pub const fn at(mut self, date: Option<Timestamp>) -> Self {
        self.date = date;
        self
    }

    /// The time of the answer by the service's clock, if known.
    #[must_use]
    pub const fn date(&self) -> Option<Timestamp> {
        self.date
    }

    /// The value of `Content-Type`.
    #[must_use]
    pub const fn content_type(&self) -> Option<&'a [u8]> {
        self.content_type
    }

    /// The body.
    #[must_use]
    pub const fn body(&self) -> &'a [u8] {
        self.body
    }

    pub(crate) const fn token(&self) -> Option<&'a str> {
        self.token
    }

    /// Passes the members of a JSON object to `read`.
    pub(super) fn object<T>(
        &self,
        names: &'static [&'static str],
        read: impl FnOnce(Members<'_, '_>) -> Result<T, BodyError>,
    ) -> Result<T, BodyError> {
        Body::new(self.content_type, self.body, self.token).object(names, MAX_BODY_DEPTH, read)
    }

    /// Reads a page of a list, each item with `read`. An item that is not an object is an error, because a list must be
    /// whole.
    pub(super) fn list<T>(
        &self,
        names: &'static [&'static str],
        read: impl Fn(Members<'_, '_>) -> Result<T, BodyError>,
    ) -> Result<Page<Vec<T>>, BodyError> {
        self.object(names, |page| {
            if page.list("value").is_none() {
                return Err(BodyError::MissingMember("value"));
            }
            let next = match page.node().get("@odata.nextLink") {
                Some(Node::Null) | None => None,
                // Not redacted: the URL that is checked must be the URL that is requested.
                Some(Node::Text(link)) => Some(link.clone().into_owned()),
                Some(Node::Number(_) | Node::List(_) | Node::Object(_) | Node::Other) => {
                    return Err(BodyError::MissingMember("@odata.nextLink"));
                }
            };
            let content = page
                .items("value")
                .map(|(_, item)| read(item.ok_or(BodyError::NotAnObject)?))
                .collect::<Result<_, _>>()?;
            Ok(Page { content, next })
        })
    }
}

impl std::fmt::Debug for Answer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer")
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}
