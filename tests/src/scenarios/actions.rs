//! Validations and resets: one POST each, without a slot, and the poll of their operations.

use crate::{
    answers::{accepted, answer, head, located, status, validation},
    scenario::{Do, Scenario},
    tokens::Given,
    turn::{Act, Turn},
};

const LOCATION: &str = "Location: {base}/external/industryData/operations/a-1";
const ERRORS: &str =
    r#","errors":[{"code":"RequiredFileNotFound","target":"orgs.csv"}],"validatedFiles":[]"#;
const WARNINGS: &str = r#","warnings":[{"code":"OptionalFileNotFound","target":"classes.csv"}],"validatedFiles":["orgs.csv"]"#;

/// Every ending of an action, and every way in which its answer is lost.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    let mut scenarios = accepted_ones();
    scenarios.extend(refused());
    scenarios.extend(in_doubt());
    scenarios.extend(locations());
    scenarios
}

/// No action uses a slot.
fn action(name: impl Into<String>, covers: &'static str) -> Scenario {
    Scenario::new(name, covers).ledger(0, 0)
}

fn accepted_ones() -> Vec<Scenario> {
    let validate = |name: &str| action(format!("validation: {name}"), "S9 P9").turn(accepted());
    vec![
        validate("without errors")
            .turn(validation("running", ""))
            .turn(validation("succeeded", r#","errors":[],"warnings":[]"#))
            .step(Do::Validate, "succeeded")
            .statuses("running succeeded")
            .wire("PGG"),
        validate("with errors")
            .turn(validation("succeeded", ERRORS))
            .step(Do::Validate, "succeeded")
            .says("RequiredFileNotFound: orgs.csv")
            .wire("PG"),
        validate("with warnings")
            .turn(validation("succeeded", WARNINGS))
            .step(Do::Validate, "succeeded")
            .says("OptionalFileNotFound: classes.csv")
            .says("orgs.csv")
            .wire("PG"),
        validate("failed")
            .turn(validation("failed", r#","statusDetail":"the session has expired""#))
            .step(Do::Validate, "poll Failed")
            .says("the session has expired")
            .wire("PG"),
        validate("the token is repeated in an error")
            .turn(validation(
                "succeeded",
                r#","errors":[{"code":"{token}","message":"a {token} b"},"{token}"],"validatedFiles":["{token}"]"#,
            ))
            .step(Do::Validate, "succeeded")
            .says("[redacted]")
            .wire("PG"),
        validate("its operation is gone")
            .turn(answer(410, &[], ""))
            .step(Do::Validate, "poll Gone")
            .wire("PG"),
        validate("a poll is refused")
            .turn(answer(403, &[], ""))
            .step(Do::Validate, "poll Forbidden")
            .wire("PG"),
        action("reset: without a Location", "S11")
            .turn(answer(202, &[], ""))
            .step(Do::Reset, "accepted")
            .wire("P"),
        action("reset: with a Location", "S11")
            .turn(accepted())
            .turn(status("succeeded"))
            .step(Do::Reset, "succeeded")
            .wire("PG"),
        action("reset: its operation fails", "S11")
            .turn(accepted())
            .turn(status("failed"))
            .step(Do::Reset, "poll Failed")
            .wire("PG"),
        Scenario::new("a start after a validation uses the only slot", "S9")
            .turn(accepted())
            .turn(validation("succeeded", ""))
            .turn(accepted())
            .turn(status("succeeded"))
            .step(Do::Validate, "succeeded")
            .step(Do::Run, "succeeded")
            .wire("PGPG")
            .ledger(1, 0),
    ]
}

fn refused() -> Vec<Scenario> {
    let body = r#"{"error":{"code":"Nope","message":"not like this"}}"#;
    let mut scenarios = Vec::new();
    for (does, name) in [(Do::Validate, "validation"), (Do::Reset, "reset")] {
        for (code, end) in [
            (400, "action Refused"),
            (403, "action Forbidden"),
            (404, "action NotFound"),
            (409, "action Refused"),
            (410, "action NotFound"),
            (411, "action Refused"),
            (429, "action Throttled"),
            (501, "action Refused"),
        ] {
            let fields = [
                "Content-Type: application/json",
                "Request-Id: r-1",
                "Retry-After: 0",
            ];
            scenarios.push(
                action(format!("{code} for a {name}"), "S10")
                    .turn(answer(code, &fields, body))
                    .step(does, end)
                    .says("r-1")
                    .says("Nope")
                    .wire("P"),
            );
        }
        for code in [301, 302, 307, 308] {
            let location = "Location: {foreign}/external/industryData/operations/a";
            scenarios.push(
                action(format!("{code} to another server for a {name}"), "S10 T16")
                    .turn(answer(code, &[location], ""))
                    .step(does, "action Refused")
                    .wire("P"),
            );
        }
    }
    let fresh = [Given::Token(1), Given::Token(2), Given::Token(3)];
    let unauthorized = || answer(401, &["WWW-Authenticate: Bearer"], "");
    scenarios.extend([
        action("401 for a validation, repeated with a fresh token", "S9")
            .tokens(&fresh)
            .turn(unauthorized())
            .turn(accepted())
            .turn(validation("succeeded", ""))
            .step(Do::Validate, "succeeded")
            .asked(&[None, Some("")])
            .wire("PPG"),
        action(
            "401 for a validation, not repeated with the same token",
            "S9",
        )
        .turn(unauthorized())
        .step(Do::Validate, "action Unauthorized")
        .asked(&[None, Some("")])
        .wire("P"),
        action("401 for a validation, and 401 for the repeat", "S9")
            .tokens(&fresh)
            .turn(unauthorized())
            .turn(unauthorized())
            .step(Do::Validate, "action Unauthorized")
            .wire("PP"),
        action(
            "401 for a validation, and the answer to the repeat is lost",
            "S9",
        )
        .tokens(&fresh)
        .turn(unauthorized())
        .turn(Turn::new([Act::Close]))
        .step(Do::Validate, "action AnswerLost")
        .wire("PP"),
        action("no token for a validation", "S9")
            .tokens(&[Given::Unavailable])
            .step(Do::Validate, "action NoToken")
            .wire(""),
        action("a closed port for a validation", "S10")
            .address(crate::Address::Closed)
            .step(Do::Validate, "action Unreachable"),
    ]);
    scenarios
}

fn in_doubt() -> Vec<Scenario> {
    let mut scenarios = Vec::new();
    for code in [200, 201, 204, 303, 500, 502, 503, 504, 507] {
        scenarios.push(
            action(format!("{code} for a validation leaves it in doubt"), "S10")
                .turn(answer(code, &["Retry-After: 0", LOCATION], ""))
                .step(Do::Validate, "action AmbiguousAnswer")
                .wire("P"),
        );
    }
    for (name, acts) in [
        ("closed once the request was read", vec![Act::Close]),
        ("reset once the request was read", vec![Act::Reset]),
        (
            "closed within the status line",
            vec![Act::Send(b"HTTP/1.1 20".to_vec()), Act::Close],
        ),
        (
            "closed within the head",
            vec![
                Act::Send(b"HTTP/1.1 202 Accepted\r\nLocation: {base}/ext".to_vec()),
                Act::Close,
            ],
        ),
        (
            "another protocol than HTTP",
            vec![
                Act::Send(b"SSH-2.0-OpenSSH_9.6\r\n\r\n".to_vec()),
                Act::Close,
            ],
        ),
    ] {
        for (does, what) in [(Do::Validate, "validation"), (Do::Reset, "reset")] {
            scenarios.push(
                action(format!("{what} in doubt: {name}"), "S10 T37")
                    .turn(Turn::new(acts.clone()))
                    .step(does, "action AnswerLost")
                    .wire("P")
                    .within(6000),
            );
        }
    }
    scenarios.push(
        action(
            "validation in doubt: no response within the request limit",
            "S10 T37",
        )
        .request_limit(600)
        .turn(Turn::new([Act::Stall]))
        .step(Do::Validate, "action AnswerLost")
        .wire("P")
        .within(6000),
    );
    scenarios.push(
        action(
            "a validation is accepted once the head of its 202 is whole",
            "S10 T37",
        )
        .turn(Turn::new([
            Act::Send(head(202, &[LOCATION, "Content-Length: 9"])),
            Act::Close,
        ]))
        .turn(validation("succeeded", ""))
        .step(Do::Validate, "succeeded")
        .wire("PG"),
    );
    scenarios
}

fn locations() -> Vec<Scenario> {
    let refused = |name: &str, location: &str, end: &str| {
        action(format!("validation: {name}"), "S11 I1")
            .turn(located(location))
            .step(Do::Validate, format!("action NotFollowable {end}"))
            .wire("P")
    };
    let target = "/beta/external/industryData/operations/op-1";
    vec![
        refused(
            "a Location of another server",
            "{foreign}/external/industryData/operations/a",
            "CrossOrigin",
        ),
        refused(
            "a Location of another resource",
            "{base}/external/industryData/runs/a",
            "NotAnOperation",
        ),
        refused(
            "a Location that repeats the token",
            "{base}/external/industryData/operations/{token}",
            "NotAnOperation",
        ),
        action("validation: no Location", "S11")
            .turn(answer(202, &["Request-Id: r-1"], ""))
            .step(Do::Validate, "action NotFollowable Missing")
            .says("r-1")
            .wire("P"),
        action("reset: a Location of another server", "S11 I1")
            .turn(located("{foreign}/external/industryData/operations/a"))
            .step(Do::Reset, "action NotFollowable CrossOrigin")
            .wire("P"),
        action("validation: a Location relative to its own URL", "S11")
            .turn(located("../../operations/op-1"))
            .turn(validation("succeeded", ""))
            .step(Do::Validate, "succeeded")
            .target(target)
            .wire("PG"),
    ]
}
