//! Access tokens that are refused, renewed, challenged, unusable or unavailable.

use crate::{
    answers::{accepted, answer, status},
    scenario::{Do, Scenario},
    tokens::Given,
    turn::Turn,
};

/// `{"access_token":{"nbf":{"essential":true,"value":"1"}}}` in base64.
const CLAIMS: &str = "eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZSwidmFsdWUiOiIxIn19fQ==";

/// Tokens refused for a start and for a poll, and texts that are not valid tokens.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    let mut scenarios = starts();
    scenarios.extend(polls());
    scenarios.extend(unusable());
    scenarios
}

fn starts() -> Vec<Scenario> {
    let fresh = [Given::Token(1), Given::Token(2), Given::Token(3)];
    vec![
        Scenario::new("401 for a start, repeated with a fresh token", "T39")
            .tokens(&fresh)
            .turn(refused())
            .turn(accepted())
            .turn(status("succeeded"))
            .step(Do::Run, "succeeded")
            .asked(&[None, Some("")])
            .wire("PPG")
            .ledger(1, 0),
        Scenario::new("401 for a start, not repeated with the same token", "T39")
            .turn(refused())
            .step(Do::Run, "start Unauthorized")
            .asked(&[None, Some("")])
            .wire("P")
            .ledger(0, 0),
        Scenario::new("401 for a start, and 401 for the repeat", "T39")
            .tokens(&fresh)
            .turn(refused())
            .turn(refused())
            .step(Do::Run, "start Unauthorized")
            .asked(&[None, Some("")])
            .wire("PP")
            .ledger(0, 0),
        Scenario::new("401 for a start, and the token source is unavailable", "T39")
            .tokens(&[Given::Token(1), Given::Unavailable])
            .turn(refused())
            .step(Do::Run, "start Unauthorized")
            .wire("P")
            .ledger(0, 0),
        Scenario::new("401 for a start, and the response to the repeat is lost", "T39 I2")
            .tokens(&fresh)
            .turn(refused())
            .turn(Turn::new([crate::Act::Close]))
            .step(Do::Run, "start AnswerLost")
            .wire("PP")
            .ledger(0, 1),
        Scenario::new("a claims challenge is passed to the token source, its authority is not contacted", "T41")
            .tokens(&fresh)
            .turn(answer(
                401,
                &[
                    "WWW-Authenticate: Basic realm=\"x\"",
                    &format!(
                        "WWW-Authenticate: Bearer realm=\"\", authorization_uri=\"{{foreign}}/authorize\", \
                         error=\"insufficient_claims\", claims=\"{CLAIMS}\""
                    ),
                ],
                "",
            ))
            .turn(accepted())
            .step(Do::Start, "accepted")
            .asked(&[None, Some(r#"{"access_token":{"nbf":{"essential":true,"value":"1"}}}"#)])
            .wire("PP")
            .ledger(1, 0),
    ]
}

fn polls() -> Vec<Scenario> {
    let all = [1, 2, 3, 4, 5].map(Given::Token);
    vec![
        Scenario::new("401 for a poll, repeated with a fresh token", "T40")
            .tokens(&all)
            .turn(accepted())
            .turn(status("running"))
            .turn(refused())
            .turn(status("succeeded"))
            .step(Do::Run, "succeeded")
            .asked(&[None, Some("")])
            .wire("PGGG")
            .ledger(1, 0),
        Scenario::new("401 for three polls in a row", "T40")
            .tokens(&all)
            .turn(accepted())
            .turn(refused())
            .turn(refused())
            .turn(refused())
            .step(Do::Run, "poll Unauthorized")
            .asked(&[None, Some(""), Some("")])
            .wire("PGGG")
            .ledger(1, 0),
        Scenario::new("401 for a poll, not repeated with the same token", "T40")
            .turn(accepted())
            .turn(refused())
            .step(Do::Run, "poll Unauthorized")
            .wire("PG")
            .ledger(1, 0),
        Scenario::new("401 for two polls, twice, with a good poll between", "T40")
            .tokens(&all)
            .turn(accepted())
            .turn(refused())
            .turn(refused())
            .turn(status("running"))
            .turn(refused())
            .turn(refused())
            .turn(status("succeeded"))
            .step(Do::Run, "succeeded")
            .wire("PGGGGGG")
            .ledger(1, 0),
        Scenario::new("the token source is unavailable at the first poll", "T40")
            .tokens(&[Given::Unavailable, Given::Token(1)])
            .step(Do::OperationPoll, "poll NoToken")
            .wire("")
            .ledger(0, 0),
    ]
}

fn unusable() -> Vec<Scenario> {
    [
        ("with a line feed", format!("{}\nX-Evil: 1", crate::CANARY)),
        (
            "with a line break",
            format!("{}\r\nX-Evil: 1\r\n\r\nGET /evil HTTP/1.1", crate::CANARY),
        ),
        ("with a carriage return", format!("{}\rb", crate::CANARY)),
        ("that ends with a line feed", format!("{}\n", crate::CANARY)),
        ("with a NUL", format!("{}\0", crate::CANARY)),
        ("with a space", format!("{} b", crate::CANARY)),
        ("with a comma", format!("{},b", crate::CANARY)),
        ("that is not ASCII", format!("{}\u{e9}", crate::CANARY)),
        ("that is empty", String::new()),
        ("of 100 kB", crate::CANARY.repeat(4200)),
    ]
    .into_iter()
    .map(|(name, token)| {
        Scenario::new(format!("a token {name} is never sent"), "T18")
            .tokens(&[Given::Text(token)])
            .step(Do::Run, "start NoToken")
            .step(Do::OperationPoll, "poll NoToken")
            .wire("")
            .ledger(0, 0)
    })
    .chain([Scenario::new("the token source is unavailable", "T18")
        .tokens(&[Given::Unavailable])
        .step(Do::Run, "start NoToken")
        .wire("")
        .ledger(0, 0)])
    .collect()
}

fn refused() -> Turn {
    answer(
        401,
        &[
            "WWW-Authenticate: Bearer realm=\"\", authorization_uri=\"{foreign}/common/oauth2/authorize\"",
        ],
        r#"{"error":{"code":"InvalidAuthenticationToken"}}"#,
    )
}
