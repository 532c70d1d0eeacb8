//! Checks a request and produces the response of its endpoint.

use http::{
    HeaderName, Method, Request, Response, StatusCode,
    header::{ALLOW, CONTENT_LENGTH, LOCATION, RETRY_AFTER, TRANSFER_ENCODING},
};
use serde_json::{Value, json};

use crate::{
    fault::Fault,
    graph::{
        page::Query,
        response::{Trace, empty, json as json_response, length_required, set, with_body},
    },
    model::{Operation, Run, Work},
    service::{
        route::Route,
        state::{MAX_BODY, Service},
    },
    time::seconds_up,
};

impl Service {
    /// Responds to a request as the service does without a fault. The fault only scripts the operation and its run. The
    /// checks come in the order of the real service: its front door looks at the length, then Graph looks at the token, the
    /// permission and the method.
    pub(super) fn handle(
        &mut self,
        request: &Request<Vec<u8>>,
        route: &Route,
        fault: Option<&Fault>,
        trace: &Trace,
    ) -> Response<Vec<u8>> {
        if request.method() == Method::POST && !has_length(request) {
            return length_required();
        }
        if request.body().len() > MAX_BODY {
            return trace.error(
                StatusCode::PAYLOAD_TOO_LARGE,
                "invalidRequest",
                "the body is too large",
            );
        }
        if let Route::Platform(platform) = route {
            return self.platform(request, *platform);
        }
        let endpoint = route.endpoint();
        let checked = if matches!(route, Route::Token(_)) {
            Ok("")
        } else {
            let headers = request.headers();
            self.tokens.check(headers, endpoint.permissions, self.now)
        };
        let caller = match checked {
            Ok(caller) => caller.to_owned(),
            Err(refusal) => return refusal.response(self.authority_and_root().0, trace),
        };
        if let Some(allowed) = endpoint.method
            && request.method() != allowed
        {
            let message = format!("the method {} is not allowed here", request.method());
            let mut response = trace.error(StatusCode::METHOD_NOT_ALLOWED, "notAllowed", &message);
            set(response.headers_mut(), ALLOW, allowed.as_str());
            return response;
        }
        match route {
            Route::Start => self.start(&caller, fault, trace),
            Route::Validate(id) => self.validate(id, fault, trace),
            Route::Reset(flow_set, flow) => self.reset(flow_set, flow, fault, trace),
            Route::Token(tenant) => self.token(request, tenant, trace),
            Route::Platform(platform) => self.platform(request, *platform),
            Route::Unknown => trace.error(
                StatusCode::NOT_FOUND,
                "Request_ResourceNotFound",
                &format!("there is no resource at '{}'", request.uri().path()),
            ),
            Route::Operations
            | Route::OperationCount
            | Route::Operation(_)
            | Route::Runs
            | Route::RunCount
            | Route::Run(_)
            | Route::LatestStatistics
            | Route::Statistics(_)
            | Route::Activities(_)
            | Route::Activity(..) => match Query::read(request.uri().query().unwrap_or_default()) {
                Ok(query) => self.read(route, &query, fault, trace),
                Err(message) => trace.error(StatusCode::BAD_REQUEST, "invalidRequest", &message),
            },
        }
    }

    fn validate(&mut self, id: &str, fault: Option<&Fault>, trace: &Trace) -> Response<Vec<u8>> {
        let connector = self.config.connectors.iter().find(|it| it.id == id);
        let Some(connector) = connector.cloned() else {
            return no_resource(trace);
        };
        let id = self.accept_action(Work::Validation(connector), fault);
        self.accepted(Some(&id))
    }

    fn reset(
        &mut self,
        flow_set: &str,
        flow: &str,
        fault: Option<&Fault>,
        trace: &Trace,
    ) -> Response<Vec<u8>> {
        let flows = self.config.flows.iter();
        let known = flows.filter(|it| it.flow_set == flow_set && it.id == flow);
        let Some(has_location) = known.map(|it| it.has_location).next() else {
            return no_resource(trace);
        };
        let path = format!("outboundProvisioningFlowSets/{flow_set}/provisioningFlows/{flow}");
        let id = has_location.then(|| self.accept_action(Work::Reset(path), fault));
        self.accepted(id.as_deref())
    }

    /// A 202, with the `Location` of this operation if there is one.
    fn accepted(&self, id: Option<&str>) -> Response<Vec<u8>> {
        let mut response = empty(StatusCode::ACCEPTED);
        if let Some(id) = id {
            let location = format!("{}/{id}", self.url("operations"));
            set(response.headers_mut(), LOCATION, &location);
        }
        response
    }

