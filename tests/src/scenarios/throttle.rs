//! 429 at a start: the slot is given back, and the books are closed for everybody.

use crate::{
    answers::{accepted, answer, status},
    scenario::{Do, Scenario},
    turn::Turn,
};

/// Short and long pauses, and none.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new(
            "429 with a short pause is waited out once, with a new reservation",
            "T35",
        )
        .turn(throttled("Retry-After: 1"))
        .turn(accepted())
        .turn(status("succeeded"))
        .step(Do::Run, "succeeded")
        .gap(0, 1000)
        .wire("PPG")
        .books(1, 0),
        Scenario::new("429 with a short pause, twice", "T35")
            .turn(throttled("Retry-After: 1"))
            .turn(throttled("Retry-After: 25"))
            .step(Do::Run, "start Throttled")
            .wire("PP")
            .books(0, 0)
            .closed(),
        Scenario::new("429 with a long pause closes the books", "T35")
            .turn(throttled("Retry-After: 3600"))
            .step(Do::Run, "start Throttled")
            .step(Do::Run, "start NoSlot")
            .step(Do::Start, "start NoSlot")
            .wire("P")
            .books(0, 0)
            .closed(),
        Scenario::new("429 with a date closes the books", "T35")
            .turn(throttled("Retry-After: {date+3600}"))
            .step(Do::Run, "start Throttled")
            .step(Do::Run, "start NoSlot")
            .wire("P")
            .books(0, 0)
            .closed(),
        Scenario::new("429 without a pause closes the books for a minute", "T35")
            .turn(answer(429, &[], ""))
            .step(Do::Run, "start Throttled")
            .step(Do::Run, "start NoSlot")
            .wire("P")
            .books(0, 0)
            .closed(),
        Scenario::new(
            "429 with a pause that is none closes the books for a minute",
            "T35",
        )
        .turn(throttled("Retry-After: -1"))
        .step(Do::Run, "start Throttled")
        .wire("P")
        .books(0, 0)
        .closed(),
        Scenario::new("429 with a pause past the deadline ends at once", "T35")
            .turn(throttled("Retry-After: 20"))
            .wait_for_slot()
            .time_limit(10_000)
            .within(8_000)
            .step(Do::Run, "start Throttled")
            .wire("P")
            .books(0, 0)
            .closed(),
        Scenario::new(
            "a failed start is waited for by nobody: 503 with a pause",
            "T36",
        )
        .turn(answer(503, &["Retry-After: 1"], ""))
        .wait_for_slot()
        .step(Do::Run, "start AmbiguousAnswer")
        .wire("P")
        .books(0, 1),
    ]
}

fn throttled(field: &str) -> Turn {
    answer(
        429,
        &[field, "Content-Type: application/json"],
        r#"{"error":{"code":"TooManyRequests","message":"five starts in twelve hours"}}"#,
    )
}
