//! `Retry-After` in the responses to polls, in all its forms. It only lengthens the poll interval.

use crate::{
    answers::{accepted, answer, status},
    scenario::{Do, Scenario},
};

const JSON: &str = "Content-Type: application/json";

/// Valid forms, invalid forms, and values that reach past the deadline.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    let poll = |name: &str, code: u16, fields: &[&str]| {
        let mut all = vec![JSON];
        all.extend_from_slice(fields);
        Scenario::new(format!("Retry-After for a poll: {name}"), "T32 T33")
            .turn(accepted())
            .turn(answer(code, &all, r#"{"status":"running"}"#))
            .turn(status("succeeded"))
            .step(Do::Run, "succeeded")
            .wire("PGG")
            .ledger(1, 0)
            .within(10_000)
    };
    vec![
        poll("seconds in a 429", 429, &["Retry-After: 1"]).gap(1, 1000),
        poll("seconds in a 200", 200, &["Retry-After: 1"]).gap(1, 1000),
        poll("seconds in a 503", 503, &["Retry-After: 1"]).gap(1, 1000),
        poll("a fraction of a second", 429, &["Retry-After: 0.75"]).gap(1, 750),
        poll(
            "white space and leading zeros",
            429,
            &["Retry-After: \t 0001 \t"],
        )
        .gap(1, 1000),
        poll(
            "a date equal to the response's Date",
            429,
            &["Date: {date-3600}", "Retry-After: {date-3600}"],
        ),
        poll(
            "a date after the response's Date",
            429,
            &["Date: {date}", "Retry-After: {date+2}"],
        )
        .gap(1, 900),
        poll(
            "a future date, without a Date",
            503,
            &["Retry-After: {date+3}"],
        )
        .gap(1, 900),
        poll(
            "several fields, of which the longest counts",
            429,
            &["Retry-After: 0", "Retry-After: 1", "Retry-After: x"],
        )
        .gap(1, 1000),
        poll("a negative number", 429, &["Retry-After: -5"]),
        poll("a number with a unit", 429, &["Retry-After: 30s"]),
        poll("a number with an exponent", 429, &["Retry-After: 1e9"]),
        poll("a list", 429, &["Retry-After: 3600, 1"]),
        poll("NaN", 429, &["Retry-After: NaN"]),
        poll("a value that is not ASCII", 429, &["Retry-After: \u{ff}"]),
        poll(
            "a date before the response's Date",
            429,
            &["Date: {date}", "Retry-After: {date-3600}"],
        ),
        poll("no such field", 429, &[]),
        Scenario::new("Retry-After in the 202", "R2")
            .turn(answer(
                202,
                &["Location: ../operations/a-1", "Retry-After: 1"],
                "",
            ))
            .turn(status("succeeded"))
            .step(Do::Run, "succeeded")
            .gap(0, 1000)
            .wire("PG")
            .ledger(1, 0),
        past("seconds", "Retry-After: 3600"),
        past(
            "a number that overflows",
            "Retry-After: 99999999999999999999999999",
        ),
        past("a date", "Retry-After: {date+3600}"),
    ]
}

fn past(name: &str, field: &str) -> Scenario {
    Scenario::new(
        format!("Retry-After past the deadline ends polling at once: {name}"),
        "T33",
    )
    .turn(accepted())
    .turn(answer(429, &[field], ""))
    .step(Do::Run, "poll TimeLimit")
    .says("the service asked not to be polled before")
    .time_limit(30_000)
    .within(15_000)
    .wire("PG")
    .ledger(1, 0)
}
