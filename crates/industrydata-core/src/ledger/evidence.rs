//! The evidence for the state of an entry whose outcome was not written by its caller.

use std::{borrow::Cow, fmt};

use crate::policy::MAX_NOTE_CHARS;
use crate::wire::text::escape_controls;

/// What shows that a start was made, or that it was not.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum Evidence {
    /// The service's list has an operation of this id that no other entry claims.
    Operation(String),
    /// The service's list has a run of this id that no other entry claims.
    Run(String),
    /// Both of the service's lists were read whole, long enough after the start. They had every operation and run that
    /// an entry of the window names, and neither had this start.
    NotListed,
    /// A person resolved the entry by hand, with this note.
    ByHand(String),
    /// Evidence of a newer release, unchanged.
    Other(String),
}

/// Whether two ids are equal. The service spells an id in different letter cases.
pub(crate) const fn same_id(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

impl Evidence {
    /// Whether an entry that keeps `text` has this evidence. The letter case of an id does not matter.
    pub(super) fn is_kept_as(&self, text: &str) -> bool {
        match self {
            Self::Operation(_) | Self::Run(_) => same_id(&self.text(), text),
            Self::NotListed | Self::ByHand(_) | Self::Other(_) => self.text() == text,
        }
    }

    /// The text kept in the ledger.
    pub(crate) fn text(&self) -> String {
        let (kind, text) = match self {
            Self::Operation(id) => ("operation", id.as_str()),
            Self::Run(id) => ("run", id.as_str()),
            Self::NotListed => ("lists", ""),
            Self::ByHand(note) => ("hand", note.as_str()),
            Self::Other(text) => return text.clone(),
        };
        let kept: Cow<'_, str> = if text.chars().nth(MAX_NOTE_CHARS).is_some() {
            text.chars().take(MAX_NOTE_CHARS).collect()
        } else {
            text.into()
        };
        format!("{kind}:{kept}")
    }

    pub(super) fn read(text: &str) -> Self {
        let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
        match kind {
            "operation" => Self::Operation(rest.to_owned()),
            "run" => Self::Run(rest.to_owned()),
            "lists" => Self::NotListed,
            "hand" => Self::ByHand(rest.to_owned()),
            _ => Self::Other(text.to_owned()),
        }
    }

    /// The id of an external start (FNV-1a, 128 bits). It is the same for every spelling of the operation or run, so a
    /// second entry changes nothing.
    pub(super) fn entry_id(&self) -> [u8; 16] {
        const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
        const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
        let hash = |hash: u128, byte: u8| (hash ^ u128::from(byte)).wrapping_mul(PRIME);
        let text = self.text().to_ascii_lowercase();
        text.bytes().fold(BASIS, hash).to_be_bytes()
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operation(id) => write!(f, "the operation {}", escape_controls(id)),
            Self::Run(id) => write!(f, "the run {}", escape_controls(id)),
            Self::NotListed => f.write_str("neither an operation nor a run is listed"),
            Self::ByHand(note) if note.is_empty() => f.write_str("resolved by hand"),
            Self::ByHand(note) => write!(f, "resolved by hand: {}", escape_controls(note)),
            Self::Other(text) => escape_controls(text).fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_is_kept_as_text() {
        for (evidence, text) in [
            (Evidence::Operation("a:b".to_owned()), "operation:a:b"),
            (Evidence::Run("r".to_owned()), "run:r"),
            (Evidence::NotListed, "lists:"),
            (Evidence::ByHand(String::new()), "hand:"),
            (Evidence::Other("portal:x".to_owned()), "portal:x"),
        ] {
            assert_eq!(evidence.text(), text);
            assert_eq!(Evidence::read(text), evidence);
        }
        let long = Evidence::ByHand("é".repeat(1000)).text();
        assert_eq!(long.chars().count(), 305);
        assert_ne!(
            Evidence::Operation("a".to_owned()).entry_id(),
            Evidence::Run("a".to_owned()).entry_id()
        );
    }

    #[test]
    fn evidence_is_shown_in_words() {
        let by_hand = |note: &str| Evidence::ByHand(note.to_owned()).to_string();
        assert_eq!(by_hand(""), "resolved by hand");
        assert_eq!(by_hand("seen\nit"), "resolved by hand: seen\\nit");
    }
}
