//! Polls answered by 404 or 410.

use crate::{
    answers::{accepted, answer, status},
    scenario::{Do, Scenario},
};

/// Temporary, late and permanent ones.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    let gone = |code| answer(code, &[], r#"{"error":{"code":"itemNotFound"}}"#);
    vec![
        Scenario::new(
            "404 for the first polls, then the operation is found",
            "T30",
        )
        .turn(accepted())
        .turn(gone(404))
        .turn(gone(404))
        .turn(gone(404))
        .turn(status("running"))
        .turn(status("succeeded"))
        .step(Do::Run, "succeeded")
        .wire("PGGGGG")
        .ledger(1, 0),
        Scenario::new("404 after the operation was found once", "T31")
            .turn(accepted())
            .turn(status("running"))
            .turn(gone(404))
            .step(Do::Run, "poll Gone")
            .wire("PGG")
            .ledger(1, 0),
        Scenario::new(
            "404 for more than five polls within the first minute",
            "T30",
        )
        .turn(accepted())
        .turn(gone(404).forever())
        .step(Do::Run, "poll TimeLimit")
        .time_limit(1500)
        .wire("PGGGGGG*")
        .ledger(1, 0),
        Scenario::new("410 at the first poll", "T31")
            .turn(accepted())
            .turn(gone(410))
            .step(Do::Run, "poll Gone")
            .wire("PG")
            .ledger(1, 0),
        Scenario::new("404 for an operation of which nothing is known", "P6 T30")
            .turn(gone(404).forever())
            .step(Do::OperationPoll, "poll NotFound")
            .poll_every(4000)
            .wire("GGGG")
            .ledger(0, 0)
            .within(19_000),
        Scenario::new(
            "404 for the first poll of an operation by its URL",
            "P6 T30",
        )
        .turn(gone(404))
        .turn(status("succeeded"))
        .step(Do::OperationPoll, "succeeded")
        .wire("GG")
        .ledger(0, 0),
        Scenario::new("404 at the first poll after resuming", "T30")
            .turn(gone(404))
            .turn(status("succeeded"))
            .step(Do::Resume, "succeeded")
            .wire("GG")
            .ledger(0, 0),
    ]
}
