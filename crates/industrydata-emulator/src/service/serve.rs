//! One request from its arrival to its response: control path or endpoint, fault, log.

use std::time::Duration;

use http::{Method, Request, StatusCode, header::AUTHORIZATION};
use jiff::Timestamp;

use crate::{
    fault::{Delivery, Served},
    graph::response::{CLIENT_REQUEST_ID, Trace},
    model::Logged,
    service::{control, route::Route, state::Service},
};

impl Service {
    /// Responds to one request that arrives at this time.
    pub fn serve(&mut self, request: &Request<Vec<u8>>, now: Timestamp) -> Served {
        self.advance_to(now);
        let path = request.uri().path();
        if control::is_control_path(path) {
            return control::serve(self, request);
        }
        let route = Route::of(path, self.authority_and_root().1);
        let kind = route.endpoint().kind;
        let trace = Trace {
            now: self.now,
            request_id: self.ids.guid(),
            client_request_id: request.headers().get(CLIENT_REQUEST_ID).cloned(),
        };
        let fault = self.script.take(kind);
        if fault.as_ref().is_some_and(|fault| fault.rotate) {
            self.rotate_identity_header();
        }
        let acted = fault
            .as_ref()
            .is_none_or(|fault| fault.acts(request.method() == Method::GET));
        let own = acted.then(|| self.handle(request, &route, fault.as_ref(), &trace));
        let delivery = fault.as_ref().map(Delivery::of).unwrap_or_default();
        let response = match fault {
            Some(fault) => fault.respond(own, kind, &trace),
            None => {
                let mut own = own.unwrap_or_default();
                trace.set_common_headers(own.headers_mut(), trace.now);
                own
            }
        };
        let status = delivery.sends_head().then_some(response.status());
        self.record(request, &route, &trace, acted, status);
        Served {
            response,
            delivery,
            advance: Duration::ZERO,
        }
    }

    fn record(
        &mut self,
        request: &Request<Vec<u8>>,
        route: &Route,
        trace: &Trace,
        acted: bool,
        status: Option<StatusCode>,
    ) {
        let path = request
            .uri()
            .path_and_query()
            .map_or("/", |path| path.as_str());
        let client = trace.client_request_id.as_ref();
        self.log.add(
            route.endpoint().template,
            Logged {
                at: trace.now,
                method: request.method().clone(),
                path: path.to_owned(),
                authorization: request.headers().contains_key(AUTHORIZATION),
                client_request_id: client
                    .map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned()),
                request_id: trace.request_id.clone(),
                acted,
                status,
            },
        );
    }
}
