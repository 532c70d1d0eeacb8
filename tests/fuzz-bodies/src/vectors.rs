//! Reads the vectors of `tests/vectors`, from which seeds are made.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Value};

const FILES: [(&str, &str); 4] = [
    ("location", include_str!("../../vectors/location.jsonl")),
    (
        "retry_after",
        include_str!("../../vectors/retry_after.jsonl"),
    ),
    (
        "operation_body",
        include_str!("../../vectors/operation_body.jsonl"),
    ),
    ("error_body", include_str!("../../vectors/error_body.jsonl")),
];
/// Larger seeds only slow the fuzzer down.
const MAX_SEED: usize = 4096;

/// The vectors of one file.
pub(crate) fn of(name: &str) -> Vec<Map<String, Value>> {
    let (_, text) = FILES
        .iter()
        .find(|(known, _)| *known == name)
        .expect("a file of vectors");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("a vector"))
        .collect()
}

/// The text of a member; empty if it is missing.
pub(crate) fn text<'v>(vector: &'v Map<String, Value>, name: &str) -> &'v str {
    vector.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The elements of a member that is a list.
pub(crate) fn list<'v>(vector: &'v Map<String, Value>, name: &str) -> &'v [Value] {
    vector
        .get(name)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// The bytes of a value: a text, or an object with base64.
pub(crate) fn bytes(value: &Value) -> Vec<u8> {
    match value.get("raw_b64").and_then(Value::as_str) {
        Some(text) => BASE64_STANDARD.decode(text).unwrap_or_default(),
        None => value.as_str().unwrap_or_default().as_bytes().to_vec(),
    }
}

/// The body of a vector.
pub(crate) fn body(vector: &Map<String, Value>) -> Vec<u8> {
    if let Some(text) = vector.get("body_b64").and_then(Value::as_str) {
        return BASE64_STANDARD.decode(text).unwrap_or_default();
    }
    let mut body = text(vector, "body").as_bytes().to_vec();
    for part in list(vector, "body_parts") {
        let (text, count) = (
            part[0].as_str().unwrap_or_default(),
            part[1].as_u64().unwrap_or_default(),
        );
        // 300 repeats are enough: they already exceed the nesting limit.
        for _ in 0..count.min(300) {
            body.extend_from_slice(text.as_bytes());
        }
    }
    body
}

/// The seeds that are small enough, without duplicates.
pub(crate) fn kept(seeds: impl IntoIterator<Item = Vec<u8>>) -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = seeds
        .into_iter()
        .filter(|seed| seed.len() <= MAX_SEED)
        .collect();
    seeds.sort();
    seeds.dedup();
    seeds
}
