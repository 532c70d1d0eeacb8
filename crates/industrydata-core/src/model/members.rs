//! The members of a JSON object, read leniently: a member of another type is absent.

use jiff::Timestamp;
use serde::de::IgnoredAny;

use crate::model::others::Others;
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

    pub(crate) const fn redaction(&self) -> Redaction<'a> {
        self.redaction
    }

    /// The body as text (B1 to B3).
    fn text(&self) -> Result<&'a str, BodyError> {
        let text = str::from_utf8(self.json()?).map_err(|_| BodyError::NotUtf8)?;
        Ok(without_bom(text))
    }

    /// The bytes of a body that is said to be JSON (B1, B2).
    pub(crate) fn json(&self) -> Result<&'a [u8], BodyError> {
        if !self.content_type.is_none_or(is_json) {
            return Err(BodyError::WrongContentType);
        }
        if self.bytes.is_empty() {
            return Err(BodyError::EmptyBody);
        }
        Ok(self.bytes)
    }

    /// Passes the members of a JSON object to `read`. Only members in `names` are kept, down to `depth` levels (B1 to B6).
    pub(crate) fn object<T>(
        &self,
        names: &'static [&'static str],
        depth: usize,
        read: impl FnOnce(Members<'_, '_>) -> Result<T, BodyError>,
    ) -> Result<T, BodyError> {
        let json = self.text()?;
        let node = match flat_json::read(json, names) {
            Some(node) => node,
            None => Self::nested(json, names, depth)?,
        };
        let members = Members::of(&node, self.redaction).ok_or(BodyError::NotAnObject)?;
        #[cfg(feature = "serde")]
        let whole = serde_json::from_str(json).ok();
        #[cfg(feature = "serde")]
        let members = members.with_whole(whole.as_ref());
        read(members)
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
pub(crate) struct Members<'n, 'a> {
    node: &'n Node<'a>,
    redaction: Redaction<'n>,
    /// The object with all its members; `None` if a number in it does not fit an `f64`.
    #[cfg(feature = "serde")]
    whole: Option<&'n serde_json::Value>,
}

impl<'n, 'a> Members<'n, 'a> {
    /// `None` unless `node` is an object.
    pub(crate) fn of(node: &'n Node<'a>, redaction: Redaction<'n>) -> Option<Self> {
        matches!(node, Node::Object(_)).then_some(Self {
            node,
            redaction,
            #[cfg(feature = "serde")]
            whole: None,
        })
    }

    /// The same members, and those of other names with them.
    #[cfg(feature = "serde")]
    pub(crate) const fn with_whole(mut self, whole: Option<&'n serde_json::Value>) -> Self {
        self.whole = whole;
        self
    }

    /// The members that are not in `known`.
    pub(crate) fn others(&self, known: &[&str]) -> Others {
        #[cfg(feature = "serde")]
        return self.whole.map_or_else(Others::default, |whole| {
            Others::of(whole, known, self.redaction)
        });
        #[cfg(not(feature = "serde"))]
        {
            let _ = known;
            Others::default()
        }
    }

    pub(crate) const fn node(&self) -> &'n Node<'a> {
        self.node
    }

    pub(crate) const fn redaction(&self) -> Redaction<'n> {
        self.redaction
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let text = self.node.get(name).and_then(Node::text)?;
        Some(self.redaction.text(text))
    }

    /// The text of a required member.
    pub(crate) fn key(&self, name: &'static str) -> Result<String, BodyError> {
        self.text(name)
            .filter(|text| !text.is_empty())
            .ok_or(BodyError::MissingMember(name))
    }

    pub(crate) fn time(&self, name: &str) -> Option<Timestamp> {
        rfc3339(self.node.get(name).and_then(Node::text)?)
    }

    pub(crate) fn count(&self, name: &str) -> Option<i64> {
        match self.node.get(name)? {
            Node::Number(number) => number.parse().ok(),
            Node::Null | Node::Text(_) | Node::List(_) | Node::Object(_) | Node::Other => None,
        }
    }

    pub(crate) fn list(&self, name: &str) -> Option<&'n [Node<'a>]> {
        match self.node.get(name)? {
            Node::List(items) => Some(items),
            Node::Null | Node::Text(_) | Node::Number(_) | Node::Object(_) | Node::Other => None,
        }
    }

    /// The texts of a list. Other items are skipped.
    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        let items = self.list(name).unwrap_or_default().iter();
        let texts = items.filter_map(Node::text);
        texts.map(|text| self.redaction.text(text)).collect()
    }

    pub(crate) fn object(&self, name: &str) -> Option<Self> {
        let object = Self::of(self.node.get(name)?, self.redaction)?;
        #[cfg(feature = "serde")]
        let object = object.with_whole(self.whole.and_then(|whole| whole.get(name)));
        Some(object)
    }

    /// The objects of a list. Other items are skipped.
    pub(crate) fn objects(&self, name: &str) -> impl Iterator<Item = Self> {
        self.items(name).filter_map(|(_, object)| object)
    }

    /// The items of a list, each with its members if it is an object.
    pub(crate) fn items(
        &self,
        name: &str,
    ) -> impl Iterator<Item = (&'n Node<'a>, Option<Self>)> + use<'n, 'a> {
        let redaction = self.redaction;
        #[cfg(feature = "serde")]
        let whole = self.whole.and_then(|whole| whole.get(name)?.as_array());
        let items = self.list(name).unwrap_or_default().iter();
        items.zip(0_usize..).map(move |(item, at)| {
            let object = Self::of(item, redaction);
            #[cfg(not(feature = "serde"))]
            let _ = at;
            #[cfg(feature = "serde")]
            let object = object.map(|it| it.with_whole(whole.and_then(|whole| whole.get(at))));
            (item, object)
        })
    }
}
