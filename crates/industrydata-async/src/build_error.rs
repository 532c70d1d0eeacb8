//! Why a client cannot be built.

use industrydata_core::wire::Cause;

/// Why a client cannot be built.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The feature `rustls-no-provider` is on, and the process has installed no provider.
    #[error(
        "no TLS provider is installed: call `install_default` of a rustls provider first, or use the feature `rustls`"
    )]
    NoTlsProvider,
    /// The feature for TLS is off, and the base is `https`.
    #[error(
        "this build has no TLS: turn on one of the features `rustls`, `rustls-no-provider` and `native-tls`"
    )]
    NoTls,
    /// The HTTP client refused its configuration.
    #[error("the HTTP client cannot be built: {0}")]
    Client(Cause),
}
