//! Time limits.

use crate::{
    answers::{accepted, status},
    scenario::{Do, Scenario},
    turn::{Act, Turn},
};

/// A poll ends at its deadline, with one last request shortly before it.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new(
            "the deadline passes while the operation runs, with one last poll",
            "I7",
        )
        .turn(accepted())
        .turn(status("running").forever())
        .step(Do::Run, "poll TimeLimit")
        .poll_every(600_000)
        .time_limit(1500)
        .within(8000)
        .wire("PG")
        .ledger(1, 0),
        Scenario::new("the deadline passes after many polls", "I7")
            .turn(accepted())
            .turn(status("running").forever())
            .step(Do::Run, "poll TimeLimit")
            .poll_every(100)
            .time_limit(1000)
            .within(8000)
            .wire("PG*")
            .ledger(1, 0),
        Scenario::new("the last poll before the deadline succeeds", "I7")
            .turn(accepted())
            .turn(status("succeeded"))
            .step(Do::Run, "succeeded")
            .poll_every(600_000)
            .time_limit(1500)
            .within(8000)
            .wire("PG")
            .ledger(1, 0),
        Scenario::new("the deadline ends a poll that stalls", "I7 T24")
            .turn(accepted())
            .turn(Turn::new([Act::Stall]).forever())
            .step(Do::Run, "poll TimeLimit")
            .request_limit(30_000)
            .time_limit(1500)
            .within(8000)
            .wire("PG*")
            .ledger(1, 0),
        Scenario::new("the deadline ends a start that stalls", "I7 T24")
            .turn(Turn::new([Act::Stall]))
            .step(Do::Run, "start AnswerLost")
            .request_limit(30_000)
            .time_limit(1000)
            .within(8000)
            .wire("P")
            .ledger(0, 1),
        Scenario::new("a time limit of zero", "I7")
            .step(Do::Run, "start TimeLimit")
            .time_limit(0)
            .wire("")
            .ledger(0, 0),
    ]
}
