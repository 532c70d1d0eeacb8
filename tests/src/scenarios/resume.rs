//! Polling resumed from a resume token.

use crate::{
    answers::{answer, status},
    scenario::{Do, Scenario},
};

/// Resume tokens of this service and of another one.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new("resumed: the first poll is sent at once", "I5")
            .turn(status("running"))
            .turn(status("succeeded"))
            .step(Do::Resume, "succeeded")
            .wire("GG")
            .ledger(0, 0),
        Scenario::new("resumed: the operation has failed", "I6")
            .turn(status("failed"))
            .step(Do::Resume, "poll Failed")
            .wire("G")
            .ledger(0, 0),
        Scenario::new("resumed twice: both end alike", "I6")
            .turn(status("succeeded"))
            .turn(status("succeeded"))
            .step(Do::Resume, "succeeded")
            .step(Do::Resume, "succeeded")
            .wire("GG")
            .ledger(0, 0),
        Scenario::new("a resume token of another service is refused", "I1")
            .step(Do::ResumeForeign, "resume OtherBase")
            .wire("")
            .ledger(0, 0),
        Scenario::new("resumed: a redirect to another server", "T17")
            .turn(answer(
                307,
                &["Location: {foreign}/external/industryData/operations/a"],
                "",
            ))
            .step(Do::Resume, "poll Unexpected")
            .wire("G")
            .ledger(0, 0),
    ]
}
