//! Why a client cannot be built.

use crate::wire::{base_url::BaseUrlError, proxy::ProxyError, transport::Cause};

/// Why a client cannot be built. Nothing was sent.
///
/// ```
/// use industrydata_core::wire::{BaseUrl, BuildError};
///
/// let error: BuildError = BaseUrl::try_from("http://graph.example/beta").unwrap_err().into();
/// assert!(matches!(error, BuildError::Base(_)));
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The base URL cannot be used.
    #[error(transparent)]
    Base(#[from] BaseUrlError),
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
    /// A variable of the environment names a proxy that cannot be used.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// A variable of the environment names the trusted certificates, and there is none.
    #[error("{variable} is set, and no certificate can be read there: correct it, or unset it")]
    Roots {
        /// The name of the variable.
        variable: &'static str,
    },
    /// The HTTP client refused its configuration.
    #[error("the HTTP client cannot be built: {0}")]
    Client(#[source] Cause),
}

impl BuildError {
    /// Whether the environment of the process has to be corrected.
    #[must_use]
    pub const fn is_environment(&self) -> bool {
        matches!(self, Self::Proxy(_) | Self::Roots { .. })
    }
}
