//! The service: the emulator, which shares no code with the clients, behind a front that throttles, hides operations and
//! plays scripted faults.

use http::{
    HeaderValue, Request, Response,
    header::{AUTHORIZATION, CONTENT_TYPE, DATE},
};
use industrydata_core::auth::AccessToken;
use industrydata_emulator::{Config, Grant, Schedule, Throttle};

use crate::{
    client::TOKEN_LIFE,
    fate::{Fate, Lists},
    lists,
    script::World as Given,
    sim::World,
    world::{ORIGIN, utc},
};

/// The beginning of every token, and of no other text.
pub(crate) const TOKEN: &str = "simulated+token/of.client-";
pub(crate) const WINDOW: u64 = 12 * 3_600_000;
const LIMIT: usize = 5;

/// The service as the network sees it.
#[derive(Debug)]
pub(crate) struct Front {
    service: industrydata_emulator::Service,
    /// When each token expires, by its number.
    pub(crate) tokens: Vec<u64>,
    pub(crate) is_fixed: bool,
    schedule_counts: bool,
    pub(crate) retry_after: bool,
    /// When each start was accepted, and whether it is an external start.
    starts: Vec<(u64, bool)>,
    /// The number of revoked tokens: those with lower numbers.
    revoked: usize,
    /// Operations whose statuses are scripted.
    scripted: Vec<String>,
    /// Operations that are not found before a time.
    pub(crate) hidden: Vec<(String, u64)>,
    /// Until when the lists differ from the truth, and how.
    pub(crate) lists: Option<(u64, Lists)>,
}

/// The service's reaction to a request.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) response: Response<Vec<u8>>,
    /// The operation, if the request is a start that was accepted.
    pub(crate) operation: Option<String>,
    /// The operation's status, if the request is a poll and the service itself responded.
    pub(crate) status: Option<String>,
}

impl Front {
    pub(crate) fn new(given: &Given, seed: u64) -> Self {
        let schedule = Schedule {
            past_runs: 3,
            ..Schedule::default()
        };
        let config = Config {
            base: "https://graph.microsoft.com/beta".to_owned(),
            seed,
            tokens: Vec::new(),
            // The emulator does not throttle, because the front does.
            throttle: Throttle {
                limit: 1000,
                ..Throttle::default()
            },
            schedule: given.schedule.then_some(schedule),
            operation_takes: std::time::Duration::from_secs(given.operation),
            ..Config::default()
        };
        Self {
            service: industrydata_emulator::Service::new(config, utc(0)),
            tokens: Vec::new(),
            is_fixed: false,
            schedule_counts: given.schedule && given.schedule_counts,
            retry_after: given.retry_after,
            starts: Vec::new(),
            revoked: 0,
            scripted: Vec::new(),
            hidden: Vec::new(),
            lists: None,
        }
    }

