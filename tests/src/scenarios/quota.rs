//! The ledger: at most five starts in a window, and no start without a ledger.

use crate::{
    answers::{accepted, answer, status},
    scenario::{Do, Scenario},
    turn::{Act, Turn},
};

/// The limit of five, which includes starts in doubt; and stores that fail.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    let five = |scenario: Scenario, end: &str| {
        (0..5).fold(scenario, |scenario, _| scenario.step(Do::Start, end))
    };
    vec![
        five(
            Scenario::new("after five starts, the sixth is refused unsent", "I3"),
            "accepted",
        )
        .turn(accepted().forever())
        .step(Do::Start, "start NoSlot")
        .step(Do::Run, "start NoSlot")
        .wire("PPPPP")
        .ledger(5, 0),
        five(
            Scenario::new(
                "after five starts in doubt, the sixth is refused unsent",
                "I3",
            ),
            "start AmbiguousAnswer",
        )
        .turn(answer(503, &[], "").forever())
        .step(Do::Start, "start NoSlot")
        .wire("PPPPP")
        .ledger(0, 5),
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
        .ledger(1, 0),
        Scenario::new(
            "a start whose slot becomes free after the deadline ends at once",
            "I3",
        )
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
        .ledger(5, 0),
        Scenario::new("a store that fails stops the start", "I4 T53")
            .ledger_fails_at(&[0])
            .step(Do::Start, "start Ledger")
            .wire("")
            .ledger(0, 0),
        Scenario::new("a store that fails does not stop polling", "I10 T61")
            .ledger_fails_at(&[0])
            .turn(status("running"))
            .turn(status("succeeded"))
            .step(Do::Start, "start Ledger")
            .step(Do::OperationPoll, "succeeded")
            .wire("GG")
            .ledger(0, 0),
        Scenario::new(
            "an acceptance that cannot be recorded is recorded when the operation ends",
            "I4",
        )
        .ledger_fails_at(&[1])
        .turn(accepted())
        .turn(status("succeeded"))
        .step(Do::Run, "succeeded")
        .warns()
        .wire("PG")
        .ledger(1, 0),
        Scenario::new("recording a start in doubt is retried once", "I4")
            .ledger_fails_at(&[1])
            .turn(Turn::new([Act::Close]))
            .step(Do::Run, "start AnswerLost")
            .wire("P")
            .ledger(0, 1),
        Scenario::new("a start in doubt that cannot be recorded is reported", "I4")
            .ledger_fails_at(&[1, 2])
            .turn(Turn::new([Act::Close]))
            .step(Do::Run, "start AnswerLost")
            .warns()
            .wire("P"),
    ]
}
