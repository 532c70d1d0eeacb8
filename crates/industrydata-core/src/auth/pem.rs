//! PEM files (RFC 7468) with a private key and its certificates.

use std::fmt;

use base64::{Engine, prelude::BASE64_STANDARD};
use zeroize::Zeroizing;

use crate::auth::token_output::text_of;

const BEGIN: &str = "-----BEGIN ";

/// The private key and the certificates of a PEM file, in DER.
///
/// `Debug` does not show the key, and it is overwritten when it is dropped.
#[derive(Clone)]
pub struct PemFile {
    key: PrivateKey,
    certificates: Vec<Vec<u8>>,
}

/// An RSA key in DER, by its form.
#[derive(Clone)]
#[non_exhaustive]
pub enum PrivateKey {
    /// PKCS #1, `RSA PRIVATE KEY`.
    Pkcs1(Zeroizing<Vec<u8>>),
    /// PKCS #8, `PRIVATE KEY`.
    Pkcs8(Zeroizing<Vec<u8>>),
}

/// Why a PEM file is not usable. No error contains the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PemError {
    /// The file is a PKCS #12 archive, or another binary file.
    #[error(
        "is not a PEM file: convert a PFX with `openssl pkcs12 -in FILE.pfx -out FILE.pem -nodes`"
    )]
    NotPem,
    /// A block is not closed, or is not base64.
    #[error("has a block that is cut or is not base64")]
    Damaged,
    /// There is no private key.
    #[error("has no private key: put the key and its certificate into one file")]
    NoKey,
    /// The private key is encrypted.
    #[error(
        "has an encrypted private key, which is not supported: decrypt it with `openssl pkey -in FILE -out KEY.pem`, add the certificate and protect the file by its permissions"
    )]
    EncryptedKey,
    /// The private key is not an RSA key.
    #[error("has a private key that is not an RSA key, which Entra requires")]
    NotRsa,
    /// There are several private keys.
    #[error("has several private keys: keep the one of the certificate")]
    SeveralKeys,
    /// There is no certificate.
    #[error("has no certificate: put the key and its certificate into one file")]
    NoCertificate,
}

impl PemFile {
    /// Reads the file. The certificate of the key comes first, and its issuers may follow.
    ///
    /// # Errors
    ///
    /// [`PemError`].
    pub fn read(bytes: &[u8]) -> Result<Self, PemError> {
        // Attributes outside the blocks, such as the name of a key, may be of any encoding.
        let text = text_of(bytes).unwrap_or_else(|| String::from_utf8_lossy(bytes));
        let text = Zeroizing::new(text.into_owned());
        if !text.contains(BEGIN) {
            return Err(if text.trim().is_empty() {
                PemError::NoKey
            } else {
                PemError::NotPem
            });
        }
        let mut key = None;
        let mut certificates = Vec::new();
        let mut rest = text.as_str();
        while let Some((_, block)) = rest.split_once(BEGIN) {
            let (label, block) = block.split_once("-----").ok_or(PemError::Damaged)?;
            let end = format!("-----END {label}-----");
            let (block, after) = block.split_once(&end).ok_or(PemError::Damaged)?;
            rest = after;
            let mut base64 = Zeroizing::new(String::with_capacity(block.len()));
            base64.extend(block.split_ascii_whitespace());
            let decode = || {
                let der = BASE64_STANDARD.decode(base64.as_bytes());
                der.map_err(|_| PemError::Damaged)
            };
            let found = match label {
                "CERTIFICATE" | "X509 CERTIFICATE" => {
                    certificates.push(decode()?);
                    continue;
                }
                "ENCRYPTED PRIVATE KEY" => return Err(PemError::EncryptedKey),
                // The older form of encryption is a header in the block (RFC 1421).
                "RSA PRIVATE KEY" if base64.starts_with("Proc-Type:") => {
                    return Err(PemError::EncryptedKey);
                }
                "RSA PRIVATE KEY" => PrivateKey::Pkcs1(Zeroizing::new(decode()?)),
                "PRIVATE KEY" => PrivateKey::Pkcs8(Zeroizing::new(decode()?)),
                _ if label.ends_with("PRIVATE KEY") => return Err(PemError::NotRsa),
                _ => continue,
            };
            if key.replace(found).is_some() {
                return Err(PemError::SeveralKeys);
            }
        }
        let key = key.ok_or(PemError::NoKey)?;
        if certificates.is_empty() {
            return Err(PemError::NoCertificate);
        }
        Ok(Self { key, certificates })
    }

    /// The private key.
    #[must_use]
    pub const fn key(&self) -> &PrivateKey {
        &self.key
    }

    /// The certificates in DER, at least one. The first one belongs to the key.
    #[must_use]
    pub fn certificates(&self) -> &[Vec<u8>] {
        &self.certificates
    }
}

