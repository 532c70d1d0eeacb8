//! What the adapters of industrydata take from the system: clocks, randomness, threads, addresses of hosts, proxy variables
//! and trusted certificates, and how reqwest and ureq connect with them.
//!
//! Both adapters use these functions, so that one machine has one meaning for both. Protocol and policy are the core's.
//! Programs use `industrydata-blocking` or `industrydata-async` instead.

mod clock;
mod lookup;
mod thread;
#[cfg(feature = "rustls")]
mod trust;
#[cfg(feature = "reqwest")]
pub mod with_reqwest;
#[cfg(feature = "ureq")]
pub mod with_ureq;

use std::{error::Error, io};

use industrydata_core::wire::{ProxyError, ProxyUrl, proxy_for};

#[cfg(feature = "rustls")]
pub use self::trust::{roots, tls_error};
pub use self::{
    clock::{any_seed, now, seed},
    lookup::{LookupError, lookup},
    thread::{NoThread, on_a_thread},
};

/// The proxy that the environment of this process names for `host`, as [`proxy_for`] reads it. `None` is a direct connection.
///
/// # Errors
///
/// [`ProxyError`] if the variable that decides cannot be used.
pub fn proxy(is_https: bool, host: &str) -> Result<Option<ProxyUrl>, ProxyError> {
    proxy_for(is_https, host, |name| std::env::var_os(name))
}

/// The first error of type `E` in the chain of `error`, also within an [`io::Error`], whose own source leaves out the error
/// that it wraps.
#[must_use]
pub fn find<'e, E: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e E> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

/// The errors of a chain, outermost first.
pub fn causes<'e>(
    error: &'e (dyn Error + 'static),
) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    // A chain of errors is short; the bound is for one that is not.
    std::iter::successors(Some(error), |error| cause(*error)).take(32)
}

fn cause<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>() {
        Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
        None => error.source(),
    }
}
