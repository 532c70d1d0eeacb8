//! What crosses the wire: URLs, header fields, error bodies and transport errors.
//!
//! Everything here is a pure function of bytes from a server, a user or a resume token. Each rule has its reason and its
//! source in `docs/protocol.md` of the repository.
//!
//! - [`BaseUrl`] is the address of the service. The token is sent only to its origin.
//! - [`OperationUrl`] is a checked `Location`; [`same_origin`] checks any other URL that the service names.
//! - [`retry_after`], [`date`] and [`http_date`] read header fields.
//! - [`ServiceError`] and [`ClaimsChallenge`] are what the service says in an error answer.
//! - [`proxy_for`] reads the proxy variables of the environment, as an argument.
//! - [`TransportError`] and [`IncompleteBody`] are what an HTTP client reports instead of an answer.

pub(crate) mod base_url;
pub(crate) mod body_error;
pub(crate) mod brief;
pub(crate) mod build_error;
pub(crate) mod certificate;
pub(crate) mod challenge;
pub(crate) mod eight;
pub(crate) mod flat_json;
pub(crate) mod http_date;
pub(crate) mod json;
pub(crate) mod location;
pub(crate) mod proxy;
pub(crate) mod redact;
pub(crate) mod resource_path;
pub(crate) mod retry_after;
pub(crate) mod rfc3339;
pub(crate) mod service_error;
pub(crate) mod text;
pub(crate) mod transport;
pub(crate) mod uri;

pub use self::{
    base_url::{BaseUrl, BaseUrlError},
    body_error::BodyError,
    build_error::BuildError,
    certificate::CertificateFault,
    challenge::ClaimsChallenge,
    http_date::{date, http_date},
    location::{LocationError, OperationUrl, same_origin},
    proxy::{ProxyError, ProxyUrl, proxy_for},
    retry_after::{longest_delay, retry_after},
    service_error::{ErrorDetail, ServiceError},
    text::escape_controls,
    transport::{Cause, IncompleteBody, Phase, TransportError},
    uri::is_sent_as,
};
