//! What is checked before a request reaches its endpoint, and what each endpoint answers.

use http::{
    HeaderName, Method, Request, Response, StatusCode,
    header::{ALLOW, CONTENT_LENGTH, LOCATION, RETRY_AFTER, TRANSFER_ENCODING},
};
use serde_json::{Value, json};

use crate::{
    answer::{Trace, empty, json as answer_json, length_required, set, with},
    fault::Fault,
    issue::issue,
    operation::Operation,
    page::Query,
    route::Route,
    run::Run,
    service::{MAX_BODY, Service},
    time::seconds_up,
};

impl Service {
    /// Answers a request as the service itself would: token, permission, length, method, and then the endpoint.
    pub(crate) fn act(
        &mut self,
        request: &Request<Vec<u8>>,
        route: &Route,
        fault: Option<&Fault>,
        trace: &Trace,
    ) -> Response<Vec<u8>> {
        if request.body().len() > MAX_BODY {
            return trace.error(
                StatusCode::PAYLOAD_TOO_LARGE,
                "invalidRequest",
                "the body is too large",
            );
        }
        if !matches!(route, Route::Token(_))
            && let Err(refusal) =
                self.tokens
                    .check(request.headers(), route.permissions(), self.now)
        {
            return refusal.answer(self.authority(), trace);
        }
        if request.method() == Method::POST && !tells_length(request) {
            return length_required();
        }
        if let Some(allowed) = route.method()
            && request.method() != allowed
        {
            let message = format!("the method {} is not allowed here", request.method());
            let mut response = trace.error(StatusCode::METHOD_NOT_ALLOWED, "notAllowed", &message);
            set(response.headers_mut(), ALLOW, allowed.as_str());
            return response;
        }
        match route {
            Route::Start => self.start(fault, trace),
            Route::Token(tenant) => issue(
                request,
                tenant,
                &self.config.client,
                &mut self.tokens,
                &mut self.ids,
                trace,
            ),
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

    /// Scheme, host and port of the service root.
    pub(crate) fn authority(&self) -> &str {
        let base = self.config.base.as_str();
        let host = base.find("://").map_or(0, |at| at + 3);
        let end = base
            .get(host..)
            .and_then(|rest| rest.find('/'))
            .map_or(base.len(), |at| host + at);
        base.get(..end).unwrap_or(base)
    }

    fn start(&mut self, fault: Option<&Fault>, trace: &Trace) -> Response<Vec<u8>> {
        if let Some(wait) = self.starts.wait(self.now) {
            let rule = self.starts.rule();
            let message = format!(
                "no more than {} runs can be started in {:?}",
                rule.limit, rule.window
            );
            let tell = rule.retry_after;
            let mut response =
                trace.error(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", &message);
            if tell {
                set(
                    response.headers_mut(),
                    RETRY_AFTER,
                    &seconds_up(wait).to_string(),
                );
            }
            return response;
        }
        let location = format!("{}/{}", self.url("operations"), self.accept(fault));
        let mut response = empty(StatusCode::ACCEPTED);
        set(response.headers_mut(), LOCATION, &location);
        response
    }

    fn read(
        &mut self,
        route: &Route,
        query: &Query,
        fault: Option<&Fault>,
        trace: &Trace,
    ) -> Response<Vec<u8>> {
        if let Route::Operation(id) = route {
            self.steer(id, fault);
        }
        let found = self.find(route, query);
        if let Route::Operation(id) = route {
            self.operations
                .iter_mut()
                .filter(|operation| operation.id() == id)
                .for_each(Operation::polled);
        }
        match found {
            Some(Value::Number(count)) => with(StatusCode::OK, "text/plain", count.to_string()),
            Some(found) => answer_json(StatusCode::OK, &found),
            None => trace.error(
                StatusCode::NOT_FOUND,
                "itemNotFound",
                "there is no resource of this id",
            ),
        }
    }

    /// What a read finds: an entity, a page of a list, or a bare number.
    fn find(&self, route: &Route, query: &Query) -> Option<Value> {
        let (now, base, most) = (self.now, self.config.base.as_str(), self.config.page_size);
        let context = |of: &str| format!("{base}/$metadata#external/industryData/{of}");
        let one = |of: &str, entity: Value| query.selected(annotated(&context(of), entity));
        let run = |id: &str| self.runs.iter().rfind(|run| run.id() == id);
        let statistics = "microsoft.graph.industryData.industryDataRunStatistics";
        match route {
            Route::Operations => {
                let write = |operation: &Operation| operation.json(base, now);
                Some(query.page(
                    &self.operations,
                    &self.url("operations"),
                    &context("operations"),
                    most,
                    write,
                ))
            }
            Route::OperationCount => Some(json!(self.operations.len())),
            Route::Operation(id) => self
                .operation(id)
                .map(|operation| one("operations/$entity", operation.json(base, now))),
            Route::Runs => {
                let write = |run: &Run| run.json(now);
                Some(query.page(&self.runs, &self.url("runs"), &context("runs"), most, write))
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
                run(id)
                    .map(|run| query.page(&run.activities(now), &at, &context, most, Value::clone))
            }
            Route::Activity(id, activity) => {
                let found = run(id)?
                    .activities(now)
                    .into_iter()
                    .find(|found| found.get("id") == Some(&json!(activity)))?;
                Some(one(&format!("runs('{id}')/activities/$entity"), found))
            }
            Route::Start | Route::Token(_) | Route::Unknown => None,
        }
    }

    fn url(&self, of: &str) -> String {
        format!("{}/external/industryData/{of}", self.config.base)
    }
}

/// Whether a request says how long its body is.
fn tells_length(request: &Request<Vec<u8>>) -> bool {
    let has = |name: HeaderName| request.headers().contains_key(name);
    has(CONTENT_LENGTH) || has(TRANSFER_ENCODING)
}

/// An entity with its context in front.
fn annotated(context: &str, entity: Value) -> Value {
    let mut whole = serde_json::Map::new();
    whole.insert("@odata.context".to_owned(), json!(context));
    if let Value::Object(members) = entity {
        whole.extend(members);
    }
    Value::Object(whole)
}
