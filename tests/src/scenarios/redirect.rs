//! Redirects, which are never followed.

use crate::{
    answers::{accepted, answer},
    scenario::{Do, Scenario},
};

/// Each redirect at a start and at a poll, to another server and to the same.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    let mut scenarios = Vec::new();
    for status in [301, 302, 303, 307, 308] {
        for (name, location) in [
            (
                "elsewhere",
                "Location: {foreign}/external/industryData/runs/start",
            ),
            (
                "to itself",
                "Location: {base}/external/industryData/runs/start",
            ),
        ] {
            let (end, in_doubt) = match status {
                303 => ("start AmbiguousAnswer", 1),
                _ => ("start Refused", 0),
            };
            scenarios.push(
                Scenario::new(format!("{status} at a start, {name}"), "T16")
                    .turn(answer(status, &[location], ""))
                    .step(Do::Run, end)
                    .wire("P")
                    .books(0, in_doubt),
            );
        }
        scenarios.push(
            Scenario::new(format!("{status} at a poll"), "T17")
                .turn(accepted())
                .turn(answer(
                    status,
                    &["Location: {foreign}/external/industryData/operations/a"],
                    "",
                ))
                .step(Do::Run, "wait Unexpected")
                .wire("PG")
                .books(1, 0),
        );
    }
    scenarios.push(
        Scenario::new("a Refresh and a Link are nobody's business", "T16")
            .turn(answer(
                400,
                &[
                    "Refresh: 0; url={foreign}",
                    "Link: <{foreign}>; rel=preload",
                ],
                "",
            ))
            .step(Do::Run, "start Refused")
            .wire("P")
            .books(0, 0),
    );
    scenarios
}
