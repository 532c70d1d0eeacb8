//! Client credentials: an application proves its identity with a secret.

use std::fmt;

use http::{Request, response::Parts};
use zeroize::Zeroizing;

use crate::{
    auth::{
        application::{Application, is_plain_text},
        refusal::TOKEN_ENDPOINT,
        token::{AccessToken, Challenge, TokenError},
        token_answer,
    },
    now::Now,
    tenant::Tenant,
    wire::transport::IncompleteBody,
};

/// The id and the secret of an application, and the authority that accepts them.
///
/// The flow is one request and one answer: send [`request`](Self::request), then pass the answer to [`read`](Self::read)
/// ([client credentials flow](https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow)).
/// Errors and `Debug` output never contain the secret, and it is overwritten when the value is dropped. The request is a
/// copy to which that does not apply.
///
/// ```
/// use industrydata_core::auth::ClientCredentials;
///
/// let credentials = ClientCredentials::new("00000000-0000-0000-0000-00000000c11e", "correct-horse");
/// assert!(!format!("{credentials:?}").contains("correct-horse"));
/// ```
#[derive(Clone)]
pub struct ClientCredentials {
    application: Application,
    secret: Zeroizing<String>,
}

impl ClientCredentials {
    /// The application `client_id`, at `https://login.microsoftonline.com`. The name of a tenant is used as its directory id
    /// unless [`directory`](Self::directory) sets one.
    #[must_use]
    pub fn new(client_id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self::of(Application::new(client_id), secret)
    }

    /// An application that is set up already, with its secret.
    #[must_use]
    pub fn of(application: Application, secret: impl Into<String>) -> Self {
        Self {
            application,
            secret: Zeroizing::new(secret.into()),
        }
    }

    /// Uses this directory, a GUID or a domain name, for every tenant.
    #[must_use]
    pub fn directory(mut self, directory: impl Into<String>) -> Self {
        self.application = self.application.directory(directory);
        self
    }

    /// Uses this authority: an `https` URL, or an `http` URL on loopback.
    ///
    /// # Errors
    ///
    /// [`TokenError::Unusable`] for any other text.
    pub fn authority(mut self, authority: &str) -> Result<Self, TokenError> {
        self.application = self.application.authority(authority)?;
        Ok(self)
    }

    /// Requests this scope instead of `https://graph.microsoft.com/.default`.
    #[must_use]
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.application = self.application.scope(scope);
        self
    }

    /// The application.
    #[must_use]
    pub const fn application(&self) -> &Application {
        &self.application
    }

    /// Whether requests to the authority are not encrypted. Only an authority on loopback can be so.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.application.is_plain()
    }

    /// Whether the text of the authority names this machine. Send such requests past any proxy.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.application.is_loopback()
    }

    /// The host of the authority. An IPv6 address is in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        self.application.host()
    }

    /// The request for a token. Send it once.
    ///
    /// # Errors
    ///
    /// [`TokenError::Unusable`] if the directory is neither a GUID nor a domain name of one tenant, and if the id or the secret of the
    /// application contains a control character, such as a line break.
    pub fn request(
        &self,
        tenant: &Tenant,
        challenge: Option<&Challenge>,
    ) -> Result<Request<Vec<u8>>, TokenError> {
        is_plain_text("secret", &self.secret)?;
        let proof = [("client_secret", self.secret.as_str())];
        self.application.request(tenant, &proof, challenge)
    }

    /// Reads the answer, received at `now`.
    ///
    /// # Errors
    ///
    /// - [`TokenError::Refused`] for a 4xx and for a 2xx with an `error`, with the message of the authority.
    /// - [`TokenError::Unavailable`] for a 5xx, a 408 and a 429, for an `error` that asks for another attempt, and for a 2xx
    ///   whose body is incomplete.
    /// - [`TokenError::Unusable`] for a 2xx without a bearer token.
    pub fn read(
        &self,
        head: &Parts,
        body: Result<Vec<u8>, IncompleteBody>,
        now: Now,
    ) -> Result<AccessToken, TokenError> {
        token_answer::token(TOKEN_ENDPOINT, head, body, Some(&self.secret), now)
    }
}

