//! Bodies that are cut off, endless, encoded, or not an operation.

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

/// A 202 counts whatever its body; a poll with an unusable body is a transient error.
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
        Scenario::new(format!("202 with a body that is {name}"), "T37 S1")
            .turn(turn)
            .turn(status("succeeded"))
            .step(Do::Run, "succeeded")
            .wire("PG")
            .ledger(1, 0)
            .within(8000)
    };
    vec![
        start(
            "cut off",
            &[LOCATION, "Content-Length: 10"],
            vec![Act::Send(b"{".to_vec()), Act::Close],
        ),
        start(
            "ended by a reset",
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
            "sent one byte at a time",
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
            "not validly chunked",
            &[LOCATION, "Transfer-Encoding: chunked"],
            vec![Act::Send(b"zz\r\n".to_vec()), Act::Close],
        ),
    ]
}

fn polls() -> Vec<Scenario> {
    let poll = |name: &str, covers, turn: Turn| {
        Scenario::new(
            format!("polling continues after a response with {name}"),
            covers,
        )
        .turn(accepted())
        .turn(turn)
        .turn(status("succeeded"))
        .step(Do::Run, "succeeded")
        .statuses("succeeded")
        .wire("PGG")
        .ledger(1, 0)
        .within(8000)
    };
    let json = |body: &str| answer(200, &[JSON], body);
    let chunked = |body: &str| {
        let head = head(200, &[JSON, "Transfer-Encoding: chunked"]);
        raw([&head, body.as_bytes()].concat()).then(Act::Close)
    };
    let gzip = |encoding: &str| {
        let length = format!("Content-Length: {}", GZIP.len());
        let mut bytes = head(200, &[JSON, encoding, &length]);
        bytes.extend_from_slice(&GZIP);
        raw(bytes)
    };
    vec![
        poll(
            "an endless body",
            "T22",
            raw(head(200, &[JSON, "Transfer-Encoding: chunked"]))
                .then(Act::Endless(chunk(), Duration::ZERO)),
        ),
        poll(
            "a Content-Length of 100 GB",
            "T22",
            raw(head(200, &[JSON, "Content-Length: 99999999999"]))
                .then(Act::Endless(vec![b' '; 65536], Duration::ZERO)),
        ),
        poll(
            "a body sent one byte at a time",
            "T24",
            raw(head(200, &[JSON, "Content-Length: 100000"]))
                .then(Act::Drip(vec![b' '; 1000], Duration::from_millis(20))),
        )
        .request_limit(600),
        poll(
            "a body that is cut off",
            "P2",
            raw(head(200, &[JSON, "Content-Length: 99"]))
                .then(Act::Send(b"{\"status\":\"succeeded\"}".to_vec()))
                .then(Act::Close),
        ),
        poll(
            "a chunked body cut before its last chunk",
            "P2",
            chunked("16\r\n{\"status\":\"succeeded\"}\r\n"),
        ),
        poll(
            "a chunked body cut within its last chunk",
            "P2",
            chunked("16\r\n{\"status\":\"succeeded\"}\r\n0\r\n"),
        ),
        poll(
            "a chunked body cut after a trailer",
            "P2",
            chunked("16\r\n{\"status\":\"succeeded\"}\r\n0\r\nX: a\r\n"),
        ),
        poll(
            "a chunk with a length that is not hexadecimal",
            "P2",
            chunked("+16\r\n{\"status\":\"succeeded\"}\r\n0\r\n\r\n"),
        ),
        poll("a gzip body", "T23", gzip("Content-Encoding: gzip")),
        poll(
            "a gzip body labelled x-gzip",
            "T23",
            gzip("Content-Encoding: x-gzip"),
        ),
        poll(
            "a body labelled as encoded twice",
            "T23",
            gzip("Content-Encoding: gzip, gzip"),
        ),
        poll(
            "an unsupported Content-Encoding",
            "T23",
            answer(
                200,
                &[JSON, "Content-Encoding: aes128gcm"],
                r#"{"status":"succeeded"}"#,
            ),
        ),
        poll(
            "an HTML page",
            "T25",
            answer(200, &["Content-Type: text/html"], "<html>Sign in</html>"),
        ),
        poll(
            "an HTML page labelled as JSON",
            "T25",
            json("<html>Sign in</html>"),
        ),
        poll(
            "JSON labelled as HTML",
            "T25",
            answer(
                200,
                &["Content-Type: text/html"],
                r#"{"status":"succeeded"}"#,
            ),
        ),
        poll("no body", "B2", answer(204, &[JSON], "")),
        poll("invalid JSON", "T26", json(r#"{"status":"succeeded"} {"#)),
        poll(
            "two status members",
            "T26",
            json(r#"{"status":"failed","status":"succeeded"}"#),
        ),
        poll("no status member", "T26", json(r#"{"state":"succeeded"}"#)),
        poll("a number as status", "T26", json(r#"{"status":1}"#)),
        poll(
            "JSON nested too deep",
            "T26",
            json(&format!(
                r#"{{"x":{},"status":"succeeded"}}"#,
                "[".repeat(100_000)
            )),
        ),
        poll("a JSON array", "T26", json(r#"["succeeded"]"#)),
    ]
}

fn chunk() -> Vec<u8> {
    let mut chunk = b"10000\r\n".to_vec();
    chunk.extend_from_slice(&[b' '; 0x10000]);
    chunk.extend_from_slice(b"\r\n");
    chunk
}
