//! Deadlines.

use crate::{
    answers::{accepted, status},
    scenario::{Do, Scenario},
    turn::{Act, Turn},
};

/// A wait ends at its deadline, with one last poll.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new(
            "the deadline passes while it runs, with one last poll",
            "I7",
        )
        .turn(accepted())
        .turn(status("running").forever())
        .step(Do::Run, "wait TimeLimit")
        .poll_every(600_000)
        .time_limit(1500)
        .within(8000)
        .wire("PG")
        .books(1, 0),
        Scenario::new("the deadline passes between many polls", "I7")
            .turn(accepted())
            .turn(status("running").forever())
            .step(Do::Run, "wait TimeLimit")
            .poll_every(100)
            .time_limit(1000)
            .within(8000)
            .wire("PG*")
            .books(1, 0),
        Scenario::new("the last poll succeeds", "I7")
            .turn(accepted())
            .turn(status("succeeded"))
            .step(Do::Run, "succeeded")
            .poll_every(600_000)
            .time_limit(1500)
            .within(8000)
            .wire("PG")
            .books(1, 0),
        Scenario::new("the deadline cuts a poll that stalls", "I7 T24")
            .turn(accepted())
            .turn(Turn::new([Act::Stall]).forever())
            .step(Do::Run, "wait TimeLimit")
            .request_limit(30_000)
            .time_limit(1500)
            .within(8000)
            .wire("PG*")
            .books(1, 0),
        Scenario::new("the deadline cuts a start that stalls", "I7 T24")
            .turn(Turn::new([Act::Stall]))
            .step(Do::Run, "start AnswerLost")
            .request_limit(30_000)
            .time_limit(1000)
            .within(8000)
            .wire("P")
            .books(0, 1),
        Scenario::new("no time at all", "I7")
            .step(Do::Run, "start TimeLimit")
            .time_limit(0)
            .wire("")
            .books(0, 0),
    ]
}
