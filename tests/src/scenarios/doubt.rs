//! Starts whose response is lost: the client sends one POST, and the start is in doubt.

use std::time::Duration;

use crate::{
    answers::head,
    scenario::{Do, Scenario},
    turn::{Act, Turn},
};

const LOCATION: &str = "Location: {base}/external/industryData/operations/a-1";

/// Responses lost before the head or within it.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    let mut scenarios = vec![
        lost("closed once the request was read", vec![Act::Close]),
        lost("reset once the request was read", vec![Act::Reset]),
        lost(
            "closed within the status line",
            vec![Act::Send(b"HTTP/1.1 20".to_vec()), Act::Close],
        ),
        lost(
            "reset within the status line",
            vec![Act::Send(b"HTTP/1.1 202".to_vec()), Act::Reset],
        ),
        lost(
            "closed within the head",
            vec![
                Act::Send(b"HTTP/1.1 202 Accepted\r\nLocation: {base}/ext".to_vec()),
                Act::Close,
            ],
        ),
        lost(
            "closed one byte before the end of the head",
            vec![
                Act::Send(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r".to_vec()),
                Act::Close,
            ],
        ),
        lost("no response within the request limit", vec![Act::Stall]).request_limit(600),
        lost(
            "half a head, then silence until the request limit",
            vec![
                Act::Send(b"HTTP/1.1 202 Accepted\r\nContent-".to_vec()),
                Act::Stall,
            ],
        )
        .request_limit(600),
        lost(
            "a head sent too slowly for the request limit",
            vec![Act::Drip(head(202, &[LOCATION]), Duration::from_millis(40))],
        )
        .request_limit(600),
        lost(
            "endless interim responses",
            vec![Act::Endless(
                b"HTTP/1.1 102 Processing\r\n\r\n".to_vec(),
                Duration::from_millis(5),
            )],
        )
        .request_limit(600),
        lost(
            "another protocol than HTTP",
            vec![
                Act::Send(b"SSH-2.0-OpenSSH_9.6\r\n\r\n".to_vec()),
                Act::Close,
            ],
        ),
        lost(
            "endless bytes that are not HTTP",
            vec![Act::Endless(vec![b'x'; 4096], Duration::ZERO)],
        ),
        Scenario::new(
            "start in doubt: connection reset before the request is read",
            "T37",
        )
        .turn(Turn::on_connection([
            Act::Pause(Duration::from_millis(30)),
            Act::Reset,
        ]))
        .step(Do::Run, "start AnswerLost")
        .ledger(0, 1),
    ];
    for cut in [1, 9, 12, 17] {
        let whole = head(202, &[LOCATION, "Content-Length: 0"]);
        scenarios.push(lost(
            &format!("closed after {cut} bytes of the head"),
            vec![Act::Send(whole[..cut].to_vec()), Act::Close],
        ));
    }
    scenarios
}

fn lost(name: &str, acts: Vec<Act>) -> Scenario {
    Scenario::new(format!("start in doubt: {name}"), "T37")
        .turn(Turn::new(acts))
        .step(Do::Run, "start AnswerLost")
        .wire("P")
        .ledger(0, 1)
        .within(6000)
}
