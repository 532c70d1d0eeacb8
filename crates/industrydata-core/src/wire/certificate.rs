//! Why the certificate of a server is not trusted, in words.

/// Why the certificate of a server is not trusted. Nothing was sent to it.
///
/// An adapter puts it between the [`TransportError`](super::TransportError) of the phase
/// [`Phase::Tls`](super::Phase::Tls) and the error of its TLS library.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateFault {
    /// No trusted authority has issued it.
    #[error(
        "the server's certificate is from an authority that this machine does not trust: if a proxy inspects TLS here, add its authority to the operating system's store, or name its file in SSL_CERT_FILE"
    )]
    UnknownAuthority,
    /// It is for other names.
    #[error(
        "the server's certificate is for another name: check the host of the URL, and whether something between answers in its place"
    )]
    OtherName,
    /// Its time has passed.
    #[error(
        "the server's certificate has expired: check this machine's clock, then ask who runs the server"
    )]
    Expired,
    /// Its time has not begun.
    #[error("the server's certificate is not valid yet: check this machine's clock")]
    NotYetValid,
    /// Its authority has withdrawn it.
    #[error("the server's certificate was revoked: ask who runs the server")]
    Revoked,
    /// It may not be used by a server.
    #[error("the server's certificate is not one for servers: ask who runs the server")]
    OtherPurpose,
    /// It, or its authority's, is an end's certificate where an authority's is needed, or the reverse.
    #[error(
        "the server's certificate is an authority's own: the server needs one that the authority issued for its name"
    )]
    Authority,
    /// Anything else, which the source says.
    #[error("the server's certificate is not valid")]
    Invalid,
}
