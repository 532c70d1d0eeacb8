//! The kinds of vectors: the keys that identify each, and the call of the core.

use std::fmt::{Debug, Display};

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use industrydata_core::{
    lro::{Acceptance, may_repeat_status},
    model::Operation,
    wire::{
        BaseUrl, BaseUrlError, ClaimsChallenge, ErrorDetail, OperationUrl, Phase, ServiceError,
        http_date, longest_delay,
    },
};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

type Vector = Map<String, Value>;

/// The core's result, and the texts in which it would be shown.
pub(crate) struct Shown {
    pub(crate) got: Value,
    pub(crate) texts: Vec<String>,
}

/// How the core is asked for the result of one kind. An error means that the vector is malformed.
type Run = fn(&Vector) -> Result<Shown, String>;

/// The kind of a vector by its keys; `None` if they are those of no kind.
pub(crate) fn of(vector: &Vector) -> Option<Run> {
    const KINDS: [(&str, Run); 6] = [
        ("request_url", location),
        ("value", retry_after),
        ("values", retry_after),
        ("content_type", operation),
        ("event", start),
        ("status", service_error),
    ];
    let mut kinds = KINDS.iter();
    let kind = kinds.find(|(key, _)| vector.contains_key(*key));
    kind.map(|(_, run)| *run)
}

/// The expected key that is not compared: only after a response can a POST be repeated.
pub(crate) fn ignored(vector: &Vector) -> Option<&'static str> {
    let event = vector.get("event")?;
    (event.get("kind").and_then(Value::as_str) != Some("response")).then_some("auto_retry_post")
}

impl From<Value> for Shown {
    fn from(got: Value) -> Self {
        Self {
            got,
            texts: Vec::new(),
        }
    }
}

/// Rule L.
fn location(vector: &Vector) -> Result<Shown, String> {
    let request_url = text(vector, "request_url")?;
    let values = list(vector, "headers")?
        .iter()
        .map(|value| match value.as_str() {
            Some(text) => Ok(text.as_bytes().to_vec()),
            None => base64(
                value
                    .get("raw_b64")
                    .ok_or("a header is neither text nor raw_b64")?,
            ),
        });
    let values = values.collect::<Result<Vec<_>, String>>()?;
    let base = match BaseUrl::parse(text(vector, "base")?) {
        Ok(base) => base,
        Err(e @ BaseUrlError::Insecure) => return Ok(shown(json!({ "err": "insecure" }), &e)),
        Err(e) => return Ok(shown(json!({ "err": format!("base refused: {e}") }), &e)),
    };
    let url = OperationUrl::resolve(&base, request_url, values.iter().map(Vec::as_slice));
    Ok(match url {
        Ok(url) => {
            let ok = json!({ "url": url.text(), "operation_id": url.operation_id() });
            let sent = url.uri().to_string();
            if sent != url.text() {
                return Ok(json!({ "err": format!("sent as {sent}") }).into());
            }
            shown(json!({ "ok": ok }), &url)
        }
        Err(e) => shown(json!({ "err": e.name() }), &e),
    })
}

/// Rule R.
fn retry_after(vector: &Vector) -> Result<Shown, String> {
    let values = match vector.get("value") {
        Some(Value::String(value)) => vec![value.as_str()],
        Some(_) => return Err("value is not text".to_owned()),
        None => texts(list(vector, "values")?)?,
    };
    let now: Timestamp = text(vector, "now")?
        .parse()
        .map_err(|e| format!("now: {e}"))?;
    let reference = match vector.get("date_header") {
        Some(Value::String(date)) => http_date(date.trim_matches([' ', '\t']).as_bytes(), now),
        Some(Value::Null) | None => None,
        Some(_) => return Err("date_header is not text".to_owned()),
    };
    let delay = longest_delay(
        values.into_iter().map(str::as_bytes),
        reference.unwrap_or(now),
    );
    Ok(match delay {
        Some(delay) => {
            let millis = delay.as_nanos().div_ceil(1_000_000);
            let millis = u64::try_from(millis).map_err(|e| e.to_string())?;
            json!({ "delay_ms": millis }).into()
        }
        None => json!({ "none": true }).into(),
    })
}

