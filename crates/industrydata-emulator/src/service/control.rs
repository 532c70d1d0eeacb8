//! The control paths, by which another process advances the clock, scripts faults and reads the state.
//!
//! A request to a control path needs no token, meets no fault and is not logged. It names a loopback host, comes from no
//! foreign origin, and its body is of the type `application/json`.

use std::time::Duration;

use http::{Method, Request, Response, StatusCode, header::ALLOW};
use jiff::{Span, SpanRelativeTo, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    config::Window,
    fault::{Delivery, Fault, Served},
    graph::response::{set, with_body},
    service::{
        origin, page,
        state::{MAX_BODY, Service},
    },
    time::{graph_time, http_date, later},
};

const ROOT: &str = "/_emulator/";

/// The refusal of a control request.
struct ControlError {
    status: StatusCode,
    allow: Option<&'static str>,
    message: String,
}

/// How far to advance the clock. Exactly one member is given.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    seconds: Option<f64>,
    by: Option<String>,
}

/// The claims that a token issued after the revocation must have.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Revoke {
    claims: Option<Value>,
}

/// Whether a path is a control path. A browser asks for `/`, which no endpoint of the service has.
pub(super) fn is_control_path(path: &str) -> bool {
    path.starts_with(ROOT) || path == "/"
}

/// Responds to a control request.
pub(super) fn serve(service: &mut Service, request: &Request<Vec<u8>>) -> Served {
    let mut advance = Duration::ZERO;
    let mut response = match respond(service, request, &mut advance) {
        Ok(response) => response,
        Err(error) => {
            let mut response =
                json_response(error.status, &json!({"error": {"message": error.message}}));
            if let Some(allow) = error.allow {
                set(response.headers_mut(), ALLOW, allow);
            }
            response
        }
    };
    set(
        response.headers_mut(),
        http::header::DATE,
        &http_date(service.now),
    );
    Served {
        response,
        delivery: Delivery::default(),
        advance,
    }
}

fn respond(
    service: &mut Service,
    request: &Request<Vec<u8>>,
    advance: &mut Duration,
) -> Result<Response<Vec<u8>>, ControlError> {
    if let Some(message) = origin::refusal(request) {
        return Err(ControlError {
            status: StatusCode::FORBIDDEN,
            allow: None,
            message: message.to_owned(),
        });
    }
    let body = request.body().as_slice();
    if body.len() > MAX_BODY {
        let message = format!("the body is longer than {MAX_BODY} bytes");
        return Err(ControlError {
            status: StatusCode::PAYLOAD_TOO_LARGE,
            allow: None,
            message,
        });
    }
    let name = request.uri().path().strip_prefix(ROOT).unwrap_or_default();
    if let Some(file) = page::file(name) {
        return match *request.method() {
            Method::GET => Ok(file),
            _ => Err(ControlError::method("GET")),
        };
    }
    let value = command(service, name, request.method(), body, advance)?;
    Ok(json_response(StatusCode::OK, &value))
}

