//! Failed polls: transient errors, and responses that end polling.

use crate::{
    answers::{accepted, answer, status},
    scenario::{Do, Scenario},
    turn::{Act, Turn},
};

/// One failed poll, then a good one; or an error that ends polling and carries the resume token.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    let transient = |name: String, turn: Turn| {
        Scenario::new(format!("polling continues after {name}"), "P3")
            .turn(accepted())
            .turn(status("running"))
            .turn(turn)
            .turn(status("succeeded"))
            .step(Do::Run, "succeeded")
            .wire("PGGG")
            .ledger(1, 0)
            .within(8000)
    };
    let end = |status: u16, end: &str| {
        Scenario::new(format!("polling ends with a {status}"), "P5 P7")
            .turn(accepted())
            .turn(answer(
                status,
                &["Content-Type: application/json"],
                r#"{"error":{"code":"Nope","innerError":{"request-id":"r-7"}},"status":"succeeded"}"#,
            ))
            .step(Do::Run, end)
            .says("r-7")
            .wire("PG")
            .ledger(1, 0)
    };
    let mut scenarios: Vec<_> = [408, 425, 500, 502, 503, 504]
        .into_iter()
        .map(|status| {
            // A status member in the body of an error is not the operation's status.
            let body = r#"{"status":"failed"}"#;
            transient(
                format!("a {status}"),
                answer(status, &["Content-Type: application/json"], body),
            )
        })
        .collect();
    scenarios.extend([
        transient("a closed connection".to_owned(), Turn::new([Act::Close])),
        transient("a reset connection".to_owned(), Turn::new([Act::Reset])),
        transient("a stalled connection".to_owned(), Turn::new([Act::Stall])).request_limit(600),
        transient(
            "a connection closed within the head".to_owned(),
            Turn::new([Act::Send(b"HTTP/1.1 200 O".to_vec()), Act::Close]),
        ),
    ]);
    scenarios.extend([
        end(206, "poll Unexpected"),
        Scenario::new(
            "polling ends with a 206 that holds a whole operation",
            "P1 P7",
        )
        .turn(accepted())
        .turn(answer(
            206,
            &["Content-Type: application/json"],
            r#"{"status":"succeeded"}"#,
        ))
        .step(Do::Run, "poll Unexpected")
        .wire("PG")
        .ledger(1, 0),
        end(403, "poll Forbidden").says("IndustryData.ReadBasic.All"),
        end(400, "poll Unexpected"),
        end(405, "poll Unexpected"),
        end(409, "poll Unexpected"),
        end(418, "poll Unexpected"),
    ]);
    scenarios
}
