//! What a server's certificate says, and in words what is wrong with it.

use std::{net::IpAddr, sync::Arc, time::Duration};

use industrydata_core::Timestamp;
use rustls::{
    CertificateError, Error, OtherError,
    client::verify_server_name,
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};
use x509_cert::{
    TbsCertificate, Version,
    der::{
        Decode, Encode,
        asn1::{Ia5StringRef, PrintableStringRef, TeletexStringRef, Utf8StringRef},
        oid::db::rfc4519::COMMON_NAME,
    },
    ext::pkix::{BasicConstraints, SubjectAltName, name::GeneralName},
};

/// The most names of a certificate in a message.
const MOST_NAMES: usize = 5;

/// What the check of a certificate cannot say in a word of the TLS library.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Flaw {
    #[error(
        "the server's certificate is of X.509 version 1, which says neither its names nor its use: make one of version 3, or \
         name this very certificate with sslrootcert=PATH (the server must speak TLS 1.3)"
    )]
    Version1,
    #[error(
        "the server's certificate is that of an authority (CA:TRUE), which a server must not use: let the authority sign one \
         for the server, or name this very certificate with sslrootcert=PATH"
    )]
    IsAuthority,
    #[error(
        "the server's certificate has no subjectAltName, and its common name (CN) is not used: make one with the name of the \
         server in subjectAltName, name this very certificate with sslrootcert=PATH, or use sslmode=verify-ca"
    )]
    OnlyCommonName,
}

/// A certificate, read for its dates and names. Signatures are checked elsewhere.
pub(super) struct Certificate(TbsCertificate);

impl Certificate {
    pub(super) fn read(der: &CertificateDer<'_>) -> Result<Self, Error> {
        x509_cert::Certificate::from_der(der)
            .map(|certificate| Self(certificate.tbs_certificate))
            .map_err(|_| CertificateError::BadEncoding.into())
    }

    /// The public key, with its algorithm.
    pub(super) fn key(&self) -> Result<Vec<u8>, Error> {
        let key = self.0.subject_public_key_info.to_der();
        key.map_err(|_| CertificateError::BadEncoding.into())
    }

    pub(super) fn check_time(&self, now: UnixTime) -> Result<(), Error> {
        let at = |time: x509_cert::time::Time| UnixTime::since_unix_epoch(time.to_unix_duration());
        let (not_before, not_after) = (
            at(self.0.validity.not_before),
            at(self.0.validity.not_after),
        );
        if now.as_secs() < not_before.as_secs() {
            return Err(CertificateError::NotValidYetContext {
                time: now,
                not_before,
            }
            .into());
        }
        if now.as_secs() > not_after.as_secs() {
            return Err(CertificateError::ExpiredContext {
                time: now,
                not_after,
            }
            .into());
        }
        Ok(())
    }

    pub(super) fn is_version_1(&self) -> bool {
        self.0.version == Version::V1
    }

    /// Checks that a certificate that the caller has named is for `name`. If it has no other name, its common name counts:
    /// the certificates that PostgreSQL's manual makes have no other.
    pub(super) fn check_name(
        &self,
        der: &CertificateDer<'_>,
        name: &ServerName<'_>,
    ) -> Result<(), Error> {
        if self.has_names() {
            return verify_server_name(&ParsedCertificate::try_from(der)?, name);
        }
        let common = self.common_name();
        if common.as_deref().is_some_and(|common| is_for(common, name)) {
            return Ok(());
        }
        let context = CertificateError::NotValidForNameContext {
            expected: name.to_owned(),
            presented: common.into_iter().collect(),
        };
        Err(context.into())
    }

    /// Whether a host name or an address is in the subject's alternative names.
    fn has_names(&self) -> bool {
        let is_name = |name: &GeneralName| {
            matches!(name, GeneralName::DnsName(_) | GeneralName::IpAddress(_))
        };
        let found = self.0.get::<SubjectAltName>();
        matches!(found, Ok(Some((_, SubjectAltName(names)))) if names.iter().any(is_name))
    }

