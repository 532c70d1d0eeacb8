//! `POST {authority}/{directory}/oauth2/v2.0/token` obtains a token for an application.
//!
//! Documentation:
//! [client credentials flow](https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow).

use std::fmt;

use http::{
    HeaderValue, Request, StatusCode, Uri,
    header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE},
    response::Parts,
};
use percent_encoding::utf8_percent_encode;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::policy::TOKEN_LIFE_IF_UNSTATED;
use crate::{
    auth::{
        token::{AccessToken, Challenge, TokenError},
        token_output::seconds,
    },
    now::Now,
    tenant::Tenant,
    wire::{
        base_url::parts::is_loopback_host, json::without_bom, service_error::ServiceError,
        transport::IncompleteBody, uri::RESERVED,
    },
};

/// The authority of Entra's global service.
const AUTHORITY: &str = "https://login.microsoftonline.com";
const SCOPE: &str = "https://graph.microsoft.com/.default";

/// The id and the secret of an application, and the authority that accepts them.
///
/// The flow is one request and one answer: send [`request`](Self::request), then pass the answer to [`read`](Self::read)
/// ([client credentials flow](https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow)).
/// Errors and `Debug` output never contain the secret, and it is overwritten when the value is dropped. The request is a
/// copy to which that does not apply.
#[derive(Clone)]
pub struct ClientCredentials {
    authority: String,
    directory: Option<String>,
    client_id: String,
    secret: Zeroizing<String>,
    scope: String,
}

impl ClientCredentials {
    /// The application `client_id`, at `https://login.microsoftonline.com`. The name of a tenant is used as its directory id
    /// unless [`directory`](Self::directory) sets one.
    #[must_use]
    pub fn new(client_id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self {
            authority: AUTHORITY.to_owned(),
            directory: None,
            client_id: client_id.into(),
            secret: Zeroizing::new(secret.into()),
            scope: SCOPE.to_owned(),
        }
    }

    /// Uses this directory, a GUID or a domain name, for every tenant.
    #[must_use]
    pub fn directory(mut self, directory: impl Into<String>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// Uses this authority: an `https` URL, or an `http` URL on loopback.
    ///
    /// # Errors
    ///
    /// [`TokenError::Unusable`] for any other text.
    pub fn authority(mut self, authority: &str) -> Result<Self, TokenError> {
        let uri: Uri = authority
            .parse()
            .map_err(|_| TokenError::Unusable("the authority is not a URL".to_owned()))?;
        let host = uri.host().unwrap_or_default();
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => is_loopback_host(host),
            Some(_) | None => false,
        };
        // `Uri` drops a fragment silently.
        let plain = uri.authority().is_some_and(|a| !a.as_str().contains('@'))
            && uri.query().is_none()
            && !authority.contains('#');
        if host.is_empty() || !secure || !plain {
            return Err(TokenError::Unusable(
                "the authority must be an https URL (http on loopback only) without user, query or fragment"
                    .to_owned(),
            ));
        }
        self.authority = authority.trim_end_matches('/').to_owned();
        Ok(self)
    }

