//! Whether the key of an uploaded certificate signed an assertion.

#[cfg(feature = "certificate")]
use base64::Engine;

use crate::model::Jwt;

/// Why an assertion is not one that the key of an uploaded certificate signed.
#[cfg(feature = "certificate")]
pub(super) fn refusal(assertion: &Jwt<'_>, uploaded: &[Vec<u8>]) -> Option<&'static str> {
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    use ring::digest::{SHA256, digest};
    use rustls_pki_types::CertificateDer;
    use webpki::{
        EndEntityCert,
        ring::{RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256_LEGACY_KEY},
    };

    let Some(thumbprint) = assertion.header_text("x5t#S256") else {
        return Some("the assertion's header has no x5t#S256");
    };
    let thumbprint_of = |der: &Vec<u8>| BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, der));
    let Some(der) = uploaded.iter().find(|it| thumbprint_of(it) == thumbprint) else {
        return Some("no certificate of the application has the thumbprint of x5t#S256");
    };
    let algorithm = match assertion.header_text("alg") {
        Some("PS256") => RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
        Some("RS256") => RSA_PKCS1_2048_8192_SHA256,
        Some(_) | None => return Some("the assertion's alg is neither PS256 nor RS256"),
    };
    let der = CertificateDer::from(der.as_slice());
    let Ok(certificate) = EndEntityCert::try_from(&der) else {
        return Some("the application's certificate cannot be read");
    };
    certificate
        .verify_signature(
            algorithm,
            assertion.message().as_bytes(),
            assertion.signature(),
        )
        .err()
        .map(|_| "the key of the certificate did not sign the assertion")
}

/// Without the feature, every assertion is refused.
#[cfg(not(feature = "certificate"))]
pub(super) fn refusal(_: &Jwt<'_>, _: &[Vec<u8>]) -> Option<&'static str> {
    Some("this build of the emulator checks no certificate: turn on its feature certificate")
}
