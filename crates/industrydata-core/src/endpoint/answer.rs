//! An answer to a read, and how its JSON is looked at: no wrong type is an error unless the answer says nothing by it.

use jiff::Timestamp;

use crate::{
    model::members::{Body, Members},
    wire::{body_error::BodyError, json::Node},
};

/// The body of a 2xx answer to a read, with its label.
#[derive(Clone, Copy)]
pub struct Answer<'a> {
    content_type: Option<&'a [u8]>,
    body: &'a [u8],
    secret: Option<&'a str>,
    date: Option<Timestamp>,
}

/// One page of an answer: all of it, unless there is a next one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// What stands on it.
    pub content: T,
    /// Where the next one is said to be (`@odata.nextLink`), unchecked.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// The one and only page.
    pub const fn only(content: T) -> Self {
        Self {
            content,
            next: None,
        }
    }
}

impl<'a> Answer<'a> {
    /// An answer with this body, given the value of its `Content-Type`.
    #[must_use]
    pub const fn new(content_type: Option<&'a [u8]>, body: &'a [u8]) -> Self {
        Self {
            content_type,
            body,
            secret: None,
            date: None,
        }
    }

    /// The same answer to a request that carried this token: where it is echoed, it is replaced.
    pub(crate) const fn without(mut self, secret: Option<&'a str>) -> Self {
        self.secret = secret;
        self
    }

    /// The same answer with this `Date`.
    #[must_use]
    pub const fn at(mut self, date: Option<Timestamp>) -> Self {
        self.date = date;
        self
    }

    /// When the service answered, by its own clock, if it said so.
    #[must_use]
    pub const fn date(&self) -> Option<Timestamp> {
        self.date
    }

    /// The value of its `Content-Type`.
    #[must_use]
    pub const fn content_type(&self) -> Option<&'a [u8]> {
        self.content_type
    }

    /// Its body.
    #[must_use]
    pub const fn body(&self) -> &'a [u8] {
        self.body
    }

    pub(crate) const fn secret(&self) -> Option<&'a str> {
        self.secret
    }

    /// Reads a JSON object and hands it to `read`.
    pub(super) fn object<T>(
        &self,
        names: &'static [&'static str],
        read: impl FnOnce(Members<'_, '_>) -> Result<T, BodyError>,
    ) -> Result<T, BodyError> {
        let body = Body::new(self.content_type, self.body).redacting(self.secret);
        body.object(names, read)
    }

    /// Reads a page of a list, each of its items by `read`. An item that is no object is an error: a list that is read
    /// must be whole.
    pub(super) fn list<T>(
        &self,
        names: &'static [&'static str],
        read: impl Fn(Members<'_, '_>) -> Result<T, BodyError>,
    ) -> Result<Page<Vec<T>>, BodyError> {
        self.object(names, |page| {
            let items = page
                .list("value")
                .ok_or(BodyError::MissingMember("value"))?;
            let next = match page.node().get("@odata.nextLink") {
                Some(Node::Null) | None => None,
                // As it came: what was checked is what is sent, and a link that echoes the token is told with it taken out.
                Some(Node::Text(link)) => Some(link.clone().into_owned()),
                Some(Node::Number(_) | Node::List(_) | Node::Object(_) | Node::Other) => {
                    return Err(BodyError::MissingMember("@odata.nextLink"));
                }
            };
            let content = items
                .iter()
                .map(|item| read(Members::of(item, page.clean()).ok_or(BodyError::NotAnObject)?))
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
