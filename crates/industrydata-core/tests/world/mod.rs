//! A world in virtual time: ledger in memory, and a machine driven by a script of answers.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::{collections::VecDeque, time::Duration};

use http::{HeaderMap, Method, Request, response::Parts};
use industrydata_core::Now;
use industrydata_core::Timestamp;
use industrydata_core::auth::AccessToken;
use industrydata_core::auth::TokenError;
use industrydata_core::endpoint::Endpoint;
use industrydata_core::endpoint::Service;
use industrydata_core::ledger::Caller;
use industrydata_core::ledger::Change;
use industrydata_core::ledger::Quota;
use industrydata_core::ledger::StoreError;
use industrydata_core::ledger::StoreReply;
use industrydata_core::lro::Accepted;
use industrydata_core::lro::Machine;
use industrydata_core::lro::OperationPoll;
use industrydata_core::lro::OperationPollError;
use industrydata_core::lro::Read;
use industrydata_core::lro::ReadError;
use industrydata_core::lro::ReadPlan;
use industrydata_core::lro::ResumeToken;
use industrydata_core::lro::RunPoll;
use industrydata_core::lro::RunPollError;
use industrydata_core::lro::Start;
use industrydata_core::lro::StartError;
use industrydata_core::lro::StartPlan;
use industrydata_core::lro::Step;
use industrydata_core::model::IndustryDataRun;
use industrydata_core::model::Operation;
use industrydata_core::policy::Limits;
use industrydata_core::policy::PollingPolicy;
use industrydata_core::policy::Throttle;
use industrydata_core::wire::BaseUrl;
use industrydata_core::wire::IncompleteBody;
use industrydata_core::wire::Phase;
use industrydata_core::wire::TransportError;

pub(crate) const LOCATION: &str = "https://graph.microsoft.com/beta/external/industryData/operations/171bf0b4-14e9-408f-71dd-08dcd2a15d23";

pub(crate) fn timestamp(seconds: u64) -> Timestamp {
    let origin: Timestamp = "2026-03-10T12:00:00Z".parse().unwrap();
    origin + Duration::from_secs(seconds)
}

pub(crate) fn token(name: &str) -> AccessToken {
    AccessToken::new(name).unwrap()
}

