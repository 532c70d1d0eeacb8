//! Bodies that are cut, endless, encoded or no operation.

use std::time::Duration;

use crate::{
    answers::{accepted, answer, head, raw, status},
    scenario::{Do, Scenario},
    turn::{Act, Turn},
};

const JSON: &str = "Content-Type: application/json";
const LOCATION: &str = "Location: {base}/external/industryData/operations/a-1";
/// `{"status":"succeeded"}`, compressed.
const GZIP: [u8; 42] = [
    31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 171, 86, 42, 46, 73, 44, 41, 45, 86, 178, 82, 42, 46, 77, 78,
    78, 77, 77, 73, 77, 81, 170, 5, 0, 247, 7, 231, 98, 22, 0, 0, 0,
];

/// A start needs no body; a poll with a bad one is a miss.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    let mut scenarios = starts();
    scenarios.extend(polls());
    scenarios
}

fn starts() -> Vec<Scenario> {
    let start = |name: &str, fields: &[&str], then: Vec<Act>| {
        let mut turn = raw(head(202, fields));
        for act in then {
            turn = turn.then(act);
        }
        Scenario::new(format!("body of a start: {name}"), "T37 S1")
            .turn(turn)
            .turn(status("succeeded"))
            .step(Do::Run, "succeeded")
            .wire("PG")
            .books(1, 0)
            .within(8000)
    };
    vec![
        start(
            "cut",
            &[LOCATION, "Content-Length: 10"],
            vec![Act::Send(b"{".to_vec()), Act::Close],
        ),
        start(
            "reset",
            &[LOCATION, "Content-Length: 10"],
            vec![Act::Send(b"{".to_vec()), Act::Reset],
        ),
        start(
            "never sent",
            &[LOCATION, "Content-Length: 10"],
            vec![Act::Stall],
        )
        .request_limit(600),
        start(
            "dripping",
            &[LOCATION, "Content-Length: 100000"],
            vec![Act::Drip(vec![b' '; 1000], Duration::from_millis(20))],
        )
        .request_limit(600),
        start(
            "endless",
            &[LOCATION, "Transfer-Encoding: chunked"],
            vec![Act::Endless(chunk(), Duration::ZERO)],
        ),
        start(
            "broken chunks",
            &[LOCATION, "Transfer-Encoding: chunked"],
            vec![Act::Send(b"zz\r\n".to_vec()), Act::Close],
        ),
    ]
}

fn polls() -> Vec<Scenario> {
    let poll = |name: &str, covers, turn: Turn| {
        Scenario::new(format!("body of a poll: {name}"), covers)
            .turn(accepted())
            .turn(turn)
            .turn(status("succeeded"))
            .step(Do::Run, "succeeded")
            .statuses("succeeded")
            .wire("PGG")
            .books(1, 0)
            .within(8000)
    };
    let json = |body: &str| answer(200, &[JSON], body);
    let gzip = |encoding: &str| {
        let length = format!("Content-Length: {}", GZIP.len());
        let mut bytes = head(200, &[JSON, encoding, &length]);
        bytes.extend_from_slice(&GZIP);
        raw(bytes)
    };
    vec![
        poll(
            "endless",
            "T22",
            raw(head(200, &[JSON, "Transfer-Encoding: chunked"]))
                .then(Act::Endless(chunk(), Duration::ZERO)),
        ),
        poll(
            "a giant length",
            "T22",
            raw(head(200, &[JSON, "Content-Length: 99999999999"]))
                .then(Act::Endless(vec![b' '; 65536], Duration::ZERO)),
        ),
        poll(
            "dripping",
            "T24",
            raw(head(200, &[JSON, "Content-Length: 100000"]))
                .then(Act::Drip(vec![b' '; 1000], Duration::from_millis(20))),
        )
        .request_limit(600),
        poll(
            "cut",
            "P2",
            raw(head(200, &[JSON, "Content-Length: 99"]))
                .then(Act::Send(b"{\"status\":\"succeeded\"}".to_vec()))
                .then(Act::Close),
        ),
        poll("gzip", "T23", gzip("Content-Encoding: gzip")),
        poll(
            "gzip under another name",
            "T23",
            gzip("Content-Encoding: x-gzip"),
        ),
        poll("encoded twice", "T23", gzip("Content-Encoding: gzip, gzip")),
        poll(
            "an encoding nobody knows",
            "T23",
            answer(
                200,
                &[JSON, "Content-Encoding: aes128gcm"],
                r#"{"status":"succeeded"}"#,
            ),
        ),
        poll(
            "a page",
            "T25",
            answer(200, &["Content-Type: text/html"], "<html>Sign in</html>"),
        ),
        poll(
            "a page that says it is JSON",
            "T25",
            json("<html>Sign in</html>"),
        ),
        poll(
            "JSON that says it is a page",
            "T25",
            answer(
                200,
                &["Content-Type: text/html"],
                r#"{"status":"succeeded"}"#,
            ),
        ),
        poll("none", "B2", answer(204, &[JSON], "")),
        poll("not JSON", "T26", json(r#"{"status":"succeeded"} {"#)),
        poll(
            "the status twice",
            "T26",
            json(r#"{"status":"failed","status":"succeeded"}"#),
        ),
        poll("no status", "T26", json(r#"{"state":"succeeded"}"#)),
        poll("a number for a status", "T26", json(r#"{"status":1}"#)),
        poll(
            "too deep",
            "T26",
            json(&format!(
                r#"{{"x":{},"status":"succeeded"}}"#,
                "[".repeat(100_000)
            )),
        ),
        poll("a list", "T26", json(r#"["succeeded"]"#)),
    ]
}

fn chunk() -> Vec<u8> {
    let mut chunk = b"10000\r\n".to_vec();
    chunk.extend_from_slice(&[b' '; 0x10000]);
    chunk.extend_from_slice(b"\r\n");
    chunk
}