    /// The last common name of the subject.
    fn common_name(&self) -> Option<String> {
        let mut parts = self.0.subject.0.iter().flat_map(|part| part.0.iter());
        let value = &parts.rfind(|part| part.oid == COMMON_NAME)?.value;
        let text = Utf8StringRef::try_from(value).map(|text| text.as_str().to_owned());
        text.or_else(|_| PrintableStringRef::try_from(value).map(|text| text.as_str().to_owned()))
            .or_else(|_| Ia5StringRef::try_from(value).map(|text| text.as_str().to_owned()))
            .or_else(|_| TeletexStringRef::try_from(value).map(|text| text.as_str().to_owned()))
            .ok()
    }

    fn is_of_authority(&self) -> bool {
        matches!(self.0.get::<BasicConstraints>(), Ok(Some((_, constraints))) if constraints.ca)
    }
}

/// Whether a common name is the name of the server. `*` stands for the first part of a host name.
fn is_for(common: &str, name: &ServerName<'_>) -> bool {
    match name {
        ServerName::DnsName(name) => {
            let name = name.as_ref();
            let rest = common.strip_prefix("*.").filter(|rest| rest.contains('.'));
            let parts = rest.zip(name.split_once('.').map(|(_, parts)| parts));
            common.eq_ignore_ascii_case(name)
                || parts.is_some_and(|(rest, parts)| rest.eq_ignore_ascii_case(parts))
        }
        ServerName::IpAddress(address) => {
            let address = IpAddr::from(*address);
            common.parse() == Ok(address)
        }
        _ => false,
    }
}

/// The error of a check, or what of the certificate caused it.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the TLS library has many errors and adds others"
)]
pub(super) fn explain(der: &CertificateDer<'_>, error: Error) -> Error {
    let Ok(certificate) = Certificate::read(der) else {
        return error;
    };
    let Error::InvalidCertificate(why) = &error else {
        return error;
    };
    if certificate.is_version_1() {
        return flaw(Flaw::Version1);
    }
    match why {
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => error,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            if certificate.has_names() {
                error
            } else {
                flaw(Flaw::OnlyCommonName)
            }
        }
        // The TLS library has no word for it, and its signer may be unknown as well.
        _ if certificate.is_of_authority() => flaw(Flaw::IsAuthority),
        _ => error,
    }
}

fn flaw(flaw: Flaw) -> Error {
    CertificateError::Other(OtherError(Arc::new(flaw))).into()
}

/// What is wrong with a certificate, in words, with what to do.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the TLS library has many errors and adds others"
)]
pub(super) fn words(error: &CertificateError) -> String {
    let date = |time: &UnixTime| {
        let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        Timestamp::from_second(seconds).map_or_else(
            |_| "a date out of range".to_owned(),
            |time| time.to_string(),
        )
    };
    let day = Duration::from_secs(24 * 60 * 60);
    match error {
        CertificateError::ExpiredContext { time, not_after } => {
            let since = time.as_secs().saturating_sub(not_after.as_secs()) / day.as_secs();
            format!(
                "the server's certificate, or that of its authority, expired on {} ({since} days ago): renew it, or set this machine's \
                 clock",
                date(not_after)
            )
        }
        CertificateError::Expired => {
            "the server's certificate, or that of its authority, has expired: renew it".to_owned()
        }
        CertificateError::NotValidYetContext { not_before, .. } => format!(
            "the server's certificate, or that of its authority, is not valid before {}: set this machine's clock, or wait",
            date(not_before)
        ),
        CertificateError::NotValidYet => {
            "the server's certificate is not valid yet: set this machine's clock".to_owned()
        }
        CertificateError::NotValidForNameContext {
            expected,
            presented,
        } => {
            let names = presented.iter().map(|name| plain(name)).take(MOST_NAMES);
            let names = names.collect::<Vec<_>>().join(", ");
            let names = if names.is_empty() { "no host".to_owned() } else { names };
            format!(
                "the server's certificate is for {names} and not for {}: name the server as its certificate does, or use \
                 sslmode=verify-ca with sslrootcert=PATH",
                expected.to_str()
            )
        }
        CertificateError::NotValidForName => {
            "the server's certificate is for another host: name the server as its certificate does".to_owned()
        }
        CertificateError::UnknownIssuer => {
            "no known authority has signed the server's certificate: name the one that has, or the server's very certificate, with \
             sslrootcert=PATH"
                .to_owned()
        }
        CertificateError::BadSignature => {
            "the signature of the server's certificate or handshake is wrong, or made with a key that is too short (RSA below \
             2048 bits): make another certificate, and name its authority with sslrootcert=PATH"
                .to_owned()
        }
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "the server's certificate is signed in a way that this program does not accept (such as SHA-1): make one with \
             SHA-256 and an RSA, P-256, P-384 or Ed25519 key"
                .to_owned()
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "the server's certificate is not for servers: its extended key usage lacks serverAuth".to_owned()
        }
        CertificateError::UnhandledCriticalExtension => {
            "the server's certificate has a critical extension that this program does not know: make one without it".to_owned()
        }
        CertificateError::BadEncoding => {
            "the server's certificate cannot be read: make another".to_owned()
        }
        CertificateError::Other(OtherError(error)) => match error.downcast_ref::<Flaw>() {
            Some(flaw) => flaw.to_string(),
            None => format!("the server's certificate is not accepted: {error}"),
        },
        _ => "the server's certificate is not accepted: name its authority with sslrootcert=PATH".to_owned(),
    }
}

