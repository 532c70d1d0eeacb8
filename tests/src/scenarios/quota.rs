//! The books: five starts, and none without them.

use crate::{
    answers::{accepted, answer, status},
    scenario::{Do, Scenario},
    turn::{Act, Turn},
};

/// Five and no more, doubt included; books that fail.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    let five = |scenario: Scenario, end: &str| {
        (0..5).fold(scenario, |scenario, _| scenario.step(Do::Start, end))
    };
    vec![
        five(
            Scenario::new("five starts, and the sixth is refused unsent", "I3"),
            "accepted",
        )
        .turn(accepted().forever())
        .step(Do::Start, "start NoSlot")
        .step(Do::Run, "start NoSlot")
        .wire("PPPPP")
        .books(5, 0),
        five(
            Scenario::new(
                "five starts in doubt, and the sixth is refused unsent",
                "I3",
            ),
            "start AmbiguousAnswer",
        )
        .turn(answer(503, &[], "").forever())
        .step(Do::Start, "start NoSlot")
        .wire("PPPPP")
        .books(0, 5),
        five(
            Scenario::new("refused starts take no slot", "I3"),
            "start Refused",
        )
        .turn(answer(409, &[], ""))
        .turn(answer(409, &[], ""))
        .turn(answer(409, &[], ""))
        .turn(answer(409, &[], ""))
        .turn(answer(409, &[], ""))
        .turn(accepted())
        .step(Do::Start, "accepted")
        .wire("PPPPPP")
        .books(1, 0),
        Scenario::new("waiting for a slot past the deadline ends at once", "I3")
            .turn(accepted().forever())
            .wait_for_slot()
            .within(10_000)
            .step(Do::Start, "accepted")
            .step(Do::Start, "accepted")
            .step(Do::Start, "accepted")
            .step(Do::Start, "accepted")
            .step(Do::Start, "accepted")
            .step(Do::Start, "start NoSlot")
            .wire("PPPPP")
            .books(5, 0),
        Scenario::new("books that fail stop the start", "I4 T53")
            .books_fail_at(&[0])
            .step(Do::Start, "start Ledger")
            .wire("")
            .books(0, 0),
        Scenario::new("books that fail stop no poll", "I10 T61")
            .books_fail_at(&[0])
            .turn(status("running"))
            .turn(status("succeeded"))
            .step(Do::Start, "start Ledger")
            .step(Do::OperationPoll, "succeeded")
            .wire("GG")
            .books(0, 0),
        Scenario::new(
            "an acceptance that cannot be recorded is tried again when the run ends",
            "I4",
        )
        .books_fail_at(&[1])
        .turn(accepted())
        .turn(status("succeeded"))
        .step(Do::Run, "succeeded")
        .warns()
        .wire("PG")
        .books(1, 0),
        Scenario::new("doubt is tried to be recorded once more", "I4")
            .books_fail_at(&[1])
            .turn(Turn::new([Act::Close]))
            .step(Do::Run, "start AnswerLost")
            .wire("P")
            .books(0, 1),
        Scenario::new("doubt that cannot be recorded is told", "I4")
            .books_fail_at(&[1, 2])
            .turn(Turn::new([Act::Close]))
            .step(Do::Run, "start AnswerLost")
            .warns()
            .wire("P"),
    ]
}
