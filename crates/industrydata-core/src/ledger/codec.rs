//! A ledger as bytes: a version and a checksum over key and value, then JSON.

use std::{collections::BTreeSet, io::Write};

use jiff::Timestamp;

use crate::{
    ledger::{
        entry::millis, key::LedgerKey, quarantine::read_mark, store_error::StoreError,
        stored::Stored, value::Value,
    },
    policy::MAX_NOT_BEFORE,
};

/// The first word of every value.
const MAGIC: &str = "industrydata-books";
/// The format that this release writes. It reads this format and all earlier ones.
const VERSION: u32 = 1;

/// Reads the stored bytes, and marks entries that lie ahead of the clock.
pub(super) fn open(
    key: &LedgerKey,
    stored: Stored<'_>,
    clock: Timestamp,
) -> Result<Value, StoreError> {
    let mut value = match stored.value {
        Some(bytes) => decode(key, bytes)?,
        None => Value::default(),
    };
    value.reset = stored.reset.map(read_mark).transpose()?;
    value.mark_ahead(clock);
    if let Some(difference) = &mut value.clock {
        value.marked |= difference.limit(clock);
    }
    value.hold();
    let latest = clock
        .as_millisecond()
        .saturating_add(millis(MAX_NOT_BEFORE));
    if let Some(until) = &mut value.not_before
        && *until > latest
    {
        // A clock far ahead of this one set the time. The limit is stored, because otherwise it would move with each
        // read.
        *until = latest;
        value.marked = true;
    }
    value.not_before = value.not_before.filter(|at| *at > clock.as_millisecond());
    Ok(value)
}

pub(super) fn encode(key: &LedgerKey, value: &Value) -> Vec<u8> {
    // Strings, integers and maps with string keys: serialising them cannot fail.
    let json = serde_json::to_vec(value).unwrap_or_default();
    let sum = checksum(key, VERSION, &json);
    let mut bytes = Vec::with_capacity(MAGIC.len() + 16 + json.len());
    // Writing to a vector cannot fail either.
    drop(writeln!(bytes, "{MAGIC} {VERSION} {sum:08x}"));
    bytes.extend_from_slice(&json);
    bytes
}

pub(super) fn decode(key: &LedgerKey, bytes: &[u8]) -> Result<Value, StoreError> {
    let text = std::str::from_utf8(bytes).map_err(|_| StoreError::Damaged("not UTF-8"))?;
    let (head, json) = text
        .split_once('\n')
        .ok_or(StoreError::Damaged("no first line"))?;
    let mut words = head.split(' ');
    let (Some(MAGIC), Some(version), Some(sum), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(StoreError::Damaged("not a ledger of industrydata"));
    };
    let found: u32 = version
        .parse()
        .map_err(|_| StoreError::Damaged("no format number"))?;
    if found > VERSION {
        return Err(StoreError::Newer {
            found,
            known: VERSION,
        });
    }
    if found.to_string() != version
        || format!("{:08x}", checksum(key, found, json.as_bytes())) != sum
    {
        return Err(StoreError::Damaged("the checksum does not match"));
    }
    let value: Value = serde_json::from_str(json)
        .map_err(|_| StoreError::Damaged("the entries cannot be read"))?;
    // No release writes this, and a change could mean either entry.
    let mut ids = BTreeSet::new();
    if value.entries.iter().all(|entry| ids.insert(&entry.id)) {
        Ok(value)
    } else {
        Err(StoreError::Damaged("two entries have one id"))
    }
}

/// CRC-32 (ISO-HDLC, the one of zip and PNG): it detects every burst error of up to 32 bits.
fn checksum(key: &LedgerKey, version: u32, json: &[u8]) -> u32 {
    let version = version.to_be_bytes();
    let (base, tenant) = (key.base().as_bytes(), key.tenant().as_bytes());
    let mut sum = crc32fast::Hasher::new();
    for part in [version.as_slice(), base, b"\0", tenant, b"\0", json] {
        sum.update(part);
    }
    sum.finalize()
}
