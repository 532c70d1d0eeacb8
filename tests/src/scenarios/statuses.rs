//! What each status of an answer to a start means for the books.

use crate::{
    answers::answer,
    scenario::{Do, Scenario},
};

/// The statuses of rules S2, S4 and S5.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    let released = [
        400, 403, 404, 405, 406, 408, 409, 410, 411, 413, 415, 421, 422, 425, 451, 501, 511,
    ];
    let doubtful = [
        200, 201, 204, 304, 402, 418, 500, 502, 503, 504, 507, 520, 599,
    ];
    let released = released.iter().map(|status| {
        let end = if *status == 403 {
            "start Forbidden"
        } else {
            "start Refused"
        };
        Scenario::new(format!("{status} to a start gives the slot back"), "S4")
            .turn(answer(
                *status,
                &[
                    "Content-Type: application/json",
                    "Request-Id: r-1",
                    "Retry-After: 0",
                ],
                r#"{"error":{"code":"Nope","message":"not \u001b]0;like this"}}"#,
            ))
            .step(Do::Run, end)
            .says("r-1")
            .says("Nope")
            .wire("P")
            .books(0, 0)
    });
    let doubtful = doubtful.iter().map(|status| {
        Scenario::new(format!("{status} to a start is in doubt"), "T36")
            .turn(answer(*status, &["Retry-After: 0"], ""))
            .step(Do::Run, "start AmbiguousAnswer")
            .wire("P")
            .books(0, 1)
    });
    let portal = Scenario::new("a page with status 200 is no start", "T25")
        .turn(answer(
            200,
            &["Content-Type: text/html"],
            "<html>Sign in</html>",
        ))
        .step(Do::Run, "start AmbiguousAnswer")
        .wire("P")
        .books(0, 1);
    let labelled = Scenario::new("a 200 that looks like an operation is no start", "T25")
        .turn(answer(
            200,
            &[
                "Content-Type: application/json",
                "Location: {base}/external/industryData/operations/a",
            ],
            r#"{"status":"succeeded"}"#,
        ))
        .step(Do::Run, "start AmbiguousAnswer")
        .wire("P")
        .books(0, 1);
    released.chain(doubtful).chain([portal, labelled]).collect()
}
