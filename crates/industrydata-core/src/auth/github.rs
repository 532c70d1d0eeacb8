//! GitHub Actions: a workflow asks for a token that says which repository and branch it runs for.
//!
//! Documentation:
//! [OpenID Connect](https://docs.github.com/actions/reference/security/oidc).

use std::fmt;

use http::{
    HeaderValue, Request,
    header::{ACCEPT, AUTHORIZATION},
    response::Parts,
};
use percent_encoding::utf8_percent_encode;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::{
    auth::{
        address::{Address, Route},
        client_assertion::Assertion,
        managed_identity::TOKEN_EXCHANGE,
        token::TokenError,
        token_answer,
    },
    wire::{transport::IncompleteBody, uri::RESERVED},
};

const NAME: &str = "GitHub's token service (ACTIONS_ID_TOKEN_REQUEST_URL)";
const ADVICE: &str = "the request token of a job lives for about six hours: split a longer wait over several jobs, with the resume token; otherwise check that the job has `permissions: id-token: write`";

/// The assertion of a GitHub Actions job, as one request and one answer.
///
/// GitHub sets `ACTIONS_ID_TOKEN_REQUEST_URL` and `ACTIONS_ID_TOKEN_REQUEST_TOKEN` in a job with the permission
/// `id-token: write`. An assertion lives for five minutes: ask for one for each exchange.
#[derive(Clone)]
pub struct GitHubActions {
    address: Address,
    token: Zeroizing<String>,
    audience: String,
}

impl GitHubActions {
    /// Asks at `url` with the request token of the job.
    ///
    /// # Errors
    ///
    /// [`TokenError::Unusable`] unless the URL is `https`, or `http` on loopback.
    pub fn new(url: &str, token: impl Into<String>) -> Result<Self, TokenError> {
        let token = Zeroizing::new(token.into());
        let address = Address::of_service(url);
        address
            .map(|address| Self {
                address,
                token,
                audience: TOKEN_EXCHANGE.to_owned(),
            })
            .map_err(|error| TokenError::Unusable(format!("GitHub's token service {error}")))
    }

    /// Requests an assertion for this audience instead of `api://AzureADTokenExchange`.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = audience.into();
        self
    }

    /// How the URL may be reached.
    #[must_use]
    pub const fn route(&self) -> Route {
        self.address.route()
    }

    /// The host of the URL. An IPv6 address is in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        self.address.host()
    }

    pub(crate) const fn name() -> &'static str {
        NAME
    }

    /// The request for an assertion.
    ///
    /// # Errors
    ///
    /// [`TokenError::Unusable`] if the request token is not the value of a header field.
    pub fn request(&self) -> Result<Request<Vec<u8>>, TokenError> {
        let mut query = "audience=".to_owned();
        query.extend(utf8_percent_encode(&self.audience, RESERVED));
        let bearer = Zeroizing::new(format!("bearer {}", self.token.as_str()));
        let mut bearer = HeaderValue::from_str(&bearer).map_err(|_| {
            TokenError::Unusable(
                "ACTIONS_ID_TOKEN_REQUEST_TOKEN is not the value of a header field".to_owned(),
            )
        })?;
        bearer.set_sensitive(true);
        Request::get(self.address.url("", &query))
            .header(ACCEPT, HeaderValue::from_static("application/json"))
            .header(AUTHORIZATION, bearer)
            .body(Vec::new())
            .map_err(|_| TokenError::Unusable(format!("{NAME} is not a URL")))
    }

    /// Reads the answer.
    ///
    /// # Errors
    ///
    /// As [`ClientCredentials::read`](crate::auth::ClientCredentials::read), with an assertion in place of the token.
    pub fn read(
        &self,
        head: &Parts,
        body: Result<Vec<u8>, IncompleteBody>,
    ) -> Result<Assertion, TokenError> {
        let members = token_answer::members(NAME, head, body, Some(&self.token), "value");
        let members = members.map_err(|error| error.or_advice(ADVICE))?;
        let value = members.get("value").and_then(Value::as_str);
        value
            .and_then(|value| Assertion::new(value).ok())
            .ok_or_else(|| {
                TokenError::Unusable(format!(
                    "{NAME} sent an answer without an assertion: another program may answer at its address"
                ))
            })
    }
}

impl fmt::Debug for GitHubActions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GitHubActions")
            .field("url", &self.address.as_str())
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, body: &str) -> Result<Assertion, TokenError> {
        let head = http::Response::builder().status(status).body(()).unwrap();
        let github = GitHubActions::new("https://a/x?api-version=2.0", "s3cret-canary").unwrap();
        github.read(&head.into_parts().0, Ok(body.into()))
    }

    #[test]
    fn the_audience_follows_the_query() {
        let url = "https://pipelines.example/x/idtoken?api-version=2.0";
        let github = GitHubActions::new(url, "s3cret").unwrap();
        let request = github.request().unwrap();
        assert_eq!(
            request.uri().to_string(),
            format!("{url}&audience=api%3A%2F%2FAzureADTokenExchange")
        );
        assert_eq!(request.headers()["authorization"], "bearer s3cret");
        assert!(!format!("{github:?} {:?}", request.headers()).contains("s3cret"));
        assert_eq!(github.route(), Route::Proxied);
        let other = GitHubActions::new("http://127.0.0.1:9", "s")
            .unwrap()
            .audience("x");
        assert_eq!(
            other.request().unwrap().uri(),
            "http://127.0.0.1:9/?audience=x"
        );
    }

    #[test]
    fn an_assertion_is_read() {
        assert!(read(200, r#"{"value":"a.b.c","count":1}"#).is_ok());
        for (status, body, part) in [
            (200, "<html>", "assertion"),
            (200, r#"{"value":"s3cret-canary"}"#, "assertion"),
            (200, r#"{"value":7}"#, "assertion"),
            (302, "", "redirect"),
            (401, r#"{"message":"expired s3cret-canary"}"#, "expired"),
        ] {
            let error = read(status, body).unwrap_err();
            let text = error.to_string();
            assert!(
                text.contains(part) && text.contains("ACTIONS_ID_TOKEN_REQUEST_URL"),
                "{text}"
            );
            assert!(!text.contains("canary") && !error.is_transient(), "{text}");
        }
        assert!(
            read(401, "")
                .unwrap_err()
                .advice()
                .unwrap()
                .contains("id-token")
        );
        assert!(read(503, "").unwrap_err().is_transient());
    }

    #[test]
    fn an_odd_url_or_token_is_refused() {
        for url in ["", "x", "http://pipelines.example", "https://u@a"] {
            assert!(GitHubActions::new(url, "s").is_err(), "{url}");
        }
        let odd = GitHubActions::new("https://a", "can\nary").unwrap();
        let error = odd.request().unwrap_err().to_string();
        assert!(
            error.contains("ACTIONS_ID_TOKEN_REQUEST_TOKEN") && !error.contains("ary"),
            "{error}"
        );
    }
}
