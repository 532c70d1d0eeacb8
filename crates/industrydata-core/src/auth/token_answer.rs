//! The answers of token and identity endpoints.

use std::{error::Error, time::Duration};

use http::{StatusCode, response::Parts};
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::{
    auth::{
        refusal::{TOKEN_ENDPOINT, TokenRefusal},
        token::{AccessToken, TokenError},
        token_output::seconds,
    },
    now::Now,
    policy::TOKEN_LIFE_IF_UNSTATED,
    wire::{json::without_bom, service_error::ServiceError, transport::IncompleteBody},
};

/// The codes of RFC 6749 section 4.1.2.1 that ask for another attempt. Entra sends them with a 400 as well.
const TRANSIENT_CODES: [&str; 2] = ["temporarily_unavailable", "server_error"];

/// Reads a token that the endpoint `from` sent. `secret` is redacted in errors.
pub(crate) fn token(
    from: &str,
    head: &Parts,
    body: Result<Vec<u8>, IncompleteBody>,
    secret: Option<&str>,
    now: Now,
) -> Result<AccessToken, TokenError> {
    let members = members(from, head, body, secret, "access_token")?;
    let Some(token) = members.get("access_token").and_then(Value::as_str) else {
        return Err(TokenError::Unusable(format!(
            "{from} sent an answer that is not a token: another program may answer at its address"
        )));
    };
    let token_type = members.get("token_type").and_then(Value::as_str);
    if token_type.is_some_and(|name| !name.trim().eq_ignore_ascii_case("bearer")) {
        return Err(TokenError::Unusable(format!(
            "{from} returned a token of another type than Bearer"
        )));
    }
    let life = members.get("expires_in").and_then(seconds);
    let expires = match life {
        Some(life) => after(now.utc, life),
        // Managed identities may give the moment alone. It counts by their clock, as the token does.
        None => members
            .get("expires_on")
            .and_then(seconds)
            .map_or(after(now.utc, TOKEN_LIFE_IF_UNSTATED), |since| {
                after(Timestamp::UNIX_EPOCH, since)
            }),
    };
    let expires = expires.max(now.utc);
    let token = AccessToken::new(token.trim()).map_err(|error| {
        if let TokenError::Malformed(flaw) = error
            && from != TOKEN_ENDPOINT
        {
            TokenError::Unusable(format!("{from} sent a token that cannot be used: {flaw}"))
        } else {
            error
        }
    })?;
    Ok(token.with_life(now.utc, expires))
}

/// The members of an answer that has the text `wanted`, or why the endpoint sent none.
pub(crate) fn members(
    from: &str,
    head: &Parts,
    body: Result<Vec<u8>, IncompleteBody>,
    secret: Option<&str>,
    wanted: &str,
) -> Result<Map<String, Value>, TokenError> {
    let body = match body {
        Ok(body) => body,
        Err(error) if head.status.is_success() => return Err(unanswered(from, error)),
        Err(_) => Vec::new(),
    };
    let refusal = || TokenRefusal::decode(from, head, &body, secret);
    if head.status.is_redirection() {
        let text = format!(
            "it answered with a redirect ({}), which is never followed",
            head.status.as_u16()
        );
        let advice =
            "check the address of the endpoint: a secret or a token must not go to another host";
        return Err(TokenError::Refused(TokenRefusal::because(
            from,
            &text,
            Some(advice),
        )));
    }
    if !head.status.is_success() {
        return Err(refused(refusal(), code(head, &body).as_deref()));
    }
    let members = object(&body);
    let has_wanted = members.get(wanted).is_some_and(Value::is_string);
    if !has_wanted && members.get("error").is_some_and(|error| !error.is_null()) {
        return Err(refused(refusal(), code(head, &body).as_deref()));
    }
    Ok(members)
}

/// The endpoint `from` gave no answer, or only a part of one.
pub(crate) fn unanswered<E: Error + Send + Sync + 'static>(from: &str, error: E) -> TokenError {
    if from == TOKEN_ENDPOINT {
        return TokenError::unavailable(error);
    }
    let from = from.to_owned();
    TokenError::unavailable(Unanswered { from, error })
}

/// An endpoint that is named in the message, because its address comes from the environment.
#[derive(Debug, thiserror::Error)]
#[error("{from} was asked, and {error}")]
struct Unanswered<E: Error + 'static> {
    from: String,
    #[source]
    error: E,
}

fn object(body: &[u8]) -> Map<String, Value> {
    let text = str::from_utf8(body).map(without_bom).unwrap_or_default();
    serde_json::from_str(text).unwrap_or_default()
}

/// The code of an error body, of OAuth (RFC 6749 section 5.2) or of a gateway.
fn code(head: &Parts, body: &[u8]) -> Option<String> {
    let error = ServiceError::decode(head.status, &head.headers, body, None);
    error.code().map(str::to_owned)
}

fn refused(refusal: TokenRefusal, code: Option<&str>) -> TokenError {
    let status = refusal.status().unwrap_or_default();
    let is_transient = status.is_server_error()
        || [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS].contains(&status)
        || code.is_some_and(|code| {
            TRANSIENT_CODES
                .iter()
                .any(|it| it.eq_ignore_ascii_case(code))
        });
    if is_transient {
        TokenError::unavailable(refusal)
    } else {
        TokenError::Refused(refusal)
    }
}

fn after(moment: Timestamp, time: Duration) -> Timestamp {
    moment.saturating_add(time).unwrap_or(Timestamp::MAX)
}
