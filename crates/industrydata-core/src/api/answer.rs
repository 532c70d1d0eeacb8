//! An answer to a read, and how its JSON is looked at: no wrong type is an error unless the answer says nothing by it.

use jiff::Timestamp;

use crate::{
    json::{Node, is_too_deep, without_bom},
    operation::{BodyError, is_json},
    rfc3339::rfc3339,
    service_error::reading::Clean,
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

    /// Reads a JSON object (rules B1 to B6) and hands it to `read`.
    pub(super) fn object<T>(
        &self,
        names: &'static [&'static str],
        read: impl FnOnce(Members<'_, '_>) -> Result<T, BodyError>,
    ) -> Result<T, BodyError> {
        if !self.content_type.is_none_or(is_json) {
            return Err(BodyError::WrongContentType);
        }
        if self.body.is_empty() {
            return Err(BodyError::EmptyBody);
        }
        let json = without_bom(str::from_utf8(self.body).map_err(|_| BodyError::NotUtf8)?);
        let node = Node::read(json, names, DEPTH).ok_or(BodyError::InvalidJson)?;
        if is_too_deep(json) {
            return Err(BodyError::TooDeep);
        }
        let members = Members::of(&node, Clean::of(self.secret)).ok_or(BodyError::NotAnObject)?;
        read(members)
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
            let next = match page.0.get("@odata.nextLink") {
                Some(Node::Null) | None => None,
                // As it came: what was checked is what is sent, and a link that echoes the token is told with it taken out.
                Some(Node::Text(link)) => Some(link.clone().into_owned()),
                Some(Node::Number(_) | Node::List(_) | Node::Object(_) | Node::Other) => {
                    return Err(BodyError::MissingMember("@odata.nextLink"));
                }
            };
            let content = items
                .iter()
                .map(|item| read(Members::of(item, page.1).ok_or(BodyError::NotAnObject)?))
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

/// How deep an answer is looked into: page, list, item, error, its inner errors.
const DEPTH: usize = 10;

/// The members of one JSON object.
#[derive(Clone, Copy)]
pub(crate) struct Members<'n, 'a>(&'n Node<'a>, Clean<'n>);

impl<'n, 'a> Members<'n, 'a> {
    pub(crate) fn of(node: &'n Node<'a>, clean: Clean<'n>) -> Option<Self> {
        matches!(node, Node::Object(_)).then_some(Self(node, clean))
    }

    pub(crate) const fn node(&self) -> &'n Node<'a> {
        self.0
    }

    pub(crate) const fn clean(&self) -> Clean<'n> {
        self.1
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let text = self.0.get(name).and_then(Node::text)?;
        Some(self.1.text(text))
    }

    /// A key: without it the object is of nothing.
    pub(crate) fn key(&self, name: &'static str) -> Result<String, BodyError> {
        self.text(name)
            .filter(|text| !text.is_empty())
            .ok_or(BodyError::MissingMember(name))
    }

    pub(crate) fn time(&self, name: &str) -> Option<Timestamp> {
        rfc3339(self.0.get(name).and_then(Node::text)?)
    }

    pub(crate) fn count(&self, name: &str) -> Option<i64> {
        match self.0.get(name)? {
            Node::Number(number) => number.parse().ok(),
            Node::Null | Node::Text(_) | Node::List(_) | Node::Object(_) | Node::Other => None,
        }
    }

    pub(crate) fn list(&self, name: &str) -> Option<&'n [Node<'a>]> {
        match self.0.get(name)? {
            Node::List(items) => Some(items),
            Node::Null | Node::Text(_) | Node::Number(_) | Node::Object(_) | Node::Other => None,
        }
    }

    pub(crate) fn object(&self, name: &str) -> Option<Self> {
        Self::of(self.0.get(name)?, self.1)
    }

    /// The objects of a list; what else stands in it is passed over.
    pub(crate) fn objects(&self, name: &str) -> impl Iterator<Item = Self> {
        let clean = self.1;
        let items = self.list(name).unwrap_or_default().iter();
        items.filter_map(move |item| Self::of(item, clean))
    }
}
