//! The token endpoint: the client credentials grant of OAuth 2.0 with the responses of Microsoft Entra ID.

use http::{Request, Response, StatusCode, header::CONTENT_TYPE};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    config::{Client, Grant},
    graph::response::{Trace, with_body},
    model::{Ids, Tokens},
    time::later,
};

const JSON: &str = "application/json; charset=utf-8";

/// An error response of the token endpoint.
struct TokenError {
    status: StatusCode,
    error: &'static str,
    code: u32,
    description: String,
}

/// Responds to `POST /{tenant}/oauth2/v2.0/token`.
pub(super) fn respond(
    request: &Request<Vec<u8>>,
    tenant: &str,
    client: &Client,
    tokens: &mut Tokens,
    ids: &mut Ids,
    trace: &Trace,
) -> Response<Vec<u8>> {
    if let Err(error) = check(request, tenant, client) {
        return error.response(trace);
    }
    let token = ids.token();
    let grant = Grant {
        token: token.clone(),
        permissions: client.permissions.clone(),
        caller: Some(client.id.clone()),
    };
    tokens.add(grant, Some(later(trace.now, client.token_lifetime)));
    let seconds = client.token_lifetime.as_secs();
    json_response(
        StatusCode::OK,
        &json!({"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": token}),
    )
}

fn check(request: &Request<Vec<u8>>, tenant: &str, client: &Client) -> Result<(), TokenError> {
    if client
        .tenant
        .as_ref()
        .is_some_and(|expected| !expected.eq_ignore_ascii_case(tenant))
    {
        return Err(TokenError::request(
            90_002,
            format!("the tenant '{tenant}' is unknown"),
        ));
    }
    let content_type = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if !content_type
        .to_ascii_lowercase()
        .starts_with("application/x-www-form-urlencoded")
    {
        return Err(TokenError::request(
            900_144,
            "the body is not a form".to_owned(),
        ));
    }
    let field = |name| {
        form_urlencoded::parse(request.body())
            .find_map(|(key, value)| (key == name).then_some(value))
            .ok_or_else(|| {
                TokenError::request(900_144, format!("the form has no parameter '{name}'"))
            })
    };
    if field("grant_type")? != "client_credentials" {
        let description = "the only supported grant type is client_credentials".to_owned();
        return Err(TokenError {
            error: "unsupported_grant_type",
            code: 70_003,
            ..TokenError::request(0, description)
        });
    }
    let (id, secret) = (field("client_id")?, field("client_secret")?);
    if id != client.id || secret != client.secret {
        let description = "the client is unknown or its secret is wrong".to_owned();
        let status = StatusCode::UNAUTHORIZED;
        return Err(TokenError {
            status,
            error: "invalid_client",
            code: 7_000_215,
            description,
        });
    }
    let scope = field("scope")?;
    if !scope.ends_with("/.default") || scope.contains(' ') {
        let description = format!("the scope '{scope}' is not one resource followed by /.default");
        return Err(TokenError {
            error: "invalid_scope",
            code: 1_002_012,
            ..TokenError::request(0, description)
        });
    }
    Ok(())
}

impl TokenError {
    fn request(code: u32, description: String) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            error: "invalid_request",
            code,
            description,
        }
    }

    fn response(&self, trace: &Trace) -> Response<Vec<u8>> {
        json_response(
            self.status,
            &json!({
                "error": self.error,
                "error_description": format!("AADSTS{}: {}", self.code, self.description),
                "error_codes": [self.code],
                "timestamp": entra_time(trace.now),
                "trace_id": trace.request_id,
                "correlation_id": trace.client_request_id.as_ref().and_then(|id| id.to_str().ok()).unwrap_or(&trace.request_id),
            }),
        )
    }
}

fn json_response(status: StatusCode, body: &Value) -> Response<Vec<u8>> {
    with_body(status, JSON, body.to_string())
}

fn entra_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}
