//! The signer of certificate assertions, with the TLS provider that the build has.

use industrydata_core::auth::{AssertionSigner, PemFile, SignerError};

#[cfg(feature = "certificate")]
pub(crate) fn signer(pem: Option<&PemFile>) -> Result<impl AssertionSigner + use<>, SignerError> {
    #[cfg(feature = "rustls")]
    let build = Some(rustls::crypto::ring::default_provider());
    #[cfg(not(feature = "rustls"))]
    let build = None;
    industrydata_system::signer(pem, build)
}

#[cfg(not(feature = "certificate"))]
pub(crate) fn signer(_: Option<&PemFile>) -> Result<impl AssertionSigner + use<>, SignerError> {
    Err::<std::convert::Infallible, _>(SignerError::NoSigner)
}
