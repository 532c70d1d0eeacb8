//! What is recorded of a call, for logs and traces: pure functions of machines, steps and answers.
//!
//! An adapter writes it down; it adds nothing. Nothing here has a token, a query, a header or the text of an error.

use std::{
    fmt::{self, Debug, Write},
    time::Duration,
};

use http::{Request, StatusCode, response::Parts};

use crate::lro::{
    action_error::ActionError, may_have_started::MayHaveStarted,
    operation_poll_error::OperationPollError, progress::PauseReason, read_error::ReadError,
    run_poll_error::RunPollError, start_error::StartError,
};
use crate::{
    auth::token::{AccessToken, TokenError},
    ledger::store_error::StoreError,
    now::Now,
    wire::{
        retry_after::retry_after,
        service_error::ServiceError,
        transport::{IncompleteBody, Phase, TransportError},
    },
};

/// The kind of a call: what a machine does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallKind {
    /// A start.
    Start,
    /// A validation or a reset.
    Action,
    /// The polls of an operation.
    Poll,
    /// The polls of a run.
    Follow,
    /// The read of an endpoint, or of several.
    Read,
    /// A comparison of the ledger with the service.
    Reconcile,
    /// A read of the ledger, or one change to it.
    Ledger,
}

/// What a call is about, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallRecord<'m> {
    /// The kind of the call.
    pub kind: CallKind,
    /// The id of the operation.
    pub operation: Option<&'m str>,
    /// The id of the run.
    pub run: Option<&'m str>,
    /// The key of the start.
    pub key: Option<&'m str>,
}

impl CallRecord<'_> {
    pub(crate) const fn new(kind: CallKind) -> Self {
        Self {
            kind,
            operation: None,
            run: None,
            key: None,
        }
    }
}

/// What is recorded of an error that ends a call.
pub trait Failure {
    /// The kind of the error, such as `no_slot`. It is one of a few names, without any text of the service.
    fn error_type(&self) -> String;

    /// Whether the service may have acted although no answer confirms it.
    fn is_in_doubt(&self) -> bool {
        false
    }
}

impl Failure for StartError {
    fn error_type(&self) -> String {
        variant(self.kind())
    }

    fn is_in_doubt(&self) -> bool {
        self.may_have_started() == MayHaveStarted::Unknown
    }
}

impl Failure for ActionError {
    fn error_type(&self) -> String {
        variant(self.kind())
    }

    fn is_in_doubt(&self) -> bool {
        Self::is_in_doubt(self)
    }
}

impl Failure for OperationPollError {
    fn error_type(&self) -> String {
        variant(self.kind())
    }
}

impl Failure for RunPollError {
    fn error_type(&self) -> String {
        variant(self.kind())
    }
}

impl Failure for ReadError {
    fn error_type(&self) -> String {
        variant(self.kind())
    }
}

impl Failure for StoreError {
    fn error_type(&self) -> String {
        format!("ledger_{}", variant(self))
    }
}

impl Failure for TokenError {
    fn error_type(&self) -> String {
        format!("token_{}", variant(self))
    }
}

impl Failure for std::convert::Infallible {
    fn error_type(&self) -> String {
        match *self {}
    }
}

/// The name of an enum's variant in snake case: what its `Debug` begins with.
fn variant(kind: &dyn Debug) -> String {
    /// Ends the output at the first character that is not of the name.
    struct Name(String);
    impl Write for Name {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            for letter in text.chars() {
                if !letter.is_ascii_alphanumeric() {
                    return Err(fmt::Error);
                }
                if letter.is_ascii_uppercase() && !self.0.is_empty() {
                    self.0.push('_');
                }
                self.0.push(letter.to_ascii_lowercase());
            }
            Ok(())
        }
    }
    let mut name = Name(String::new());
    // It ends with an error of `Name` if the variant has fields.
    let _ = write!(name, "{kind:?}");
    name.0
}

/// A request, in the terms of OpenTelemetry's semantic conventions for HTTP clients.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestRecord<'r> {
    /// `http.request.method`.
    pub method: &'r str,
    /// `url.full`, without its query.
    pub url: String,
    /// `server.address`.
    pub address: &'r str,
    /// `server.port`.
    pub port: u16,
    /// The id that the request carries, by which the service's support finds it.
    pub client_request_id: Option<&'r str>,
}