/// One answer to a request, or none.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Head(u16, Vec<(&'static str, String)>, Vec<u8>),
    Cut(u16, Vec<(&'static str, String)>),
    Lost(Phase),
    /// The driver is dropped while the request is out.
    Dropped,
    NoToken(TokenError),
    /// From here on the source gives this token.
    Token(&'static str),
    /// Time passes before the next answer.
    After(Duration),
    /// The store fails at its next change, or the one after that, ...
    Store(usize, StoreError),
}

/// Builds a script of answers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script(pub(crate) VecDeque<Answer>);

impl Script {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn then(mut self, answer: Answer) -> Self {
        self.0.push_back(answer);
        self
    }

    pub(crate) fn status(self, status: u16) -> Self {
        self.then(Answer::Head(status, Vec::new(), Vec::new()))
    }

    pub(crate) fn with(self, status: u16, headers: &[(&'static str, &str)], body: &str) -> Self {
        let headers = headers.iter().map(|(n, v)| (*n, (*v).to_owned())).collect();
        self.then(Answer::Head(status, headers, body.into()))
    }

    pub(crate) fn accepted(self) -> Self {
        self.with(202, &[("location", LOCATION)], "")
    }

    pub(crate) fn operation(self, status: &str) -> Self {
        let body = format!("{{\"status\":\"{status}\"}}");
        self.with(200, &[("content-type", "application/json")], &body)
    }

    pub(crate) fn running(self) -> Self {
        self.operation("running")
    }

    pub(crate) fn succeeded(self) -> Self {
        self.operation("succeeded")
    }

    pub(crate) fn times(mut self, times: usize) -> Self {
        let last = self.0.back().unwrap().clone();
        for _ in 1..times {
            self.0.push_back(last.clone());
        }
        self
    }
}

/// The time, the ledger, and all that was seen.
pub(crate) struct World {
    pub(crate) now: Now,
    pub(crate) ledger: Option<Vec<u8>>,
    pub(crate) script: Script,
    pub(crate) token: AccessToken,
    pub(crate) requests: Vec<Request<()>>,
    pub(crate) request_times: Vec<Duration>,
    pub(crate) pauses: Vec<(Duration, String)>,
    pub(crate) store_calls: usize,
    pub(crate) store_error: Option<(usize, StoreError)>,
    pub(crate) challenges: usize,
    /// By how much the store's clock is behind.
    pub(crate) behind: Duration,
    /// By how much the store's clock is ahead.
    pub(crate) ahead: Duration,
    latency: Duration,
}

impl World {
    pub(crate) fn new(script: Script) -> Self {
        Self {
            now: Now::new(timestamp(0), Duration::from_secs(1000)),
            ledger: None,
            script,
            token: token("first-token"),
            requests: Vec::new(),
            request_times: Vec::new(),
            pauses: Vec::new(),
            store_calls: 0,
            store_error: None,
            challenges: 0,
            behind: Duration::ZERO,
            ahead: Duration::ZERO,
            latency: Duration::from_millis(100),
        }
    }

    pub(crate) fn plan(&self) -> StartPlan {
        StartPlan {
            service: Service::new(BaseUrl::graph(), "test/1"),
            tenant: "contoso".parse().unwrap(),
            throttle: Throttle::default(),
            limits: Limits::default(),
            wait_for_slot: false,
            caller: Caller::default(),
        }
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.now = Now::new(self.now.utc + time, self.now.steady + time);
    }

    pub(crate) fn store_clock(&self) -> Timestamp {
        self.now.utc - self.behind + self.ahead
    }

    pub(crate) fn transact(&mut self, change: &Change) -> Result<StoreReply, StoreError> {
        self.store_calls += 1;
        if let Some((at, _)) = &self.store_error
            && *at == self.store_calls
            && let Some((_, error)) = self.store_error.take()
        {
            return Err(error);
        }
        let applied = change.apply(self.ledger.as_deref(), self.store_clock())?;
        if let Some(bytes) = applied.write {
            self.ledger = Some(bytes);
        }
        Ok(applied.reply)
    }

    pub(crate) fn quota(&mut self) -> Quota {
        let key = industrydata_core::ledger::LedgerKey::new(
            &BaseUrl::graph(),
            &"contoso".parse().unwrap(),
        );
        let change = Change::read(key, Throttle::default());
        change
            .apply(self.ledger.as_deref(), self.store_clock())
            .unwrap()
            .reply
            .quota()
            .clone()
    }

    /// Takes what is not an answer off the script.
    fn prepare(&mut self) {
        loop {
            match self.script.0.front() {
                Some(Answer::Token(name)) => self.token = token(name),
                Some(Answer::After(time)) => {
                    let time = *time;
                    self.pass(time);
                }
                Some(Answer::Store(nth, error)) => {
                    self.store_error = Some((self.store_calls + nth, error.clone()));
                }
                _ => return,
            }
            self.script.0.pop_front();
        }
    }

    /// One exchange; false if the driver is dropped in it.
    pub(crate) fn exchange(&mut self, exchange: industrydata_core::lro::Exchange<'_>) -> bool {
        self.prepare();
        if exchange.challenge().is_some() {
            self.challenges += 1;
        }
        if let Some(Answer::NoToken(error)) = self.script.0.front().cloned() {
            self.script.0.pop_front();
            exchange.no_token(error, self.now);
            return true;
        }
        let Some((request, reply)) = exchange.request(&self.token, self.now) else {
            return true;
        };
        self.requests.push(request);
        self.request_times.push(self.now.steady);
        self.pass(self.latency);
        let answer = self
            .script
            .0
            .pop_front()
            .expect("the script has an answer for each request");
        match answer {
            Answer::Head(status, headers, body) => {
                reply.answer(&head(status, &headers), Ok(body), self.now)
            }
            Answer::Cut(status, headers) => {
                reply.answer(
                    &head(status, &headers),
                    Err(IncompleteBody::cut("cut")),
                    self.now,
                );
            }
            Answer::Lost(phase) => reply.lost(TransportError::new(phase, "lost"), self.now),
            Answer::Dropped => return false,
            Answer::NoToken(_) | Answer::Token(_) | Answer::After(_) | Answer::Store(..) => {
                unreachable!("taken off before")
            }
        }
        true
    }

    /// Drives a machine to its end; a dropped driver is followed by another on the same machine.
    pub(crate) fn drive<M: Machine>(&mut self, machine: &mut M) -> Result<M::Output, M::Error> {
        for _ in 0..100_000 {
            self.prepare();
            match machine.step() {
                Step::Ledger(transaction, _) => {
                    let result = self.transact(&transaction.change().clone());
                    transaction.done(result, self.now);
                }
                Step::Send(exchange) => {
                    self.exchange(exchange);
                }
                Step::Wait(mut pause) => {
                    let time = pause.remaining(self.now);
                    if let Some(progress) = pause.progress() {
                        assert!(progress.next_poll_in() >= time);
                    }
                    assert!(pause.progress().is_none(), "it is reported once");
                    self.pauses.push((time, pause.reason().to_string()));
                    self.pass(time);
                    pause.over(self.now);
                }
                Step::Done(outcome) => return outcome,
            }
        }
        panic!("a machine takes a bounded number of steps");
    }

    /// Drives a start to its end.
    pub(crate) fn start(&mut self, plan: StartPlan) -> Result<Accepted, StartError> {
        self.drive(&mut Start::new(plan, [7; 16], self.now))
    }

    /// Drives a read to its end.
    pub(crate) fn read<E: Endpoint>(
        &mut self,
        endpoint: E,
        limits: Limits,
    ) -> Result<std::sync::Arc<E::Output>, ReadError> {
        let plan = ReadPlan {
            service: Service::new(BaseUrl::graph(), "test/1"),
            limits,
        };
        self.drive(&mut Read::new(endpoint, plan, [9; 16], self.now))
    }

    /// Polls a run to its end.
    pub(crate) fn poll_run(
        &mut self,
        limits: Limits,
    ) -> Result<std::sync::Arc<IndustryDataRun>, RunPollError> {
        self.poll_run_at(PollingPolicy::default(), limits)
    }

    pub(crate) fn poll_run_at(
        &mut self,
        policy: PollingPolicy,
        limits: Limits,
    ) -> Result<std::sync::Arc<IndustryDataRun>, RunPollError> {
        let plan = industrydata_core::lro::PollPlan {
            service: Service::new(BaseUrl::graph(), "test/1"),
            policy,
            limits,
        };
        self.drive(&mut RunPoll::new("r-1", plan, [9; 16], self.now))
    }

    /// Starts, then polls the operation.
    pub(crate) fn run(
        &mut self,
        policy: PollingPolicy,
    ) -> Result<std::sync::Arc<Operation>, OperationPollError> {
        let accepted = self.start(self.plan()).unwrap();
        self.drive(&mut accepted.poll(policy))
    }

    pub(crate) fn resume(&mut self, token: &ResumeToken, limits: Limits) -> OperationPoll {
        let plan = industrydata_core::lro::PollPlan {
            service: Service::new(BaseUrl::graph(), "test/1"),
            policy: PollingPolicy::default(),
            limits,
        };
        let url = token.operation_url(&BaseUrl::graph()).unwrap();
        OperationPoll::new(url, plan, Some(token.accepted()), [9; 16], self.now)
    }

    pub(crate) fn posts(&self) -> usize {
        self.requests
            .iter()
            .filter(|r| r.method() == Method::POST)
            .count()
    }
}

pub(crate) fn head(status: u16, headers: &[(&'static str, String)]) -> Parts {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, value.parse().unwrap());
    }
    let mut head = http::Response::builder()
        .status(status)
        .body(())
        .unwrap()
        .into_parts()
        .0;
    head.headers = map;
    head
}
