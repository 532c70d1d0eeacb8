//! How reqwest connects, and what its errors mean.

use industrydata_core::wire::{BuildError, Cause, Phase, TransportError};
use reqwest::{ClientBuilder, Proxy};
use tokio::sync::oneshot;

use crate::{
    chain::{causes, find},
    lookup::{LookupError, lookup},
    proxy::proxy,
};

/// The configuration without the caller's: the proxy of the environment, and the certificates that this machine trusts.
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
    {
        // Without TLS, none are read.
        let roots = if plain {
            Vec::new()
        } else {
            crate::trust::roots()?
        };
        let roots = roots
            .iter()
            .map(|root| reqwest::Certificate::from_der(root));
        config = config.tls_certs_only(roots.collect::<Result<Vec<_>, _>>().map_err(unusable)?);
    }
    Ok(config)
}

/// A reqwest error with its phase. A request that is not known to have failed earlier was sent.
#[must_use]
pub fn transport_error(error: reqwest::Error) -> TransportError {
    // The URL may have a query, which is shown nowhere.
    let error = error.without_url();
    if error.is_builder() {
        return TransportError::new(Phase::Local, error);
    }
    let is_timeout = error.is_timeout();
    if !error.is_connect() {
        return TransportError::new(Phase::Sent, error).timed_out(is_timeout);
    }
    #[cfg(feature = "rustls")]
    if let Some(error) = crate::trust::tls_error(&error) {
        return error;
    }
    let phase = match find::<LookupError>(&error) {
        Some(lookup) => lookup.phase(),
        // Its type is hyper-util's own.
        None if causes(&error).any(|cause| cause.to_string().starts_with("tunnel error")) => {
            Phase::Proxy
        }
        None => Phase::Connect,
    };
    TransportError::new(phase, error).timed_out(is_timeout)
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
