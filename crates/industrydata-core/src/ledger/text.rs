//! A text that an entry keeps: part of the text of its ledger, or a text alone.

use std::{
    fmt,
    ops::{Deref, Range},
    sync::Arc,
};

use serde::{Deserialize, Deserializer, de::Error};

/// A text within a shared one. The texts of a ledger that was read share its buffer, so reading copies none of them.
#[derive(Clone)]
pub(super) struct Text {
    source: Arc<str>,
    start: u32,
    end: u32,
}

impl Text {
    /// The part of `source` at `range`, which is within it and between characters; `None` if it ends beyond 4 GiB.
    pub(super) fn part(source: &Arc<str>, range: Range<usize>) -> Option<Self> {
        debug_assert!(source.get(range.clone()).is_some(), "{range:?}");
        Some(Self {
            source: Arc::clone(source),
            start: u32::try_from(range.start).ok()?,
            end: u32::try_from(range.end).ok()?,
        })
    }

    fn range(&self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    fn as_bytes(&self) -> &[u8] {
        self.source.as_bytes().get(self.range()).unwrap_or_default()
    }

    /// The text alone; `None` beyond 4 GiB.
    fn whole(text: &str) -> Option<Self> {
        Self::part(&Arc::from(text), 0..text.len())
    }
}

/// Every text that a change adds is bounded, far below 4 GiB.
impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::whole(text).unwrap_or_else(|| Self {
            source: Arc::default(),
            start: 0,
            end: 0,
        })
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.source.get(self.range()).unwrap_or_default()
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        *self == **other
    }
}

/// Most ids differ in the first bytes, which takes no call.
impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        let (own, other) = (self.as_bytes(), other.as_bytes());
        own.first_chunk::<8>() == other.first_chunk() && own == other
    }
}

impl Eq for Text {}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let text = String::deserialize(reader)?;
        Self::whole(&text).ok_or_else(|| D::Error::custom("the text is too long"))
    }
}

#[cfg(any(test, feature = "serde"))]
impl serde::Serialize for Text {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_the_text_at_its_range() {
        let source: Arc<str> = "aébc".into();
        let part = |range| Text::part(&source, range).map(|it| it.to_string());
        assert_eq!(part(1..4).as_deref(), Some("éb"));
        assert_eq!(part(4..4).as_deref(), Some(""));
        assert_eq!(Text::part(&source, 3..4), Some(Text::from("b")));
    }
}
