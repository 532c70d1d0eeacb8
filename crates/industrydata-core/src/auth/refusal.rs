//! What a token or identity endpoint said when it gave no token.

use std::{fmt, sync::Arc};

use http::{StatusCode, response::Parts};
use serde_json::{Map, Value};

use crate::wire::{
    json::without_bom, redact::Redaction, service_error::ServiceError, text::escape_controls,
};

/// The name of Entra's token endpoint in messages.
pub(crate) const TOKEN_ENDPOINT: &str = "the token endpoint";

/// Why an endpoint gave no token: its answer, with the code, the ids and the advice for it.
///
/// `Display` and `Debug` contain neither secrets nor control characters. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenRefusal(Arc<Inner>);

#[derive(PartialEq, Eq)]
struct Inner {
    from: String,
    text: String,
    status: Option<StatusCode>,
    code: Option<u32>,
    trace_id: Option<String>,
    correlation_id: Option<String>,
    advice: Option<&'static str>,
}

impl TokenRefusal {
    /// Reads an answer of the endpoint `from`. `secret` is redacted wherever the answer repeats it.
    pub(crate) fn decode(from: &str, head: &Parts, body: &[u8], secret: Option<&str>) -> Self {
        let error = ServiceError::decode(head.status, &head.headers, body, secret);
        let text = str::from_utf8(body).map(without_bom).unwrap_or_default();
        let members: Map<String, Value> = serde_json::from_str(text).unwrap_or_default();
        let listed = members.get("error_codes").and_then(Value::as_array);
        let code = listed
            .and_then(|codes| codes.first()?.as_u64()?.try_into().ok())
            .or_else(|| code_in(error.message()?));
        let id = |name| {
            let id = members.get(name)?.as_str()?;
            (is_id(id) && !Redaction::of(secret).is_in(id)).then(|| id.to_owned())
        };
        let (trace_id, correlation_id) = (id("trace_id"), id("correlation_id"));
        let mut text = error.to_string();
        for (name, id) in [("trace id", &trace_id), ("correlation id", &correlation_id)] {
            if let Some(id) = id
                && !text.contains(id.as_str())
            {
                text.push_str(&format!(" ({name} {id})"));
            }
        }
        Self(Arc::new(Inner {
            from: from.to_owned(),
            text,
            status: Some(head.status),
            code,
            trace_id,
            correlation_id,
            advice: code.and_then(advice),
        }))
    }

    /// A refusal that the endpoint `from` did not put into words.
    pub(crate) fn because(from: &str, text: &str, advice: Option<&'static str>) -> Self {
        Self(Arc::new(Inner {
            from: from.to_owned(),
            text: escape_controls(text).to_string(),
            status: None,
            code: None,
            trace_id: None,
            correlation_id: None,
            advice,
        }))
    }

    /// The same refusal with this advice, unless its code has one.
    pub(crate) fn or_advice(self, advice: &'static str) -> Self {
        if self.0.advice.is_some() {
            return self;
        }
        let it = &*self.0;
        Self(Arc::new(Inner {
            from: it.from.clone(),
            text: it.text.clone(),
            status: it.status,
            code: it.code,
            trace_id: it.trace_id.clone(),
            correlation_id: it.correlation_id.clone(),
            advice: Some(advice),
        }))
    }

    /// Entra's code, such as 7000215 for `AADSTS7000215`
    /// ([error codes](https://learn.microsoft.com/entra/identity-platform/reference-error-codes)).
    #[must_use]
    pub fn code(&self) -> Option<u32> {
        self.0.code
    }

    /// The status of the answer, if there was one.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        self.0.status
    }

    /// Entra's id of the request. Microsoft's support asks for it.
    #[must_use]
    pub fn trace_id(&self) -> Option<&str> {
        self.0.trace_id.as_deref()
    }

    /// The id that Entra gave to related requests.
    #[must_use]
    pub fn correlation_id(&self) -> Option<&str> {
        self.0.correlation_id.as_deref()
    }

    /// What to do about it, for the codes that people meet.
    #[must_use]
    pub fn advice(&self) -> Option<&'static str> {
        self.0.advice
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.0.from
    }

    pub(crate) fn text(&self) -> &str {
        &self.0.text
    }
}

impl From<String> for TokenRefusal {
    /// A refusal by a token endpoint, in the words of a token source.
    fn from(text: String) -> Self {
        let code = code_in(&text);
        let refusal = Self::because(TOKEN_ENDPOINT, &text, code.and_then(advice));
        let it = &*refusal.0;
        Self(Arc::new(Inner {
            from: it.from.clone(),
            text: it.text.clone(),
            status: None,
            code,
            trace_id: None,
            correlation_id: None,
            advice: it.advice,
        }))
    }
}

impl fmt::Display for TokenRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.endpoint() == TOKEN_ENDPOINT {
            return f.write_str(self.text());
        }
        write!(f, "{}: {}", self.endpoint(), self.text())
    }
}

impl fmt::Debug for TokenRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenRefusal")
            .field("from", &self.endpoint())
            .field("text", &self.text())
            .field("code", &self.code())
            .field("trace_id", &self.trace_id())
            .field("correlation_id", &self.correlation_id())
            .finish_non_exhaustive()
    }
}

impl std::error::Error for TokenRefusal {}

/// The code in a description such as `AADSTS7000215: Invalid client secret provided.`
fn code_in(text: &str) -> Option<u32> {
    let (_, rest) = text.split_once("AADSTS")?;
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    rest.get(..end)?.parse().ok()
}

