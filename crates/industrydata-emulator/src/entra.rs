//! Errors in the shape of Microsoft Entra ID.
//!
//! Documentation: [error codes](https://learn.microsoft.com/entra/identity-platform/reference-error-codes).

use http::{Response, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::graph::response::{Trace, with_body};

const JSON: &str = "application/json; charset=utf-8";

/// An error response of the token endpoint.
#[derive(Clone, Debug)]
pub(crate) struct EntraError {
    status: StatusCode,
    error: &'static str,
    code: Option<u32>,
    description: String,
}

impl EntraError {
    /// The error with this code, whose status and OAuth error follow from it.
    pub(crate) fn new(code: u32, description: impl Into<String>) -> Self {
        let (status, error) = match code {
            70_003 => (StatusCode::BAD_REQUEST, "unsupported_grant_type"),
            700_016 => (StatusCode::BAD_REQUEST, "unauthorized_client"),
            1_002_012 => (StatusCode::BAD_REQUEST, "invalid_scope"),
            500_011 => (StatusCode::BAD_REQUEST, "invalid_resource"),
            50_076 | 53_003 | 65_001 => (StatusCode::BAD_REQUEST, "invalid_grant"),
            90_033 => (StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable"),
            50_013 | 700_021..=700_030 | 700_211..=700_213 | 7_000_000.. => {
                (StatusCode::UNAUTHORIZED, "invalid_client")
            }
            _ => (StatusCode::BAD_REQUEST, "invalid_request"),
        };
        Self {
            status,
            error,
            code: Some(code),
            description: description.into(),
        }
    }

    /// The error that a fault scripts, in words for the codes that people meet.
    pub(crate) fn scripted(code: u32) -> Self {
        let description = match code {
            50_076 => "multi-factor authentication is required",
            53_003 => "a Conditional Access policy blocks the access",
            65_001 => "the application has no consent for the permissions",
            70_021 | 700_211..=700_213 => "no federated credential matches the assertion",
            90_002 => "the tenant is unknown",
            90_033 => "the service is temporarily unavailable",
            500_011 => "the resource is unknown in the tenant",
            700_016 => "the application is unknown in the tenant",
            700_024 => "the assertion is not within its valid time range",
            700_027 => "the certificate is not that of the application",
            700_236 => "the managed identity is of another tenant than the application",
            7_000_215 => "the client secret is wrong",
            7_000_222 => "the client secret has expired",
            _ => "a scripted fault set this code",
        };
        Self::new(code, description)
    }

    /// The error of a status that a fault scripts without a code.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        let error = match status.as_u16() {
            401 => "invalid_client",
            429 | 503 => "temporarily_unavailable",
            500.. => "server_error",
            _ => "invalid_request",
        };
        Self {
            status,
            error,
            code: None,
            description: "a scripted fault set this status".to_owned(),
        }
    }

    pub(crate) fn with_status(self, status: Option<StatusCode>) -> Self {
        Self {
            status: status.unwrap_or(self.status),
            ..self
        }
    }

    pub(crate) const fn status(&self) -> StatusCode {
        self.status
    }

    pub(crate) const fn error(&self) -> &'static str {
        self.error
    }

    pub(crate) fn description(&self) -> String {
        let description = &self.description;
        match self.code {
            Some(code) => format!("AADSTS{code}: {description}"),
            None => description.clone(),
        }
    }

    /// The answer of the token endpoint.
    pub(crate) fn response(&self, trace: &Trace) -> Response<Vec<u8>> {
        let client = trace.client_request_id.as_ref();
        let correlation = client.and_then(|id| id.to_str().ok());
        let correlation = correlation.unwrap_or(&trace.request_id);
        let time = entra_time(trace.now);
        let description = format!(
            "{} Trace ID: {} Correlation ID: {correlation} Timestamp: {time}",
            self.description(),
            trace.request_id
        );
        response(
            self.status,
            &json!({
                "error": self.error,
                "error_description": description,
                "error_codes": self.code.into_iter().collect::<Vec<_>>(),
                "timestamp": time,
                "trace_id": trace.request_id,
                "correlation_id": correlation,
            }),
        )
    }
}

/// A response of the token endpoint.
pub(crate) fn response(status: StatusCode, body: &Value) -> Response<Vec<u8>> {
    with_body(status, JSON, body.to_string())
}

fn entra_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}
