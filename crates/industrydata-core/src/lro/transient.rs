//! Failed polls and reads that are retried.

use http::StatusCode;

use crate::{
    auth::token::TokenError,
    wire::{
        body_error::BodyError,
        service_error::ServiceError,
        transport::{IncompleteBody, TransportError},
    },
};

/// Why a poll or a read failed for now. It is retried.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransientError {
    /// No answer came.
    #[error(transparent)]
    Lost(TransportError),
    /// The answer carries no status of the operation: 404 soon after the start, 401 once more, 408, 425, 429 or 5xx.
    #[error("{0}")]
    Answer(Box<ServiceError>),
    /// The body did not arrive whole.
    #[error(transparent)]
    Body(IncompleteBody),
    /// The body has a content encoding, though none was asked for.
    #[error("the answer is encoded, though only identity was asked for")]
    Encoded,
    /// The body is not an operation but, for example, a captive portal's page.
    #[error("the answer is not an operation: {0}")]
    Unreadable(BodyError),
    /// No token could be obtained for this request.
    #[error(transparent)]
    Token(TokenError),
    /// The driver dropped the request.
    #[error("the request was given up")]
    Dropped,
}

impl TransientError {
    /// Whether the service throttles (429).
    #[must_use]
    pub fn is_throttled(&self) -> bool {
        let status = self.service_error().map(ServiceError::status);
        status == Some(StatusCode::TOO_MANY_REQUESTS)
    }

    /// Whether the request ended because its limit of time had passed.
    #[must_use]
    pub const fn is_timeout(&self) -> bool {
        matches!(self, Self::Lost(error) if error.is_timeout())
    }

    /// The service's answer, if there was one.
    #[must_use]
    pub const fn service_error(&self) -> Option<&ServiceError> {
        match self {
            Self::Answer(error) => Some(error),
            Self::Lost(_)
            | Self::Body(_)
            | Self::Encoded
            | Self::Unreadable(_)
            | Self::Token(_)
            | Self::Dropped => None,
        }
    }
}