/// Ids are GUIDs; anything of their characters is kept.
fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// What to do about a code of Entra.
const fn advice(code: u32) -> Option<&'static str> {
    Some(match code {
        700_016 => {
            "check AZURE_CLIENT_ID and AZURE_TENANT_ID: this tenant has no such application; an administrator of the tenant adds it by consenting to it"
        }
        7_000_215 => {
            "check AZURE_CLIENT_SECRET: it must be the value of a client secret, and not its id"
        }
        7_000_222 => {
            "the client secret has expired: add a new one to the application, or use a credential without a secret, such as a managed identity"
        }
        700_024 => {
            "the assertion is not valid at this time: correct the clock of this machine, and check that the token file is still renewed"
        }
        700_027 => {
            "upload the certificate of the key to the application in Entra, and check that it has not expired"
        }
        700_236 => {
            "move the application to the home tenant of the managed identity: a managed identity stands in only for applications of the same tenant"
        }
        90_002 => {
            "check AZURE_TENANT_ID: there is no such tenant at this authority; a tenant of a national cloud needs AZURE_AUTHORITY_HOST"
        }
        53_003 => {
            "a Conditional Access policy of the tenant blocks this sign-in: have an administrator allow this application, or this machine's address"
        }
        50_076 => {
            "the tenant asks this user for multi-factor authentication: sign in again by hand, or use the credential of an application"
        }
        65_001 => {
            "have an administrator of the tenant consent to the permissions of the application"
        }
        70_021 | 700_211 | 700_212 | 700_213 => {
            "compare the issuer, subject and audience of the federated credential in Entra with those in the message: they must be equal letter by letter"
        }
        7_000_229 => {
            "have an administrator of the tenant add the application to it, by consenting to it"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn head(status: u16) -> Parts {
        let response = http::Response::builder().status(status).body(());
        response.unwrap().into_parts().0
    }

    fn decode(body: &str) -> TokenRefusal {
        TokenRefusal::decode(
            TOKEN_ENDPOINT,
            &head(401),
            body.as_bytes(),
            Some("s3cret-canary"),
        )
    }

    #[test]
    fn the_code_the_ids_and_the_advice_are_read() {
        let refusal = decode(
            r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret.\r\nTrace ID: t-1 s3cret-canary",
                "error_codes":[7000215],"trace_id":"t-1","correlation_id":"c-2","timestamp":"x"}"#,
        );
        assert_eq!(refusal.code(), Some(7_000_215));
        assert_eq!(refusal.status(), Some(StatusCode::UNAUTHORIZED));
        assert_eq!(
            (refusal.trace_id(), refusal.correlation_id()),
            (Some("t-1"), Some("c-2"))
        );
        assert!(refusal.advice().unwrap().contains("AZURE_CLIENT_SECRET"));
        assert_eq!(
            refusal.to_string(),
            r"401 Unauthorized: invalid_client: AADSTS7000215: Invalid client secret.\r\nTrace ID: t-1 [redacted] (correlation id c-2)"
        );
        assert!(!format!("{refusal:?}").contains("s3cret-canary"));
    }

    #[test]
    fn the_code_is_found_in_the_text_as_well() {
        for (body, code) in [
            (
                r#"{"error":"x","error_description":"AADSTS700016: Application"}"#,
                Some(700_016),
            ),
            (
                r#"{"error":"x","error_description":"AADSTS50076"}"#,
                Some(50_076),
            ),
            (
                r#"{"error":"x","error_codes":["700016"],"error_description":"AADSTS90002:"}"#,
                Some(90_002),
            ),
            (r#"{"error":"x","error_codes":[-1]}"#, None),
            (r#"{"error":"x","error_codes":[]}"#, None),
            (
                r#"{"error":"x","error_description":"AADSTS: AADSTS1"}"#,
                None,
            ),
            (
                r#"{"error":"x","error_description":"AADSTS99999999999"}"#,
                None,
            ),
            ("<html>", None),
            ("", None),
        ] {
            assert_eq!(decode(body).code(), code, "{body}");
        }
        assert_eq!(
            TokenRefusal::from("AADSTS65001: no".to_owned()).code(),
            Some(65_001)
        );
    }

    #[test]
    fn odd_ids_are_left_out() {
        for id in [
            "\"a b\"",
            "\"a\\nb\"",
            "\"\"",
            "7",
            "null",
            "\"s3cret-canary\"",
        ] {
            let refusal = decode(&format!(
                r#"{{"error":"x","trace_id":{id},"correlation_id":{id}}}"#
            ));
            assert_eq!(
                (refusal.trace_id(), refusal.correlation_id()),
                (None, None),
                "{id}"
            );
        }
    }

    #[test]
    fn the_codes_that_people_meet_have_their_advice() {
        let codes = [
            700_016, 7_000_215, 7_000_222, 700_024, 700_027, 700_236, 90_002, 53_003, 50_076,
            65_001,
        ];
        let mut advices: Vec<_> = codes.map(|code| advice(code).unwrap()).to_vec();
        advices.sort_unstable();
        advices.dedup();
        assert_eq!(advices.len(), codes.len());
        assert_eq!(advice(1), None);
        let other = decode(r#"{"error":"x","error_codes":[1]}"#).or_advice("do this");
        assert_eq!(other.advice(), Some("do this"));
        let known = decode(r#"{"error":"x","error_codes":[65001]}"#).or_advice("do this");
        assert!(known.advice().unwrap().contains("consent"));
    }

    proptest! {
        #[test]
        fn never_panics(body in "\\{\"error\":[{}\\[\\]\":,a-e0-9\\\\ ]{0,60}\\}|\\PC{0,80}|(AADSTS[0-9]{0,12} ?){0,3}") {
            let refusal = decode(&body);
            let from = TokenRefusal::from(body);
            let shown = format!("{refusal} {refusal:?} {from} {from:?}");
            prop_assert!(!shown.contains(char::is_control));
        }
    }
}
