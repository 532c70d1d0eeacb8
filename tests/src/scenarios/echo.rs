//! A service that echoes the access token: the token appears in no text and not in the ledger.

use crate::{
    answers::{accepted, answer, located, status},
    scenario::{Do, Scenario},
    tokens::SPELLINGS,
};

const JSON: &str = "Content-Type: application/json";
const ERROR: &str = r#"{"error":{"code":"{token}","message":"bad {token}","target":"{token}","innerError":{"code":"{token}","request-id":"{token}","date":"{token}"},"details":[{"code":"{token}","message":"{token}"}]}}"#;

/// The token in every part of a response.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    let error = ERROR;
    let start = |name: &str, turn, end: &str, confirmed, in_doubt| {
        Scenario::new(format!("token echoed {name}"), "T20")
            .turn(turn)
            .step(Do::Run, end)
            .wire("P")
            .ledger(confirmed, in_doubt)
    };
    let mut scenarios = vec![
        start("in a 400", answer(400, &[JSON], error), "start Refused", 0, 0),
        start("in a 500", answer(500, &[JSON], error), "start AmbiguousAnswer", 0, 1),
        start("in a 429", answer(429, &[JSON, "Retry-After: 3600"], error), "start Throttled", 0, 0).throttled(),
        start("in header fields", answer(400, &["Request-Id: {token}", "X-Ms-Request-Id: {token}", "Server: {token}"], ""), "start Refused", 0, 0),
        start("in an OAuth error", answer(403, &[JSON], r#"{"error":"{token}","error_description":"{token}"}"#), "start Forbidden", 0, 0),
        start("in a text body", answer(409, &["Content-Type: text/plain"], "{token}"), "start Refused", 0, 0),
        start("in the Location's id", located("{base}/external/industryData/operations/{token}"), "start NotFollowable NotAnOperation", 1, 0),
        start("in the Location's query", located("{base}/external/industryData/operations/a?t={token}"), "start NotFollowable NotAnOperation", 1, 0),
        start("in a Location of another origin", located("{foreign}/{token}"), "start NotFollowable CrossOrigin", 1, 0),
        start("at the end of a long Location", located(&format!("{{foreign}}/{}{{token}}", "x".repeat(270 - 21))), "start NotFollowable CrossOrigin", 1, 0),
        Scenario::new("token echoed in an operation", "T20")
            .turn(answer(202, &["Location: {base}/external/industryData/operations/a-1", "Request-Id: {token}"], ""))
            .turn(answer(
                200,
                &[JSON],
                r#"{"id":"{token}","status":"{token}","statusDetail":"{token}","resourceLocation":"{origin}/{token}","@odata.type":"{token}"}"#,
            ))
            .turn(answer(200, &[JSON], r#"{"status":"failed","statusDetail":"no {token}"}"#))
            .step(Do::Run, "poll Failed")
            .wire("PGG")
            .ledger(1, 0),
        Scenario::new("token echoed in the responses to polls", "T20")
            .turn(accepted())
            .turn(answer(503, &[JSON], error))
            .turn(answer(200, &["Content-Type: {token}"], "{token}"))
            .turn(answer(200, &[JSON], "{\"status\": {token}}"))
            .turn(answer(404, &[JSON], error))
            .turn(status("running"))
            .turn(answer(403, &[JSON], error))
            .step(Do::Run, "poll Forbidden")
            .wire("PGGGGGG")
            .ledger(1, 0),
        Scenario::new("token echoed in an invalid status line", "T20")
            .turn(crate::raw("HTTP/1.1 {token}\r\n\r\n"))
            .step(Do::Run, "start AnswerLost")
            .wire("P")
            .ledger(0, 1),
        Scenario::new("token echoed in a field name", "T20")
            .turn(crate::raw("HTTP/1.1 202 A\r\n{token} {token}: x\r\n\r\n"))
            .step(Do::Run, "start AnswerLost")
            .wire("P")
            .ledger(0, 1),
    ];
    for (spelling, _) in SPELLINGS {
        scenarios.extend(spelt(spelling));
    }
    scenarios
}

/// The token in another spelling.
fn spelt(spelling: &str) -> Vec<Scenario> {
    let spelt = |text: &str| text.replace("{token}", &format!("{{token:{spelling}}}"));
    let error = spelt(ERROR);
    let operation = spelt(r#"{"id":"{token}","status":"{token}","statusDetail":"no: {token}"}"#);
    let claims = "WWW-Authenticate: Bearer error=\"insufficient_claims\", claims=\"{token}\"";
    let named = |name: &str| Scenario::new(format!("token echoed {name}, spelt {spelling}"), "T20");
    let mut scenarios = vec![
        named("in a 400")
            .turn(answer(400, &[JSON, &spelt("Request-Id: {token}")], &error))
            .step(Do::Run, "start Refused")
            .wire("P")
            .ledger(0, 0),
        named("in the claims of a 401")
            .turn(answer(401, &[JSON, &spelt(claims)], &error))
            .step(Do::Run, "start Unauthorized")
            .wire("P")
            .ledger(0, 0),
        named("in the responses to polls")
            .turn(answer(
                202,
                &[
                    "Location: {base}/external/industryData/operations/a-1",
                    &spelt("Request-Id: {token}"),
                ],
                "",
            ))
            .turn(answer(503, &[JSON], &error))
            .turn(answer(200, &[JSON], &operation))
            .turn(answer(403, &[JSON], &error))
            .step(Do::Run, "poll Forbidden")
            .wire("PGGG")
            .ledger(1, 0),
    ];
    // A backslash is in no URL, and a fragment ends it.
    if !spelling.starts_with("json") && spelling != "html" {
        scenarios.push(
            named("in the Location's query")
                .turn(located(&spelt(
                    "{base}/external/industryData/operations/a?t={token}",
                )))
                .step(Do::Run, "start NotFollowable NotAnOperation")
                .wire("P")
                .ledger(1, 0),
        );
    }
    scenarios
}
