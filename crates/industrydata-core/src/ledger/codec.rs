//! A ledger as bytes: a version and a checksum over key and value, then JSON.

use jiff::Timestamp;

use crate::{
    ledger::{
        entry::millis, format::VERSION, json, key::LedgerKey, quarantine::read_mark,
        store_error::StoreError, stored::Stored, value::Value,
    },
    policy::MAX_NOT_BEFORE,
    seed::hex_digits,
};

/// The first word of every value.
const MAGIC: &str = "industrydata-books";
/// What every value of the format begins with.
const HEAD: &str = "industrydata-books 1 ";

const UNSEALED: StoreError = StoreError::Damaged("the checksum does not match");

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
    let entries = value.entries.iter().chain(&value.past);
    let length = entries.map(|entry| entry.text().map_or(512, |text| text.len() + 1));
    let mut bytes = Vec::with_capacity(256 + length.sum::<usize>());
    bytes.extend_from_slice(HEAD.as_bytes());
    bytes.extend_from_slice(b"00000000\n");
    let start = bytes.len();
    json::write(&mut bytes, value);
    // The checksum is filled in once the text after it is there.
    let sum = checksum(key, bytes.get(start..).unwrap_or_default());
    if let Some(place) = bytes.get_mut(start - 9..start - 1) {
        place.copy_from_slice(sum.as_flattened());
    }
    bytes
}

pub(super) fn decode(key: &LedgerKey, bytes: &[u8]) -> Result<Value, StoreError> {
    let text = std::str::from_utf8(bytes).map_err(|_| StoreError::Damaged("not UTF-8"))?;
    let sealed = text.strip_prefix(HEAD);
    let sealed = sealed.and_then(|sealed| sealed.split_at_checked(8));
    let Some((sum, json)) = sealed.and_then(|(sum, json)| Some((sum, json.strip_prefix('\n')?)))
    else {
        return Err(other_head(text));
    };
    if checksum(key, json.as_bytes()).as_flattened() != sum.as_bytes() {
        return Err(UNSEALED);
    }
    let value: Value = match json::read(json) {
        Some(value) => value,
        None => serde_json::from_str(json)
            .map_err(|_| StoreError::Damaged("the entries cannot be read"))?,
    };
    // No release writes this, and a change could mean either entry.
    let mut entries = value.entries.as_slice();
    while let Some((entry, others)) = entries.split_first() {
        let id = entry.id();
        if others.iter().any(|it| it.kept().id == *id) {
            return Err(StoreError::Damaged("two entries have one id"));
        }
        entries = others;
    }
    Ok(value)
}

/// Why a text that does not begin as this release writes it is no ledger.
fn other_head(text: &str) -> StoreError {
    let Some((head, _)) = text.split_once('\n') else {
        return StoreError::Damaged("no first line");
    };
    let words = head.strip_prefix(MAGIC).and_then(|it| it.strip_prefix(' '));
    let Some((version, _)) = words.and_then(|words| words.split_once(' ')) else {
        return StoreError::Damaged("not a ledger of industrydata");
    };
    match version.parse() {
        Ok(found) if found > VERSION => StoreError::Newer {
            found,
            known: VERSION,
        },
        // The number and the checksum have one spelling each, the one that is written.
        Ok(_) => UNSEALED,
        Err(_) => StoreError::Damaged("no format number"),
    }
}

/// The digits of the checksum, CRC-32 (ISO-HDLC, the one of zip and PNG): it detects every burst error of up to 32 bits.
fn checksum(key: &LedgerKey, json: &[u8]) -> [[u8; 2]; 4] {
    let mut sum = crc32fast::Hasher::new_with_initial(key.checksum());
    sum.update(json);
    hex_digits(sum.finalize().to_be_bytes())
}
