//! How the server proves its identity.

use std::{fmt, path::Path, sync::Arc};

use postgres_rustls::MakeRustlsConnect;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    SupportedProtocolVersion,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::CryptoProvider,
    pki_types::{
        CertificateDer, PrivateKeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime,
        pem::PemObject,
    },
    version::{TLS12, TLS13},
};

use super::{
    certificate::{self, Certificate},
    parameters::{Encryption, Proof, Roots},
    store_error::{self, Obstacle},
};

const ONLY_TLS12: &[&SupportedProtocolVersion] = &[&TLS12];
const ONLY_TLS13: &[&SupportedProtocolVersion] = &[&TLS13];

/// Makes encrypted connections; `None` for plain ones. The crypto provider is passed explicitly: the process-wide default is
/// neither set nor used.
pub(super) fn connector(encryption: &Encryption) -> Result<Option<MakeRustlsConnect>, Obstacle> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let check = match encryption.proof {
        Proof::Plain => return Ok(None),
        Proof::Encrypted => Check::Nothing,
        Proof::Authority => Check::Signer(Authorities::new(&provider, &encryption.roots)?),
        Proof::Name => Check::Name(Authorities::new(&provider, &encryption.roots)?),
    };
    let verifier = Verifier {
        provider: Arc::clone(&provider),
        check,
    };
    let versions = match (encryption.without_tls12, encryption.without_tls13) {
        (true, _) => ONLY_TLS13,
        (false, true) => ONLY_TLS12,
        (false, false) => rustls::DEFAULT_VERSIONS,
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        // ring supports both versions.
        .map_err(|_| Obstacle::SslMode)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match &encryption.client {
        None => config.with_no_client_auth(),
        Some((certificate, key)) => {
            let (chain, key) = (certificates(certificate)?, private_key(key)?);
            config
                .with_client_auth_cert(chain, key)
                .map_err(|_| Obstacle::ClientCertificate(certificate.clone()))?
        }
    };
    config.enable_sni = encryption.sends_name;
    if encryption.is_direct {
        config.alpn_protocols = vec![b"postgresql".to_vec()];
    }
    Ok(Some(MakeRustlsConnect::new(config)))
}

/// The certificates of a file in PEM format, at least one.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Obstacle> {
    let unreadable = || Obstacle::Authority(path.to_owned());
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path)
        .map_err(|_| unreadable())?
        .collect();
    let found = found.map_err(|_| unreadable())?;
    if found.is_empty() {
        return Err(unreadable());
    }
    Ok(found)
}

/// The private key of a file that only its owner may open, as PostgreSQL's own programs ask for.
fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, Obstacle> {
    store_error::check_private(path)?;
    PrivateKeyDer::from_pem_file(path).map_err(|_| Obstacle::Key(path.to_owned()))
}

/// The authorities that may sign the server's certificate, and the certificates that need no signer.
#[derive(Debug)]
struct Authorities {
    verifier: Arc<WebPkiServerVerifier>,
    /// The certificates of the file: a server may also have one of these itself.
    named: Vec<CertificateDer<'static>>,
}

impl Authorities {
    fn new(provider: &Arc<CryptoProvider>, roots: &Roots) -> Result<Self, Obstacle> {
        let mut store = RootCertStore::empty();
        let mut named = Vec::new();
        match roots {
            Roots::Public => store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            // Those that cannot be read are left out: systems keep some that are very old.
            Roots::System => {
                let found = rustls_native_certs::load_native_certs();
                store.add_parsable_certificates(found.certs);
                if store.is_empty() {
                    return Err(Obstacle::NoSystemRoots);
                }
            }
            Roots::File(path) => {
                named = certificates(path)?;
                for certificate in &named {
                    let added = store.add(certificate.clone());
                    added.map_err(|_| Obstacle::Authority(path.to_owned()))?;
                }
            }
        }
        let built =
            WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider));
        Ok(Self {
            verifier: built.build().map_err(|_| Obstacle::NoSystemRoots)?,
            named,
        })
    }

    /// Checks who signed the certificate, unless the file has it, and whether it is for `name` if `checks_name` is set.
    fn check(
        &self,
        certificate: (&CertificateDer<'_>, &[CertificateDer<'_>]),
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
        checks_name: bool,
    ) -> Result<(), Error> {
        let (end, chain) = certificate;
        if self.is_named(end) {
            let read = Certificate::read(end)?;
            read.check_time(now)?;
            return if checks_name {
                read.check_name(end, name)
            } else {
                Ok(())
            };
        }
        // The name is checked last.
        match self
            .verifier
            .verify_server_cert(end, chain, name, ocsp, now)
        {
            Ok(_) => Ok(()),
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !checks_name => Ok(()),
            Err(error) => Err(certificate::explain(end, error)),
        }
    }

    /// Whether the certificate itself is one of the file: then nothing needs to have signed it.
    fn is_named(&self, end: &CertificateDer<'_>) -> bool {
        self.named
            .iter()
            .any(|named| named.as_ref() == end.as_ref())
    }
}

/// What a certificate must prove.
#[derive(Debug)]
enum Check {
    /// `prefer`, which would accept a plain connection as well.
    Nothing,
    /// `verify-ca`: its signer.
    Signer(Authorities),
    /// `verify-full`: its signer, and that it is for the name.
    Name(Authorities),
}

struct Verifier {
    provider: Arc<CryptoProvider>,
    check: Check,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let certificate = (end, chain);
        match &self.check {
            Check::Nothing => {}
            Check::Signer(authorities) => authorities.check(certificate, name, ocsp, now, false)?,
            Check::Name(authorities) => authorities.check(certificate, name, ocsp, now, true)?,
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, known)
            .map_err(|error| certificate::explain(certificate, error))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        match Certificate::read(certificate) {
            // Only its key is of use: the library reads no certificate of this version.
            Ok(read) if read.is_version_1() => {
                let key = SubjectPublicKeyInfoDer::from(read.key()?);
                rustls::crypto::verify_tls13_signature_with_raw_key(message, &key, signed, known)
            }
            Ok(_) | Err(_) => {
                rustls::crypto::verify_tls13_signature(message, certificate, signed, known)
            }
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("check", &self.check)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_certificate_is_refused() {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("roots.pem");
        let roots = Roots::File(path.clone());
        let refused = || {
            matches!(
                Authorities::new(&provider, &roots),
                Err(Obstacle::Authority(_))
            )
        };
        assert!(refused(), "it is not there");
        std::fs::write(&path, "not a certificate").unwrap();
        assert!(refused());
        assert!(Authorities::new(&provider, &Roots::Public).is_ok());
    }
}
