//! Answers to a start that are lost on the way: one POST, and doubt.

use std::time::Duration;

use crate::{
    answers::head,
    scenario::{Do, Scenario},
    turn::{Act, Turn},
};

const LOCATION: &str = "Location: {base}/external/industryData/operations/a-1";

/// Losses before, in and after the head.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    let mut scenarios = vec![
        lost("closed after the request was read", vec![Act::Close]),
        lost("reset after the request was read", vec![Act::Reset]),
        lost(
            "closed in the status line",
            vec![Act::Send(b"HTTP/1.1 20".to_vec()), Act::Close],
        ),
        lost(
            "reset in the status line",
            vec![Act::Send(b"HTTP/1.1 202".to_vec()), Act::Reset],
        ),
        lost(
            "closed in the head",
            vec![
                Act::Send(b"HTTP/1.1 202 Accepted\r\nLocation: {base}/ext".to_vec()),
                Act::Close,
            ],
        ),
        lost(
            "closed one byte before the head's end",
            vec![
                Act::Send(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r".to_vec()),
                Act::Close,
            ],
        ),
        lost("no answer within the request limit", vec![Act::Stall]).request_limit(600),
        lost(
            "half a head, and no more within the request limit",
            vec![
                Act::Send(b"HTTP/1.1 202 Accepted\r\nContent-".to_vec()),
                Act::Stall,
            ],
        )
        .request_limit(600),
        lost(
            "a head that drips more slowly than the request limit",
            vec![Act::Drip(head(202, &[LOCATION]), Duration::from_millis(40))],
        )
        .request_limit(600),
        lost(
            "interim answers without end",
            vec![Act::Endless(
                b"HTTP/1.1 102 Processing\r\n\r\n".to_vec(),
                Duration::from_millis(5),
            )],
        )
        .request_limit(600),
        lost(
            "no HTTP at all",
            vec![
                Act::Send(b"SSH-2.0-OpenSSH_9.6\r\n\r\n".to_vec()),
                Act::Close,
            ],
        ),
        lost(
            "bytes without end that are no HTTP",
            vec![Act::Endless(vec![b'x'; 4096], Duration::ZERO)],
        ),
        Scenario::new("lost at a connection that is closed unread", "T37")
            .turn(Turn::on_connection([
                Act::Pause(Duration::from_millis(30)),
                Act::Reset,
            ]))
            .step(Do::Run, "start AnswerLost")
            .books(0, 1),
    ];
    for cut in [1, 9, 12, 17] {
        let whole = head(202, &[LOCATION, "Content-Length: 0"]);
        scenarios.push(lost(
            &format!("cut after {cut} bytes of the head"),
            vec![Act::Send(whole[..cut].to_vec()), Act::Close],
        ));
    }
    scenarios
}

fn lost(name: &str, acts: Vec<Act>) -> Scenario {
    Scenario::new(format!("lost: {name}"), "T37")
        .turn(Turn::new(acts))
        .step(Do::Run, "start AnswerLost")
        .wire("P")
        .books(0, 1)
        .within(6000)
}
