//! A second implementation of the format of a stored ledger.

use industrydata_core::Timestamp;
use industrydata_core::ledger::LedgerKey;
use industrydata_core::wire::BaseUrl;
use serde_json::{Map, Value};

pub(crate) fn key() -> LedgerKey {
    LedgerKey::new(&BaseUrl::graph(), &"contoso".parse().expect("a tenant"))
}

pub(crate) fn clock() -> Timestamp {
    Timestamp::from_second(1_773_144_000).expect("a time")
}

/// Prepends the first line of the format, with the checksum.
pub(super) fn seal(key: &LedgerKey, json: &[u8]) -> Vec<u8> {
    let parts = [
        &1_u32.to_be_bytes(),
        key.base().as_bytes(),
        b"\0",
        key.tenant().as_bytes(),
        b"\0",
        json,
    ];
    [
        format!("industrydata-books 1 {:08x}\n", crc32(&parts)).as_bytes(),
        json,
    ]
    .concat()
}

pub(super) fn is_sealed(bytes: &[u8]) -> bool {
    bytes == seal(&key(), json_of(bytes))
}

pub(super) fn json_of(bytes: &[u8]) -> &[u8] {
    let line = bytes.iter().position(|b| *b == b'\n');
    line.map_or(&[], |at| &bytes[at + 1..])
}

/// The top-level members that this release does not write.
pub(super) fn foreign(json: &[u8]) -> Map<String, Value> {
    let mut members: Map<String, Value> = serde_json::from_slice(json).unwrap_or_default();
    for known in ["entries", "not_before", "clock", "past"] {
        members.remove(known);
    }
    members
}

/// CRC-32 (ISO-HDLC), computed bit by bit.
pub(crate) fn crc32(parts: &[&[u8]]) -> u32 {
    !parts
        .iter()
        .flat_map(|part| part.iter())
        .fold(!0, |crc: u32, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
                (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 }
            })
        })
}
