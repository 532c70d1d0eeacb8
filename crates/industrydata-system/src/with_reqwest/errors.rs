//! What the errors of reqwest mean.

use industrydata_core::wire::{Phase, TransportError};

use crate::{
    chain::{causes, find},
    lookup::LookupError,
};

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
