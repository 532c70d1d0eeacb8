//! The status page: what a person sees of the service in a browser. It has no build step, and loads nothing from elsewhere.

use http::{HeaderName, Response, StatusCode, header::CONTENT_SECURITY_POLICY};
use serde_json::{Value, json};

use crate::{
    graph::response::{set, with_body},
    service::state::Service,
    time::graph_time,
};

/// How many operations, runs, requests and faults the page shows.
const SHOWN: usize = 20;

/// The page's own files alone, and in no frame. Values reach the page as text; this holds should one not.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A file of the page, by its name below the control paths; the page itself has none.
pub(super) fn file(name: &str) -> Option<Response<Vec<u8>>> {
    let (content_type, text) = match name {
        "" => ("text/html; charset=utf-8", include_str!("page/page.html")),
        "page.css" => ("text/css; charset=utf-8", include_str!("page/page.css")),
        "page.js" => (
            "text/javascript; charset=utf-8",
            include_str!("page/page.js"),
        ),
        _ => return None,
    };
    let mut response = with_body(StatusCode::OK, content_type, text);
    let headers = response.headers_mut();
    set(headers, CONTENT_SECURITY_POLICY, POLICY);
    let sniff = HeaderName::from_static("x-content-type-options");
    set(headers, sniff, "nosniff");
    Some(response)
}

/// What the page's tables show, newest first.
pub(super) fn recent(service: &Service) -> Value {
    let now = service.now;
    let operations = service.operations().iter().rev().take(SHOWN).map(|it| {
        json!({
            "id": it.id(), "run": it.run(), "created": graph_time(it.created()), "status": it.status(now),
            "polls": it.polls(),
        })
    });
    let runs = service.runs().iter().rev().take(SHOWN).map(|it| {
        json!({
            "id": it.id(), "started": graph_time(it.started()), "status": it.status(now), "scheduled": it.scheduled(),
        })
    });
    let requests = service.requests().iter().rev().take(SHOWN).map(|it| {
        json!({
            "at": graph_time(it.at), "method": it.method.as_str(), "path": it.path,
            "status": it.status.map(|status| status.as_u16()), "client_request_id": it.client_request_id,
            "request_id": it.request_id,
        })
    });
    json!({
        "operations": operations.collect::<Vec<_>>(),
        "runs": runs.collect::<Vec<_>>(),
        "requests": requests.collect::<Vec<_>>(),
        "faults": service.faults().iter().take(SHOWN).collect::<Vec<_>>(),
    })
}
