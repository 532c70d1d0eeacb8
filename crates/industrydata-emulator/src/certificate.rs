//! The certificate of the emulated application.

use base64::{Engine, prelude::BASE64_STANDARD};

/// The key and the certificate, made for the emulator and as public as its other secrets.
pub(crate) const PEM: &str = include_str!("certificate/emulator.pem");

/// The certificates of the default application: that of the emulator.
pub(crate) fn uploaded() -> Vec<Vec<u8>> {
    let (_, certificate) = PEM
        .split_once("-----BEGIN CERTIFICATE-----")
        .unwrap_or_default();
    let (base64, _) = certificate.split_once("-----END").unwrap_or_default();
    let base64: String = base64.split_whitespace().collect();
    BASE64_STANDARD.decode(base64).into_iter().collect()
}
