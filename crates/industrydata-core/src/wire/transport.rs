//! Faults below HTTP: how far an exchange got before it broke.

use std::{error::Error, fmt, sync::Arc};

/// The error beneath one of ours, shared so that ours are `Clone`.
///
/// `Display` and [`Error::source`] are those of the error inside.
#[derive(Clone)]
pub struct Cause(Arc<dyn Error + Send + Sync + 'static>);

impl Cause {
    /// Keeps `error`.
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(Arc::from(error.into()))
    }

    /// The error inside, if it is an `E`.
    #[must_use]
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        self.0.downcast_ref()
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

/// How far a request got before the exchange broke.
///
/// What an adapter cannot prove to be earlier is [`Phase::Sent`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Refused on this machine before any socket was used. A run may have started: no.
    Local,
    /// The host's name could not be resolved. A run may have started: no.
    Resolve,
    /// No TCP connection could be made. A run may have started: no.
    Connect,
    /// The proxy did not open a tunnel. A run may have started: no.
    Proxy,
    /// The TLS handshake failed. A run may have started: no.
    Tls,
    /// The server said, below HTTP, that it did not process the request (RFC 9113 section 8.7:
    /// `REFUSED_STREAM`, or a `GOAWAY` that names an earlier stream). A run may have started: no.
    Refused,
    /// A connection stood, so bytes of the request may have been acted on.
    /// A run may have started: unknown.
    Sent,
}

impl Phase {
    /// Whether the server may have acted on the request.
    #[must_use]
    pub const fn may_have_acted(self) -> bool {
        matches!(self, Self::Sent)
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local => "the request could not be made",
            Self::Resolve => "the host name could not be resolved",
            Self::Connect => "no connection could be made",
            Self::Proxy => "the proxy opened no tunnel",
            Self::Tls => "the TLS handshake failed",
            Self::Refused => "the server refused the stream unprocessed",
            Self::Sent => "no usable answer came to the request",
        })
    }
}

/// An exchange that brought no answer: where it broke, and why.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{phase}")]
pub struct TransportError {
    phase: Phase,
    source: Cause,
}

impl TransportError {
    /// A fault in `phase` with the error that caused it.
    pub fn new(phase: Phase, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            phase,
            source: Cause::new(source),
        }
    }

    /// How far the request got.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.phase
    }
}

/// Why the body of an answer could not be read whole. The head stands all the same.
#[derive(Clone, Debug, thiserror::Error)]
pub enum IncompleteBody {
    /// The body is larger than [`Reply::body_limit`](crate::lro::Reply::body_limit) allows.
    #[error("the body of the answer is larger than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The connection broke, or the time limit passed, before the body was whole.
    #[error("the body of the answer was cut off")]
    Cut(#[source] Cause),
}

impl IncompleteBody {
    /// A body cut off by `source`.
    pub fn cut(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Cut(Cause::new(source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_speaks_for_the_error_inside() {
        let cause = Cause::new(TransportError::new(Phase::Tls, "handshake"));
        assert_eq!(cause.to_string(), "the TLS handshake failed");
        assert!(format!("{cause:?}").contains("Tls"));
        assert_eq!(cause.source().unwrap().to_string(), "handshake");
        let fault = cause.downcast_ref::<TransportError>().unwrap();
        assert_eq!(fault.phase(), Phase::Tls);
        assert!(cause.downcast_ref::<fmt::Error>().is_none());
    }
}
