//! The service as a value: requests and the time go in, answers come out.

use std::time::Duration;

use http::{Method, Request, StatusCode, header::AUTHORIZATION};
use jiff::Timestamp;

use crate::{
    answer::{CLIENT_REQUEST_ID, Trace},
    config::{Config, Grant},
    control,
    fault::{Delivery, Fault, Script, Served},
    ids::Ids,
    log::{Log, Logged},
    operation::Operation,
    route::Route,
    run::Run,
    schedule::Timetable,
    throttle::Starts,
    tokens::Tokens,
};

/// The longest request body that is read; a longer one is answered with 413.
pub const MAX_BODY: usize = 64 * 1024;

/// The emulated service.
///
/// It has no clock: every call that can depend on the time is given it. Time only goes forward, so an earlier time than
/// one given before is taken for that one.
#[derive(Clone, Debug)]
pub struct Service {
    pub(crate) config: Config,
    pub(crate) now: Timestamp,
    pub(crate) ids: Ids,
    pub(crate) tokens: Tokens,
    pub(crate) starts: Starts,
    pub(crate) timetable: Timetable,
    pub(crate) operations: Vec<Operation>,
    pub(crate) runs: Vec<Run>,
    pub(crate) script: Script,
    pub(crate) log: Log,
}

impl Service {
    /// A service that begins at this time.
    #[must_use]
    pub fn new(mut config: Config, now: Timestamp) -> Self {
        while config.base.ends_with('/') {
            config.base.pop();
        }
        let (timetable, past) = Timetable::new(config.schedule.clone(), now);
        let mut service = Self {
            now,
            ids: Ids::new(config.seed),
            tokens: Tokens::default(),
            starts: Starts::new(config.throttle.clone()),
            timetable,
            operations: Vec::new(),
            runs: Vec::new(),
            script: Script::default(),
            log: Log::default(),
            config,
        };
        for grant in service.config.tokens.clone() {
            service.tokens.add(grant, None);
        }
        service.begin_scheduled(&past);
        service
    }

    /// Answers one request that came at this time.
    pub fn serve(&mut self, request: &Request<Vec<u8>>, now: Timestamp) -> Served {
        self.pass(now);
        if control::is_for(request.uri().path()) {
            return control::serve(self, request);
        }
        let route = Route::of(request.uri().path(), self.root());
        let trace = Trace {
            now: self.now,
            request_id: self.ids.guid(),
            client_request_id: request.headers().get(CLIENT_REQUEST_ID).cloned(),
        };
        let fault = self.script.take(route.kind());
        let acted = fault
            .as_ref()
            .is_none_or(|fault| fault.acts(request.method() == Method::GET));
        let own = acted.then(|| self.act(request, &route, fault.as_ref(), &trace));
        let delivery = fault.as_ref().map(Delivery::of).unwrap_or_default();
        let response = match (fault, own) {
            (Some(fault), own) => fault.answer(own, route.kind(), &trace),
            (None, own) => {
                let mut own = own.unwrap_or_default();
                trace.stamp(own.headers_mut(), trace.now);
                own
            }
        };
        let status = delivery.answers().then_some(response.status());
        self.remember(request, &route, &trace, acted, status);
        Served {
            response,
            delivery,
            advance: Duration::ZERO,
        }
    }

    /// Lets the time pass to this one: scheduled runs begin.
    pub fn pass(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        let began = self.timetable.pass(self.now);
        self.begin_scheduled(&began);
    }

    /// Scripts a fault, to be met after those that are scripted already.
    pub fn script(&mut self, fault: Fault) {
        self.script.add(fault);
    }

    /// Forgets the faults that are still to come.
    pub fn clear_faults(&mut self) {
        self.script.clear();
    }

    /// Makes a token good that does not expire, also one that was revoked.
    pub fn accept_token(&mut self, grant: Grant) {
        self.tokens.add(grant, None);
    }

    /// Revokes every token there is. With claims, as JSON text, a 401 for one of them asks for a token with those.
    pub fn revoke_tokens(&mut self, claims: Option<&str>) {
        self.tokens.revoke(claims);
    }

    /// The path of the service root.
    fn root(&self) -> &str {
        let after_scheme = self
            .config
            .base
            .split_once("://")
            .map_or(self.config.base.as_str(), |(_, rest)| rest);
        after_scheme
            .find('/')
            .and_then(|at| after_scheme.get(at..))
            .unwrap_or_default()
    }

    fn remember(
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
            route.template(),
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