impl fmt::Debug for PemFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PemFile")
            .field("certificates", &self.certificates.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "-----BEGIN PRIVATE KEY-----\nY2FuYXJ5\n-----END PRIVATE KEY-----\n";
    const CERTIFICATE: &str =
        "-----BEGIN CERTIFICATE-----\r\nYWJj\r\nZGVm\r\n-----END CERTIFICATE-----\r\n";

    fn read(text: &str) -> Result<PemFile, PemError> {
        PemFile::read(text.as_bytes())
    }

    #[test]
    fn key_and_certificates_are_found_in_any_order() {
        for text in [
            format!("{KEY}{CERTIFICATE}"),
            format!("Bag Attributes\n  x\n{CERTIFICATE}y\n{KEY}"),
            format!(
                "\u{feff}{KEY}-----BEGIN DH PARAMETERS-----\n!\n-----END DH PARAMETERS-----\n{CERTIFICATE}"
            ),
        ] {
            let file = read(&text).unwrap();
            assert!(matches!(file.key(), PrivateKey::Pkcs8(key) if key.as_slice() == b"canary"));
            assert_eq!(file.certificates(), [b"abcdef".to_vec()]);
            assert!(!format!("{file:?} {:?}", file.key()).contains("canary"));
        }
        let file = read(&format!(
            "{CERTIFICATE}{}{CERTIFICATE}",
            KEY.replace("PRIVATE", "RSA PRIVATE")
        ))
        .unwrap();
        assert!(matches!(file.key(), PrivateKey::Pkcs1(_)));
        assert_eq!(file.certificates().len(), 2);
    }

    #[test]
    fn a_file_of_any_encoding_and_line_ends_is_read() {
        let text = format!("{KEY}{CERTIFICATE}");
        // The name of a key is in the encoding of the PFX that it comes from.
        let named = [b"friendlyName: Sch\xfcler\n", text.as_bytes()].concat();
        let utf16 = |order: fn(u16) -> [u8; 2]| -> Vec<u8> {
            let marked = format!("\u{feff}{text}");
            marked.encode_utf16().flat_map(order).collect()
        };
        for bytes in [
            named,
            utf16(u16::to_le_bytes),
            utf16(u16::to_be_bytes),
            text.replace("\r\n", "\n").replace('\n', "\r").into_bytes(),
            text.replace('\n', " ").into_bytes(),
            text.replace('\n', "\r\n\r\n\t").into_bytes(),
            // A key without a final line break, and a certificate after it.
            format!("{}{CERTIFICATE}", KEY.trim_end()).into_bytes(),
            format!("  name: {text}").into_bytes(),
            text.replace("Y2Fu", "Y2 Fu").into_bytes(),
            text.replace("CERTIFICATE", "X509 CERTIFICATE").into_bytes(),
        ] {
            let shown = String::from_utf8_lossy(&bytes).into_owned();
            let file = PemFile::read(&bytes);
            let file = file.unwrap_or_else(|error| panic!("{error}: {shown}"));
            assert!(matches!(file.key(), PrivateKey::Pkcs8(key) if key.as_slice() == b"canary"));
            assert_eq!(file.certificates(), [b"abcdef".to_vec()], "{shown}");
        }
    }

    #[test]
    fn each_fault_has_its_error() {
        let key = |label: &str| KEY.replace("PRIVATE KEY", label) + CERTIFICATE;
        let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nY2Fu\n-----END RSA PRIVATE KEY-----\n";
        for (text, error) in [
            (String::new(), PemError::NoKey),
            ("canary".to_owned(), PemError::NotPem),
            (CERTIFICATE.to_owned(), PemError::NoKey),
            (KEY.to_owned(), PemError::NoCertificate),
            (key("ENCRYPTED PRIVATE KEY"), PemError::EncryptedKey),
            (format!("{old}{CERTIFICATE}"), PemError::EncryptedKey),
            (key("EC PRIVATE KEY"), PemError::NotRsa),
            (key("OPENSSH PRIVATE KEY"), PemError::NotRsa),
            (format!("{KEY}{KEY}{CERTIFICATE}"), PemError::SeveralKeys),
            (
                format!("{CERTIFICATE}-----BEGIN PRIVATE KEY-----\nY2Fu\n"),
                PemError::Damaged,
            ),
            (format!("{KEY}{CERTIFICATE}-----BEGIN "), PemError::Damaged),
            (
                format!("{KEY}{CERTIFICATE}").replace('\n', "\\n"),
                PemError::Damaged,
            ),
            (
                format!("{KEY}-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----"),
                PemError::Damaged,
            ),
        ] {
            assert_eq!(read(&text).unwrap_err(), error, "{text}");
        }
        assert_eq!(
            PemFile::read(&[0x30, 0x82, 0x0f, 0xff]).unwrap_err(),
            PemError::NotPem
        );
    }

    proptest! {
        #[test]
        fn never_panics(text in "(-----(BEGIN|END) (RSA |EC )?(PRIVATE KEY|CERTIFICATE)-----\n|[A-Za-z=\n]{0,9}){0,9}") {
            if let Ok(file) = read(&text) {
                prop_assert!(!file.certificates().is_empty());
            }
        }
    }
}
