//! A ledger as bytes: a version and a checksum over key and value, then JSON.

use jiff::Timestamp;

use crate::{
    ledger::{
        entry::{Entry, millis},
        json,
        key::LedgerKey,
        quarantine::read_mark,
        store_error::StoreError,
        stored::Stored,
        value::Value,
    },
    policy::MAX_NOT_BEFORE,
    wire::text::hex,
};

/// The first word of every value.
const MAGIC: &str = "industrydata-books";
/// The format that this release writes. It reads this format and all earlier ones.
const VERSION: u32 = 1;
const VERSION_TEXT: &str = "1";

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
    let mut bytes = Vec::with_capacity(256 + 512 * value.entries.len());
    for part in [MAGIC, " ", VERSION_TEXT, " ", "00000000", "\n"] {
        bytes.extend_from_slice(part.as_bytes());
    }
    let start = bytes.len();
    json::write(&mut bytes, value);
    // The checksum is filled in once the text after it is there.
    let sum = checksum(key, VERSION, bytes.get(start..).unwrap_or_default());
    if let Some(place) = bytes.get_mut(start - 9..start - 1) {
        place.copy_from_slice(hex(sum.to_be_bytes()).as_bytes());
    }
    bytes
}

pub(super) fn decode(key: &LedgerKey, bytes: &[u8]) -> Result<Value, StoreError> {
    let text = std::str::from_utf8(bytes).map_err(|_| StoreError::Damaged("not UTF-8"))?;
    let (head, json) = text
        .split_once('\n')
        .ok_or(StoreError::Damaged("no first line"))?;
    let words = head.strip_prefix(MAGIC).and_then(|it| it.strip_prefix(' '));
    let Some((version, sum)) = words.and_then(|words| words.split_once(' ')) else {
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
    // Both numbers are spelt as they are written.
    let is_canonical = !version.starts_with(['+', '0']);
    if !is_canonical || hex(checksum(key, found, json.as_bytes()).to_be_bytes()) != sum {
        return Err(StoreError::Damaged("the checksum does not match"));
    }
    let value = json::read(json).map_or_else(|| serde_json::from_str(json), Ok);
    let value: Value = value.map_err(|_| StoreError::Damaged("the entries cannot be read"))?;
    // No release writes this, and a change could mean either entry.
    let mut entries = value.entries.iter().enumerate();
    let is_repeated = |(at, entry): (usize, &Entry)| {
        let mut others = value.entries.iter().take(at);
        others.any(|other| other.id == entry.id)
    };
    if entries.any(is_repeated) {
        return Err(StoreError::Damaged("two entries have one id"));
    }
    Ok(value)
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
