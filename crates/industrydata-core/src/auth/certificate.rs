//! Certificate assertions: an application signs the proof of its identity with the key of a certificate.
//!
//! Documentation:
//! [certificate credentials](https://learn.microsoft.com/entra/identity-platform/certificate-credentials).

use std::convert::Infallible;

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use serde_json::{Map, Value, json};

use crate::{
    auth::{
        application::{Application, is_plain_text},
        client_assertion::Assertion,
        token::TokenError,
    },
    now::Now,
    policy::ASSERTION_SPREAD,
    seed::Seed,
    tenant::Tenant,
};

/// Signs with the private key of a certificate.
pub trait AssertionSigner {
    /// The SHA-256 of the certificate in DER.
    fn thumbprint(&self) -> [u8; 32];

    /// The RSASSA-PSS signature of `message` with SHA-256 and a salt of 32 bytes (PS256, RFC 7518 section 3.5).
    ///
    /// # Errors
    ///
    /// [`SignerError`] if the key cannot sign.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError>;
}

/// The signer of a build without one.
impl AssertionSigner for Infallible {
    fn thumbprint(&self) -> [u8; 32] {
        match *self {}
    }

    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, SignerError> {
        match *self {}
    }
}

/// Why a certificate and its key cannot sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignerError {
    /// The build has no signer.
    #[error("cannot be used by this build: turn on the feature `certificate` and a TLS provider")]
    NoSigner,
    /// The certificate is not a valid X.509 certificate.
    #[error("has a certificate that cannot be read")]
    InvalidCertificate,
    /// The key is not a valid private key, or is too short.
    #[error(
        "has a private key that cannot be read: it must be an RSA key of at least 2048 bits, in PKCS #8 or PKCS #1"
    )]
    InvalidKey,
    /// The key is not an RSA key.
    #[error("has a private key that is not an RSA key, which Entra requires")]
    NotRsa,
    /// The key belongs to another certificate.
    #[error(
        "has a private key that does not fit its first certificate: put the certificate of the key first"
    )]
    KeyMismatch,
    /// The key failed to sign.
    #[error("has a private key that failed to sign")]
    Failed,
}

/// The assertion for one exchange: valid for five minutes before and after `now`. The `seed` is random, and makes its id.
///
/// With a `chain` (the certificate and its issuers in DER), the assertion contains it, and Entra may trust every
/// certificate of the subject and issuer that the application names.
///
/// # Errors
///
/// [`TokenError::Unusable`] if the signer fails, and for an id of the application or a directory that is not usable.
pub fn certificate_assertion(
    application: &Application,
    tenant: &Tenant,
    signer: &dyn AssertionSigner,
    chain: &[Vec<u8>],
    seed: [u8; 16],
    now: Now,
) -> Result<Assertion, TokenError> {
    is_plain_text("id", application.client_id())?;
    let audience = application.token_url(tenant)?;
    let mut header = Map::new();
    header.insert("alg".to_owned(), json!("PS256"));
    header.insert("typ".to_owned(), json!("JWT"));
    let thumbprint = BASE64_URL_SAFE_NO_PAD.encode(signer.thumbprint());
    header.insert("x5t#S256".to_owned(), json!(thumbprint));
    let chain: Vec<_> = chain
        .iter()
        .map(|der| BASE64_STANDARD.encode(der))
        .collect();
    if !chain.is_empty() {
        header.insert("x5c".to_owned(), json!(chain));
    }
    let id = Seed::new(seed).client_request_id(0);
    let second = now.utc.as_second();
    let spread = i64::try_from(ASSERTION_SPREAD.as_secs()).unwrap_or(i64::MAX);
    let claims = json!({
        "aud": audience,
        "iss": application.client_id(),
        "sub": application.client_id(),
        "jti": String::from_utf8_lossy(&id),
        "nbf": second.saturating_sub(spread),
        "exp": second.saturating_add(spread),
    });
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(&Value::Object(header)), part(&claims));
    let signature = signer
        .sign(message.as_bytes())
        .map_err(|error| TokenError::Unusable(format!("the certificate {error}")))?;
    Assertion::new(&format!(
        "{message}.{}",
        BASE64_URL_SAFE_NO_PAD.encode(signature)
    ))
    .map_err(|error| TokenError::Unusable(format!("the assertion of the certificate: {error}")))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    struct Fake;

    impl AssertionSigner for Fake {
        fn thumbprint(&self) -> [u8; 32] {
            [0xfb; 32]
        }

        fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
            assert!(message.iter().filter(|b| **b == b'.').count() == 1);
            Ok(b"signature".to_vec())
        }
    }

    fn assertion(chain: &[Vec<u8>], seed: [u8; 16]) -> (Value, Value) {
        let application = Application::new("app").directory("contoso.com");
        let tenant = "any".parse().unwrap();
        let now = Now::new(jiff::Timestamp::from_second(1000).unwrap(), Duration::ZERO);
        let made = certificate_assertion(&application, &tenant, &Fake, chain, seed, now).unwrap();
        let client = crate::auth::ClientAssertion::new(application);
        let request = client.request(&tenant, &made, None).unwrap();
        let form = String::from_utf8(request.into_body()).unwrap();
        let (_, rest) = form.split_once("client_assertion=").unwrap();
        let parts: Vec<_> = rest.split('&').next().unwrap().split('.').collect();
        let decode = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).unwrap();
        assert_eq!(decode(parts[2]), b"signature");
        let json = |part| serde_json::from_slice(&decode(part)).unwrap();
        (json(parts[0]), json(parts[1]))
    }

    #[test]
    fn the_assertion_has_the_documented_members() {
        let (header, claims) = assertion(&[], [7; 16]);
        let thumbprint = BASE64_URL_SAFE_NO_PAD.encode([0xfb; 32]);
        assert_eq!(
            header,
            json!({"alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint})
        );
        let id = claims["jti"].as_str().unwrap();
        assert_eq!(id.len(), 36);
        assert_eq!(
            claims,
            json!({
                "aud": "https://login.microsoftonline.com/contoso.com/oauth2/v2.0/token",
                "iss": "app", "sub": "app", "jti": id, "nbf": 700, "exp": 1300,
            })
        );
        let (other, again) = (assertion(&[], [8; 16]), assertion(&[], [7; 16]));
        assert_ne!(other.1["jti"], claims["jti"]);
        assert_eq!(again.1["jti"], claims["jti"]);
        let (header, _) = assertion(&[b"ab".to_vec(), b"cd".to_vec()], [7; 16]);
        assert_eq!(header["x5c"], json!(["YWI=", "Y2Q="]));
    }

    #[test]
    fn an_application_that_is_not_usable_is_refused() {
        let tenant = "a/b".parse().unwrap();
        let now = Now::new(jiff::Timestamp::UNIX_EPOCH, Duration::ZERO);
        for application in [
            Application::new("app"),
            Application::new("a\nb").directory("c"),
        ] {
            assert!(
                certificate_assertion(&application, &tenant, &Fake, &[], [0; 16], now).is_err()
            );
        }
    }
}
