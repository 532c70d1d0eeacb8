//! The vectors of Locations and of responses to a start, played over sockets by both flavours.
//!
//! The base of a vector is `https://graph.microsoft.com/beta` or `http://127.0.0.1:8080/beta`. Here it is replaced by
//! the base of a loopback listener wherever the vector has its whole origin. Vectors that depend on the text of the host
//! or on https are left out, and so are values that cannot be sent in a header field.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test panics on failure"
)]

use std::{fs, sync::Mutex, thread};

use base64::{Engine, prelude::BASE64_STANDARD};
use conformance::{Act, Do, Flavour, Scenario, check, head, raw, status};
use serde_json::Value;

/// The origins that a vector's base may have, with their authorities.
const ORIGINS: [(&str, &str); 2] = [
    ("https://graph.microsoft.com", "graph.microsoft.com"),
    ("http://127.0.0.1:8080", "127.0.0.1:8080"),
];
/// The length that `{origin}` will have: every port that the system assigns has five digits.
const ORIGIN_LENGTH: usize = "http://127.0.0.1:12345".len();

#[test]
fn locations_blocking() {
    locations(Flavour::Blocking);
}

#[test]
fn locations_async() {
    locations(Flavour::Async);
}

#[test]
fn starts_blocking() {
    starts(Flavour::Blocking);
}

#[test]
fn starts_async() {
    starts(Flavour::Async);
}

fn locations(flavour: Flavour) {
    let vectors = read("location.jsonl");
    let scenarios: Vec<_> = vectors
        .iter()
        .filter_map(location)
        .map(|one| vec![one])
        .collect();
    println!(
        "{flavour:?}: {} of {} Location vectors played over a socket",
        scenarios.len(),
        vectors.len()
    );
    assert!(
        scenarios.len() >= 75,
        "only {} could be mapped",
        scenarios.len()
    );
    play(&scenarios, flavour);
}

fn starts(flavour: Flavour) {
    let vectors = read("start_outcome.jsonl");
    let scenarios: Vec<_> = vectors.iter().filter_map(start).collect();
    println!(
        "{flavour:?}: {} of {} start vectors played over a socket",
        scenarios.len(),
        vectors.len()
    );
    assert!(
        scenarios.len() >= 15,
        "only {} are responses",
        scenarios.len()
    );
    play(&scenarios, flavour);
}

