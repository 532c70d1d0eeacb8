//! The certificates that this machine trusts, and why one is not trusted.

use std::{env, error::Error};

use industrydata_core::wire::{BuildError, CertificateFault, TransportError};
use rustls::{CertificateError, RootCertStore, pki_types::CertificateDer};

use crate::chain::find;

/// The variables that name other certificates than the system's.
const VARIABLES: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// The certificates of the authorities that this machine trusts: those in `SSL_CERT_FILE` and `SSL_CERT_DIR` if one of them
/// is set, else those of the operating system's store. `None` where the system has none: the Mozilla roots are then used,
/// which each HTTP client has in its own form.
///
/// A certificate that rustls cannot use as an authority is left out.
///
/// # Errors
///
/// [`BuildError::Roots`] if a variable is set and names no usable certificate.
pub fn roots() -> Result<Option<Vec<CertificateDer<'static>>>, BuildError> {
    let mut store = RootCertStore::empty();
    let mut certificates = rustls_native_certs::load_native_certs().certs;
    certificates.retain(|certificate| store.add(certificate.clone()).is_ok());
    if certificates.is_empty() {
        let is_set = |name: &&str| env::var_os(name).is_some_and(|value| !value.is_empty());
        if let Some(variable) = VARIABLES.into_iter().find(is_set) {
            return Err(BuildError::Roots { variable });
        }
        return Ok(None);
    }
    Ok(Some(certificates))
}

/// The error of rustls in the chain of `error`, as a failed handshake. A certificate that is not trusted says why in words.
#[must_use]
pub fn tls_error(error: &(dyn Error + 'static)) -> Option<TransportError> {
    let found = find::<rustls::Error>(error)?;
    Some(TransportError::tls(fault(found), found.clone()))
}

#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "rustls adds kinds, and the source says what any other is"
)]
fn fault(error: &rustls::Error) -> Option<CertificateFault> {
    let rustls::Error::InvalidCertificate(certificate) = error else {
        return None;
    };
    Some(match certificate {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            CertificateFault::UnknownAuthority
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            CertificateFault::OtherName
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            CertificateFault::Expired
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            CertificateFault::NotYetValid
        }
        CertificateError::Revoked => CertificateFault::Revoked,
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            CertificateFault::OtherPurpose
        }
        CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
            CertificateFault::Authority
        }
        _ => CertificateFault::Invalid,
    })
}
