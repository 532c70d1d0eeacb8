//! The service: the emulated one, which knows no crate of ours, behind a front that throttles, forgets and lies.

use http::{Request, Response, header::DATE};
use industrydata_core::{AccessToken, Timestamp};
use industrydata_emulator::{Config, Fault, Grant, On, Schedule, Throttle};

use crate::{
    client::TOKEN_LIFE,
    script::{Body, Fate, Retry, World as Given},
    sim::{World, utc},
};

/// What every token begins with, and nothing else does.
pub(crate) const TOKEN: &str = "simulated-token-";
pub(crate) const WINDOW: u64 = 12 * 3_600_000;
const LIMIT: usize = 5;

/// The service as the network sees it.
#[derive(Debug)]
pub(crate) struct Front {
    service: industrydata_emulator::Service,
    /// When each token ends, by its number.
    tokens: Vec<u64>,
    pub(crate) is_fixed: bool,
    schedule_counts: bool,
    retry_after: bool,
    /// When starts were accepted, ours and others', and whether it was another's.
    starts: Vec<(u64, bool)>,
    /// Operations that are not found before a time.
    hidden: Vec<(String, u64)>,
}

/// What the service made of a request.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) response: Response<Vec<u8>>,
    /// The operation of a start that it accepted.
    pub(crate) operation: Option<String>,
    /// The status of the operation that was read, if the service itself answered.
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
            // The front throttles; only the books keep clients within the five.
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
            hidden: Vec::new(),
        }
    }

    pub(crate) fn revoke(&mut self, claims: bool) {
        let claims = claims.then_some(r#"{"access_token":{"nbf":{"essential":true}}}"#);
        self.service.revoke_tokens(claims);
    }

    /// Somebody starts a run in the portal: whether the service takes it.
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

    /// Answers a request that arrives now.
    pub(crate) fn serve(
        &mut self,
        request: &Request<Vec<u8>>,
        fate: Option<&Fate>,
        now: u64,
    ) -> Served {
        let is_start = request.method() == http::Method::POST;
        let id = request.uri().path().rsplit('/').next().unwrap_or_default();
        let fault = self.fault(request, fate, is_start, id, now);
        let is_own = fault.is_none();
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
                self.hidden.push((operation.clone(), now + hidden * 1000));
            }
        }
        if matches!(fate, Some(Fate::NoDate)) {
            response.headers_mut().remove(DATE);
        }
        let status = (is_own && !is_start && response.status() == 200)
            .then(|| self.told(&response))
            .flatten();
        Served {
            response,
            operation,
            status,
        }
    }

    /// How an operation stands, truly.
    pub(crate) fn truth(&self, id: &str, now: u64) -> Option<String> {
        let operation = self.service.operation(id)?;
        operation.status(utc(now as i64)).map(str::to_owned)
    }

    fn told(&self, response: &Response<Vec<u8>>) -> Option<String> {
        let body: serde_json::Value = serde_json::from_slice(response.body()).ok()?;
        body.get("status")?.as_str().map(str::to_owned)
    }

    /// What stands in for the service's own answer.
    fn fault(
        &self,
        request: &Request<Vec<u8>>,
        fate: Option<&Fate>,
        is_start: bool,
        id: &str,
        now: u64,
    ) -> Option<Fault> {
        let token = request.headers().get("authorization")?.to_str().ok()?;
        let any = Fault::on(On::Any);
        match fate {
            Some(Fate::Answer {
                status,
                acts,
                retry,
                body,
            }) => {
                let fault = any.status(*status).act(*acts && is_start);
                let fault = match retry {
                    Some(retry) => fault.retry_after(text(retry, utc(now as i64))),
                    None => fault,
                };
                return Some(with_body(fault, *body, token));
            }
            Some(Fate::Location(location)) if is_start => return Some(any.location(&[location])),
            Some(_) | None => {}
        }
        let number = token
            .rsplit('-')
            .next()
            .and_then(|it| it.parse::<usize>().ok());
        let ends = number.and_then(|it| self.tokens.get(it)).copied();
        if ends.is_some_and(|ends| ends <= now) {
            return Some(any.status(401));
        }
        if is_start {
            if let Some(wait) = self.wait(now) {
                let fault = any.status(429);
                let wait = wait.div_ceil(1000);
                return Some(if self.retry_after {
                    fault.retry_after(wait)
                } else {
                    fault
                });
            }
            if let Some(Fate::Operation {
                statuses, fails, ..
            }) = fate
            {
                let statuses: Vec<_> = statuses.iter().map(Option::as_deref).collect();
                let fault = any.operation_status(&statuses);
                return Some(if *fails {
                    fault.fail_operation("so the simulation says")
                } else {
                    fault
                });
            }
            return None;
        }
        let hidden = self
            .hidden
            .iter()
            .any(|(it, until)| it == id && now < *until);
        hidden.then(|| any.status(404))
    }

    /// How long a start has to wait, since others have started too. What the books hold back by themselves is left to them.
    fn wait(&self, now: u64) -> Option<u64> {
        let mut counted: Vec<(u64, bool)> = self.starts.clone();
        if self.schedule_counts {
            let runs = self.service.runs().iter().filter(|run| run.scheduled());
            let times = runs.map(|run| run.started().as_millisecond() - crate::sim::ORIGIN);
            counted.extend(times.filter(|at| *at >= 0).map(|at| (at as u64, true)));
        }
        counted.retain(|(at, _)| self.ends(*at) > now);
        counted.sort_unstable();
        let others = counted.iter().any(|(_, other)| *other);
        let over = counted.len().checked_sub(LIMIT).filter(|_| others)?;
        Some(self.ends(counted[over].0) - now)
    }

    /// When a start stops counting.
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
    /// A new token for a client.
    pub(crate) fn issue(&mut self, client: usize) -> AccessToken {
        let token = self.front.new_token(self.now);
        let utc = self.at(client).utc;
        let ends = utc + std::time::Duration::from_millis(TOKEN_LIFE);
        AccessToken::new(&token).unwrap().with_life(utc, ends)
    }
}

fn text(retry: &Retry, now: Timestamp) -> String {
    match retry {
        Retry::Seconds(seconds) => seconds.to_string(),
        Retry::Date(seconds) => {
            let then = now + std::time::Duration::from_secs(*seconds);
            then.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
        }
        Retry::Text(text) => text.clone(),
    }
}

fn with_body(fault: Fault, body: Body, token: &str) -> Fault {
    match body {
        Body::Own => fault,
        Body::Html => fault.body("<html><body>Sign in</body></html>"),
        Body::Token => fault.body(format!(
            r#"{{"error":{{"code":"{token}","message":"{token} was refused"}}}}"#
        )),
        Body::Succeeded => fault.body(r#"{"status":"succeeded","id":"x"}"#),
    }
}
