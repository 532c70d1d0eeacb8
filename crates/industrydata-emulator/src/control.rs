//! The control paths: the clock, the faults and the state, for whoever drives the emulator from outside.
//!
//! They stand beside the service, not in it: no token is asked for, no fault is met, nothing is logged.

use std::time::Duration;

use http::{Method, Request, Response, StatusCode, header::ALLOW};
use jiff::{Span, SpanRelativeTo, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    answer::{set, with},
    config::Window,
    fault::{Delivery, Fault, Served},
    service::{MAX_BODY, Service},
    time::{http_date, later, stamp},
};

const ROOT: &str = "/_emulator/";

/// What is wrong with a control request.
struct Bad {
    status: StatusCode,
    allow: Option<&'static str>,
    message: String,
}

/// How far to move the clock: one of the two.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    seconds: Option<f64>,
    by: Option<String>,
}

/// What a revocation asks of the next token.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Revoke {
    claims: Option<Value>,
}

/// Whether a path is a control path.
pub(crate) fn is_for(path: &str) -> bool {
    path.starts_with(ROOT)
}

/// Answers a control request.
pub(crate) fn serve(service: &mut Service, request: &Request<Vec<u8>>) -> Served {
    let mut advance = Duration::ZERO;
    let mut response = match answer(service, request, &mut advance) {
        Ok(value) => json_answer(StatusCode::OK, &value),
        Err(bad) => {
            let mut response = json_answer(bad.status, &json!({"error": {"message": bad.message}}));
            if let Some(allow) = bad.allow {
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

fn answer(
    service: &mut Service,
    request: &Request<Vec<u8>>,
    advance: &mut Duration,
) -> Result<Value, Bad> {
    let body = request.body().as_slice();
    if body.len() > MAX_BODY {
        let message = format!("the body is longer than {MAX_BODY} bytes");
        return Err(Bad {
            status: StatusCode::PAYLOAD_TOO_LARGE,
            allow: None,
            message,
        });
    }
    let name = request.uri().path().strip_prefix(ROOT).unwrap_or_default();
    match (name, request.method()) {
        ("advance", &Method::POST) => {
            let by = read_advance(body)?;
            let then = later(service.now, by);
            if then == Timestamp::MAX {
                return Err(Bad::body("the clock does not go that far".to_owned()));
            }
            service.pass(then);
            *advance = by;
            Ok(json!({"now": stamp(service.now), "advanced_seconds": by.as_secs_f64()}))
        }
        ("faults", &Method::POST) => {
            let faults = Fault::parse(body).map_err(|error| Bad::body(error.to_string()))?;
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
            let asked: Revoke = if body.is_empty() {
                Revoke::default()
            } else {
                parse(body)?
            };
            let claims = asked.claims.map(|claims| {
                claims
                    .as_str()
                    .map_or_else(|| claims.to_string(), str::to_owned)
            });
            service.revoke_tokens(claims.as_deref());
            Ok(json!({"revoked": true}))
        }
        ("state", &Method::GET) => Ok(state(service)),
        ("advance" | "revoke", _) => Err(Bad::method("POST")),
        ("faults", _) => Err(Bad::method("GET, POST, DELETE")),
        ("state", _) => Err(Bad::method("GET")),
        (_, _) => Err(Bad {
            status: StatusCode::NOT_FOUND,
            allow: None,
            message: "the control paths are advance, faults, revoke and state".to_owned(),
        }),
    }
}

fn read_advance(body: &[u8]) -> Result<Duration, Bad> {
    let asked: Advance = parse(body)?;
    match (asked.seconds, asked.by) {
        (Some(seconds), None) => Duration::try_from_secs_f64(seconds).map_err(|_| {
            Bad::body("seconds: the clock only goes forward, and not without end".to_owned())
        }),
        (None, Some(by)) => by
            .parse::<Span>()
            .and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()))
            .ok()
            .and_then(|duration| Duration::try_from(duration).ok())
            .ok_or_else(|| {
                Bad::body(format!(
                    "by: '{by}' is no duration forward, such as 12h, 90s or 1d 2h"
                ))
            }),
        (Some(_), Some(_)) | (None, None) => Err(Bad::body(
            r#"either {"seconds": 60} or {"by": "12h"} is expected"#.to_owned(),
        )),
    }
}

fn state(service: &Service) -> Value {
    let now = service.now;
    let rule = service.starts.rule();
    let times = |times: &[Timestamp]| times.iter().map(|at| stamp(*at)).collect::<Vec<_>>();
    json!({
        "now": stamp(now),
        "throttle": {
            "limit": rule.limit,
            "window_seconds": rule.window.as_secs_f64(),
            "window": match rule.kind { Window::Sliding => "sliding", Window::Fixed => "fixed" },
            "counted": service.starts.counted(now),
            "wait_seconds": service.wait_for_slot(now).map(|wait| wait.as_secs_f64()),
        },
        "accepted_starts": times(service.accepted_starts()),
        "next_scheduled_run": service.next_scheduled_run(now).map(stamp),
        "next_skip": service.timetable.next_skip().map(stamp),
        "skipped": times(service.skipped()),
        "operations": service.operations().len(),
        "runs": service.runs().len(),
        "faults": service.faults().len(),
        "requests": service.log.counts(),
    })
}

fn parse<T: for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T, Bad> {
    serde_json::from_slice(body).map_err(|error| Bad::body(error.to_string()))
}

fn json_answer(status: StatusCode, value: &Value) -> Response<Vec<u8>> {
    let mut body = value.to_string();
    body.push('\n');
    with(status, "application/json", body)
}

impl Bad {
    fn body(message: String) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            allow: None,
            message,
        }
    }

    fn method(allow: &'static str) -> Self {
        let message = format!("the methods here are {allow}");
        Self {
            status: StatusCode::METHOD_NOT_ALLOWED,
            allow: Some(allow),
            message,
        }
    }
}
