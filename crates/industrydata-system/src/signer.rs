//! The signer of certificate assertions, over a TLS provider.

use std::{fmt, sync::Arc};

use industrydata_core::auth::{AssertionSigner, PemFile, PrivateKey, SignerError};
use rustls::{
    CipherSuite, InconsistentKeys, SignatureAlgorithm, SignatureScheme,
    crypto::{CryptoProvider, hash::HashAlgorithm},
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer},
    sign::{CertifiedKey, Signer},
};

/// A key that fits its certificate, ready to sign.
pub struct RustlsSigner {
    thumbprint: [u8; 32],
    signer: Box<dyn Signer>,
}

impl fmt::Debug for RustlsSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RustlsSigner").finish_non_exhaustive()
    }
}

/// A signer of assertions with the key of this file. It uses the TLS provider that the process has installed, else `build`,
/// the provider that the build contains.
///
/// # Errors
///
/// [`SignerError`] if there is no provider, or if the key cannot sign for the certificate. No run was started.
pub fn signer(
    pem: Option<&PemFile>,
    build: Option<CryptoProvider>,
) -> Result<RustlsSigner, SignerError> {
    let pem = pem.ok_or(SignerError::InvalidKey)?;
    let installed = CryptoProvider::get_default().cloned();
    let provider = installed.or_else(|| build.map(Arc::new));
    let provider = provider.ok_or(SignerError::NoSigner)?;
    let chain: Vec<_> = pem
        .certificates()
        .iter()
        .cloned()
        .map(CertificateDer::from)
        .collect();
    let key = match pem.key() {
        PrivateKey::Pkcs1(der) => PrivateKeyDer::from(PrivatePkcs1KeyDer::from(der.as_slice())),
        PrivateKey::Pkcs8(der) => PrivateKeyDer::from(PrivatePkcs8KeyDer::from(der.as_slice())),
        _ => return Err(SignerError::InvalidKey),
    };
    let key = provider
        .key_provider
        .load_private_key(key.clone_key())
        .map_err(|_| SignerError::InvalidKey)?;
    if key.algorithm() != SignatureAlgorithm::RSA {
        return Err(SignerError::NotRsa);
    }
    let thumbprint = chain.first().and_then(|first| sha256(&provider, first));
    let thumbprint = thumbprint.ok_or(SignerError::NoSigner)?;
    let certified = CertifiedKey::new(chain, key);
    let mismatch = rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch);
    certified.keys_match().map_err(|error| {
        if error == mismatch {
            SignerError::KeyMismatch
        } else {
            SignerError::InvalidCertificate
        }
    })?;
    let signer = certified
        .key
        .choose_scheme(&[SignatureScheme::RSA_PSS_SHA256]);
    Ok(RustlsSigner {
        thumbprint,
        signer: signer.ok_or(SignerError::NotRsa)?,
    })
}

/// The hash of a cipher suite that TLS 1.3 requires: a provider shows no other.
fn sha256(provider: &CryptoProvider, bytes: &[u8]) -> Option<[u8; 32]> {
    let suites = provider.cipher_suites.iter();
    let mut suites = suites.filter_map(|suite| suite.tls13());
    let suite = suites.find(|it| it.common.suite == CipherSuite::TLS13_AES_128_GCM_SHA256)?;
    let hash = suite.common.hash_provider;
    if hash.algorithm() != HashAlgorithm::SHA256 {
        return None;
    }
    hash.hash(bytes).as_ref().try_into().ok()
}

impl AssertionSigner for RustlsSigner {
    fn thumbprint(&self) -> [u8; 32] {
        self.thumbprint
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        self.signer.sign(message).map_err(|_| SignerError::Failed)
    }
}
