//! 404 and 410 at polls.

use crate::{
    answers::{accepted, answer, status},
    scenario::{Do, Scenario},
};

/// Early, late, and for good.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    let gone = |code| answer(code, &[], r#"{"error":{"code":"itemNotFound"}}"#);
    vec![
        Scenario::new("404 just after the start, then found", "T30")
            .turn(accepted())
            .turn(gone(404))
            .turn(gone(404))
            .turn(gone(404))
            .turn(status("running"))
            .turn(status("succeeded"))
            .step(Do::Run, "succeeded")
            .wire("PGGGGG")
            .books(1, 0),
        Scenario::new("404 once it was seen", "T31")
            .turn(accepted())
            .turn(status("running"))
            .turn(gone(404))
            .step(Do::Run, "wait Gone")
            .wire("PGG")
            .books(1, 0),
        Scenario::new("404 for longer than five polls, within a minute", "T30")
            .turn(accepted())
            .turn(gone(404).forever())
            .step(Do::Run, "wait TimeLimit")
            .time_limit(1500)
            .wire("PGGGGGG*")
            .books(1, 0),
        Scenario::new("410 at once", "T31")
            .turn(accepted())
            .turn(gone(410))
            .step(Do::Run, "wait Gone")
            .wire("PG")
            .books(1, 0),
        Scenario::new("404 at the first poll of a wait taken up", "T30")
            .turn(gone(404))
            .turn(status("succeeded"))
            .step(Do::Resume, "succeeded")
            .wire("GG")
            .books(0, 0),
    ]
}
