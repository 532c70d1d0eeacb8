//! Heads that are whole, and strange.

use crate::{
    answers::{accepted, answer, head, raw, status},
    scenario::{Do, Scenario},
    turn::{Act, Turn},
};

const LOCATION: &str = "Location: {base}/external/industryData/operations/a-1";

/// Giant, contradictory and broken heads.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    let giant = format!("X-Giant: {}", "x".repeat(2 << 20));
    let many: Vec<String> = (0..2000).map(|n| format!("X-{n}: y")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let start = |name: &str, turn: Turn, end: &str, confirmed, in_doubt| {
        Scenario::new(format!("head of a start: {name}"), "T22")
            .turn(turn)
            .step(Do::Start, end)
            .wire("P")
            .books(confirmed, in_doubt)
    };
    let poll = |name: &str, turn: Turn| {
        Scenario::new(format!("head of a poll: {name}"), "T22")
            .turn(accepted())
            .turn(turn)
            .turn(status("succeeded"))
            .step(Do::Run, "succeeded")
            .wire("PGG")
            .books(1, 0)
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
        start("fields without end", endless(), "start AnswerLost", 0, 1),
        start(
            "no number for a status",
            raw("HTTP/1.1 abc\r\n\r\n"),
            "start AnswerLost",
            0,
            1,
        ),
        start(
            "an empty reason",
            raw(format!(
                "HTTP/1.1 202\r\n{LOCATION}\r\nContent-Length: 0\r\n\r\n"
            )),
            "accepted",
            1,
            0,
        ),
        start(
            "a field with a control character",
            raw("HTTP/1.1 202 A\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n"),
            "start AnswerLost",
            0,
            1,
        ),
        start(
            "an announced body larger than memory",
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
            "a switch of protocols",
            raw(head(101, &["Connection: Upgrade", "Upgrade: h2c"])).then(Act::Close),
            "start AnswerLost|start AmbiguousAnswer",
            0,
            1,
        ),
        poll("a field of 2 MiB", raw(head(200, &[&giant]))),
        poll("fields without end", endless()),
        poll("a status that nobody knows", answer(599, &[], "")),
    ]
}

fn endless() -> Turn {
    Turn::new([
        Act::Send(b"HTTP/1.1 202 Accepted\r\n".to_vec()),
        Act::Endless(b"X-More: of this\r\n".repeat(64), std::time::Duration::ZERO),
    ])
}
