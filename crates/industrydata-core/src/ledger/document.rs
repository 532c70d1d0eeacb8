//! Entries and the quota as serde writes them: the feature `serde`.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ledger::{
    entry::{Entry, EntryState, Hold, Kept},
    key::KeptCaller,
    quarantine::Quarantine,
    quota::Quota,
    rest::Rest,
    schedule::Schedule,
    serial,
    text::Text,
};
use crate::policy::Throttle;

/// An entry with RFC 3339 times. A ledger stores another form of it.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Kept")]
struct EntryDocument {
    #[serde(deserialize_with = "serial::id")]
    id: Text,
    state: EntryState,
    #[serde(with = "serial::milliseconds")]
    at: i64,
    #[serde(
        default,
        with = "serial::optional_milliseconds",
        skip_serializing_if = "Option::is_none"
    )]
    made: Option<i64>,
    #[serde(with = "serial::milliseconds")]
    until: i64,
    #[serde(
        default,
        with = "serial::optional_milliseconds",
        skip_serializing_if = "Option::is_none"
    )]
    date: Option<i64>,
    #[serde(
        default,
        rename = "seen",
        with = "serial::optional_milliseconds",
        skip_serializing_if = "Option::is_none"
    )]
    ahead_since: Option<i64>,
    #[serde(default, rename = "ahead_ms", skip_serializing_if = "Option::is_none")]
    clock_ahead: Option<i64>,
    #[serde(
        default,
        rename = "seen_ahead_ms",
        skip_serializing_if = "Option::is_none"
    )]
    seen_ahead: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    operation: Option<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    other_id: Option<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    why: Option<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    evidence: Option<Text>,
    #[serde(default, rename = "who", skip_serializing_if = "KeptCaller::is_empty")]
    caller: KeptCaller,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hold: Option<Hold>,
    #[serde(flatten)]
    rest: Rest,
}

impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        EntryDocument::serialize(self.kept(), serializer)
    }
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        EntryDocument::deserialize(reader).map(Self::from)
    }
}

/// The quota, with what follows from it. That is written for readers, and not read.
#[derive(Serialize, Deserialize)]
struct QuotaDocument {
    throttle: Throttle,
    as_of: Timestamp,
    #[serde(skip_deserializing)]
    used: u32,
    #[serde(skip_deserializing)]
    in_doubt: u32,
    #[serde(skip_deserializing)]
    available: u32,
    #[serde(skip_deserializing)]
    next_slot_at: Option<Timestamp>,
    slot_frees_at: Option<Timestamp>,
    not_before: Option<Timestamp>,
    quarantine: Option<Quarantine>,
    schedule: Option<Schedule>,
    #[serde(default)]
    clock_ahead_ms: i64,
    #[serde(with = "crate::serial::shared")]
    entries: Arc<Vec<Entry>>,
}

impl Serialize for Quota {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let document = QuotaDocument {
            throttle: self.throttle,
            as_of: self.as_of,
            used: self.used(),
            in_doubt: self.in_doubt(),
            available: self.available(),
            next_slot_at: self.next_slot_at(),
            slot_frees_at: self.next_slot,
            not_before: self.not_before,
            quarantine: self.quarantine,
            schedule: self.schedule,
            clock_ahead_ms: self.ahead,
            entries: Arc::clone(&self.entries),
        };
        document.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Quota {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let document = QuotaDocument::deserialize(reader)?;
        Ok(Self {
            throttle: document.throttle,
            as_of: document.as_of,
            entries: document.entries,
            next_slot: document.slot_frees_at,
            not_before: document.not_before,
            quarantine: document.quarantine,
            schedule: document.schedule,
            ahead: document.clock_ahead_ms,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::{option::of, prelude::*};

    use super::*;
    use crate::ledger::{entry::timestamp, json::tests::kept};

    proptest! {
        #[test]
        fn an_entry_is_written_whole(
            mut entry in kept(), id in any::<u128>(), hold in of((any::<i64>(), any::<i64>())),
        ) {
            // A time beyond the range of timestamps has no text.
            let within = |time: i64| timestamp(time).as_millisecond();
            entry.id = format!("{id:032x}").into();
            (entry.at, entry.until) = (within(entry.at), within(entry.until));
            for time in [&mut entry.made, &mut entry.date, &mut entry.ahead_since] {
                *time = time.map(within);
            }
            entry.hold = hold.map(|(ahead, since)| Hold { ahead, since: within(since) });
            let entry = Entry::from(entry);
            let written = serde_json::to_value(&entry).unwrap();
            prop_assert_eq!(&written["at"], &serde_json::json!(timestamp(entry.kept().at)));
            for (name, value) in entry.kept().rest.members() {
                prop_assert_eq!(written.get(name), Some(value));
            }
            let text = written.to_string();
            prop_assert_eq!(serde_json::from_value::<Entry>(written).unwrap(), entry.clone());
            prop_assert_eq!(serde_json::from_str::<Entry>(&text).unwrap(), entry);
        }
    }
}
