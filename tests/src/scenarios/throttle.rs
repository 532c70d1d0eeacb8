//! A 429 for a start: the slot is released, and further starts are held back for all clients of the ledger.

use crate::{
    answers::{accepted, answer, status},
    scenario::{Do, Scenario},
    turn::Turn,
};

/// Short, long, missing and invalid values of `Retry-After`.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new(
            "a 429 with a short Retry-After is waited out once, with a new reservation",
            "T35",
        )
        .turn(throttled("Retry-After: 1"))
        .turn(accepted())
        .turn(status("succeeded"))
        .step(Do::Run, "succeeded")
        .gap(0, 1000)
        .wire("PPG")
        .ledger(1, 0),
        Scenario::new("a second 429 is not waited out", "T35")
            .turn(throttled("Retry-After: 1"))
            .turn(throttled("Retry-After: 25"))
            .step(Do::Run, "start Throttled")
            .wire("PP")
            .ledger(0, 0)
            .throttled(),
        Scenario::new(
            "a 429 with a long Retry-After holds back further starts",
            "T35",
        )
        .turn(throttled("Retry-After: 3600"))
        .step(Do::Run, "start Throttled")
        .step(Do::Run, "start NoSlot")
        .step(Do::Start, "start NoSlot")
        .wire("P")
        .ledger(0, 0)
        .throttled(),
        Scenario::new(
            "a 429 with a Retry-After date holds back further starts",
            "T35",
        )
        .turn(throttled("Retry-After: {date+3600}"))
        .step(Do::Run, "start Throttled")
        .step(Do::Run, "start NoSlot")
        .wire("P")
        .ledger(0, 0)
        .throttled(),
        Scenario::new(
            "a 429 without Retry-After holds back further starts for a minute",
            "T35",
        )
        .turn(answer(429, &[], ""))
        .step(Do::Run, "start Throttled")
        .step(Do::Run, "start NoSlot")
        .wire("P")
        .ledger(0, 0)
        .throttled(),
        Scenario::new(
            "a 429 with an invalid Retry-After holds back further starts for a minute",
            "T35",
        )
        .turn(throttled("Retry-After: -1"))
        .step(Do::Run, "start Throttled")
        .wire("P")
        .ledger(0, 0)
        .throttled(),
        Scenario::new(
            "a 429 with a Retry-After past the deadline ends the start at once",
            "T35",
        )
        .turn(throttled("Retry-After: 20"))
        .wait_for_slot()
        .time_limit(10_000)
        .within(8_000)
        .step(Do::Run, "start Throttled")
        .wire("P")
        .ledger(0, 0)
        .throttled(),
        Scenario::new(
            "a start that waits for a slot keeps a short Retry-After, and doubles it if it is refused again",
            "T35 S7",
        )
        .turn(throttled("Retry-After: 1"))
        .turn(throttled("Retry-After: 1"))
        .turn(accepted())
        .turn(status("succeeded"))
        .wait_for_slot()
        .time_limit(60_000)
        .step(Do::Run, "succeeded")
        .gap(0, 1000)
        .gap(1, 2000)
        .wire("PPPG")
        .ledger(1, 0),
        Scenario::new("a 503 with a Retry-After is not waited out", "T36")
            .turn(answer(503, &["Retry-After: 1"], ""))
            .wait_for_slot()
            .step(Do::Run, "start AmbiguousAnswer")
            .wire("P")
            .ledger(0, 1),
    ]
}

fn throttled(field: &str) -> Turn {
    answer(
        429,
        &[field, "Content-Type: application/json"],
        r#"{"error":{"code":"TooManyRequests","message":"five starts in twelve hours"}}"#,
    )
}
