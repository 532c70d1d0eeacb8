//! The members of a JSON object, read leniently: a member of another type is absent.

use jiff::Timestamp;
use serde::de::IgnoredAny;

use crate::wire::{
    body_error::BodyError,
    flat_json,
    json::{Node, is_json, is_too_deep, without_bom},
    redact::Redaction,
    rfc3339::rfc3339,
};

/// The body of a 2xx answer and its `Content-Type`, with the token that is redacted in it.
#[derive(Clone, Copy)]
pub(crate) struct Body<'a> {
    content_type: Option<&'a [u8]>,
    bytes: &'a [u8],
    redaction: Redaction<'a>,
}

impl<'a> Body<'a> {
    pub(crate) fn new(
        content_type: Option<&'a [u8]>,
        bytes: &'a [u8],
        token: Option<&'a str>,
    ) -> Self {
        Self {
            content_type,
            bytes,
            redaction: Redaction::of(token),
        }
    }

    /// Passes the members of a JSON object to `read`. Only members in `names` are kept, down to `depth` levels (B1 to B6).
    pub(crate) fn object<T>(
        &self,
        names: &'static [&'static str],
        depth: usize,
        read: impl FnOnce(Members<'_, '_>) -> Result<T, BodyError>,
    ) -> Result<T, BodyError> {
        if !self.content_type.is_none_or(is_json) {
            return Err(BodyError::WrongContentType);
        }
        if self.bytes.is_empty() {
            return Err(BodyError::EmptyBody);
        }
        let json = without_bom(str::from_utf8(self.bytes).map_err(|_| BodyError::NotUtf8)?);
        let node = match flat_json::read(json, names) {
            Some(node) => node,
            None => Self::nested(json, names, depth)?,
        };
        read(Members::of(&node, self.redaction).ok_or(BodyError::NotAnObject)?)
    }

    fn nested<'j>(
        json: &'j str,
        names: &'static [&'static str],
        depth: usize,
    ) -> Result<Node<'j>, BodyError> {
        let is_object = json
            .trim_start_matches([' ', '\t', '\n', '\r'])
            .starts_with('{');
        let node = if is_object {
            Node::read(json, names, depth).ok_or(BodyError::InvalidJson)?
        } else {
            serde_json::from_str::<IgnoredAny>(json).map_err(|_| BodyError::InvalidJson)?;
            Node::Other
        };
        if is_too_deep(json) {
            return Err(BodyError::TooDeep);
        }
        Ok(node)
    }
}

/// The members of one JSON object. Text is redacted when it is read.
#[derive(Clone, Copy)]
pub(crate) struct Members<'n, 'a>(&'n Node<'a>, Redaction<'n>);

impl<'n, 'a> Members<'n, 'a> {
    /// `None` unless `node` is an object.
    pub(crate) fn of(node: &'n Node<'a>, redaction: Redaction<'n>) -> Option<Self> {
        matches!(node, Node::Object(_)).then_some(Self(node, redaction))
    }

    pub(crate) const fn node(&self) -> &'n Node<'a> {
        self.0
    }

    pub(crate) const fn redaction(&self) -> Redaction<'n> {
        self.1
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let text = self.0.get(name).and_then(Node::text)?;
        Some(self.1.text(text))
    }

    /// The text of a required member.
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

    /// The texts of a list. Other items are skipped.
    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        let items = self.list(name).unwrap_or_default().iter();
        let texts = items.filter_map(Node::text);
        texts.map(|text| self.1.text(text)).collect()
    }

    pub(crate) fn object(&self, name: &str) -> Option<Self> {
        Self::of(self.0.get(name)?, self.1)
    }

    /// The objects of a list. Other items are skipped.
    pub(crate) fn objects(&self, name: &str) -> impl Iterator<Item = Self> {
        let redaction = self.1;
        let items = self.list(name).unwrap_or_default().iter();
        items.filter_map(move |item| Self::of(item, redaction))
    }
}