/// Rule B.
fn operation(vector: &Vector) -> Result<Shown, String> {
    let content_type = match vector.get("content_type") {
        Some(Value::String(text)) => Some(text.as_bytes()),
        Some(Value::Null) | None => None,
        Some(_) => return Err("content_type is not text".to_owned()),
    };
    Ok(match Operation::decode(content_type, &body(vector)?) {
        Ok(operation) => {
            let status = operation.status();
            let time = |time: Option<Timestamp>| time.map(|time| format!("{time:.7}"));
            let got = json!({
                "status": status.as_str(),
                "terminal": status.is_terminal(),
                "known": status.is_known(),
                "id": operation.id(),
                "status_detail": operation.status_detail(),
                "resource_location": operation.resource_location(),
                "odata_type": operation.odata_type(),
                "created": time(operation.created()),
                "last_action": time(operation.last_action()),
            });
            Shown {
                got,
                texts: vec![status.to_string(), format!("{operation:?}")],
            }
        }
        Err(e) => shown(json!({ "err": e.name() }), &e),
    })
}

/// Rule E.
fn service_error(vector: &Vector) -> Result<Shown, String> {
    let status = status(vector.get("status"))?;
    let headers = headers(vector.get("headers"))?;
    let token = vector.get("token").and_then(Value::as_str);
    let error = ServiceError::decode(status, &headers, &body(vector)?, token);
    // An error keeps the decoded claims alone.
    let received = error
        .claims()
        .and_then(|_| ClaimsChallenge::from_headers(&headers));
    let detail = |detail: &ErrorDetail| json!({ "code": detail.code(), "message": detail.message(), "target": detail.target() });
    let got = json!({
        "status": error.status().as_u16(),
        "code": error.code(),
        "message": error.message(),
        "target": error.target(),
        "inner_codes": error.inner_codes(),
        "request_id": error.request_id(),
        "client_request_id": error.client_request_id(),
        "inner_date": error.inner_date(),
        "details": error.details().iter().map(detail).collect::<Vec<_>>(),
        "claims": error.claims().and_then(|challenge| challenge.claims()),
        "claims_raw": received.as_ref().and_then(ClaimsChallenge::claims_raw),
    });
    Ok(shown(got, &error))
}

/// Rule S.
fn start(vector: &Vector) -> Result<Shown, String> {
    let event = vector
        .get("event")
        .and_then(Value::as_object)
        .ok_or("event is not an object")?;
    let (acceptance, may_repeat) = match text(event, "kind")? {
        "response" => {
            let status = status(event.get("status"))?;
            (Acceptance::of_status(status), may_repeat_status(status))
        }
        "transport" => (Acceptance::of_phase(phase(event)?), false),
        // After a restart, nothing shows whether the POST was sent (S8).
        "crash" => (Acceptance::Unknown, false),
        other => return Err(format!("no event is of kind {other}")),
    };
    let ledger = match acceptance {
        Acceptance::Confirmed => "confirmed",
        Acceptance::Released => "released",
        Acceptance::Unknown => "unknown",
    };
    Ok(json!({ "ledger": ledger, "auto_retry_post": may_repeat }).into())
}

/// The phase that an adapter would report: [`Phase::Sent`] unless the event is known to be earlier.
fn phase(event: &Vector) -> Result<Phase, String> {
    let stream = |key| event.get(key).and_then(Value::as_u64);
    let error = event
        .get("error")
        .and_then(Value::as_str)
        .unwrap_or_default();
    Ok(match text(event, "phase")? {
        "cancelled_by_caller" => event
            .get("after")
            .and_then(Value::as_str)
            .map_or(Phase::Sent, before_sending),
        "h2_reset" if error.eq_ignore_ascii_case("REFUSED_STREAM") => Phase::Refused,
        "h2_goaway" => match (stream("last_stream_id"), stream("our_stream_id")) {
            (Some(last), Some(ours)) if last < ours => Phase::Refused,
            (Some(_) | None, Some(_) | None) => Phase::Sent,
        },
        other => before_sending(other),
    })
}