/// Plays each vector. At least one of its allowed readings must hold.
fn play(vectors: &[Vec<Scenario>], flavour: Flavour) {
    let next = Mutex::new(vectors.iter());
    let failures = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let Some(readings) = next.lock().unwrap().next() else {
                        return;
                    };
                    let broken: Vec<_> = readings
                        .iter()
                        .map_while(|one| check(one, flavour).err())
                        .collect();
                    if broken.len() == readings.len() {
                        let name = readings[0].name();
                        failures
                            .lock()
                            .unwrap()
                            .push(format!("{name}:\n{}", broken.join("\n")));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(
        failures.is_empty(),
        "{flavour:?}: {}\n\n{}",
        failures.len(),
        failures.join("\n\n")
    );
}

fn location(vector: &Value) -> Option<Scenario> {
    let base = text(&vector["base"]);
    let (origin, host) = ORIGINS
        .into_iter()
        .find(|(origin, _)| base.trim_end_matches('/') == format!("{origin}/beta"))?;
    if text(&vector["request_url"]) != format!("{origin}/beta/external/industryData/runs/start") {
        return None;
    }
    let mut bytes = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n".to_vec();
    for value in vector["headers"].as_array().unwrap() {
        bytes.extend_from_slice(b"Location: ");
        bytes.extend_from_slice(&mapped(value, origin, host)?);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    let mut ends = vec![end(&vector["expect"])];
    if !vector["alt"].is_null() {
        ends.push(end(&vector["alt"]));
    }
    for name in vector["also_acceptable"].as_array().into_iter().flatten() {
        ends.push(refused(name));
    }
    if vector["headers"]
        .as_array()
        .unwrap()
        .iter()
        .any(|value| value.as_str().is_some_and(is_schemeless))
    {
        // The URL takes the scheme of the base, which is http here.
        ends.push("start NotFollowable Insecure".to_owned());
    }
    let mut scenario = Scenario::new(text(&vector["name"]), "T1 to T15")
        .turn(raw(bytes))
        .turn(status("succeeded"))
        .step(Do::Run, ends.join("|"))
        .ledger(1, 0);
    if ends.len() == 1 {
        scenario = scenario.wire(if ends[0] == "succeeded" { "PG" } else { "P" });
    }
    if let Some(url) = vector["expect"]["ok"]["url"].as_str()
        && url.len() < 8000
    {
        let target = url.strip_prefix(origin).unwrap();
        scenario = scenario.target(target);
    }
    Some(scenario)
}

/// A value with its origin replaced by that of the listener; `None` if it depends on the text of the host.
fn mapped(value: &Value, origin: &str, host: &str) -> Option<Vec<u8>> {
    let Some(value) = value.as_str() else {
        let bytes = BASE64_STANDARD.decode(text(&value["raw_b64"])).unwrap();
        let at = bytes
            .windows(origin.len())
            .position(|part| part == origin.as_bytes())?;
        return Some([&bytes[..at], b"{origin}", &bytes[at + origin.len()..]].concat());
    };
    if value.contains(['\r', '\n', '\0']) {
        return None;
    }
    if value.starts_with(&format!("http://{host}")) && origin.starts_with("https") {
        return None;
    }
    let mut mapped = value
        .replace(&format!("{origin}/"), "{origin}/")
        .replace(&format!("//{host}/"), "//127.0.0.1:{port}/");
    if mapped.to_ascii_lowercase().contains("graph") || mapped.contains(host) {
        return None;
    }
    if value.len() >= 8000 {
        let grown = value.len() + ORIGIN_LENGTH - origin.len();
        mapped.push_str(&"q".repeat(value.len() - grown));
    }
    Some(mapped.into_bytes())
}

fn is_schemeless(value: &str) -> bool {
    value.starts_with("//") && !value.starts_with("//graph.")
}

fn end(outcome: &Value) -> String {
    match outcome.get("err") {
        Some(name) => refused(name),
        None => "succeeded".to_owned(),
    }
}

/// The end for an error that the vectors write in snake case: `not_an_operation` is `NotAnOperation`.
fn refused(name: &Value) -> String {
    let words = text(name).split('_').map(|word| {
        let (first, rest) = word.split_at(1);
        first.to_ascii_uppercase() + rest
    });
    format!("start NotFollowable {}", words.collect::<String>())
}

/// A scenario for each allowed reading of a start vector.
fn start(vector: &Value) -> Option<Vec<Scenario>> {
    let event = &vector["event"];
    if event["kind"] != "response" {
        return None;
    }
    let status = u16::try_from(event["status"].as_u64().unwrap()).unwrap();
    let mut fields: Vec<String> = event["headers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|field| {
            let value = text(&field[1]).replace("https://graph.microsoft.com", "{origin}");
            format!("{}: {value}", text(&field[0]))
        })
        .collect();
    let cut = !event["body_fault"].is_null();
    if !cut {
        fields.push("Content-Length: 0".to_owned());
    }
    let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
    let mut turn = raw(head(status, &fields));
    if cut {
        turn = turn.then(Act::Send(b"{".to_vec())).then(Act::Reset);
    }
    let readings = [&vector["expect"], &vector["alt"]]
        .into_iter()
        .filter(|reading| !reading.is_null());
    let scenarios = readings.map(|reading| {
        let (confirmed, in_doubt) = match text(&reading["ledger"]) {
            "confirmed" => (1, 0),
            "unknown" => (0, 1),
            "released" => (0, 0),
            other => panic!("unknown entry state: {other}"),
        };
        let scenario = Scenario::new(text(&vector["name"]), "S")
            .turn(turn.clone())
            .step(Do::Start, "")
            .wire("P")
            .ledger(confirmed, in_doubt);
        if status == 429 {
            scenario.throttled()
        } else {
            scenario
        }
    });
    Some(scenarios.collect())
}

fn read(name: &str) -> Vec<Value> {
    let path = format!("{}/vectors/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}
