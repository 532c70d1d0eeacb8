//! JSON of unknown shape, read without recursion that a server could drive.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize,
    de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::policy::MAX_JSON_DEPTH;
use crate::wire::text::is_token;

/// The text without a leading byte order mark (RFC 8259 section 8.1).
pub(crate) fn without_bom(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// Whether valid JSON is nested deeper than 128 levels (B5).
pub(crate) fn is_too_deep(json: &str) -> bool {
    // With few brackets, skip the exact count. Sums of at most 64 fit a byte, which lets the compiler use vectors.
    let opens = |b: &u8| u8::from((*b | 0x20) == b'{');
    let chunks = json.as_bytes().chunks(64);
    let count = |chunk: &[u8]| usize::from(chunk.iter().map(opens).sum::<u8>());
    if chunks.map(count).sum::<usize>() <= MAX_JSON_DEPTH {
        return false;
    }
    let mut depth = 0_usize;
    let mut bytes = json.bytes();
    let mut in_string = false;
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => in_string = !in_string,
            b'\\' => {
                bytes.next();
            }
            b'[' | b'{' if !in_string => depth = depth.saturating_add(1),
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_JSON_DEPTH {
            return true;
        }
    }
    false
}

/// Whether a `Content-Type` is `application/json` or `application/*+json`, with any parameters (B1; RFC 9110 section
/// 8.3.1, RFC 6839 section 3.1).
pub(crate) fn is_json(content_type: &[u8]) -> bool {
    if let Some([] | [b';', ..]) = content_type.strip_prefix(b"application/json") {
        return true;
    }
    let essence = content_type
        .split(|b| *b == b';')
        .next()
        .unwrap_or_default();
    let Ok(essence) = str::from_utf8(essence) else {
        return false;
    };
    let Some((kind, subtype)) = essence.trim_matches([' ', '\t']).split_once('/') else {
        return false;
    };
    let is_suffixed = || {
        let at = subtype.len().checked_sub("+json".len());
        at.filter(|at| *at > 0)
            .and_then(|at| subtype.get(at..))
            .is_some_and(|suffix| suffix.eq_ignore_ascii_case("+json"))
    };
    kind.eq_ignore_ascii_case("application")
        && (subtype.eq_ignore_ascii_case("json")
            || (is_suffixed() && subtype.chars().all(is_token)))
}

/// A JSON value, cut down to the members of known names and to a number of levels.
#[derive(Debug)]
#[cfg_attr(test, derive(PartialEq))]
pub(crate) enum Node<'a> {
    Null,
    Text(Cow<'a, str>),
    /// A number, as its decimal text.
    Number(String),
    List(Vec<Self>),
    Object(Vec<(&'static str, Self)>),
    /// A boolean, or a list or object below the last level.
    Other,
}

impl<'a> Node<'a> {
    /// Reads one JSON text; `None` if it is not one. Members that are not in `names`, and levels below `depth`, are
    /// skipped without recursion.
    pub(crate) fn read(
        json: &'a str,
        names: &'static [&'static str],
        depth: usize,
    ) -> Option<Self> {
        let read = |is_exact| {
            let shape = Shape {
                names,
                depth,
                is_exact,
            };
            let mut reader = serde_json::Deserializer::from_str(json);
            let node = shape.deserialize(&mut reader).ok()?;
            reader.end().ok()?;
            Some(node)
        };
        read(false).or_else(|| read(true))
    }

    /// Reads a value as [`read`](Self::read) reads its text.
    #[cfg(feature = "serde")]
    pub(crate) fn of_value(
        value: &'a serde_json::Value,
        names: &'static [&'static str],
        depth: usize,
    ) -> Option<Self> {
        let shape = Shape {
            names,
            depth,
            is_exact: false,
        };
        shape.deserialize(value).ok()
    }

    /// The members `name`, the last one first.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &Self> {
        let members: &[_] = match self {
            Self::Object(members) => members,
            Self::Null | Self::Text(_) | Self::Number(_) | Self::List(_) | Self::Other => &[],
        };
        let named = members.iter().rev().filter(move |(it, _)| *it == name);
        named.map(|(_, node)| node)
    }

    /// The member `name`; the last one if there are several (B7).
    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        self.all(name).next()
    }

    /// The text of a string.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Null | Self::Number(_) | Self::List(_) | Self::Object(_) | Self::Other => None,
        }
    }
}

/// Which names and how many levels of lists and objects to keep.
#[derive(Clone, Copy)]
struct Shape {
    names: &'static [&'static str],
    depth: usize,
    /// Whether a number that fits no `f64` is read. It is valid (RFC 8259 section 6), and rare enough for a second reading.
    is_exact: bool,
}

impl<'de> DeserializeSeed<'de> for Shape {
    type Value = Node<'de>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Node<'de>, D::Error> {
        if !self.is_exact {
            return reader.deserialize_any(self);
        }
        let json = <&RawValue>::deserialize(reader)?.get();
        match serde_json::Deserializer::from_str(json).deserialize_any(self) {
            Err(_) if json.starts_with(|c: char| c == '-' || c.is_ascii_digit()) => {
                Ok(Node::Number(json.to_owned()))
            }
            node => node.map_err(D::Error::custom),
        }
    }
}

impl<'de> Visitor<'de> for Shape {
    type Value = Node<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Node<'de>, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Node<'de>, E> {
        Ok(Node::Other)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Node<'de>, E> {
        Ok(Node::Number(number.to_string()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Node<'de>, E> {
        Ok(Node::Number(number.to_string()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Node<'de>, E> {
        Ok(Node::Number(number.to_string()))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Node<'de>, E> {
        Ok(Node::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Node<'de>, E> {
        Ok(Node::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node<'de>, A::Error> {
        let Some(depth) = self.depth.checked_sub(1) else {
            while items.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(Node::Other);
        };
        let mut list = Vec::new();
        while let Some(node) = items.next_element_seed(Self { depth, ..self })? {
            list.push(node);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Node<'de>, A::Error> {
        // Enough for an operation, so that its members are not moved.
        let mut object = Vec::with_capacity(self.names.len().min(8));
        while let Some(name) = members.next_key_seed(Name(self.names))? {
            match (name, self.depth.checked_sub(1)) {
                (Some(name), Some(depth)) => {
                    object.push((name, members.next_value_seed(Self { depth, ..self })?));
                }
                (None, _) | (_, None) => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(if self.depth == 0 {
            Node::Other
        } else {
            Node::Object(object)
        })
    }
}

/// A member's name, if it is one of these. Compared after unescaping, case-sensitively.
#[derive(Clone, Copy)]
struct Name(&'static [&'static str]);

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Option<&'static str>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_str(self)
    }
}

impl Visitor<'_> for Name {
    type Value = Option<&'static str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().find(|known| **known == name).copied())
    }
}

#[cfg(test)]
mod tests;
