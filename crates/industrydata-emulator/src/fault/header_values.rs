//! The JSON spellings of header values: a string, a number, a list of them, or null for none.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, de::Error};
use serde_json::Number;

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a string, a list of strings or null")]
enum Values {
    Absent,
    Text(String),
    Number(Number),
    List(Vec<Self>),
}

impl Values {
    fn into_texts(self) -> Vec<String> {
        match self {
            Self::Absent => Vec::new(),
            Self::Text(text) => vec![text],
            Self::Number(number) => vec![number.to_string()],
            Self::List(list) => list.into_iter().flat_map(Self::into_texts).collect(),
        }
    }
}

/// Reads at most one value.
pub(super) fn at_most_one<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    let mut texts = Values::deserialize(deserializer)?.into_texts();
    let first = texts.pop();
    if texts.is_empty() {
        Ok(first)
    } else {
        Err(D::Error::custom("expected one string or number"))
    }
}

/// Reads the values of a header that is set even when the list is empty: an empty list removes the header.
pub(super) fn list<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<String>>, D::Error> {
    Values::deserialize(deserializer).map(|values| Some(values.into_texts()))
}

/// Reads an object of header names and their values.
pub(super) fn map<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, Vec<String>>, D::Error> {
    let headers = BTreeMap::<String, Values>::deserialize(deserializer)?;
    Ok(headers
        .into_iter()
        .map(|(name, values)| (name, values.into_texts()))
        .collect())
}
