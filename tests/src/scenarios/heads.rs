//! Responses with unusual heads.

use crate::{
    answers::{accepted, answer, head, raw, status},
    scenario::{Do, Scenario},
    turn::{Act, Turn},
};

const LOCATION: &str = "Location: {base}/external/industryData/operations/a-1";

/// Huge, contradictory and invalid heads.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    let giant = format!("X-Giant: {}", "x".repeat(2 << 20));
    let many: Vec<String> = (0..2000).map(|n| format!("X-{n}: y")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let start = |name: &str, turn: Turn, end: &str, confirmed, in_doubt| {
        Scenario::new(format!("response to a start with {name}"), "T22 T74")
            .turn(turn)
            .step(Do::Start, end)
            .wire("P")
            .ledger(confirmed, in_doubt)
    };
    let poll = |name: &str, turn: Turn| {
        Scenario::new(format!("response to a poll with {name}"), "T22")
            .turn(accepted())
            .turn(turn)
            .turn(status("succeeded"))
            .step(Do::Run, "succeeded")
            .wire("PGG")
            .ledger(1, 0)
    };
    vec![
        start(
            "a field of 2 MiB",
            raw(head(202, &[LOCATION, &giant])),
            "start AnswerLost",
            0,
            1,
        ),
        start(
            "2000 fields",
            raw(head(202, &many)),
            "start AnswerLost",
            0,
            1,
        ),
        start("endless fields", endless(), "start AnswerLost", 0, 1),
        start("120 fields", fields(120, 1), "accepted", 1, 0),
        start("128 fields", fields(128, 1), "accepted", 1, 0),
        start("129 fields", fields(129, 1), "start AnswerLost", 0, 1),
        start("64 KiB in 100 fields", fields(100, 640), "accepted", 1, 0),
        start("a field of 70 kB", fields(3, 70_000), "accepted", 1, 0),
        start("a field of 300 kB", fields(3, 300_000), "accepted", 1, 0),
        start(
            "a folded line",
            raw(head(
                202,
                &[LOCATION, "X-Long: a\r\n  b\r\n\tc", "Content-Length: 0"],
            )),
            "accepted",
            1,
            0,
        ),
        start(
            "a folded Location",
            raw(head(
                202,
                &[
                    "Location:\r\n {base}/external/industryData/operations/a-1",
                    "Content-Length: 0",
                ],
            )),
            "accepted",
            1,
            0,
        ),
        start(
            "a Location folded within",
            raw(head(
                202,
                &[
                    "Location: {base}/external/\r\n industryData/operations/a-1",
                    "Content-Length: 0",
                ],
            )),
            "start NotFollowable Unparsable",
            1,
            0,
        ),
        start(
            "a blank before a colon",
            raw(head(
                202,
                &[
                    "Location : {base}/external/industryData/operations/a-1",
                    "X-Other\t: b",
                    "Content-Length: 0",
                ],
            )),
            "accepted",
            1,
            0,
        ),
        start(
            "a line without a colon",
            raw(head(202, &[LOCATION, "no colon here", "Content-Length: 0"])),
            "start AnswerLost",
            0,
            1,
        ),
        start(
            "an early hint before it",
            raw([
                head(103, &["Link: </a>"]),
                head(202, &[LOCATION, "Content-Length: 0"]),
            ]
            .concat()),
            "accepted",
            1,
            0,
        ),
        start(
            "a status that is not a number",
            raw("HTTP/1.1 abc\r\n\r\n"),
            "start AnswerLost",
            0,
            1,
        ),
        start(
            "an empty reason phrase",
            raw(format!(
                "HTTP/1.1 202\r\n{LOCATION}\r\nContent-Length: 0\r\n\r\n"
            )),
            "accepted",
            1,
            0,
        ),
        start(
            "a control character in a field",
            raw("HTTP/1.1 202 A\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n"),
            "start AnswerLost",
            0,
            1,
        ),
        start(
            "a Content-Length larger than memory",
            raw(head(
                202,
                &[LOCATION, "Content-Length: 9223372036854775807"],
            ))
            .then(Act::Close),
            "accepted",
            1,
            0,
        ),
        start(
            "a protocol switch",
            raw(head(101, &["Connection: Upgrade", "Upgrade: h2c"])).then(Act::Close),
            "start AnswerLost|start AmbiguousAnswer",
            0,
            1,
        ),
        poll("a field of 2 MiB", raw(head(200, &[&giant]))),
        poll("endless fields", endless()),
        poll("an unassigned status code", answer(599, &[], "")),
    ]
}

/// A 202 with this number of fields, all but two of this many bytes.
fn fields(count: usize, bytes: usize) -> Turn {
    let mut all = vec![LOCATION.to_owned(), "Content-Length: 0".to_owned()];
    all.extend((2..count).map(|n| format!("X-{n}: {}", "y".repeat(bytes))));
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    raw(head(202, &all))
}

fn endless() -> Turn {
    Turn::new([
        Act::Send(b"HTTP/1.1 202 Accepted\r\n".to_vec()),
        Act::Endless(b"X-More: of this\r\n".repeat(64), std::time::Duration::ZERO),
    ])
}
