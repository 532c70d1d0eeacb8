//! The pending faults: which one a request meets, and how it changes the response.

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{
    HeaderName, HeaderValue, Response, StatusCode,
    header::{CONTENT_TYPE, LOCATION, RETRY_AFTER},
};
use jiff::SignedDuration;
use serde_json::Value;

use crate::{
    entra::EntraError,
    fault::{
        definition::Fault,
        kinds::{Lose, On},
    },
    graph::response::{ODATA, Trace, empty, set},
    platform::Refused,
};

/// The pending faults in the order in which they were scripted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    pending: Vec<Fault>,
}

impl Script {
    pub(crate) fn add(&mut self, fault: Fault) {
        self.pending.push(fault);
    }

    pub(crate) fn clear(&mut self) {
        self.pending.clear();
    }

    pub(crate) fn pending(&self) -> &[Fault] {
        &self.pending
    }

    /// Takes the fault that a request of this kind meets: the first that matches and has let enough requests pass. Every
    /// other matching fault that still lets requests pass counts this one.
    pub(crate) fn take(&mut self, kind: Option<On>) -> Option<Fault> {
        let mut taken = None;
        for fault in &mut self.pending {
            if fault.on != On::Any && Some(fault.on) != kind {
                continue;
            }
            if fault.after > 0 {
                fault.after -= 1;
            } else if taken.is_none() && fault.times > 0 {
                fault.times -= 1;
                taken = Some(fault.clone());
            }
        }
        self.pending.retain(|fault| fault.times > 0);
        taken
    }
}

impl Fault {
    /// Whether the service acts on a request that meets this fault.
    pub(crate) fn acts(&self, is_read: bool) -> bool {
        if self.lose == Some(Lose::Request) {
            return false;
        }
        let replaces = self.aadsts.is_some()
            || self
                .status
                .is_some_and(|status| !(is_read && (200..300).contains(&status)));
        self.act
            .unwrap_or(!replaces || self.lose == Some(Lose::Answer))
    }

    /// The response that the fault makes of the service's own response, which is `None` if the service did not act.
    pub(crate) fn respond(
        &self,
        own: Option<Response<Vec<u8>>>,
        kind: Option<On>,
        trace: &Trace,
    ) -> Response<Vec<u8>> {
        let status = self.status.map(|status| {
            StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
        });
        let entra = self
            .aadsts
            .map(|code| refusal(&EntraError::scripted(code).with_status(status), kind, trace));
        let (own, status) = match entra {
            Some(entra) => (Some(entra), None),
            None => (own, status),
        };
        let mut response = match (own, status) {
            (Some(own), None) => own,
            (Some(mut own), Some(status)) if status.is_success() => {
                *own.status_mut() = status;
                own
            }
            (Some(_) | None, Some(status)) if status.as_u16() >= 400 => {
                refusal(&EntraError::of_status(status), kind, trace)
            }
            (Some(_) | None, Some(status)) => empty(status),
            (None, None) if matches!(kind, Some(On::Start | On::Validate | On::Reset)) => {
                empty(StatusCode::ACCEPTED)
            }
            (None, None) => empty(StatusCode::OK),
        };
        self.set_body(&mut response);
        let headers = response.headers_mut();
        if let Some(value) = &self.retry_after {
            set(headers, RETRY_AFTER, value);
        }
        if let Some(locations) = &self.location {
            replace(headers, &LOCATION, locations);
        }
        let date = self
            .date_skew_seconds
            .and_then(|skew| trace.now.checked_add(SignedDuration::from_secs(skew)).ok());
        trace.set_common_headers(headers, date.unwrap_or(trace.now));
        for (name, values) in &self.headers {
            if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
                replace(headers, &name, values);
            }
        }
        response
    }

    fn set_body(&self, response: &mut Response<Vec<u8>>) {
        let body = match (&self.body, &self.body_base64) {
            (Some(Value::String(text)), _) => Some(text.clone().into_bytes()),
            (Some(other), _) => Some(other.to_string().into_bytes()),
            (None, Some(encoded)) => Some(STANDARD.decode(encoded).unwrap_or_default()),
            (None, None) => None,
        };
        if let Some(body) = body {
            let html = body.trim_ascii_start().starts_with(b"<");
            set(
                response.headers_mut(),
                CONTENT_TYPE,
                if html {
                    "text/html; charset=utf-8"
                } else {
                    ODATA
                },
            );
            *response.body_mut() = body;
        }
        if let Some(content_type) = &self.content_type {
            set(response.headers_mut(), CONTENT_TYPE, content_type);
        }
    }
}

fn replace(headers: &mut http::HeaderMap, name: &HeaderName, values: &[String]) {
    headers.remove(name);
    for value in values
        .iter()
        .filter_map(|value| HeaderValue::from_str(value).ok())
    {
        headers.append(name, value);
    }
}

/// An error in the shape of the endpoint that a request of this kind goes to.
fn refusal(error: &EntraError, kind: Option<On>, trace: &Trace) -> Response<Vec<u8>> {
    match (kind, kind.and_then(On::platform)) {
        (Some(On::Token), _) => error.response(trace),
        (_, Some(platform)) => platform.error(&Refused::from(error)),
        (_, None) => {
            let status = error.status();
            trace.error(status, error_code(status), &error.description())
        }
    }
}

/// The Graph error code for a status.
fn error_code(status: StatusCode) -> &'static str {
    match status.as_u16() {
        400 => "invalidRequest",
        401 => "InvalidAuthenticationToken",
        403 => "accessDenied",
        404 | 410 => "itemNotFound",
        405 => "notAllowed",
        429 => "TooManyRequests",
        501 => "notSupported",
        502..=504 => "serviceNotAvailable",
        507 => "quotaLimitReached",
        _ => "generalException",
    }
}
