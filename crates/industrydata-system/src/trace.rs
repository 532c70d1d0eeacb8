//! Spans and events of `tracing` for what the core records. Without the feature, every function is empty.
//!
//! What is recorded is the core's: see `industrydata_core::lro::CallRecord` and the types beside it. The names of HTTP are
//! those of OpenTelemetry's semantic conventions.

use http::{Request, response::Parts};
use std::time::Duration;

#[cfg(feature = "tracing")]
use industrydata_core::lro::{
    AnswerRecord, CallKind, Failure, RequestRecord, transport_error_type,
};
use industrydata_core::{
    Now, Tenant,
    auth::{AccessToken, TokenError},
    ledger::{Change, StoreError, StoreReply},
    lro::{Machine, PauseReason, Reply},
    wire::{IncompleteBody, TransportError},
};
#[cfg(feature = "tracing")]
use tracing::{Instrument, Level, Span, event, field::Empty, span};

/// The target of all spans and events.
#[cfg(feature = "tracing")]
const TARGET: &str = "industrydata";

/// What an HTTP client gives: a head and what was read of the body, or how far the request got.
type Answer = Result<(Parts, Result<Vec<u8>, IncompleteBody>), TransportError>;

/// The span of a call or of a request. Without the feature `tracing` it is nothing.
#[derive(Clone, Debug)]
pub struct Trace {
    #[cfg(feature = "tracing")]
    span: Span,
}

/// Makes the span of a call. Each name has another place in the code, which is what a subscriber filters.
#[cfg(feature = "tracing")]
macro_rules! call_span {
    ($name:literal, $tenant:expr, $record:expr) => {
        span!(
            target: TARGET,
            Level::INFO,
            $name,
            industrydata.tenant = $tenant.as_str(),
            industrydata.operation = $record.operation,
            industrydata.run = $record.run,
            industrydata.key = $record.key,
            industrydata.reservation = Empty,
            "error.type" = Empty,
        )
    };
}

#[cfg(feature = "tracing")]
impl Trace {
    /// The span of a call: `industrydata.start`, `industrydata.poll` and others, with the tenant and what the call is about.
    pub fn of_call<M: Machine>(tenant: &Tenant, machine: &M) -> Self {
        let record = machine.record();
        let span = match record.kind {
            CallKind::Start => call_span!("industrydata.start", tenant, record),
            CallKind::Action => call_span!("industrydata.action", tenant, record),
            CallKind::Poll => call_span!("industrydata.poll", tenant, record),
            CallKind::Follow => call_span!("industrydata.follow", tenant, record),
            CallKind::Read => call_span!("industrydata.read", tenant, record),
            CallKind::Reconcile => call_span!("industrydata.reconcile", tenant, record),
            CallKind::Ledger => call_span!("industrydata.ledger", tenant, record),
        };
        Self { span }
    }

    /// The span of a request, below that of its call.
    pub fn of_request<B>(request: &Request<B>, reply: &Reply<'_>) -> Self {
        let record = RequestRecord::of(request);
        let resends = reply.resends();
        let span = span!(
            target: TARGET,
            Level::INFO,
            "industrydata.request",
            otel.kind = "client",
            otel.name = record.method,
            http.request.method = record.method,
            http.request.resend_count = Some(resends).filter(|count| *count > 0),
            url.full = record.url,
            server.address = record.address,
            server.port = record.port,
            industrydata.client_request_id = record.client_request_id,
            industrydata.request_id = Empty,
            http.response.status_code = Empty,
            "error.type" = Empty,
        );
        Self { span }
    }

    /// Runs `work` within the span.
    pub fn within<T>(&self, work: impl FnOnce() -> T) -> T {
        self.span.in_scope(work)
    }

    /// The future `work` within the span, which is entered for each poll of the future alone.
    pub fn follow<F: Future>(&self, work: F) -> impl Future<Output = F::Output> {
        work.instrument(self.span.clone())
    }

    /// Records the end of a call: what became known, and the kind of its error.
    pub fn ended<M: Machine, T>(&self, machine: &M, result: &Result<T, M::Error>) {
        let record = machine.record();
        if let Some(operation) = record.operation {
            self.span.record("industrydata.operation", operation);
        }
        if let Some(run) = record.run {
            self.span.record("industrydata.run", run);
        }
        let Err(error) = result else {
            return;
        };
        let error_type = error.error_type();
        self.span.record("error.type", error_type.as_str());
        if error.is_in_doubt() {
            self.in_doubt(&error_type);
        } else {
            event!(target: TARGET, parent: &self.span, Level::DEBUG, "error.type" = error_type, "failed");
        }
    }

