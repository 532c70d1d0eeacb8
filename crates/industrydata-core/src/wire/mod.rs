//! The rules of the wire: URLs, the `Location` gate, `Retry-After`, dates, error bodies and challenges, and what the HTTP
//! client could not do.
//!
//! Everything here is a function of bytes that came from a server, a user or a resume token.

pub(crate) mod base_url;
pub(crate) mod body_error;
pub(crate) mod challenge;
pub(crate) mod http_date;
pub(crate) mod json;
pub(crate) mod location;
pub(crate) mod retry_after;
pub(crate) mod rfc3339;
pub(crate) mod service_error;
pub(crate) mod text;
pub(crate) mod transport;
pub(crate) mod uri;

pub use self::{
    base_url::{BaseUrl, BaseUrlError},
    body_error::BodyError,
    challenge::ClaimsChallenge,
    http_date::{date, http_date},
    location::{LocationError, OperationUrl, same_origin},
    retry_after::{longest_delay, retry_after},
    service_error::{ErrorDetail, ServiceError},
    text::escape_controls,
    transport::{Cause, IncompleteBody, Phase, TransportError},
};
