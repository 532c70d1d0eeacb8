//! `Retry-After` at polls, in all its forms. It only lengthens a pause.

use crate::{
    answers::{accepted, answer, status},
    scenario::{Do, Scenario},
};

const JSON: &str = "Content-Type: application/json";

/// Forms that count, forms that do not, and one that reaches past the deadline.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    let poll = |name: &str, code: u16, fields: &[&str]| {
        let mut all = vec![JSON];
        all.extend_from_slice(fields);
        Scenario::new(format!("Retry-After at a poll: {name}"), "T32 T33")
            .turn(accepted())
            .turn(answer(code, &all, r#"{"status":"running"}"#))
            .turn(status("succeeded"))
            .step(Do::Run, "succeeded")
            .wire("PGG")
            .books(1, 0)
            .within(10_000)
    };
    vec![
        poll("seconds", 429, &["Retry-After: 1"]).gap(1, 1000),
        poll("seconds with a 200", 200, &["Retry-After: 1"]).gap(1, 1000),
        poll("seconds with a 503", 503, &["Retry-After: 1"]).gap(1, 1000),
        poll("a fraction", 429, &["Retry-After: 0.75"]).gap(1, 750),
        poll("blanks and zeros", 429, &["Retry-After: \t 0001 \t"]).gap(1, 1000),
        poll(
            "a date, against the answer's own",
            429,
            &["Date: {date-3600}", "Retry-After: {date-3600}"],
        ),
        poll(
            "a date ahead",
            429,
            &["Date: {date}", "Retry-After: {date+2}"],
        )
        .gap(1, 900),
        poll(
            "a date ahead, without the answer's own",
            503,
            &["Retry-After: {date+3}"],
        )
        .gap(1, 900),
        poll(
            "several lines, of which the longest counts",
            429,
            &["Retry-After: 0", "Retry-After: 1", "Retry-After: x"],
        )
        .gap(1, 1000),
        poll("a sign", 429, &["Retry-After: -5"]),
        poll("a unit", 429, &["Retry-After: 30s"]),
        poll("an exponent", 429, &["Retry-After: 1e9"]),
        poll("a list", 429, &["Retry-After: 3600, 1"]),
        poll("no number at all", 429, &["Retry-After: NaN"]),
        poll("bytes that are no text", 429, &["Retry-After: \u{ff}"]),
        poll(
            "a date that has passed",
            429,
            &["Date: {date}", "Retry-After: {date-3600}"],
        ),
        poll("none", 429, &[]),
        Scenario::new("Retry-After at the 202", "R2")
            .turn(answer(
                202,
                &["Location: ../operations/a-1", "Retry-After: 1"],
                "",
            ))
            .turn(status("succeeded"))
            .step(Do::Run, "succeeded")
            .gap(0, 1000)
            .wire("PG")
            .books(1, 0),
        past("seconds", "Retry-After: 3600"),
        past("an overflow", "Retry-After: 99999999999999999999999999"),
        past("a date", "Retry-After: {date+3600}"),
    ]
}

fn past(name: &str, field: &str) -> Scenario {
    Scenario::new(
        format!("Retry-After past the deadline ends at once: {name}"),
        "T33",
    )
    .turn(accepted())
    .turn(answer(429, &[field], ""))
    .step(Do::Run, "wait TimeLimit")
    .says("the service asked not to be polled before")
    .time_limit(30_000)
    .within(15_000)
    .wire("PG")
    .books(1, 0)
}