/// The name as the certificate has it: the TLS library puts its kind around it.
fn plain(name: &str) -> &str {
    let inner = name
        .split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.unwrap_or(name).trim_matches('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_error_shows_bytes_or_names_of_types() {
        let id = vec![42, 134, 72, 206, 61, 4, 1];
        for (error, expected) in [
            (
                CertificateError::UnsupportedSignatureAlgorithmContext {
                    signature_algorithm_id: id.clone(),
                    supported_algorithms: Vec::new(),
                },
                "SHA-1",
            ),
            (
                CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext {
                    signature_algorithm_id: id.clone(),
                    public_key_algorithm_id: id,
                },
                "P-384",
            ),
            (CertificateError::BadSignature, "2048 bits"),
            (CertificateError::BadEncoding, "cannot be read"),
            (CertificateError::InvalidPurpose, "serverAuth"),
            (CertificateError::UnhandledCriticalExtension, "extension"),
            (CertificateError::Expired, "expired"),
            (CertificateError::NotValidYet, "not valid yet"),
            (CertificateError::NotValidForName, "another host"),
            (CertificateError::UnknownIssuer, "sslrootcert=PATH"),
            (CertificateError::Revoked, "not accepted"),
            (
                CertificateError::ApplicationVerificationFailure,
                "not accepted",
            ),
        ] {
            let shown = words(&error);
            assert!(shown.contains(expected), "{error:?}: {shown}");
            for raw in ["134", "[", "Context", "Unsupported", "::"] {
                assert!(!shown.contains(raw), "{shown}");
            }
        }
    }

    #[test]
    fn a_common_name_is_one_host_or_stands_for_the_first_part_of_one() {
        let is_for =
            |common, name: &'static str| is_for(common, &ServerName::try_from(name).unwrap());
        for (common, name) in [
            ("db.example.org", "db.example.org"),
            ("DB.Example.org", "db.example.ORG"),
            ("localhost", "localhost"),
            ("*.example.org", "db.example.org"),
            ("10.0.0.5", "10.0.0.5"),
            ("::1", "::1"),
        ] {
            assert!(is_for(common, name), "{common} {name}");
        }
        for (common, name) in [
            ("db.example.org", "example.org"),
            ("example.org", "db.example.org"),
            ("*.example.org", "example.org"),
            ("*.example.org", "a.db.example.org"),
            ("*.org", "example.org"),
            ("*", "localhost"),
            ("*.0.0.5", "10.0.0.5"),
            ("", "localhost"),
        ] {
            assert!(!is_for(common, name), "{common} {name}");
        }
    }
}
