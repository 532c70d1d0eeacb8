//! Connections of ureq, and requests on them by hyper on the calling thread.
//!
//! ureq's own requests are not used: it logs them byte by byte, and takes answers that break off.

mod dial;
mod exchange;

use std::{fmt, sync::Weak};

use industrydata_core::wire::{BuildError, Cause};
use ureq::{
    Agent, Proxy, config::ConfigBuilder, typestate::AgentScope,
    unversioned::transport::ShutdownHandle,
};

pub use self::{dial::Dialer, exchange::Exchange};

/// What ends the connections of a client from another thread.
pub trait Stoppable: fmt::Debug + Send + Sync {
    /// Adds a connection that it ends. False if it was stopped already.
    fn add(&self, connection: Weak<dyn ShutdownHandle>) -> bool;

    /// Whether it was stopped.
    fn is_stopped(&self) -> bool;
}

/// The configuration without the caller's: the proxy of the environment, and the certificates that this machine trusts.
///
/// # Errors
///
/// [`BuildError`] if a variable cannot be used.
pub fn config(
    plain: bool,
    local: bool,
    host: &str,
) -> Result<ConfigBuilder<AgentScope>, BuildError> {
    let mut config = Agent::config_builder().proxy(None);
    if !local && let Some(proxy) = crate::proxy(!plain, host)? {
        let proxy =
            Proxy::new(proxy.as_str()).map_err(|error| BuildError::Client(Cause::new(error)))?;
        config = config.proxy(Some(proxy));
    }
    #[cfg(feature = "rustls")]
    if !plain {
        let roots = crate::roots()?;
        let roots = roots
            .iter()
            .map(|root| ureq::tls::Certificate::from_der(root).to_owned());
        let roots = ureq::tls::RootCerts::from(roots.collect::<Vec<_>>());
        config = config.tls_config(ureq::tls::TlsConfig::builder().root_certs(roots).build());
    }
    #[cfg(all(feature = "native-tls", not(feature = "rustls")))]
    {
        let tls = ureq::tls::TlsConfig::builder()
            .provider(ureq::tls::TlsProvider::NativeTls)
            .root_certs(ureq::tls::RootCerts::PlatformVerifier);
        config = config.tls_config(tls.build());
    }
    Ok(config)
}
