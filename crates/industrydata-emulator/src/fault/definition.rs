//! A fault as data: which requests it meets and what it changes.

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::fault::{
    header_values,
    kinds::{Lose, On},
};

/// A scripted fault, built in Rust with the methods below or read from JSON. A JSON member has the name of its method,
/// except for `headers`, `body_base64`, `delay_ms`, `drip_ms` and `date_skew_seconds`.
///
/// A fault without a status and without a code of Entra changes the response that the service would give. A fault with one of them
/// replaces that response, and the service does not act on the request. There are three exceptions:
///
/// - a 2xx status on a read replaces only the status;
/// - with [`Lose::Answer`], the service acts whatever the status;
/// - [`Fault::act`] overrides these rules, except that the service never acts on a lost request.
///
/// ```
/// use industrydata_emulator::{Fault, Lose, On};
///
/// let lost = Fault::on(On::Start).lose(Lose::Answer);
/// let busy = Fault::on(On::Operation).times(3).status(503).retry_after(7);
///
/// let parsed = Fault::parse(br#"[
///     {"on": "start", "lose": "answer"},
///     {"on": "operation", "times": 3, "status": 503, "retry_after": 7}
/// ]"#)?;
/// assert_eq!(parsed, [lost, busy]);
/// # Ok::<(), industrydata_emulator::ParseFaultError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[must_use = "a fault does nothing until it is scripted"]
#[serde(deny_unknown_fields, expecting = r#"a fault, as {"on": "start"}"#)]
pub struct Fault {
    pub(crate) on: On,
    #[serde(default = "once")]
    pub(crate) times: u32,
    #[serde(default)]
    pub(crate) after: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "header_values::map"
    )]
    pub(crate) headers: BTreeMap<String, Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) body_base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content_type: Option<String>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "header_values::at_most_one"
    )]
    pub(crate) retry_after: Option<String>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "header_values::list"
    )]
    pub(crate) location: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delay_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) lose: Option<Lose>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) stall: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cut_after: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) drip_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) operation_status: Vec<Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fail_operation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) run_status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) act: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) date_skew_seconds: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) aadsts: Option<u32>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) rotate: bool,
}

impl Fault {
    /// A fault for the next request of this kind. It changes nothing until another method says what.
    pub fn on(on: On) -> Self {
        Self {
            on,
            times: once(),
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
            aadsts: None,
            rotate: false,
        }
    }

    /// How many requests the fault applies to. The default is 1.
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    /// How many matching requests pass first, including those that meet another fault.
    pub fn after(mut self, after: u32) -> Self {
        self.after = after;
        self
    }

    /// The response's status. A status of 400 or above gets an error body, in the shape of the endpoint, unless the fault sets
    /// another body.
    pub fn status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// Adds a header that replaces the service's header of that name. A value that no header can hold is left out.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let values = self.headers.entry(name.to_owned()).or_default();
        values.push(value.to_owned());
        self
    }

    /// Removes this header from the response.
    pub fn without_header(mut self, name: &str) -> Self {
        self.headers.insert(name.to_owned(), Vec::new());
        self
    }

    /// The response's body. Unless [`Fault::content_type`] is set, the type is HTML for a body that begins with `<` and
    /// JSON for any other.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        (self.body, self.body_base64) = match String::from_utf8(body.into()) {
            Ok(text) => (Some(Value::String(text)), None),
            Err(binary) => (None, Some(STANDARD.encode(binary.as_bytes()))),
        };
        self
    }

    /// The response's `Content-Type`.
    pub fn content_type(mut self, content_type: &str) -> Self {
        self.content_type = Some(content_type.to_owned());
        self
    }

    /// The response's `Retry-After`: seconds, a date, or any other text.
    pub fn retry_after(mut self, value: impl ToString) -> Self {
        self.retry_after = Some(value.to_string());
        self
    }

    /// The response's `Location` headers, which replace the service's. An empty list removes the header.
    pub fn location(mut self, locations: &[&str]) -> Self {
        self.location = Some(locations.iter().copied().map(str::to_owned).collect());
        self
    }

    /// Delays the response by this much real time. The service has acted by then.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay_ms = Some(milliseconds(delay));
        self
    }

    /// Closes the connection without a response.
    pub fn lose(mut self, what: Lose) -> Self {
        self.lose = Some(what);
        self
    }

    /// Holds the connection open without a response or, with [`Fault::cut_after`], without the rest of the body. The
    /// service has acted unless [`Fault::act`] is false.
    pub fn stall(mut self) -> Self {
        self.stall = true;
        self
    }

    /// Closes the connection after this many bytes of the body. `Content-Length` still gives the full length.
    pub fn cut_after(mut self, bytes: usize) -> Self {
        self.cut_after = Some(bytes);
        self
    }

    /// Sends the body byte by byte, with this much real time before each byte.
    pub fn drip(mut self, each: Duration) -> Self {
        self.drip_ms = Some(milliseconds(each));
        self
    }

    /// The statuses that the next reads of the operation return, one for each read. The last one is repeated, and `None`
    /// is a null. On a start, a validation or a reset, they apply to the operation it creates; on a read, to the operation it
    /// reads.
    pub fn operation_status(mut self, statuses: &[Option<&str>]) -> Self {
        self.operation_status = statuses.iter().map(|it| it.map(str::to_owned)).collect();
        self
    }

    /// The operation ends as failed with this `statusDetail`, and so does its run, if it has one.
    pub fn fail_operation(mut self, detail: &str) -> Self {
        self.fail_operation = Some(detail.to_owned());
        self
    }

    /// The status in which the operation's run ends, for example `completedWithErrors`.
    pub fn run_status(mut self, status: &str) -> Self {
        self.run_status = Some(status.to_owned());
        self
    }

    /// Whether the service acts on the request. It never acts if the request is lost.
    pub fn act(mut self, act: bool) -> Self {
        self.act = Some(act);
        self
    }

    /// Shifts the response's `Date` by this many seconds.
    pub fn date_skew(mut self, seconds: i64) -> Self {
        self.date_skew_seconds = Some(seconds);
        self
    }

    /// Replaces the response by an error of Entra with this code, such as 7000215 for a wrong secret: on [`On::Token`],
    /// [`On::Metadata`] and [`On::Identity`]. The status is that of the code unless [`Fault::status`] is set.
    pub fn aadsts(mut self, code: u32) -> Self {
        self.aadsts = Some(code);
        self
    }

    /// Replaces the secret of `IDENTITY_HEADER` before the service looks at the request, which then has the old one: on
    /// [`On::Identity`].
    pub fn rotate(mut self) -> Self {
        self.rotate = true;
        self
    }
}

fn once() -> u32 {
    1
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
