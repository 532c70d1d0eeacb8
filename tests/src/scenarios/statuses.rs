//! What each status of the response to a start means for its slot.

use crate::{
    answers::answer,
    scenario::{Do, Scenario},
};

/// Statuses that release the slot (rule S4), and statuses that leave the start in doubt (rules S2 and S5).
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    let released = [
        400, 403, 404, 405, 406, 408, 409, 410, 411, 413, 415, 421, 422, 425, 451, 501, 511,
    ];
    let in_doubt = [
        200, 201, 204, 304, 402, 418, 500, 502, 503, 504, 507, 520, 599,
    ];
    let released = released.iter().map(|status| {
        let end = if *status == 403 {
            "start Forbidden"
        } else {
            "start Refused"
        };
        Scenario::new(format!("{status} for a start releases the slot"), "S4")
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
            .ledger(0, 0)
    });
    let in_doubt = in_doubt.iter().map(|status| {
        Scenario::new(format!("{status} for a start leaves it in doubt"), "T36")
            .turn(answer(*status, &["Retry-After: 0"], ""))
            .step(Do::Run, "start AmbiguousAnswer")
            .wire("P")
            .ledger(0, 1)
    });
    let page = Scenario::new(
        "a 200 with an HTML page is not treated as an accepted start",
        "T25",
    )
    .turn(answer(
        200,
        &["Content-Type: text/html"],
        "<html>Sign in</html>",
    ))
    .step(Do::Run, "start AmbiguousAnswer")
    .wire("P")
    .ledger(0, 1);
    let operation = Scenario::new(
        "a 200 with an operation is not treated as an accepted start",
        "T25",
    )
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
    .ledger(0, 1);
    released.chain(in_doubt).chain([page, operation]).collect()
}
