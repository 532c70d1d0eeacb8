//! A fault written in Rust: one method for each member of its JSON.

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

use crate::{
    fault::{Fault, Lose, On},
    fault_json::milliseconds,
};

impl Fault {
    /// A fault for the next such request, that as yet changes nothing.
    #[must_use]
    pub fn on(on: On) -> Self {
        Self {
            on,
            times: 1,
            after: 0,
            status: None,
            headers: BTreeMap::new(),
            body: None,
            body_base64: None,
            content_type: None,
            retry_after: None,
            location: None,
            delay_ms: None,
            lose: None,
            stall: false,
            cut_after: None,
            drip_ms: None,
            operation_status: Vec::new(),
            fail_operation: None,
            run_status: None,
            act: None,
            date_skew_seconds: None,
        }
    }

    /// How many requests it is for. The default is 1.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times, ..self }
    }

    /// How many matching requests go by first, whatever other faults do to those.
    #[must_use]
    pub fn after(self, after: u32) -> Self {
        Self { after, ..self }
    }

    /// The status. One of 400 and above brings a Graph error body, if no other body is given.
    #[must_use]
    pub fn status(self, status: u16) -> Self {
        Self {
            status: Some(status),
            ..self
        }
    }

    /// One more header, in place of the service's own of that name. Text that no header can hold is left out.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers
            .entry(name.to_owned())
            .or_default()
            .push(value.to_owned());
        self
    }

    /// The answer goes without this header.
    #[must_use]
    pub fn without_header(mut self, name: &str) -> Self {
        self.headers.insert(name.to_owned(), Vec::new());
        self
    }

    /// The body's bytes. Their type is HTML if they begin with `<`, else JSON, if no other is given.
    #[must_use]
    pub fn body(self, body: impl Into<Vec<u8>>) -> Self {
        match String::from_utf8(body.into()) {
            Ok(text) => Self {
                body: Some(Value::String(text)),
                body_base64: None,
                ..self
            },
            Err(other) => Self {
                body_base64: Some(STANDARD.encode(other.as_bytes())),
                body: None,
                ..self
            },
        }
    }

    /// The `Content-Type`.
    #[must_use]
    pub fn content_type(self, content_type: &str) -> Self {
        Self {
            content_type: Some(content_type.to_owned()),
            ..self
        }
    }

    /// The `Retry-After`: seconds, a date, or anything else.
    #[must_use]
    pub fn retry_after(self, value: impl ToString) -> Self {
        Self {
            retry_after: Some(value.to_string()),
            ..self
        }
    }

    /// The `Location` fields, in place of the service's own; none leaves the field out.
    #[must_use]
    pub fn location(self, locations: &[&str]) -> Self {
        Self {
            location: Some(
                locations
                    .iter()
                    .map(|location| (*location).to_owned())
                    .collect(),
            ),
            ..self
        }
    }

    /// The answer is held back for this long, in real time; the service has acted by then.
    #[must_use]
    pub fn delay(self, delay: Duration) -> Self {
        Self {
            delay_ms: Some(milliseconds(delay)),
            ..self
        }
    }

    /// The connection is closed without an answer.
    #[must_use]
    pub fn lose(self, what: Lose) -> Self {
        Self {
            lose: Some(what),
            ..self
        }
    }

    /// The connection is held open without an answer; with [`Fault::cut_after`], without the rest of one. The service
    /// has acted, unless [`Fault::act`] forbids it.
    #[must_use]
    pub fn stall(self) -> Self {
        Self {
            stall: true,
            ..self
        }
    }

    /// The connection is closed after so many bytes of the body. The head tells the length of the whole.
    #[must_use]
    pub fn cut_after(self, bytes: usize) -> Self {
        Self {
            cut_after: Some(bytes),
            ..self
        }
    }

    /// The body is sent byte by byte with this long before each, in real time.
    #[must_use]
    pub fn drip(self, each: Duration) -> Self {
        Self {
            drip_ms: Some(milliseconds(each)),
            ..self
        }
    }

    /// The statuses that the next reads of the operation see, one each; the last stays, and `None` is a null. On a start
    /// it is for the operation this creates, on a read for the one read.
    #[must_use]
    pub fn operation_status(self, statuses: &[Option<&str>]) -> Self {
        Self {
            operation_status: statuses
                .iter()
                .map(|status| status.map(str::to_owned))
                .collect(),
            ..self
        }
    }

    /// The operation is going to fail with this `statusDetail`, and its run with it.
    #[must_use]
    pub fn fail_operation(self, detail: &str) -> Self {
        Self {
            fail_operation: Some(detail.to_owned()),
            ..self
        }
    }

    /// How the operation's run is going to end, as `completedWithErrors`.
    #[must_use]
    pub fn run_status(self, status: &str) -> Self {
        Self {
            run_status: Some(status.to_owned()),
            ..self
        }
    }

    /// Whether the service acts on the request.
    #[must_use]
    pub fn act(self, act: bool) -> Self {
        Self {
            act: Some(act),
            ..self
        }
    }

    /// The answer's `Date` is off by this many seconds.
    #[must_use]
    pub fn date_skew(self, seconds: i64) -> Self {
        Self {
            date_skew_seconds: Some(seconds),
            ..self
        }
    }
}
