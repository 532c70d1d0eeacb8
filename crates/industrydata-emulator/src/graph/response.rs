//! Responses in the shape of Microsoft Graph.

use http::{
    HeaderMap, HeaderName, HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, DATE},
};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::time::{http_date, zoneless};

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
pub(crate) const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("client-request-id");

const DIAGNOSTIC: HeaderName = HeaderName::from_static("x-ms-ags-diagnostic");
pub(crate) const ODATA: &str = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8";
const SERVER_INFO: &str = r#"{"ServerInfo":{"DataCenter":"Emulator","Slice":"E","Ring":"0","ScaleUnit":"000","RoleInstance":"EMULATOR00000000"}}"#;

/// The time and the ids of one request, which its response repeats.
#[derive(Clone, Debug)]
pub(crate) struct Trace {
    pub(crate) now: Timestamp,
    pub(crate) request_id: String,
    pub(crate) client_request_id: Option<HeaderValue>,
}

impl Trace {
    /// Sets the headers that every response has. A header that is already set is kept.
    pub(crate) fn set_common_headers(&self, headers: &mut HeaderMap, date: Timestamp) {
        for (name, value) in [
            (CACHE_CONTROL, "no-cache"),
            (REQUEST_ID, self.request_id.as_str()),
            (DIAGNOSTIC, SERVER_INFO),
            (DATE, http_date(date).as_str()),
        ] {
            if !headers.contains_key(&name) {
                set(headers, name, value);
            }
        }
        if let Some(id) = &self.client_request_id {
            headers
                .entry(CLIENT_REQUEST_ID)
                .or_insert_with(|| id.clone());
        }
    }

    /// A response with a Graph error body.
    pub(crate) fn error(&self, status: StatusCode, code: &str, message: &str) -> Response<Vec<u8>> {
        let client = self
            .client_request_id
            .as_ref()
            .and_then(|id| id.to_str().ok())
            .unwrap_or(&self.request_id);
        json(
            status,
            &json!({"error": {
                "code": code,
                "message": message,
                "innerError": {
                    "date": zoneless(self.now),
                    "request-id": self.request_id,
                    "client-request-id": client,
                },
            }}),
        )
    }
}

/// A response with a JSON body and the OData content type.
pub(crate) fn json(status: StatusCode, body: &Value) -> Response<Vec<u8>> {
    with_body(status, ODATA, body.to_string())
}

/// A response with a body of any type.
pub(crate) fn with_body(
    status: StatusCode,
    content_type: &str,
    body: impl Into<Vec<u8>>,
) -> Response<Vec<u8>> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    set(response.headers_mut(), CONTENT_TYPE, content_type);
    response
}

/// A response without a body or a content type.
pub(crate) fn empty(status: StatusCode) -> Response<Vec<u8>> {
    let mut response = Response::new(Vec::new());
    *response.status_mut() = status;
    response
}

/// The response to a POST that gives no length. It comes from the HTTP server before Graph, so it is HTML.
pub(crate) fn length_required() -> Response<Vec<u8>> {
    const PAGE: &str = "<!DOCTYPE HTML>\r\n<HTML><HEAD><TITLE>Length Required</TITLE></HEAD>\r\n<BODY><h2>Length Required</h2>\
        \r\n<hr><p>HTTP Error 411. The request must be chunked or have a content length.</p>\r\n</BODY></HTML>\r\n";
    with_body(
        StatusCode::LENGTH_REQUIRED,
        "text/html; charset=us-ascii",
        PAGE,
    )
}

/// Sets a header. A text that no header can hold is ignored.
pub(crate) fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
