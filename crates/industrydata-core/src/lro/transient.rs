//! Polls that bring no news.

use crate::{
    auth::token::TokenError,
    wire::{
        body_error::BodyError,
        service_error::ServiceError,
        transport::{IncompleteBody, TransportError},
    },
};

/// Why a poll brought no news. The wait goes on.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransientError {
    /// No answer came.
    #[error(transparent)]
    Lost(TransportError),
    /// The answer is no status: 404 soon after the start, 401 once more, 408, 425, 429 or 5xx.
    #[error("{0}")]
    Answer(Box<ServiceError>),
    /// The body did not arrive whole.
    #[error(transparent)]
    Body(IncompleteBody),
    /// The body has a content encoding that was not asked for.
    #[error("the answer is encoded, though only identity was asked for")]
    Encoded,
    /// The body is not an operation; a captive portal's page, perhaps.
    #[error("the answer is not an operation: {0}")]
    Unreadable(BodyError),
    /// No token could be had just now.
    #[error(transparent)]
    Token(TokenError),
    /// The driver dropped the request.
    #[error("the poll was given up")]
    Dropped,
}

impl TransientError {
    /// The service's answer, if it was one.
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
