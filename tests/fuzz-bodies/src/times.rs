//! Times in bodies (rule B12): the form that Graph writes has a short reader, which reads what the general one reads.

use industrydata_core::model::Operation;
use jiff::Timestamp;
use serde_json::json;

use crate::Target;

pub(crate) const TARGET: Target = Target {
    name: "times",
    about: "a time as Graph writes it is read as the same time in another spelling, and as a library reads it",
    body,
    seeds,
    words: &[
        "2026-03-10T12:00:00Z",
        "2000-02-29T23:59:59.9999999Z",
        "T24:00:00",
        ":60Z",
        ".123456789",
        ".1234567890",
        "+00:00",
        "-23:59",
        "0001-01-01T00:00:00",
        "-02-29",
        "-12-31",
        "-13-",
        "20",
        "99",
    ],
};

fn body(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let time = read(&text);
    // The short reader takes capital letters alone, and RFC 3339 either case.
    let small = text.replace('T', "t").replace('Z', "z");
    assert_eq!(time, read(&small), "two readers differ on {text:?}");
    // What both readers have in common is compared with a library: digits up to a nanosecond, and no leap second.
    let whole = text.len() >= 20 && !text.contains(":60");
    let fraction = text.split_once('.').map_or(0, |(_, rest)| rest.len());
    if let Some(time) = time
        && whole
        && fraction <= 10
    {
        assert_eq!(
            Ok(time),
            text.parse::<Timestamp>().map_err(drop),
            "{text:?}"
        );
    }
}

fn read(text: &str) -> Option<Timestamp> {
    let json = json!({"status": "running", "createdDateTime": text}).to_string();
    let operation = Operation::decode(None, json.as_bytes());
    operation.expect("an operation with a status").created()
}

fn seeds() -> Vec<Vec<u8>> {
    let texts = [
        "2026-03-10T12:00:00Z",
        "2024-09-11T05:54:35.400029Z",
        "2000-02-28T23:59:59.999999999Z",
        "2024-02-29T00:00:00Z",
        "2023-02-29T00:00:00Z",
        "2099-12-28T23:59:59.1Z",
        "2100-01-01T00:00:00Z",
        "2026-03-10T12:00:00+02:00",
        "2016-12-31T23:59:60Z",
        "0001-01-01T00:00:00Z",
        "2026-03-10t12:00:00z",
        "",
    ];
    texts.map(|text| text.as_bytes().to_vec()).to_vec()
}
