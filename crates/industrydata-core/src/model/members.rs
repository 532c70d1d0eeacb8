//! The members of a JSON object, read leniently: a member of another type is absent.

use jiff::Timestamp;

use crate::policy::MAX_BODY_DEPTH;
use crate::wire::{
    body_error::BodyError,
    json::{Node, is_json, is_too_deep, without_bom},
    rfc3339::rfc3339,
    service_error::reading::Clean,
};

/// The body of a 2xx answer with its label, and the token that is redacted in it.
#[derive(Clone, Copy)]
pub(crate) struct Body<'a> {
    content_type: Option<&'a [u8]>,
    bytes: &'a [u8],
    token: Option<&'a str>,
}

impl<'a> Body<'a> {
    pub(crate) const fn new(content_type: Option<&'a [u8]>, bytes: &'a [u8]) -> Self {
        Self {
            content_type,
            bytes,
            token: None,
        }
    }

    pub(crate) const fn redacting(mut self, token: Option<&'a str>) -> Self {
        self.token = token;
        self
    }

    /// Reads a JSON object and hands its members to `read`; only members of these names are kept.
    pub(crate) fn object<T>(
        &self,
        names: &'static [&'static str],
        read: impl FnOnce(Members<'_, '_>) -> Result<T, BodyError>,
    ) -> Result<T, BodyError> {
        if !self.content_type.is_none_or(is_json) {
            return Err(BodyError::WrongContentType);
        }
        if self.bytes.is_empty() {
            return Err(BodyError::EmptyBody);
        }
        let json = without_bom(str::from_utf8(self.bytes).map_err(|_| BodyError::NotUtf8)?);
        let node = Node::read(json, names, MAX_BODY_DEPTH).ok_or(BodyError::InvalidJson)?;
        if is_too_deep(json) {
            return Err(BodyError::TooDeep);
        }
        let members = Members::of(&node, Clean::of(self.token)).ok_or(BodyError::NotAnObject)?;
        read(members)
    }
}

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
