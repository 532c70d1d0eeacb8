//! The configuration of reqwest.

use industrydata_core::wire::{BuildError, Cause};
use reqwest::{ClientBuilder, Proxy};
use tokio::sync::oneshot;

use crate::{lookup::lookup, proxy::proxy};

/// The configuration without the caller's: the proxy of the environment, and the certificates that this machine trusts. Without
/// encryption none are read.
///
/// # Errors
///
/// [`BuildError`] if a variable cannot be used.
pub fn config(plain: bool, local: bool, host: &str) -> Result<ClientBuilder, BuildError> {
    let unusable = |error| BuildError::Client(Cause::new(error));
    let mut config = ClientBuilder::new().no_proxy().dns_resolver(Names {
        is_loopback_only: plain,
    });
    if !local && let Some(url) = proxy(!plain, host)? {
        config = config.proxy(Proxy::all(url.as_str()).map_err(unusable)?);
    }
    #[cfg(feature = "rustls")]
    if !plain {
        let roots = crate::trust::roots()?;
        #[cfg(feature = "root-certificates")]
        let roots = roots.or_else(|| Some(webpki_root_certs::TLS_SERVER_ROOT_CERTS.to_vec()));
        if let Some(roots) = roots {
            let roots = roots
                .iter()
                .map(|root| reqwest::Certificate::from_der(root));
            config = config.tls_certs_only(roots.collect::<Result<Vec<_>, _>>().map_err(unusable)?);
        }
    }
    Ok(config)
}

/// Resolves names on threads that may be refused; for a base without encryption, to nothing but loopback.
#[derive(Clone, Copy, Debug)]
pub struct Names {
    /// Whether an address that is not loopback is an error.
    pub is_loopback_only: bool,
}

impl reqwest::dns::Resolve for Names {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let (sender, receiver) = oneshot::channel();
        // The receiver may have given up.
        let done = move |found| drop(sender.send(found));
        let started = lookup(name.as_str(), 0, self.is_loopback_only, done);
        Box::pin(async move {
            started?;
            let found = receiver.await??;
            Ok(Box::new(found.into_iter()) as reqwest::dns::Addrs)
        })
    }
}
