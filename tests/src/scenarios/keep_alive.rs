//! Connections that are used again.

use std::time::Duration;

use crate::{
    answers::{accepted, answer, head, raw, status},
    scenario::{Do, Scenario},
    turn::{Act, Turn},
};

/// Closed when the next request is on its way, closed before, and with more in them than was asked for.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    let run = |name: &str, covers| {
        Scenario::new(format!("kept connection: {name}"), covers)
            .turn(accepted())
            .turn(status("succeeded"))
            .step(Do::Run, "succeeded")
    };
    vec![
        run("closed when the next POST was read", "T36")
            .turn(Turn::new([Act::Close]))
            .step(Do::Start, "start AnswerLost")
            .wire("PGP")
            .books(1, 1),
        run("reset when the next POST was read", "T36")
            .turn(Turn::new([Act::Reset]))
            .step(Do::Start, "start AnswerLost")
            .wire("PGP")
            .books(1, 1),
        Scenario::new("kept connection: closed behind each answer", "T36")
            .turn(accepted().then(Act::Close))
            .turn(status("running").then(Act::Close))
            .turn(status("succeeded").then(Act::Close))
            .turn(accepted())
            .poll_every(200)
            .step(Do::Run, "succeeded")
            .step(Do::Start, "accepted|start AnswerLost"),
        Scenario::new("kept connection: one answer too many in it", "T10")
            .turn(
                accepted().then(Act::Send(
                    [head(200, &["Content-Type: application/json", "Content-Length: 19"]), br#"{"status":"failed"}"#.to_vec()].concat(),
                )),
            )
            .turn(status("running"))
            .turn(status("succeeded"))
            .poll_every(200)
            .step(Do::Run, "succeeded")
            .wire("PGG")
            .books(1, 0),
        Scenario::new("kept connection: one answer too many, a little later", "T10")
            .turn(accepted())
            .turn(status("running").then(Act::Pause(Duration::from_millis(50))).then(Act::Send(
                [head(200, &["Content-Type: application/json", "Content-Length: 19"]), br#"{"status":"failed"}"#.to_vec()].concat(),
            )))
            .turn(status("succeeded"))
            .poll_every(400)
            .step(Do::Run, "succeeded")
            .books(1, 0),
        Scenario::new("kept connection: the rest of a body that was too large", "T22")
            .turn(accepted())
            .turn(raw([head(200, &["Content-Type: application/json", "Content-Length: 1100019"]), vec![b' '; 1_100_000], br#"{"status":"failed"}"#.to_vec()].concat()))
            .turn(status("succeeded"))
            .step(Do::Run, "succeeded")
            .wire("PGG")
            .books(1, 0),
        Scenario::new("kept connection: two lengths that differ", "T10")
            .turn(accepted())
            .turn(raw("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nContent-Length: 20\r\n\r\n{\"status\":\"failed\"} "))
            .turn(status("succeeded"))
            .step(Do::Run, "succeeded")
            .books(1, 0),
        Scenario::new(
            "kept connection: an answer in the body of the 202, which nobody reads",
            "T10",
        )
        .turn(answer(
            202,
            &["Location: ../operations/a"],
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 19\r\n\r\n{\"status\":\"failed\"}",
        ))
        .turn(status("running"))
        .turn(status("succeeded"))
        .step(Do::Run, "succeeded")
        .wire("PGG")
        .books(1, 0),
        Scenario::new("kept connection: closed by word", "T36")
            .turn(answer(202, &["Location: ../operations/a", "Connection: close"], "").then(Act::Close))
            .turn(status("succeeded"))
            .step(Do::Run, "succeeded")
            .wire("PG")
            .books(1, 0),
    ]
}
