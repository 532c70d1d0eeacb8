//! The requests, one line each, for `--verbose`: what the libraries record of them.

use std::{
    collections::HashMap,
    fmt::{Debug, Write},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span::{Attributes, Id, Record},
};

use crate::terminal::{detail, times::duration};

const TARGET: &str = "industrydata";
const REQUEST: &str = "industrydata.request";

/// Shows each request from now on.
pub(crate) fn show() {
    // It fails if the process has one already.
    let _ = tracing::subscriber::set_global_default(Requests::default());
}

/// Writes a line for each answer, and for each request without one.
#[derive(Debug, Default)]
struct Requests {
    last: AtomicU64,
    open: Mutex<HashMap<u64, Request>>,
}

/// A request without an answer so far.
#[derive(Debug)]
struct Request {
    began: Instant,
    fields: Fields,
}

/// What is shown of a request and its answer.
#[derive(Debug, Default)]
struct Fields {
    method: String,
    url: String,
    resends: String,
    client_request_id: String,
    request_id: String,
    status: String,
    error: String,
}

impl Requests {
    fn open(&self) -> MutexGuard<'_, HashMap<u64, Request>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subscriber for Requests {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let is_shown = metadata.is_event() || metadata.name() == REQUEST;
        metadata.target() == TARGET && is_shown
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::DEBUG)
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        // The first is 1: no id is 0.
        let id = self.last.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let began = Instant::now();
        self.open().insert(id, Request { began, fields });
        Id::from_u64(id)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        if let Some(request) = self.open().get_mut(&span.into_u64()) {
            values.record(&mut request.fields);
        }
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        // The level of the event with which a request ends.
        let is_end = matches!(*event.metadata().level(), Level::DEBUG | Level::WARN);
        let Some(span) = event.parent().filter(|_| is_end) else {
            return;
        };
        let request = self.open().remove(&span.into_u64());
        if let Some(mut request) = request {
            event.record(&mut request.fields);
            detail(request.line());
        }
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

impl Request {
    fn line(&self) -> String {
        let fields = &self.fields;
        let after_scheme = fields.url.split_once("://").map_or("", |(_, rest)| rest);
        let path = after_scheme.find('/').and_then(|at| after_scheme.get(at..));
        let end = if fields.status.is_empty() {
            format!("no answer ({})", fields.error)
        } else {
            fields.status.clone()
        };
        let took = match self.began.elapsed() {
            short if short < Duration::from_secs(1) => format!("{} ms", short.as_millis()),
            long => duration(long),
        };
        let mut line = format!("{} {}: {end} in {took}", fields.method, path.unwrap_or("/"));
        let again = Some(fields.resends.as_str()).filter(|it| !it.is_empty());
        let others = [
            ("resend", again.unwrap_or_default()),
            ("request-id", &fields.request_id),
            ("client-request-id", &fields.client_request_id),
        ];
        for (name, value) in others.into_iter().filter(|(_, value)| !value.is_empty()) {
            // Writing to a string cannot fail.
            let _ = write!(line, ", {name} {value}");
        }
        line
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.record_str(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let place = match field.name() {
            "http.request.method" => &mut self.method,
            "url.full" => &mut self.url,
            "http.request.resend_count" => &mut self.resends,
            "http.response.status_code" => &mut self.status,
            "industrydata.client_request_id" => &mut self.client_request_id,
            "industrydata.request_id" => &mut self.request_id,
            "error.type" => &mut self.error,
            _ => return,
        };
        value.clone_into(place);
    }
}
