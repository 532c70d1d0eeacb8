//! The members of an object that this release does not know.

use crate::wire::redact::Redaction;

/// Members that this release does not know, as received, except that the token is redacted. With the feature `serde` they
/// are kept and written again; without it they are not read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(transparent))]
pub(crate) struct Others {
    #[cfg(feature = "serde")]
    members: Option<Box<serde_json::Map<String, serde_json::Value>>>,
}

#[cfg(not(feature = "serde"))]
impl Others {
    /// The members with their values, if all of these are texts.
    pub(crate) const fn texts(&self) -> Option<Vec<(&str, &str)>> {
        Some(Vec::new())
    }

    /// Members with these values.
    pub(crate) fn of_texts(_: Vec<(&str, &str)>) -> Self {
        Self {}
    }
}

#[cfg(feature = "serde")]
impl Others {
    /// The members with their values, if all of these are texts.
    pub(crate) fn texts(&self) -> Option<Vec<(&str, &str)>> {
        let members = self.members.iter().flat_map(|members| members.iter());
        members
            .map(|(name, value)| Some((name.as_str(), value.as_str()?)))
            .collect()
    }

    /// Members with these values.
    pub(crate) fn of_texts(members: Vec<(&str, &str)>) -> Self {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.into());
        let members = (!members.is_empty()).then(|| members.into_iter().map(owned).collect());
        Self {
            members: members.map(Box::new),
        }
    }
}

impl Others {
    /// The members of the object `json` that are not in `known`.
    #[cfg(not(feature = "serde"))]
    pub(crate) const fn in_json(_: &[u8], _: &[&str], _: Redaction<'_>) -> Self {
        Self {}
    }
}

#[cfg(feature = "serde")]
impl Others {
    /// The members of the object `json` that are not in `known`.
    pub(crate) fn in_json(json: &[u8], known: &[&str], redaction: Redaction<'_>) -> Self {
        let whole = serde_json::from_slice(json).ok();
        whole.map_or_else(Self::default, |whole| Self::of(&whole, known, redaction))
    }

    /// The members of `object` that are not in `known`.
    pub(crate) fn of(object: &serde_json::Value, known: &[&str], redaction: Redaction<'_>) -> Self {
        let members = object.as_object().into_iter().flatten();
        let others = members.filter(|(name, _)| !known.contains(&name.as_str()));
        let others: serde_json::Map<_, _> = others
            .map(|(name, value)| (redaction.text(name), redacted(value, redaction)))
            .collect();
        Self {
            members: (!others.is_empty()).then(|| Box::new(others)),
        }
    }
}

/// The value with the token redacted in every text. No JSON that is read has more than 128 levels.
#[cfg(feature = "serde")]
fn redacted(value: &serde_json::Value, redaction: Redaction<'_>) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::String(text) => Value::String(redaction.text(text)),
        Value::Array(items) => {
            let items = items.iter().map(|item| redacted(item, redaction));
            Value::Array(items.collect())
        }
        Value::Object(members) => {
            let members = members.iter();
            let redacted =
                members.map(|(name, value)| (redaction.text(name), redacted(value, redaction)));
            Value::Object(redacted.collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}
