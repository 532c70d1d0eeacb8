//! Client assertions: an application proves its identity with a token that another issuer signed, or that it signed itself.
//!
//! Documentation:
//! [federated credentials](https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow#third-case-access-token-request-with-a-federated-credential).

use std::fmt;

use http::{Request, response::Parts};
use zeroize::Zeroizing;

use crate::{
    auth::{
        application::Application,
        refusal::TOKEN_ENDPOINT,
        token::{AccessToken, Challenge, TokenError},
        token_answer,
    },
    now::Now,
    policy::MAX_TOKEN_BYTES,
    tenant::Tenant,
    wire::transport::IncompleteBody,
};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A signed JWT that proves the identity of an application (RFC 7523 section 2.2).
///
/// `Debug` does not show it, and it is overwritten when it is dropped.
#[derive(Clone)]
pub struct Assertion(Zeroizing<String>);

impl Assertion {
    /// Checks the form of a JWT: three parts in base64url. White space around it is ignored.
    ///
    /// # Errors
    ///
    /// [`TokenError::Malformed`] for any other text, and for more than 16 KiB. The error does not contain the text.
    pub fn new(text: &str) -> Result<Self, TokenError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(TokenError::Malformed("it is empty"));
        }
        if text.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::Malformed("it is longer than 16 KiB"));
        }
        let is_part = |part: &str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
        };
        if text.split('.').count() != 3 || !text.split('.').all(is_part) {
            return Err(TokenError::Malformed(
                "it is not a JWT of three parts in base64url",
            ));
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }
}

impl fmt::Debug for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assertion").finish_non_exhaustive()
    }
}

/// The exchange of an [`Assertion`] for a token, as one request and one answer.
#[derive(Clone, Debug)]
pub struct ClientAssertion {
    application: Application,
}

impl ClientAssertion {
    /// For this application.
    #[must_use]
    pub const fn new(application: Application) -> Self {
        Self { application }
    }

    /// The application.
    #[must_use]
    pub const fn application(&self) -> &Application {
        &self.application
    }

    /// The request for a token. Send it once: an issuer may accept an assertion only once.
    ///
    /// # Errors
    ///
    /// [`TokenError::Unusable`] if the directory is neither a GUID nor a domain name, and if the id of the application
    /// contains a control character.
    pub fn request(
        &self,
        tenant: &Tenant,
        assertion: &Assertion,
        challenge: Option<&Challenge>,
    ) -> Result<Request<Vec<u8>>, TokenError> {
        let proof = [
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", assertion.0.as_str()),
        ];
        self.application.request(tenant, &proof, challenge)
    }

    /// Reads the answer to a request with `assertion`, received at `now`.
    ///
    /// # Errors
    ///
    /// As [`ClientCredentials::read`](crate::auth::ClientCredentials::read).
    pub fn read(
        &self,
        assertion: &Assertion,
        head: &Parts,
        body: Result<Vec<u8>, IncompleteBody>,
        now: Now,
    ) -> Result<AccessToken, TokenError> {
        token_answer::token(TOKEN_ENDPOINT, head, body, Some(&assertion.0), now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_jwt_is_an_assertion() {
        for bad in [
            "",
            " \n",
            "a",
            "a.b",
            "a.b.c.d",
            "a..c",
            "a.b.",
            "a.b.c=",
            "a.b c.d",
            "a.b.c\0",
            "é.b.c",
            &"a".repeat(17_000),
        ] {
            let error = Assertion::new(bad).unwrap_err().to_string();
            assert!(bad.len() < 4 || !error.contains(bad), "{error}");
        }
        let assertion = Assertion::new(" canary.b-_9.c\r\n").unwrap();
        assert!(!format!("{assertion:?}").contains("canary"));
    }

    #[test]
    fn the_form_has_the_assertion_and_the_claims() {
        let exchange = ClientAssertion::new(Application::new("an app").directory("contoso.com"));
        let assertion = Assertion::new("a.b.c").unwrap();
        let tenant = "any".parse().unwrap();
        let request = exchange.request(&tenant, &assertion, None).unwrap();
        assert_eq!(
            request.uri(),
            "https://login.microsoftonline.com/contoso.com/oauth2/v2.0/token"
        );
        let body = String::from_utf8(request.body().clone()).unwrap();
        assert_eq!(
            body,
            "grant_type=client_credentials&client_id=an%20app&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=a.b.c&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default"
        );
    }

    #[test]
    fn an_assertion_in_an_answer_is_not_shown() {
        let exchange = ClientAssertion::new(Application::new("app"));
        let assertion = Assertion::new("canary.b.c").unwrap();
        let head = http::Response::builder().status(401).body(()).unwrap();
        let body = br#"{"error":"invalid_client","error_description":"AADSTS700024: canary.b.c"}"#;
        let now = Now::new(jiff::Timestamp::UNIX_EPOCH, std::time::Duration::ZERO);
        let read = exchange.read(&assertion, &head.into_parts().0, Ok(body.to_vec()), now);
        let error = read.unwrap_err();
        assert!(!error.to_string().contains("canary"), "{error}");
        assert!(error.advice().unwrap().contains("clock"));
    }
}
