//! JSON Web Tokens: those that the emulated platforms issue, and those that clients send.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

use crate::model::ids::Ids;

/// A JWT with these claims. Its signature is any text, because only its issuer checks it: the issuer compares the whole JWT
/// with those that it issued.
pub(crate) fn write(claims: &Value, ids: &mut Ids) -> String {
    let header = json!({"typ": "JWT", "alg": "RS256", "kid": "emulator"});
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let signature = BASE64_URL_SAFE_NO_PAD.encode(ids.bytes::<32>());
    format!("{}.{}.{signature}", part(&header), part(claims))
}

/// A JWT as a client sent it.
#[derive(Clone, Debug)]
#[cfg_attr(
    not(feature = "certificate"),
    expect(dead_code, reason = "the check of a signature reads all of it")
)]
pub(crate) struct Jwt<'t> {
    message: &'t str,
    header: Map<String, Value>,
    claims: Map<String, Value>,
    signature: Vec<u8>,
}

impl<'t> Jwt<'t> {
    /// Reads the three parts.
    pub(crate) fn read(text: &'t str) -> Option<Self> {
        let (message, signature) = text.rsplit_once('.')?;
        let (header, claims) = message.split_once('.')?;
        let decode = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).ok();
        let members = |part| serde_json::from_slice(&decode(part)?).ok();
        Some(Self {
            message,
            header: members(header)?,
            claims: members(claims)?,
            signature: decode(signature)?,
        })
    }

    #[cfg(feature = "certificate")]
    pub(crate) const fn message(&self) -> &str {
        self.message
    }

    #[cfg(feature = "certificate")]
    pub(crate) fn signature(&self) -> &[u8] {
        &self.signature
    }

    pub(crate) fn header_text(&self, name: &str) -> Option<&str> {
        self.header.get(name)?.as_str()
    }

    /// A claim that is text. An audience may be a list of one.
    pub(crate) fn text(&self, name: &str) -> &str {
        let claim = match self.claims.get(name) {
            Some(Value::Array(list)) if list.len() == 1 => list.first(),
            other => other,
        };
        claim.and_then(Value::as_str).unwrap_or_default()
    }

    /// A claim that is a number of seconds.
    pub(crate) fn seconds(&self, name: &str) -> Option<f64> {
        self.claims.get(name)?.as_f64()
    }
}