impl fmt::Debug for ClientCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCredentials")
            .field("application", &self.application)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn now() -> Now {
        Now::new(jiff::Timestamp::UNIX_EPOCH, Duration::ZERO)
    }

    fn head(status: u16) -> Parts {
        http::Response::builder()
            .status(status)
            .body(())
            .unwrap()
            .into_parts()
            .0
    }

    fn read(status: u16, body: &str) -> Result<AccessToken, TokenError> {
        ClientCredentials::new("app", "s3cret-canary").read(&head(status), Ok(body.into()), now())
    }

    #[test]
    fn the_form_is_encoded_and_not_shown() {
        let credentials = ClientCredentials::new("app", "s&c=r+t é").directory("contoso.com");
        let tenant = "any".parse().unwrap();
        let request = credentials.request(&tenant, None).unwrap();
        assert_eq!(
            request.uri(),
            "https://login.microsoftonline.com/contoso.com/oauth2/v2.0/token"
        );
        let body = String::from_utf8(request.body().clone()).unwrap();
        assert!(
            body.contains("&client_secret=s%26c%3Dr%2Bt%20%C3%A9&"),
            "{body}"
        );
        assert!(!format!("{credentials:?}").contains("s&c"));
    }

    #[test]
    fn invalid_directories_and_authorities_are_refused() {
        for tenant in ["../x", "a/b", "a b", "..", "a?b"] {
            let tenant = tenant.parse().unwrap();
            assert!(
                ClientCredentials::new("a", "b")
                    .request(&tenant, None)
                    .is_err()
            );
        }
        for authority in [
            "http://login.example",
            "ftp://a",
            "https://u@a",
            "https://a?x",
            "https://a#x",
            "x",
            "",
        ] {
            assert!(
                ClientCredentials::new("a", "b")
                    .authority(authority)
                    .is_err(),
                "{authority}"
            );
        }
    }

    #[test]
    fn a_control_character_in_a_credential_is_refused() {
        let tenant = "contoso".parse().unwrap();
        for (id, secret, name) in [
            ("app\r", "s", "id"),
            ("app", "canary\n", "secret"),
            ("app", "canary\0b", "secret"),
        ] {
            let error = ClientCredentials::new(id, secret)
                .request(&tenant, None)
                .unwrap_err()
                .to_string();
            assert!(error.contains(name) && !error.contains("canary"), "{error}");
        }
    }

    #[test]
    fn a_directory_of_many_tenants_is_refused() {
        let tenant = "contoso.example".parse().unwrap();
        for name in ["common", "Organizations", "CONSUMERS"] {
            let credentials = ClientCredentials::new("a", "b").directory(name);
            let error = credentials.request(&tenant, None).unwrap_err().to_string();
            assert!(error.contains("AZURE_TENANT_ID"), "{error}");
            assert!(error.contains(&name.to_ascii_lowercase()), "{error}");
        }
        let tenant = "common.example".parse().unwrap();
        let credentials = ClientCredentials::new("a", "b");
        assert!(credentials.request(&tenant, None).is_ok());
    }

    #[test]
    fn an_authority_may_be_plain_or_loopback() {
        for (authority, is_plain, is_loopback) in [
            ("http://127.0.0.1:9/", true, true),
            ("https://localhost:9", false, true),
            ("HTTPS://login.example", false, false),
        ] {
            let credentials = ClientCredentials::new("a", "b")
                .authority(authority)
                .unwrap();
            assert_eq!(
                (credentials.is_plain(), credentials.is_loopback()),
                (is_plain, is_loopback),
                "{authority}"
            );
        }
    }

    #[test]
    fn answers_are_read() {
        let token = read(
            200,
            r#"{"token_type":"Bearer","expires_in":3599,"access_token":"abc"}"#,
        )
        .unwrap();
        assert_eq!(token.expires().unwrap().as_second(), 3599);
        let token = read(200, r#"{"expires_in":"60","access_token":"abc"}"#).unwrap();
        assert_eq!(token.expires().unwrap().as_second(), 60);
        let refused = read(
            401,
            r#"{"error":"invalid_client","error_description":"bad s3cret-canary"}"#,
        )
        .unwrap_err();
        assert!(refused.to_string().contains("invalid_client"), "{refused}");
        assert!(!refused.to_string().contains("s3cret-canary"), "{refused}");
        assert!(!refused.is_transient());
        assert!(read(503, "").unwrap_err().is_transient());
        assert!(matches!(read(200, "<html>"), Err(TokenError::Unusable(_))));
        assert!(matches!(
            read(200, r#"{"access_token":"a b"}"#),
            Err(TokenError::Malformed(_))
        ));
    }

    #[test]
    fn an_unstated_life_is_five_minutes() {
        let token = read(200, r#"{"access_token":"abc"}"#).unwrap();
        assert_eq!(token.expires().unwrap().as_second(), 300);
        let token = read(200, r#"{"access_token":"abc","expires_in":"soon"}"#).unwrap();
        assert_eq!(token.expires().unwrap().as_second(), 300);
    }

    #[test]
    fn a_byte_order_mark_and_odd_lives_do_not_hide_the_token() {
        for (life, expires) in [
            ("3600.0", 3600),
            ("\"3599\"", 3599),
            ("\" 3599 \"", 3599),
            ("1e4", 10_000),
            ("\"1e4\"", 10_000),
            ("-1", 300),
            ("0", 300),
            ("\"-5\"", 300),
            ("\"NaN\"", 300),
            ("\"inf\"", 300),
            ("1e300", 300),
            ("18446744073709551616000000", 300),
            ("null", 300),
            ("[60]", 300),
            ("true", 300),
        ] {
            let body = format!(
                "\u{feff}{{\"token_type\":null,\"expires_in\":{life},\"access_token\":\"abc\"}}"
            );
            let token = read(200, &body).unwrap();
            assert_eq!(token.expires().unwrap().as_second(), expires, "{life}");
        }
        let long = read(200, r#"{"access_token":"abc","expires_in":1e18}"#).unwrap();
        assert_eq!(long.expires(), Some(jiff::Timestamp::MAX));
    }

    #[test]
    fn a_success_with_an_error_is_a_refusal() {
        let body =
            r#"{"error":"invalid_client","error_description":"AADSTS7000215: bad s3cret-canary"}"#;
        for body in [body.to_owned(), format!("\u{feff}{body}")] {
            let error = read(200, &body).unwrap_err();
            assert!(matches!(error, TokenError::Refused(_)));
            let error = error.to_string();
            assert!(error.contains("AADSTS7000215"), "{error}");
            assert!(!error.contains("s3cret-canary"), "{error}");
        }
        for status in [200, 400] {
            let busy = r#"{"error":"temporarily_unavailable","error_description":"AADSTS90033"}"#;
            let error = read(status, busy).unwrap_err();
            assert!(error.is_transient() && error.to_string().contains("AADSTS90033"));
        }
        assert!(read(408, "").unwrap_err().is_transient());
        assert!(read(200, r#"{"error":null,"access_token":"abc"}"#).is_ok());
        let neither = read(200, r#"{"error":null,"access_token":7}"#);
        assert!(matches!(neither, Err(TokenError::Unusable(_))));
    }

    #[test]
    fn an_incomplete_answer_counts_by_its_status() {
        let broken = |status: u16| {
            let (head, ()) = http::Response::builder()
                .status(status)
                .body(())
                .unwrap()
                .into_parts();
            let now = Now {
                utc: jiff::Timestamp::UNIX_EPOCH,
                steady: Duration::ZERO,
            };
            ClientCredentials::new("a", "b")
                .read(&head, Err(IncompleteBody::TooLarge { limit: 9 }), now)
                .unwrap_err()
        };
        assert!(broken(200).is_transient());
        assert!(matches!(broken(401), TokenError::Refused(_)));
    }

    #[test]
    fn debug_shows_the_application_and_not_the_secret() {
        let credentials = ClientCredentials::new("an-app", "s3cret").directory("contoso");
        let shown = format!("{credentials:?}");
        assert!(
            shown.contains("an-app") && shown.contains("contoso"),
            "{shown}"
        );
        assert!(!shown.contains("s3cret"), "{shown}");
    }

    #[test]
    fn a_token_of_another_type_is_refused() {
        let other = read(200, r#"{"token_type":"DPoP","access_token":"abc"}"#);
        assert!(matches!(other, Err(TokenError::Unusable(_))));
        let credentials = ClientCredentials::new("a", "b").scope("api://x/.default");
        assert!(format!("{credentials:?}").contains("api://x/.default"));
    }
}
