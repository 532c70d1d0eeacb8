//! Reused connections.

use std::time::Duration;

use crate::{
    answers::{accepted, answer, head, raw, status},
    scenario::{Do, Scenario},
    turn::{Act, Turn},
};

/// Connections closed during or before the next request, and connections with surplus bytes in them.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    let run = |name: &str, covers| {
        Scenario::new(format!("reused connection: {name}"), covers)
            .turn(accepted())
            .turn(status("succeeded"))
            .step(Do::Run, "succeeded")
    };
    vec![
        run("closed once the next POST was read", "T36")
            .turn(Turn::new([Act::Close]))
            .step(Do::Start, "start AnswerLost")
            .wire("PGP")
            .ledger(1, 1),
        run("reset once the next POST was read", "T36")
            .turn(Turn::new([Act::Reset]))
            .step(Do::Start, "start AnswerLost")
            .wire("PGP")
            .ledger(1, 1),
        Scenario::new("reused connection: closed after each response", "T36")
            .turn(accepted().then(Act::Close))
            .turn(status("running").then(Act::Close))
            .turn(status("succeeded").then(Act::Close))
            .turn(accepted())
            .poll_every(200)
            .step(Do::Run, "succeeded")
            .step(Do::Start, "accepted|start AnswerLost"),
        Scenario::new("reused connection: a surplus response", "T10")
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
            .ledger(1, 0),
        Scenario::new("reused connection: a surplus response, sent 50 ms later", "T10")
            .turn(accepted())
            .turn(status("running").then(Act::Pause(Duration::from_millis(50))).then(Act::Send(
                [head(200, &["Content-Type: application/json", "Content-Length: 19"]), br#"{"status":"failed"}"#.to_vec()].concat(),
            )))
            .turn(status("succeeded"))
            .poll_every(400)
            .step(Do::Run, "succeeded")
            .ledger(1, 0),
        Scenario::new("reused connection: the rest of a body that is too large", "T22")
            .turn(accepted())
            .turn(raw([head(200, &["Content-Type: application/json", "Content-Length: 1100019"]), vec![b' '; 1_100_000], br#"{"status":"failed"}"#.to_vec()].concat()))
            .turn(status("succeeded"))
            .step(Do::Run, "succeeded")
            .wire("PGG")
            .ledger(1, 0),
        Scenario::new("reused connection: two Content-Length fields that differ", "T10")
            .turn(accepted())
            .turn(raw("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nContent-Length: 20\r\n\r\n{\"status\":\"failed\"} "))
            .turn(status("succeeded"))
            .step(Do::Run, "succeeded")
            .ledger(1, 0),
        Scenario::new(
            "reused connection: a response inside the unread body of the 202",
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
        .ledger(1, 0),
        Scenario::new("reused connection: closed as announced by Connection: close", "T36")
            .turn(answer(202, &["Location: ../operations/a", "Connection: close"], "").then(Act::Close))
            .turn(status("succeeded"))
            .step(Do::Run, "succeeded")
            .wire("PG")
            .ledger(1, 0),
    ]
}