fn command(
    service: &mut Service,
    name: &str,
    method: &Method,
    body: &[u8],
    advance: &mut Duration,
) -> Result<Value, ControlError> {
    match (name, method) {
        ("advance", &Method::POST) => {
            let by = read_advance(body)?;
            let target = later(service.now, by);
            if target == Timestamp::MAX {
                return Err(ControlError::body(
                    "the clock cannot go that far".to_owned(),
                ));
            }
            service.advance_to(target);
            *advance = by;
            Ok(json!({"now": graph_time(service.now), "advanced_seconds": by.as_secs_f64()}))
        }
        ("faults", &Method::POST) => {
            let faults =
                Fault::parse(body).map_err(|error| ControlError::body(error.to_string()))?;
            let scripted = faults.len();
            faults.into_iter().for_each(|fault| service.script(fault));
            Ok(json!({"scripted": scripted, "pending": service.faults().len()}))
        }
        ("faults", &Method::GET) => Ok(json!({"pending": service.faults()})),
        ("faults", &Method::DELETE) => {
            let cleared = service.faults().len();
            service.clear_faults();
            Ok(json!({"cleared": cleared, "pending": 0}))
        }
        ("revoke", &Method::POST) => {
            let revoke: Revoke = if body.is_empty() {
                Revoke::default()
            } else {
                parse(body)?
            };
            let claims = revoke.claims.map(|claims| {
                claims
                    .as_str()
                    .map_or_else(|| claims.to_string(), str::to_owned)
            });
            service.revoke_tokens(claims.as_deref());
            Ok(json!({"revoked": true}))
        }
        ("rotate", &Method::POST) => Ok(json!({"identity_header": service.rotate_identity_header()})),
        ("state", &Method::GET) => Ok(state(service)),
        ("advance" | "revoke" | "rotate", _) => Err(ControlError::method("POST")),
        ("faults", _) => Err(ControlError::method("GET, POST, DELETE")),
        ("state", _) => Err(ControlError::method("GET")),
        (_, _) => Err(ControlError {
            status: StatusCode::NOT_FOUND,
            allow: None,
            message:
                "unknown control path: the control paths are advance, faults, revoke, rotate and state"
                    .to_owned(),
        }),
    }
}

fn read_advance(body: &[u8]) -> Result<Duration, ControlError> {
    let advance: Advance = parse(body)?;
    match (advance.seconds, advance.by) {
        (Some(seconds), None) => Duration::try_from_secs_f64(seconds).map_err(|_| {
            ControlError::body(format!("seconds: {seconds} is negative or too large"))
        }),
        (None, Some(by)) => by
            .parse::<Span>()
            .and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()))
            .ok()
            .and_then(|duration| Duration::try_from(duration).ok())
            .ok_or_else(|| {
                ControlError::body(format!(
                    "by: '{by}' is not a duration such as 12h, 90s or 1d 2h, or it is negative"
                ))
            }),
        (Some(_), Some(_)) | (None, None) => Err(ControlError::body(
            r#"expected either {"seconds": 60} or {"by": "12h"}"#.to_owned(),
        )),
    }
}

fn state(service: &Service) -> Value {
    let now = service.now;
    let throttle = service.starts.throttle();
    let slot =
        |(accepted, frees)| json!({"accepted": graph_time(accepted), "frees": graph_time(frees)});
    let times = |times: &[Timestamp]| times.iter().map(|at| graph_time(*at)).collect::<Vec<_>>();
    json!({
        "now": graph_time(now),
        "throttle": {
            "limit": throttle.limit,
            "window_seconds": throttle.window.as_secs_f64(),
            "window": match throttle.kind { Window::Sliding => "sliding", Window::Fixed => "fixed" },
            "counted": service.starts.counted(now),
            "wait_seconds": service.wait_for_slot(now).map(|wait| wait.as_secs_f64()),
            "slots": service.starts.slots(now).map(slot).collect::<Vec<_>>(),
        },
        "accepted_starts": times(service.accepted_starts()),
        "starts_by_caller": service.starts_by_caller(),
        "next_scheduled_run": service.next_scheduled_run(now).map(graph_time),
        "next_skip": service.timetable.next_skip().map(graph_time),
        "skipped": times(service.skipped()),
        "operations": service.operations().len(),
        "runs": service.runs().len(),
        "faults": service.faults().len(),
        "requests": service.log.counts(),
        "recent": page::recent(service),
    })
}

fn parse<T: for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T, ControlError> {
    serde_json::from_slice(body).map_err(|error| ControlError::body(error.to_string()))
}

fn json_response(status: StatusCode, value: &Value) -> Response<Vec<u8>> {
    let mut body = value.to_string();
    body.push('\n');
    with_body(status, "application/json", body)
}

impl ControlError {
    fn body(message: String) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            allow: None,
            message,
        }
    }

    fn method(allow: &'static str) -> Self {
        let message = format!("the allowed methods are {allow}");
        Self {
            status: StatusCode::METHOD_NOT_ALLOWED,
            allow: Some(allow),
            message,
        }
    }
}