    /// Records the answer to the request, or that there is none.
    pub fn answered(&self, answer: &Answer, token: &AccessToken, now: Now) {
        let (head, body) = match answer {
            Ok((head, body)) => (head, body),
            Err(error) => {
                let error_type = transport_error_type(error);
                self.span.record("error.type", error_type);
                event!(target: TARGET, parent: &self.span, Level::WARN, "error.type" = error_type, "no answer");
                return;
            }
        };
        let answer = AnswerRecord::of(head, body, token, now);
        self.span.record("http.response.status_code", answer.status);
        if let Some(error_type) = &answer.error_type {
            self.span.record("error.type", error_type.as_str());
        }
        if let Some(id) = &answer.request_id {
            self.span.record("industrydata.request_id", id.as_str());
        }
        event!(
            target: TARGET,
            parent: &self.span,
            Level::DEBUG,
            http.response.status_code = answer.status,
            industrydata.request_id = answer.request_id,
            "answered"
        );
        if let Some(pause) = answer.throttled_for {
            event!(
                target: TARGET,
                parent: &self.span,
                Level::WARN,
                industrydata.by = "service",
                industrydata.retry_after_s = pause.as_secs(),
                "throttled"
            );
        }
    }

    /// Records a change to the ledger and the store's reply.
    pub fn ledger(&self, change: &Change, result: &Result<StoreReply, StoreError>) {
        let reservation = change.reservation();
        if let Some(id) = reservation
            .as_deref()
            .filter(|_| change.name() == "reserve")
        {
            self.span.record("industrydata.reservation", id);
        }
        let error_type = result.as_ref().err().map(Failure::error_type);
        let (name, key) = (change.name(), change.start_key().map(|key| key.as_str()));
        macro_rules! changed {
            ($level:expr, $message:literal) => {
                event!(
                    target: TARGET,
                    parent: &self.span,
                    $level,
                    industrydata.change = name,
                    industrydata.reservation = reservation,
                    industrydata.key = key,
                    "error.type" = error_type,
                    $message
                )
            };
        }
        match result {
            // Nothing depends on a duration.
            Err(_) if name == "duration" => changed!(Level::DEBUG, "the ledger was not changed"),
            Err(_) => changed!(Level::WARN, "the ledger was not changed"),
            Ok(_) if change.reconciles() => changed!(Level::INFO, "reconciled"),
            Ok(_) => changed!(Level::DEBUG, "ledger"),
        }
        let refusal = result.as_ref().ok().and_then(StoreReply::refusal);
        if refusal.is_some() {
            event!(target: TARGET, parent: &self.span, Level::INFO, industrydata.by = "ledger", "throttled");
        }
    }

    /// Records a pause and its reason.
    pub fn waits(&self, reason: &PauseReason, left: Duration) {
        let wait = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        let name = reason.name();
        macro_rules! waits {
            ($level:expr) => {
                event!(
                    target: TARGET,
                    parent: &self.span,
                    $level,
                    industrydata.reason = name,
                    industrydata.wait_ms = wait,
                    "waits"
                )
            };
        }
        if reason.is_usual() {
            waits!(Level::DEBUG);
        } else {
            waits!(Level::INFO);
        }
    }

    /// Records that a request was not made because there is no token.
    pub fn no_token(error: &TokenError) {
        event!(target: TARGET, Level::WARN, "error.type" = error.error_type(), "no token");
    }

    /// Records that the call was given up, and the change that follows.
    pub fn abandoned(&self, change: &Change) {
        if change.puts_in_doubt() {
            self.span.record("error.type", "dropped");
            self.in_doubt("dropped");
        }
    }

    fn in_doubt(&self, error_type: &str) {
        event!(target: TARGET, parent: &self.span, Level::WARN, "error.type" = error_type, "in doubt");
    }
}

// Without the feature it takes no place, in a future or elsewhere.
#[cfg(not(feature = "tracing"))]
const _: () = assert!(size_of::<Trace>() == 0);

#[cfg(not(feature = "tracing"))]
impl Trace {
    /// Nothing.
    #[inline]
    pub fn of_call<M: Machine>(_: &Tenant, _: &M) -> Self {
        Self {}
    }

    /// Nothing.
    #[inline]
    pub fn of_request<B>(_: &Request<B>, _: &Reply<'_>) -> Self {
        Self {}
    }

    /// Runs `work`.
    #[inline]
    pub fn within<T>(&self, work: impl FnOnce() -> T) -> T {
        work()
    }

    /// The future `work`.
    #[inline]
    pub fn follow<F: Future>(&self, work: F) -> impl Future<Output = F::Output> {
        work
    }

    /// Nothing.
    #[inline]
    pub fn ended<M: Machine, T>(&self, _: &M, _: &Result<T, M::Error>) {}

    /// Nothing.
    #[inline]
    pub fn answered(&self, _: &Answer, _: &AccessToken, _: Now) {}

    /// Nothing.
    #[inline]
    pub fn ledger(&self, _: &Change, _: &Result<StoreReply, StoreError>) {}

    /// Nothing.
    #[inline]
    pub fn waits(&self, _: &PauseReason, _: Duration) {}

    /// Nothing.
    #[inline]
    pub fn no_token(_: &TokenError) {}

    /// Nothing.
    #[inline]
    pub fn abandoned(&self, _: &Change) {}
}
