//! Polls that go wrong: misses, and answers that end a wait.

use crate::{
    answers::{accepted, answer, status},
    scenario::{Do, Scenario},
    turn::{Act, Turn},
};

/// One bad poll, then a good one; or an end with the resume token.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    let miss = |name: String, turn: Turn| {
        Scenario::new(format!("poll missed: {name}"), "P3")
            .turn(accepted())
            .turn(status("running"))
            .turn(turn)
            .turn(status("succeeded"))
            .step(Do::Run, "succeeded")
            .wire("PGGG")
            .books(1, 0)
            .within(8000)
    };
    let end = |status: u16, end: &str| {
        Scenario::new(format!("poll ended by {status}"), "P5 P7")
            .turn(accepted())
            .turn(answer(
                status,
                &["Content-Type: application/json"],
                r#"{"error":{"code":"Nope","innerError":{"request-id":"r-7"}},"status":"succeeded"}"#,
            ))
            .step(Do::Run, end)
            .says("r-7")
            .wire("PG")
            .books(1, 0)
    };
    let mut scenarios: Vec<_> = [408, 425, 500, 502, 503, 504]
        .into_iter()
        .map(|status| {
            // A status in the body of an error is nobody's status.
            let body = r#"{"status":"failed"}"#;
            miss(
                format!("{status}"),
                answer(status, &["Content-Type: application/json"], body),
            )
        })
        .collect();
    scenarios.extend([
        miss("closed".to_owned(), Turn::new([Act::Close])),
        miss("reset".to_owned(), Turn::new([Act::Reset])),
        miss("stalled".to_owned(), Turn::new([Act::Stall])).request_limit(600),
        miss(
            "closed in the head".to_owned(),
            Turn::new([Act::Send(b"HTTP/1.1 200 O".to_vec()), Act::Close]),
        ),
    ]);
    scenarios.extend([
        end(403, "wait Forbidden").says("IndustryData.ReadBasic.All"),
        end(400, "wait Unexpected"),
        end(405, "wait Unexpected"),
        end(409, "wait Unexpected"),
        end(418, "wait Unexpected"),
    ]);
    scenarios
}
