//! Bearer tokens: the ones given in the configuration, the ones issued to a client, and whether one is still good.

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{
    HeaderMap, Response, StatusCode,
    header::{AUTHORIZATION, WWW_AUTHENTICATE},
};
use jiff::Timestamp;

use crate::{
    answer::{Trace, set},
    config::{Grant, Permission},
};

/// How many tokens are remembered; beyond it the oldest are forgotten, and refused.
const KEPT: usize = 4096;

/// Every token the service knows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tokens {
    known: Vec<Known>,
}

#[derive(Clone, Debug)]
struct Known {
    grant: Grant,
    /// `None` does not end.
    until: Option<Timestamp>,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Good,
    /// Revoked, with the claims that a new one must have.
    Revoked(Option<String>),
}

/// Why a request was refused for its token.
#[derive(Clone, Debug)]
pub(crate) enum Refusal {
    Missing,
    NotBearer,
    Unknown,
    Expired,
    Revoked(Option<String>),
    /// The token is good, and not for this.
    Forbidden,
}

impl Tokens {
    /// Makes a token good, whatever it was before.
    pub(crate) fn add(&mut self, grant: Grant, until: Option<Timestamp>) {
        self.known.retain(|known| known.grant.token != grant.token);
        if self.known.len() >= KEPT {
            self.known.remove(0);
        }
        self.known.push(Known {
            grant,
            until,
            state: State::Good,
        });
    }

    pub(crate) fn revoke(&mut self, claims: Option<&str>) {
        for known in &mut self.known {
            known.state = State::Revoked(claims.map(str::to_owned));
        }
    }

    /// Whether the request's token is good for one of these permissions; none asked for is good with any token.
    pub(crate) fn check(
        &self,
        headers: &HeaderMap,
        any_of: &[Permission],
        now: Timestamp,
    ) -> Result<(), Refusal> {
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
        if known.until.is_some_and(|until| until <= now) {
            return Err(Refusal::Expired);
        }
        if any_of.is_empty()
            || known
                .grant
                .permissions
                .iter()
                .any(|has| any_of.contains(has))
        {
            Ok(())
        } else {
            Err(Refusal::Forbidden)
        }
    }
}

impl Refusal {
    /// The 401 or 403, with a challenge that names this authority.
    pub(crate) fn answer(&self, authority: &str, trace: &Trace) -> Response<Vec<u8>> {
        let message = match self {
            Self::Missing => "the request carries no access token",
            Self::NotBearer => "the authorization header is not of the bearer scheme",
            Self::Unknown => "the access token is not known",
            Self::Expired => "the lifetime of the access token has ended",
            Self::Revoked(_) => "the access token was revoked",
            Self::Forbidden => {
                return trace.error(
                    StatusCode::FORBIDDEN,
                    "accessDenied",
                    "the permissions of the access token do not cover this request",
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
