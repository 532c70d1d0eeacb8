//! Redirects, which the client never follows.

use crate::{
    answers::{accepted, answer},
    scenario::{Do, Scenario},
};

/// Each redirect status for a start and for a poll, to another server and to the same one.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    let mut scenarios = Vec::new();
    for status in [301, 302, 303, 307, 308] {
        for (name, location) in [
            (
                "to another server",
                "Location: {foreign}/external/industryData/runs/start",
            ),
            (
                "to the same URL",
                "Location: {base}/external/industryData/runs/start",
            ),
        ] {
            let (end, in_doubt) = match status {
                303 => ("start AmbiguousAnswer", 1),
                _ => ("start Refused", 0),
            };
            scenarios.push(
                Scenario::new(format!("{status} {name} for a start"), "T16")
                    .turn(answer(status, &[location], ""))
                    .step(Do::Run, end)
                    .wire("P")
                    .ledger(0, in_doubt),
            );
        }
        scenarios.push(
            Scenario::new(format!("{status} to another server for a poll"), "T17")
                .turn(accepted())
                .turn(answer(
                    status,
                    &["Location: {foreign}/external/industryData/operations/a"],
                    "",
                ))
                .step(Do::Run, "poll Unexpected")
                .wire("PG")
                .ledger(1, 0),
        );
    }
    scenarios.push(
        Scenario::new("Refresh and Link fields are ignored", "T16")
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
            .ledger(0, 0),
    );
    scenarios
}
