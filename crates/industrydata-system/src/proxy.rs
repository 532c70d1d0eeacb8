//! The proxy variables of this process.

use industrydata_core::wire::{ProxyError, ProxyUrl, proxy_for};

/// The proxy that the environment of this process names for `host`, as [`proxy_for`] reads it. `None` is a direct connection.
///
/// # Errors
///
/// [`ProxyError`] if the variable that decides cannot be used.
pub fn proxy(is_https: bool, host: &str) -> Result<Option<ProxyUrl>, ProxyError> {
    proxy_for(is_https, host, |name| std::env::var_os(name))
}
