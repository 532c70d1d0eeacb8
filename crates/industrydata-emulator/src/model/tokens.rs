//! The bearer tokens that the service knows, and the refusal of a request without a valid one.

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{
    HeaderMap, Response, StatusCode,
    header::{AUTHORIZATION, WWW_AUTHENTICATE},
};
use jiff::Timestamp;

use crate::{
    config::{Grant, Permission},
    graph::response::{Trace, set},
};

/// How many tokens are kept. The older ones of those that expire are forgotten and then refused.
const KEPT: usize = 4096;

/// All tokens that the service knows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tokens {
    known: Vec<KnownToken>,
    /// How many tokens were added without the name of a caller.
    unnamed: usize,
}

#[derive(Clone, Debug)]
struct KnownToken {
    grant: Grant,
    /// `None` never expires.
    expires: Option<Timestamp>,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Valid,
    /// Revoked. A new token must have these claims.
    Revoked(Option<String>),
}

/// Why a request is refused because of its token.
#[derive(Clone, Debug)]
pub(crate) enum Refusal {
    Missing,
    NotBearer,
    Unknown,
    Expired,
    Revoked(Option<String>),
    /// The token is valid but lacks the permission.
    Forbidden,
}

impl Tokens {
    /// Makes a token valid, even one that was revoked.
    pub(crate) fn add(&mut self, mut grant: Grant, expires: Option<Timestamp>) {
        if grant.caller.is_none() {
            let same = self.known.iter().find(|it| it.grant.token == grant.token);
            grant.caller = same.and_then(|known| known.grant.caller.clone());
        }
        if grant.caller.is_none() {
            self.unnamed += 1;
            grant.caller = Some(format!("token {}", self.unnamed));
        }
        self.known.retain(|known| known.grant.token != grant.token);
        if self.known.len() >= KEPT {
            let first = self.known.iter().position(|known| known.expires.is_some());
            self.known.remove(first.unwrap_or_default());
        }
        self.known.push(KnownToken {
            grant,
            expires,
            state: State::Valid,
        });
    }

    /// Revokes all tokens.
    pub(crate) fn revoke(&mut self, claims: Option<&str>) {
        for known in &mut self.known {
            known.state = State::Revoked(claims.map(str::to_owned));
        }
    }

    /// Checks that the request has a valid token with one of these permissions, and names the caller. An empty list accepts
    /// any valid token.
    pub(crate) fn check(
        &self,
        headers: &HeaderMap,
        permissions: &[Permission],
        now: Timestamp,
    ) -> Result<&str, Refusal> {
        let Some(field) = headers.get(AUTHORIZATION) else {
            return Err(Refusal::Missing);
        };
        let field = field.to_str().map_err(|_| Refusal::NotBearer)?;
        let (scheme, token) = field.split_once(' ').ok_or(Refusal::NotBearer)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Refusal::NotBearer);
        }
        let token = token.trim();
        let known = self
            .known
            .iter()
            .find(|known| known.grant.token == token)
            .ok_or(Refusal::Unknown)?;
        if let State::Revoked(claims) = &known.state {
            return Err(Refusal::Revoked(claims.clone()));
        }
        if known.expires.is_some_and(|expires| expires <= now) {
            return Err(Refusal::Expired);
        }
        if permissions.is_empty()
            || known
                .grant
                .permissions
                .iter()
                .any(|has| permissions.contains(has))
        {
            Ok(known.grant.caller.as_deref().unwrap_or_default())
        } else {
            Err(Refusal::Forbidden)
        }
    }
}

impl Refusal {
    /// The 401 or 403. A 401 has a challenge that names this authority.
    pub(crate) fn response(&self, authority: &str, trace: &Trace) -> Response<Vec<u8>> {
        let message = match self {
            Self::Missing => "the request has no access token",
            Self::NotBearer => "the authorization header does not use the bearer scheme",
            Self::Unknown => "the access token is unknown",
            Self::Expired => "the access token has expired",
            Self::Revoked(_) => "the access token was revoked",
            Self::Forbidden => {
                return trace.error(
                    StatusCode::FORBIDDEN,
                    "accessDenied",
                    "the access token lacks the permission for this request",
                );
            }
        };
        let mut response = trace.error(
            StatusCode::UNAUTHORIZED,
            "InvalidAuthenticationToken",
            message,
        );
        let mut challenge =
            format!(r#"Bearer realm="", authorization_uri="{authority}/common/oauth2/authorize""#);
        if let Self::Revoked(Some(claims)) = self {
            let claims = STANDARD.encode(claims);
            challenge.push_str(&format!(
                r#", error="insufficient_claims", claims="{claims}""#
            ));
        }
        set(response.headers_mut(), WWW_AUTHENTICATE, &challenge);
        response
    }
}