    /// Requests this scope instead of `https://graph.microsoft.com/.default`.
    #[must_use]
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = scope.into();
        self
    }

    /// Whether requests to the authority are not encrypted. Only an authority on loopback can be so.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        !self
            .authority
            .get(..6)
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"))
    }

    /// Whether the text of the authority names this machine. Send such requests past any proxy.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let uri = self.authority.parse::<Uri>();
        uri.is_ok_and(|uri| is_loopback_host(uri.host().unwrap_or_default()))
    }

    /// The host of the authority. An IPv6 address is in brackets.
    #[must_use]
    pub fn host(&self) -> String {
        let uri = self.authority.parse::<Uri>().unwrap_or_default();
        uri.host().unwrap_or_default().to_owned()
    }

    /// The request for a token. Send it once.
    ///
    /// # Errors
    ///
    /// [`TokenError::Unusable`] if the directory is neither a GUID nor a domain name, and if the id or the secret of the
    /// application contains a control character, such as a line break.
    pub fn request(
        &self,
        tenant: &Tenant,
        challenge: Option<&Challenge>,
    ) -> Result<Request<Vec<u8>>, TokenError> {
        let directory = self.directory.as_deref().unwrap_or_else(|| tenant.as_str());
        let plain = !directory.is_empty()
            && !directory.starts_with('.')
            && directory
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b));
        if !plain {
            return Err(TokenError::Unusable(
                "the directory of the client credentials is neither a GUID nor a domain name"
                    .to_owned(),
            ));
        }
        for (name, value) in [("id", self.client_id.as_str()), ("secret", &self.secret)] {
            if value.chars().any(char::is_control) {
                return Err(TokenError::Unusable(format!(
                    "the {name} of the application contains a control character, such as a line break"
                )));
            }
        }
        let mut form = String::from("grant_type=client_credentials");
        for (name, value) in [
            ("client_id", self.client_id.as_str()),
            ("client_secret", &self.secret),
            ("scope", &self.scope),
        ]
        .into_iter()
        .chain(
            challenge
                .and_then(Challenge::claims)
                .map(|claims| ("claims", claims)),
        ) {
            form.push('&');
            form.push_str(name);
            form.push('=');
            form.extend(utf8_percent_encode(value, RESERVED));
        }
        let uri = format!("{}/{directory}/oauth2/v2.0/token", self.authority);
        Request::post(uri)
            .header(ACCEPT, HeaderValue::from_static("application/json"))
            .header(ACCEPT_ENCODING, HeaderValue::from_static("identity"))
            .header(
                CONTENT_TYPE,
                HeaderValue::from_static("application/x-www-form-urlencoded"),
            )
            .body(form.into_bytes())
            .map_err(|_| TokenError::Unusable("the authority is not a URL".to_owned()))
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
        let body = match body {
            Ok(body) => body,
            Err(error) if head.status.is_success() => return Err(TokenError::unavailable(error)),
            Err(_) => Vec::new(),
        };
        if !head.status.is_success() {
            let error = ServiceError::decode(head.status, &head.headers, &body, Some(&self.secret));
            return Err(refusal(&error));
        }
        let text = str::from_utf8(&body).map(without_bom).unwrap_or_default();
        let answer: Map<String, Value> = serde_json::from_str(text).unwrap_or_default();
        let Some(token) = answer.get("access_token").and_then(Value::as_str) else {
            if answer.get("error").is_some_and(|error| !error.is_null()) {
                let secret = Some(self.secret.as_str());
                let error = ServiceError::decode(head.status, &head.headers, &body, secret);
                return Err(refusal(&error));
            }
            return Err(TokenError::Unusable(
                "the token endpoint's answer is not a token".to_owned(),
            ));
        };
        let token_type = answer.get("token_type").and_then(Value::as_str);
        if token_type.is_some_and(|name| !name.trim().eq_ignore_ascii_case("bearer")) {
            return Err(TokenError::Unusable(
                "the token endpoint returned a token of another type than Bearer".to_owned(),
            ));
        }
        let life = answer.get("expires_in").and_then(seconds);
        let life = life.unwrap_or(TOKEN_LIFE_IF_UNSTATED);
        let expires = now.utc.saturating_add(life).unwrap_or(jiff::Timestamp::MAX);
        Ok(AccessToken::new(token.trim())?.with_life(now.utc, expires))
    }
}

impl fmt::Debug for ClientCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCredentials")
            .field("authority", &self.authority)
            .field("directory", &self.directory)
            .field("client_id", &self.client_id)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

/// The codes of RFC 6749 section 4.1.2.1 that ask for another attempt. Entra sends them with a 400 as well.
const TRANSIENT_CODES: [&str; 2] = ["temporarily_unavailable", "server_error"];

fn refusal(error: &ServiceError) -> TokenError {
    let code = error.code().unwrap_or_default();
    let is_transient = error.status().is_server_error()
        || [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS].contains(&error.status())
        || TRANSIENT_CODES
            .iter()
            .any(|it| it.eq_ignore_ascii_case(code));
    if is_transient {
        TokenError::unavailable(error.to_string())
    } else {
        TokenError::Refused(error.to_string())
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