    pub(crate) fn revoke(&mut self, claims: bool) {
        let claims = claims.then_some(r#"{"access_token":{"nbf":{"essential":true}}}"#);
        self.service.revoke_tokens(claims);
        self.revoked = self.tokens.len();
    }

    /// A run is started in the portal. Returns whether the service accepts it.
    pub(crate) fn portal(&mut self, now: u64) -> bool {
        if self.wait(now).is_some() {
            return false;
        }
        let token = self.new_token(now);
        let post =
            Request::post("https://graph.microsoft.com/beta/external/industryData/runs/start")
                .header("authorization", format!("Bearer {token}"))
                .header("content-length", "0");
        let post = post.body(Vec::new()).unwrap();
        drop(self.service.serve(&post, utc(now as i64)));
        self.starts.push((now, true));
        true
    }

    /// Responds to a request that arrives now.
    pub(crate) fn serve(
        &mut self,
        request: &Request<Vec<u8>>,
        fate: Option<&Fate>,
        now: u64,
    ) -> Served {
        let is_start = request.method() == http::Method::POST;
        let id = request.uri().path().rsplit('/').next().unwrap_or_default();
        let fault = self.fault(request, fate, is_start, id, now);
        // The status that the service itself is about to send.
        let status = if fault.is_none() && !is_start {
            self.truth(id, now)
        } else {
            None
        };
        if let Some(response) = status
            .as_deref()
            .and_then(|status| self.plain(request, id, status))
        {
            return Served {
                response,
                operation: None,
                status,
            };
        }
        if let Some(fault) = fault {
            self.service.script(fault);
        }
        let before = self.service.accepted_starts().len();
        let mut response = self.service.serve(request, utc(now as i64)).response;
        let operation = (self.service.accepted_starts().len() > before)
            .then(|| {
                self.service
                    .operations()
                    .last()
                    .map(|it| it.id().to_owned())
            })
            .flatten();
        if let Some(operation) = &operation {
            self.starts.push((now, false));
            if let Some(Fate::Operation { hidden, .. }) = fate {
                self.scripted.push(operation.clone());
                self.hidden.push((operation.clone(), now + hidden * 1000));
            }
        }
        if matches!(fate, Some(Fate::NoDate)) {
            response.headers_mut().remove(DATE);
        }
        if let Some((until, lists)) = self.lists
            && now < until
            && response.status() == 200
        {
            lists::differ(request.uri().path(), response.body_mut(), lists, now);
        }
        let status = status.filter(|_| response.status() == 200);
        Served {
            response,
            operation,
            status,
        }
    }

    /// The response to most polls: the operation is active. The emulator would send the same, but would take most of a
    /// history's computing time.
    fn plain(
        &self,
        request: &Request<Vec<u8>>,
        id: &str,
        status: &str,
    ) -> Option<Response<Vec<u8>>> {
        let goes_on = matches!(status, "notStarted" | "running");
        let is_good = number(request)? >= self.revoked;
        if !goes_on || !is_good || self.scripted.iter().any(|it| it == id) {
            return None;
        }
        let created = self.service.operation(id)?.created();
        let body = format!(
            r##"{{"@odata.type":"#microsoft.graph.longRunningOperation","id":"{id}","createdDateTime":"{created}","resourceLocation":null,"status":"{status}","statusDetail":null}}"##
        );
        let mut response = Response::new(body.into_bytes());
        let json = HeaderValue::from_static("application/json;charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, json);
        Some(response)
    }

    /// The true status of an operation.
    pub(crate) fn truth(&self, id: &str, now: u64) -> Option<String> {
        let operation = self.service.operation(id)?;
        operation.status(utc(now as i64)).map(str::to_owned)
    }

    /// How long the service refuses a start, if external or scheduled starts have used up the throttle. The starts of the
    /// clients alone are left to the ledger.
    pub(crate) fn wait(&self, now: u64) -> Option<u64> {
        let mut counted: Vec<(u64, bool)> = self.starts.clone();
        if self.schedule_counts {
            let runs = self.service.runs().iter().filter(|run| run.scheduled());
            let times = runs.map(|run| run.started().as_millisecond() - ORIGIN);
            counted.extend(times.filter(|at| *at >= 0).map(|at| (at as u64, true)));
        }
        counted.retain(|(at, _)| self.ends(*at) > now);
        counted.sort_unstable();
        let others = counted.iter().any(|(_, other)| *other);
        let over = counted.len().checked_sub(LIMIT).filter(|_| others)?;
        Some(self.ends(counted[over].0) - now)
    }

    /// When a start stops counting for the service's throttle.
    fn ends(&self, at: u64) -> u64 {
        if self.is_fixed {
            (at / WINDOW + 1) * WINDOW
        } else {
            at + WINDOW
        }
    }

    fn new_token(&mut self, now: u64) -> String {
        let token = format!("{TOKEN}{}", self.tokens.len());
        self.tokens.push(now + TOKEN_LIFE);
        self.service.accept_token(Grant::all(token.as_str()));
        token
    }
}

impl World {
    /// Issues a new token to a client.
    pub(crate) fn issue(&mut self, client: usize) -> AccessToken {
        let token = self.front.new_token(self.now);
        let utc = self.at(client).utc;
        let ends = utc + std::time::Duration::from_millis(TOKEN_LIFE);
        AccessToken::new(&token).unwrap().with_life(utc, ends)
    }
}

/// The number of the token that a request carries.
pub(crate) fn number(request: &Request<Vec<u8>>) -> Option<usize> {
    let token = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    token.rsplit('-').next()?.parse().ok()
}
