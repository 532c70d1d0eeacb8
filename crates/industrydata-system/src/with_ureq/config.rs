//! The configuration of ureq.

use industrydata_core::wire::{BuildError, Cause};
use ureq::{Agent, Proxy, config::ConfigBuilder, typestate::AgentScope};

use crate::proxy::proxy;

/// The configuration without the caller's: the proxy of the environment, and the certificates that this machine trusts. Without
/// encryption none are read.
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
    if !local && let Some(url) = proxy(!plain, host)? {
        let proxy =
            Proxy::new(url.as_str()).map_err(|error| BuildError::Client(Cause::new(error)))?;
        config = config.proxy(Some(proxy));
    }
    #[cfg(feature = "rustls")]
    if !plain {
        let roots = match crate::trust::roots()? {
            Some(roots) => ureq::tls::RootCerts::from(
                roots
                    .iter()
                    .map(|root| ureq::tls::Certificate::from_der(root).to_owned()),
            ),
            None => ureq::tls::RootCerts::WebPki,
        };
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