    fn start(&mut self, caller: &str, fault: Option<&Fault>, trace: &Trace) -> Response<Vec<u8>> {
        if let Some(wait) = self.starts.wait(self.now) {
            let throttle = self.starts.throttle();
            let message = format!(
                "at most {} runs can be started in {:?}",
                throttle.limit, throttle.window
            );
            let with_retry_after = throttle.retry_after;
            let mut response =
                trace.error(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", &message);
            if with_retry_after {
                set(
                    response.headers_mut(),
                    RETRY_AFTER,
                    &seconds_up(wait).to_string(),
                );
            }
            return response;
        }
        let id = self.accept(caller, fault);
        self.accepted(Some(&id))
    }

    fn read(
        &mut self,
        route: &Route,
        query: &Query,
        fault: Option<&Fault>,
        trace: &Trace,
    ) -> Response<Vec<u8>> {
        if let Route::Operation(id) = route {
            self.script_operation(id, fault);
        }
        let found = self.find(route, query);
        if let Route::Operation(id) = route {
            self.operations
                .iter_mut()
                .filter(|operation| operation.id() == id)
                .for_each(Operation::polled);
        }
        match found {
            Some(Value::Number(count)) => {
                with_body(StatusCode::OK, "text/plain", count.to_string())
            }
            Some(found) => json_response(StatusCode::OK, &found),
            None => no_resource(trace),
        }
    }

    /// The result of a read: an entity, a page of a list, or a number for a count.
    fn find(&self, route: &Route, query: &Query) -> Option<Value> {
        let (now, base, max_size) = (self.now, self.config.base.as_str(), self.config.page_size);
        let context = |of: &str| format!("{base}/$metadata#external/industryData/{of}");
        let one = |of: &str, entity: Value| query.select(with_context(&context(of), entity));
        let run = |id: &str| self.runs.iter().rfind(|run| run.id() == id);
        let statistics = "microsoft.graph.industryData.industryDataRunStatistics";
        match route {
            Route::Operations => {
                let write = |operation: &Operation| operation.json(base, now);
                Some(query.page(
                    &self.operations,
                    &self.url("operations"),
                    &context("operations"),
                    max_size,
                    write,
                ))
            }
            Route::OperationCount => Some(json!(self.operations.len())),
            Route::Operation(id) => self
                .operation(id)
                .map(|operation| one("operations/$entity", operation.json(base, now))),
            Route::Runs => {
                let write = |run: &Run| run.json(now);
                Some(query.page(
                    &self.runs,
                    &self.url("runs"),
                    &context("runs"),
                    max_size,
                    write,
                ))
            }
            Route::RunCount => Some(json!(self.runs.len())),
            Route::Run(id) => run(id).map(|run| one("runs/$entity", run.json(now))),
            Route::LatestStatistics => self
                .runs
                .last()
                .map(|run| one(statistics, run.statistics(now))),
            Route::Statistics(id) => run(id).map(|run| one(statistics, run.statistics(now))),
            Route::Activities(id) => {
                let (at, context) = (
                    self.url(&format!("runs/{id}/activities")),
                    context(&format!("runs('{id}')/activities")),
                );
                run(id).map(|run| {
                    query.page(&run.activities(now), &at, &context, max_size, Value::clone)
                })
            }
            Route::Activity(id, activity) => {
                let found = run(id)?
                    .activities(now)
                    .into_iter()
                    .find(|found| found.get("id") == Some(&json!(activity)))?;
                Some(one(&format!("runs('{id}')/activities/$entity"), found))
            }
            Route::Start
            | Route::Validate(_)
            | Route::Reset(..)
            | Route::Token(_)
            | Route::Platform(_)
            | Route::Unknown => None,
        }
    }

    fn url(&self, of: &str) -> String {
        format!("{}/external/industryData/{of}", self.config.base)
    }
}

/// The response to a request for an id that the service does not have.
fn no_resource(trace: &Trace) -> Response<Vec<u8>> {
    trace.error(
        StatusCode::NOT_FOUND,
        "itemNotFound",
        "there is no resource with this id",
    )
}

/// Whether a request gives the length of its body.
fn has_length(request: &Request<Vec<u8>>) -> bool {
    let has = |name: HeaderName| request.headers().contains_key(name);
    has(CONTENT_LENGTH) || has(TRANSFER_ENCODING)
}

/// An entity with its `@odata.context` as first member.
fn with_context(context: &str, entity: Value) -> Value {
    let mut annotated = serde_json::Map::new();
    annotated.insert("@odata.context".to_owned(), json!(context));
    if let Value::Object(members) = entity {
        annotated.extend(members);
    }
    Value::Object(annotated)
}
