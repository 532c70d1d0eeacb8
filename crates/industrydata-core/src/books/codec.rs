//! The books as bytes: a version and a checksum over key and value, then JSON.

use std::{collections::BTreeSet, io::Write};

use super::{key::BooksKey, value::Value};
use crate::store::StoreFault;

/// The first word of every value.
const MAGIC: &str = "industrydata-books";
/// The format this release writes; it reads this one and all before it.
const VERSION: u32 = 1;

pub(super) fn encode(key: &BooksKey, value: &Value) -> Vec<u8> {
    // Strings, integers and maps with string keys: serialising them cannot fail.
    let json = serde_json::to_vec(value).unwrap_or_default();
    let sum = checksum(key, VERSION, &json);
    let mut bytes = Vec::with_capacity(MAGIC.len() + 16 + json.len());
    // Writing to a vector cannot fail either.
    drop(writeln!(bytes, "{MAGIC} {VERSION} {sum:08x}"));
    bytes.extend_from_slice(&json);
    bytes
}

pub(super) fn decode(key: &BooksKey, bytes: &[u8]) -> Result<Value, StoreFault> {
    let text = std::str::from_utf8(bytes).map_err(|_| StoreFault::Damaged("not UTF-8"))?;
    let (head, json) = text
        .split_once('\n')
        .ok_or(StoreFault::Damaged("no first line"))?;
    let mut words = head.split(' ');
    let (Some(MAGIC), Some(version), Some(sum), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(StoreFault::Damaged("not books of industrydata"));
    };
    let found: u32 = version
        .parse()
        .map_err(|_| StoreFault::Damaged("no format number"))?;
    if found > VERSION {
        return Err(StoreFault::Newer {
            found,
            known: VERSION,
        });
    }
    if found.to_string() != version
        || format!("{:08x}", checksum(key, found, json.as_bytes())) != sum
    {
        return Err(StoreFault::Damaged("the checksum does not match"));
    }
    let value: Value = serde_json::from_str(json)
        .map_err(|_| StoreFault::Damaged("the entries cannot be read"))?;
    // Nothing writes this, and which of the two a change means cannot be known.
    let mut ids = BTreeSet::new();
    if value.entries.iter().all(|entry| ids.insert(&entry.id)) {
        Ok(value)
    } else {
        Err(StoreFault::Damaged("two entries have one id"))
    }
}

fn checksum(key: &BooksKey, version: u32, json: &[u8]) -> u32 {
    let version = version.to_be_bytes();
    let (base, tenant) = (key.base().as_bytes(), key.tenant().as_bytes());
    let parts = [version.as_slice(), base, b"\0", tenant, b"\0", json];
    !parts
        .iter()
        .fold(!0, |crc, part| part.iter().fold(crc, crc32))
}

/// One byte of CRC-32 (ISO-HDLC, the one of zip and PNG): every burst of up to 32 bits is told.
fn crc32(crc: u32, byte: &u8) -> u32 {
    let [low, ..] = crc.to_le_bytes();
    let step = TABLE
        .get(usize::from(low ^ byte))
        .copied()
        .unwrap_or_default();
    (crc >> 8) ^ step
}

/// The checksum of other short texts of ours.
pub(crate) fn crc32_of(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, crc32)
}

const TABLE: [u32; 256] = table();

#[expect(
    clippy::indexing_slicing,
    reason = "a constant: an index out of range is a compile error"
)]
const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut crc = index as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_common_one() {
        assert_eq!(crc32_of(b"123456789"), 0xcbf4_3926);
    }
}
