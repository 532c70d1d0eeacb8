//! The platforms that give tokens to the programs that run on them, and the shapes of their errors.

use http::{Response, StatusCode};
use serde_json::{Value, json};

use crate::{entra::EntraError, graph::response::with_body};

const JSON: &str = "application/json; charset=utf-8";

/// A platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Platform {
    /// The metadata service of a virtual machine.
    Metadata,
    /// The identity endpoint of App Service, Functions and Container Apps.
    App,
    /// The issuer of assertions for GitHub jobs.
    GitHub,
}

/// Why a platform gives no token.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    status: StatusCode,
    error: &'static str,
    message: String,
}

impl Platform {
    /// An error in its shape.
    pub(crate) fn error(self, refused: &Refused) -> Response<Vec<u8>> {
        let (error, message) = (refused.error, &refused.message);
        let body = match self {
            Self::Metadata => json!({"error": error, "error_description": message}),
            Self::App => json!({"statusCode": refused.status.as_u16(), "message": message}),
            Self::GitHub => json!({"message": message}),
        };
        json_response(refused.status, &body)
    }
}

impl Refused {
    pub(crate) fn new(status: StatusCode, error: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            error,
            message: message.into(),
        }
    }

    pub(crate) fn request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", message)
    }
}

impl From<&EntraError> for Refused {
    /// An error of Entra, which the platform passes on.
    fn from(error: &EntraError) -> Self {
        Self::new(error.status(), error.error(), error.description())
    }
}

/// A response of a platform.
pub(crate) fn json_response(status: StatusCode, body: &Value) -> Response<Vec<u8>> {
    with_body(status, JSON, body.to_string())
}