impl<'r> RequestRecord<'r> {
    /// What is recorded of a request that a machine has made.
    #[must_use]
    pub fn of<B>(request: &'r Request<B>) -> Self {
        let uri = request.uri();
        let scheme = uri.scheme_str().unwrap_or_default();
        let authority = uri.authority().map_or("", |it| it.as_str());
        // No URL with user information passes the checks.
        let authority = authority.rsplit('@').next().unwrap_or_default();
        Self {
            method: request.method().as_str(),
            url: [scheme, "://", authority, uri.path()].concat(),
            address: uri.host().unwrap_or_default(),
            port: uri
                .port_u16()
                .unwrap_or(if scheme == "http" { 80 } else { 443 }),
            client_request_id: request
                .headers()
                .get("client-request-id")
                .and_then(|id| id.to_str().ok()),
        }
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AnswerRecord {
    /// `http.response.status_code`.
    pub status: u16,
    /// `error.type`: the status of an error answer as text, or `incomplete_body`.
    pub error_type: Option<String>,
    /// The service's id of the request, with the token redacted.
    pub request_id: Option<String>,
    /// For a 429: the `Retry-After`, or zero if there is none.
    pub throttled_for: Option<Duration>,
}

impl AnswerRecord {
    /// What is recorded of the answer to a request with this token.
    #[must_use]
    pub fn of(
        head: &Parts,
        body: &Result<Vec<u8>, IncompleteBody>,
        token: &AccessToken,
        now: Now,
    ) -> Self {
        let status = head.status;
        let is_error = status.is_client_error() || status.is_server_error();
        let is_cut = body.is_err().then(|| "incomplete_body".to_owned());
        let is_throttled = status == StatusCode::TOO_MANY_REQUESTS;
        Self {
            status: status.as_u16(),
            error_type: is_error.then(|| status.as_str().to_owned()).or(is_cut),
            request_id: ServiceError::request_id_of(&head.headers, token.text()),
            throttled_for: is_throttled
                .then(|| retry_after(&head.headers, now.utc).unwrap_or_default()),
        }
    }
}

/// `error.type` of a request without an answer: how far it got.
#[must_use]
pub const fn transport_error_type(error: &TransportError) -> &'static str {
    match error.phase() {
        Phase::Local => "local",
        Phase::Resolve => "resolve",
        Phase::Connect => "connect",
        Phase::Proxy => "proxy",
        Phase::Tls => "tls",
        Phase::Refused => "refused",
        Phase::Sent => "answer_lost",
    }
}

impl PauseReason {
    /// The kind of the reason: one of a few names, such as `throttled`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Slot(_) => "slot",
            Self::Key => "key",
            Self::Throttled => "throttled",
            Self::Interval => "interval",
            Self::RetryAfter => "retry_after",
            Self::Retry(_) | Self::Unread(_) => "retry",
            Self::RunGoesOn => "run_interval",
        }
    }

    /// Whether this is the usual interval of a poll.
    #[must_use]
    pub const fn is_usual(&self) -> bool {
        matches!(self, Self::Interval | Self::RunGoesOn)
    }
}

#[cfg(test)]
mod tests {
    use http::Response;

    use super::*;
    use crate::lro::read_error::ReadErrorKind;

    #[test]
    fn an_error_is_recorded_by_its_kind_alone() {
        let lost = TransportError::new(Phase::Sent, "canary-secret");
        let read = |kind| ReadError::new(kind, "the run", "P");
        assert_eq!(read(ReadErrorKind::InvalidId).error_type(), "invalid_id");
        let gave_up = read(ReadErrorKind::GaveUp {
            last: crate::lro::TransientError::Lost(lost.clone()),
            tries: 1,
            retry_at: None,
        });
        assert_eq!(gave_up.error_type(), "gave_up");
        let store = StoreError::unavailable("canary-secret");
        assert_eq!(store.error_type(), "ledger_unavailable");
        assert_eq!(transport_error_type(&lost), "answer_lost");
    }

    #[test]
    fn a_request_is_recorded_without_query_and_header_fields() {
        let request = Request::get("https://graph.microsoft.com/beta/x('y')?canary=secret")
            .header("authorization", "Bearer canary-secret")
            .header("client-request-id", "c-1")
            .body(())
            .unwrap();
        let record = RequestRecord::of(&request);
        assert_eq!(record.url, "https://graph.microsoft.com/beta/x('y')");
        assert_eq!(
            (record.method, record.address, record.port),
            ("GET", "graph.microsoft.com", 443)
        );
        assert_eq!(record.client_request_id, Some("c-1"));
        assert!(!format!("{record:?}").contains("canary"));
        let local = Request::post("http://[::1]:8080/beta").body(()).unwrap();
        let local = RequestRecord::of(&local);
        assert_eq!((local.address, local.port), ("[::1]", 8080));
    }

    #[test]
    fn an_answer_is_recorded_with_its_status_and_id() {
        let token = AccessToken::new("canary-0123456789").unwrap();
        let now = Now::new(jiff::Timestamp::UNIX_EPOCH, Duration::ZERO);
        let of = |status: u16, fields: &[(&str, &str)], body| {
            let mut answer = Response::builder().status(status);
            for (name, value) in fields {
                answer = answer.header(*name, *value);
            }
            let head = answer.body(()).unwrap().into_parts().0;
            AnswerRecord::of(&head, &body, &token, now)
        };
        let throttled = of(
            429,
            &[("retry-after", "30"), ("request-id", "r-1")],
            Ok(Vec::new()),
        );
        assert_eq!(throttled.error_type.as_deref(), Some("429"));
        assert_eq!(throttled.request_id.as_deref(), Some("r-1"));
        assert_eq!(throttled.throttled_for, Some(Duration::from_secs(30)));
        assert_eq!(of(503, &[], Ok(Vec::new())).throttled_for, None);
        assert_eq!(of(302, &[], Ok(Vec::new())).error_type, None);
        let cut = of(200, &[], Err(IncompleteBody::cut("x")));
        assert_eq!(cut.error_type.as_deref(), Some("incomplete_body"));
        let echo = of(200, &[("request-id", "canary-0123456789")], Ok(Vec::new()));
        assert!(!echo.request_id.unwrap().contains("canary"));
    }
}
