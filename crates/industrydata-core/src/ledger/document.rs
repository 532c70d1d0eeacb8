//! Entries and the quota as serde writes them: the feature `serde`.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::ledger::{
    entry::{Entry, EntryState, Hold},
    key::Caller,
    quarantine::Quarantine,
    quota::Quota,
    schedule::Schedule,
    serial,
};
use crate::policy::Throttle;

/// An entry with RFC 3339 times. A ledger stores another form of it.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Entry")]
struct EntryDocument {
    #[serde(deserialize_with = "serial::id")]
    id: String,
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
    operation: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    other_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    evidence: Option<String>,
    #[serde(default, rename = "who", skip_serializing_if = "Caller::is_empty")]
    caller: Caller,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hold: Option<Hold>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        EntryDocument::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        EntryDocument::deserialize(reader)
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
