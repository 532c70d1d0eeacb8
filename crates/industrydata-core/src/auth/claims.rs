//! The claims of an access token, which are read and not verified.
//!
//! Documentation:
//! [access token claims](https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference).

use base64::{
    Engine,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::{auth::token::AccessToken, tenant::Tenant, wire::json::is_too_deep};

/// Base64url, with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// What an access token says about itself, as far as it is a JWT.
///
/// The signature is not verified, because only the service can do that. Use the claims to explain, and never to allow.
///
/// ```
/// use industrydata_core::auth::{AccessToken, TokenClaims};
///
/// // {"tid":"72F988BF-86F1-41AF-91AB-2D7CD011DB47","roles":["IndustryData-Run.Start"]}
/// let token = AccessToken::new(
///     "e30.eyJ0aWQiOiI3MkY5ODhCRi04NkYxLTQxQUYtOTFBQi0yRDdDRDAxMURCNDciLCJyb2xlcyI6WyJJbmR1c3RyeURhdGEtUnVuLlN0YXJ0Il19.c2ln",
/// )?;
/// let claims = TokenClaims::read(&token).unwrap();
/// assert_eq!(claims.tenant().unwrap().as_str(), "72f988bf-86f1-41af-91ab-2d7cd011db47");
/// assert!(claims.permits("IndustryData-Run.Start"));
/// assert_eq!(TokenClaims::read(&AccessToken::new("opaque")?), None);
/// # Ok::<(), industrydata_core::auth::TokenError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenClaims {
    tenant: Option<Tenant>,
    application: Option<String>,
    roles: Vec<String>,
    scopes: Vec<String>,
    audience: Option<String>,
    expires: Option<Timestamp>,
}

impl TokenClaims {
    /// The claims of a token. `None` if it is opaque: no JWT, or one whose claims are encrypted.
    #[must_use]
    pub fn read(token: &AccessToken) -> Option<Self> {
        let mut parts = token.text()?.split('.');
        let (_, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let json = String::from_utf8(BASE64.decode(payload).ok()?).ok()?;
        if is_too_deep(&json) {
            return None;
        }
        let claims: Map<String, Value> = serde_json::from_str(&json).ok()?;
        let text = |name: &str| claims.get(name)?.as_str();
        let roles = claims.get("roles").and_then(Value::as_array);
        let roles = roles.into_iter().flatten().filter_map(Value::as_str);
        let scopes = text("scp").unwrap_or_default().split_ascii_whitespace();
        Some(Self {
            tenant: text("tid").and_then(|name| {
                let tenant: Tenant = name.parse().ok()?;
                tenant.is_guid().then_some(tenant)
            }),
            application: text("appid").or_else(|| text("azp")).map(str::to_owned),
            roles: roles.map(str::to_owned).collect(),
            scopes: scopes.map(str::to_owned).collect(),
            audience: text("aud").map(str::to_owned),
            expires: claims
                .get("exp")
                .and_then(Value::as_i64)
                .and_then(|second| Timestamp::from_second(second).ok()),
        })
    }

    /// The tenant that issued the token (`tid`), if it is a GUID.
    #[must_use]
    pub const fn tenant(&self) -> Option<&Tenant> {
        self.tenant.as_ref()
    }

    /// The id of the application that the token was issued to (`appid`, or `azp` in version 2 tokens).
    #[must_use]
    pub fn application(&self) -> Option<&str> {
        self.application.as_deref()
    }

    /// The permissions of an application (`roles`).
    #[must_use]
    pub fn roles(&self) -> &[String] {
        &self.roles
    }

    /// The permissions that a user delegated (`scp`).
    #[must_use]
    pub fn scopes(&self) -> &[String] {
        &self.scopes
    }

    /// The service that the token is for (`aud`), such as `https://graph.microsoft.com`.
    #[must_use]
    pub fn audience(&self) -> Option<&str> {
        self.audience.as_deref()
    }

    /// When the token expires (`exp`).
    #[must_use]
    pub const fn expires(&self) -> Option<Timestamp> {
        self.expires
    }

    /// Whether the token has this permission, as a role or as a scope.
    #[must_use]
    pub fn permits(&self, permission: &str) -> bool {
        let mut all = self.roles.iter().chain(&self.scopes);
        all.any(|it| it.eq_ignore_ascii_case(permission))
    }
}

#[cfg(test)]
mod tests {
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    use proptest::prelude::*;

    use super::*;

    const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";

    fn claims(payload: &str) -> Option<TokenClaims> {
        let payload = BASE64_URL_SAFE_NO_PAD.encode(payload);
        TokenClaims::read(&AccessToken::new(&format!("e30.{payload}.c2ln")).unwrap())
    }

    #[test]
    fn claims_are_read() {
        let text = format!(
            r#"{{"tid":"{}","appid":"app","roles":["a","b",7],"scp":"c  d","x":[[{{}}]]}}"#,
            TENANT.to_uppercase()
        );
        let claims = claims(&text).unwrap();
        assert_eq!(claims.tenant().unwrap().as_str(), TENANT);
        assert_eq!(claims.application(), Some("app"));
        assert_eq!(
            (claims.roles(), claims.scopes()),
            (
                &["a".to_owned(), "b".to_owned()][..],
                &["c".to_owned(), "d".to_owned()][..]
            )
        );
        assert!(claims.permits("A") && claims.permits("d") && !claims.permits("e"));
        let timed = super::tests::claims(r#"{"aud":"https://a","exp":1700000000}"#).unwrap();
        assert_eq!(timed.audience(), Some("https://a"));
        let at: Timestamp = "2023-11-14T22:13:20Z".parse().unwrap();
        assert_eq!(timed.expires(), Some(at));
        assert_eq!(
            super::tests::claims(r#"{"azp":"other"}"#)
                .unwrap()
                .application(),
            Some("other")
        );
    }

    #[test]
    fn claims_of_other_types_are_absent() {
        for text in [
            "{}",
            r#"{"tid":7,"appid":null,"roles":"a","scp":["a"]}"#,
            r#"{"tid":"contoso.com"}"#,
            r#"{"aud":["a"],"exp":"1700000000"}"#,
            r#"{"aud":7,"exp":9223372036854775807}"#,
            r#"{"tid":"","roles":{},"scp":""}"#,
            r#"{"tid":"72f988bf-86f1-41af-91ab-2d7cd011db4"}"#,
        ] {
            assert_eq!(claims(text), Some(TokenClaims::default()), "{text}");
        }
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(500), "]".repeat(500));
        for text in ["", "[]", "7", "{", "{} {}", &deep] {
            assert_eq!(claims(text), None, "{text:.20}");
        }
        for text in [
            "opaque",
            "a.b",
            "e30.e30.e30.e30",
            "e30.e30.e30.e30.e30",
            "..",
            "e30.!.x",
        ] {
            let read = AccessToken::new(text)
                .ok()
                .and_then(|token| TokenClaims::read(&token));
            assert_eq!(read, None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\{\"(tid|roles|scp)\":[{}\\[\\]\":,a-e0-9 ]{0,40}\\}|[!-~]{0,60}") {
            let _ = claims(&text);
            if let Ok(token) = AccessToken::new(&text) {
                let _ = TokenClaims::read(&token);
            }
        }
    }
}
