//! Times of entries as serde writes them: the feature `serde`.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::ledger::{entry::timestamp, text::Text};

/// Unix milliseconds as an RFC 3339 time.
pub(crate) mod milliseconds {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(time: &i64, serializer: S) -> Result<S::Ok, S::Error> {
        timestamp(*time).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(reader: D) -> Result<i64, D::Error> {
        Ok(Timestamp::deserialize(reader)?.as_millisecond())
    }
}

/// As [`milliseconds`], or `null`.
pub(crate) mod optional_milliseconds {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(
        time: &Option<i64>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        time.map(timestamp).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        reader: D,
    ) -> Result<Option<i64>, D::Error> {
        let time = Option::<Timestamp>::deserialize(reader)?;
        Ok(time.map(Timestamp::as_millisecond))
    }
}

/// The id of an entry.
pub(super) fn id<'de, D: Deserializer<'de>>(reader: D) -> Result<Text, D::Error> {
    let id = Text::deserialize(reader)?;
    if id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(id);
    }
    Err(D::Error::custom(
        "the id of an entry has 32 hexadecimal digits",
    ))
}