fn before_sending(phase: &str) -> Phase {
    match phase {
        "local"
        | "local_validation"
        | "validation"
        | "build"
        | "building_request"
        | "queued"
        | "reservation_durable"
        | "nothing" => Phase::Local,
        "dns" | "dns_lookup" | "resolve" | "resolving" | "name_resolution" => Phase::Resolve,
        "connect" | "connecting" | "tcp" | "tcp_connect" | "connect_refused"
        | "connect_timeout" => Phase::Connect,
        "proxy" | "proxy_connect" | "proxy_dns" | "proxy_tunnel" | "proxy_tls" => Phase::Proxy,
        "tls" | "tls_handshake" | "tls_alpn" => Phase::Tls,
        _ => Phase::Sent,
    }
}

fn shown<T: Display + Debug>(got: Value, text: &T) -> Shown {
    Shown {
        got,
        texts: vec![text.to_string(), format!("{text:?}")],
    }
}

fn text<'v>(vector: &'v Vector, key: &str) -> Result<&'v str, String> {
    vector
        .get(key)
        .and_then(Value::as_str)
        .ok_or_else(|| format!("{key} is not text"))
}

fn list<'v>(vector: &'v Vector, key: &str) -> Result<&'v [Value], String> {
    let list = vector.get(key).and_then(Value::as_array);
    list.map(Vec::as_slice)
        .ok_or_else(|| format!("{key} is not a list"))
}

fn texts(list: &[Value]) -> Result<Vec<&str>, String> {
    list.iter()
        .map(|item| {
            item.as_str()
                .ok_or_else(|| "an item is not text".to_owned())
        })
        .collect()
}

fn status(value: Option<&Value>) -> Result<StatusCode, String> {
    let code = value
        .and_then(Value::as_u64)
        .and_then(|code| u16::try_from(code).ok());
    code.and_then(|code| StatusCode::from_u16(code).ok())
        .ok_or_else(|| "status is not one".to_owned())
}

/// The fields that an HTTP client would return: it refuses values with control characters.
fn headers(value: Option<&Value>) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for field in value.and_then(Value::as_array).into_iter().flatten() {
        let field = field.as_array().map(Vec::as_slice);
        let Some([Value::String(name), Value::String(value)]) = field else {
            return Err("a header is not a name and a value".to_owned());
        };
        let name: HeaderName = name.parse().map_err(|e| format!("{name}: {e}"))?;
        if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
            headers.append(name, value);
        }
    }
    Ok(headers)
}

fn body(vector: &Vector) -> Result<Vec<u8>, String> {
    if let Some(body) = vector.get("body_b64") {
        return base64(body);
    }
    let Some(parts) = vector.get("body_parts") else {
        return match vector.get("body") {
            Some(Value::String(body)) => Ok(body.clone().into_bytes()),
            Some(Value::Null) | None => Ok(Vec::new()),
            Some(_) => Err("body is not text".to_owned()),
        };
    };
    let mut body = Vec::new();
    for part in parts.as_array().ok_or("body_parts is not a list")? {
        let part = part.as_array().map(Vec::as_slice);
        let Some([Value::String(text), Value::Number(count)]) = part else {
            return Err("a part of the body is not a text and a count".to_owned());
        };
        let count = count.as_u64().and_then(|count| usize::try_from(count).ok());
        let count = count.ok_or("the count of a part is no count")?;
        body.extend(text.repeat(count).into_bytes());
    }
    Ok(body)
}

fn base64(value: &Value) -> Result<Vec<u8>, String> {
    let text = value.as_str().ok_or("base64 is not text")?;
    BASE64_STANDARD.decode(text).map_err(|e| e.to_string())
}
