//! Waits that are taken up.

use crate::{
    answers::{answer, status},
    scenario::{Do, Scenario},
};

/// With a resume token, of this service and of another.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new("taken up, polled at once", "I5")
            .turn(status("running"))
            .turn(status("succeeded"))
            .step(Do::Resume, "succeeded")
            .wire("GG")
            .books(0, 0),
        Scenario::new("taken up, and failed", "I6")
            .turn(status("failed"))
            .step(Do::Resume, "wait Failed")
            .wire("G")
            .books(0, 0),
        Scenario::new("taken up twice: the end stands", "I6")
            .turn(status("succeeded"))
            .turn(status("succeeded"))
            .step(Do::Resume, "succeeded")
            .step(Do::Resume, "succeeded")
            .wire("GG")
            .books(0, 0),
        Scenario::new("a resume token of another service", "I1")
            .step(Do::ResumeForeign, "resume OtherBase")
            .wire("")
            .books(0, 0),
        Scenario::new("taken up, and sent elsewhere", "T17")
            .turn(answer(
                307,
                &["Location: {foreign}/external/industryData/operations/a"],
                "",
            ))
            .step(Do::Resume, "wait Unexpected")
            .wire("G")
            .books(0, 0),
    ]
}
