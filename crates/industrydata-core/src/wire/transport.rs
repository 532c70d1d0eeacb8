//! Errors below HTTP: how far an exchange got before it failed.

use std::{error::Error, fmt, ops::Deref, sync::Arc};

use crate::wire::{brief::debug_error, certificate::CertificateFault};

/// A shared error, so that the errors that contain it are `Clone`.
///
/// It dereferences to the shared error. An error with a cause has the shared error itself as its
/// [`source`](Error::source), so a walk down the chain comes to the HTTP client's or the store's own type.
#[derive(Clone)]
pub struct Cause(Arc<dyn Error + Send + Sync + 'static>);

impl Cause {
    /// Shares `error`. A cause is shared as it is.
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        match error.into().downcast::<Boxed>() {
            Ok(boxed) => boxed.0,
            Err(error) => Self(Arc::from(error)),
        }
    }

    /// The shared error, if it is an `E`.
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

impl Deref for Cause {
    type Target = dyn Error + Send + Sync + 'static;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl From<Cause> for Box<dyn Error + Send + Sync> {
    fn from(cause: Cause) -> Self {
        Box::new(Boxed(cause))
    }
}

/// A cause as a boxed error. `Cause` itself is none, so that it never is a link of a chain beside what it shares.
#[derive(Debug)]
struct Boxed(Cause);

impl fmt::Display for Boxed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Boxed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

/// How far a request got before the exchange failed.
///
/// Report [`Phase::Sent`] unless you can prove an earlier phase. A start that failed in any other phase did not reach the
/// service, so no run was started; after [`Phase::Sent`] it is in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// The request was refused on this machine before a socket was used.
    Local,
    /// The host name could not be resolved.
    Resolve,
    /// The TCP connection could not be opened.
    Connect,
    /// The proxy did not open a tunnel.
    Proxy,
    /// The TLS handshake failed.
    Tls,
    /// The server reported over HTTP/2 that it did not process the request: `REFUSED_STREAM`, or a `GOAWAY` that names an
    /// earlier stream (RFC 9113 section 8.7).
    Refused,
    /// The connection was open, so the server may have acted on the request.
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
            Self::Connect => "the connection could not be opened",
            Self::Proxy => "the proxy did not open a tunnel",
            Self::Tls => "the TLS handshake failed",
            Self::Refused => "the server refused the request unprocessed",
            Self::Sent => "the request got no usable answer",
        })
    }
}

/// An exchange that failed without an answer: the phase, and the cause. The source is the HTTP client's error.
#[derive(Clone, thiserror::Error)]
#[error("{phase}")]
pub struct TransportError {
    phase: Phase,
    is_timeout: bool,
    source: Cause,
}

impl fmt::Debug for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug_error(f, "TransportError", &self.phase, self, &[])
    }
}

impl TransportError {
    /// An error in `phase`, caused by `source`.
    pub fn new(phase: Phase, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            phase,
            is_timeout: false,
            source: Cause::new(source),
        }
    }

    /// The same error, which ended the request because a limit of time had passed.
    #[must_use]
    pub fn timed_out(mut self, is_timeout: bool) -> Self {
        self.is_timeout = is_timeout;
        self
    }

    /// A handshake that failed with `source`. If the server's certificate is not trusted, the cause says why.
    pub fn tls(
        fault: Option<CertificateFault>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        match fault {
            Some(fault) => Self::new(
                Phase::Tls,
                Untrusted {
                    fault,
                    source: Cause::new(source),
                },
            ),
            None => Self::new(Phase::Tls, source),
        }
    }

    /// Why the server's certificate is not trusted, if that is the error.
    #[must_use]
    pub fn certificate_fault(&self) -> Option<CertificateFault> {
        let untrusted = self.source.downcast_ref::<Untrusted>();
        untrusted.map(|untrusted| untrusted.fault)
    }

    /// How far the request got.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether the request ended because a limit of time had passed. [`phase`](Self::phase) tells whether the server may
    /// have acted on it.
    #[must_use]
    pub const fn is_timeout(&self) -> bool {
        self.is_timeout
    }
}

/// A certificate that is not trusted, and what the TLS library says.
#[derive(Debug, thiserror::Error)]
#[error("{fault}")]
struct Untrusted {
    fault: CertificateFault,
    source: Cause,
}

/// Why the body of an answer could not be read to its end. The status and the header fields are valid all the same.
#[derive(Clone, Debug, thiserror::Error)]
pub enum IncompleteBody {
    /// The body is larger than [`Reply::body_limit`](crate::lro::Reply::body_limit).
    #[error("the body of the answer is larger than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The connection broke, or the time limit passed, before the end of the body.
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
    fn an_untrusted_certificate_says_why() {
        let error = TransportError::tls(Some(CertificateFault::Expired), "certificate expired");
        assert_eq!(error.phase(), Phase::Tls);
        assert_eq!(error.certificate_fault(), Some(CertificateFault::Expired));
        let why = error.source().unwrap();
        assert!(why.to_string().contains("has expired"), "{why}");
        assert_eq!(why.source().unwrap().to_string(), "certificate expired");
        let other = TransportError::tls(None, "alert");
        assert_eq!(
            (other.phase(), other.certificate_fault()),
            (Phase::Tls, None)
        );
        assert_eq!(other.source().unwrap().to_string(), "alert");
    }

    #[test]
    fn a_cause_displays_the_shared_error() {
        let cause = Cause::new(TransportError::new(Phase::Tls, "handshake"));
        assert_eq!(cause.to_string(), "the TLS handshake failed");
        assert!(format!("{cause:?}").contains("Tls"));
        assert_eq!(cause.source().unwrap().to_string(), "handshake");
        let error = cause.downcast_ref::<TransportError>().unwrap();
        assert_eq!(error.phase(), Phase::Tls);
        assert!(cause.downcast_ref::<fmt::Error>().is_none());
    }

    /// However often an error is passed on as a cause, the chain has it once, as its own type.
    #[test]
    fn a_chain_comes_to_the_type_of_its_cause() {
        let own = || TransportError::new(Phase::Connect, "no route");
        let twice = Cause::new(Cause::new(own()));
        for error in [
            TransportError::new(Phase::Sent, own()),
            TransportError::new(Phase::Sent, twice.clone()),
        ] {
            let source = error.source().unwrap();
            assert_eq!(
                source.downcast_ref::<TransportError>().unwrap().phase(),
                Phase::Connect
            );
            assert_eq!(source.source().unwrap().to_string(), "no route");
        }
        let body = IncompleteBody::cut(twice);
        assert!(body.source().unwrap().is::<TransportError>());
    }

    #[test]
    fn only_a_limit_of_time_is_a_timeout() {
        let error = TransportError::new(Phase::Sent, "late");
        assert!(!error.is_timeout());
        assert!(error.timed_out(true).is_timeout());
    }
}
