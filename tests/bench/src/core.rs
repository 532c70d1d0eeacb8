//! The core alone: its machines, fed with fixed responses, without I/O.

use std::{hint::black_box, time::Duration};

use http::{HeaderValue, Response, StatusCode, header, response::Parts};
use industrydata_core::Now;
use industrydata_core::Tenant;
use industrydata_core::Timestamp;
use industrydata_core::auth::AccessToken;
use industrydata_core::endpoint::Service;
use industrydata_core::ledger::Caller;
use industrydata_core::ledger::Store;
use industrydata_core::lro::Accepted;
use industrydata_core::lro::OperationPoll;
use industrydata_core::lro::OperationPollStep;
use industrydata_core::lro::Start;
use industrydata_core::lro::StartPlan;
use industrydata_core::lro::StartStep;
use industrydata_core::policy::Limits;
use industrydata_core::policy::PollingPolicy;
use industrydata_core::policy::Throttle;
use industrydata_core::wire::BaseUrl;

use crate::{Failure, by_library::Nothing, serve};

const AT: Now = Now {
    utc: Timestamp::UNIX_EPOCH,
    steady: Duration::ZERO,
};

/// Complete operations, each a start and three polls.
pub(crate) fn operations(count: u32, token: &str) -> Result<(), Failure> {
    let bench = Bench::new(token)?;
    for _ in 0..count {
        let accepted = bench.start()?;
        let mut watch = accepted.watch(PollingPolicy::every(Duration::from_millis(1)));
        for done in [false, false, true] {
            bench.poll(&mut watch, done)?;
        }
        match watch.step() {
            OperationPollStep::Done(outcome) => drop(black_box(outcome?)),
            OperationPollStep::Send(_) | OperationPollStep::Wait(_) => {
                return Err("the operation has not ended".into());
            }
        }
    }
    Ok(())
}

/// Polls of one operation that keeps running.
pub(crate) fn polls(count: u32, token: &str) -> Result<(), Failure> {
    let bench = Bench::new(token)?;
    let accepted = bench.start()?;
    let mut watch = accepted.watch(PollingPolicy::every(Duration::from_millis(1)));
    for _ in 0..count {
        bench.poll(&mut watch, false)?;
    }
    Ok(())
}

struct Bench {
    service: Service,
    tenant: Tenant,
    token: AccessToken,
    accepted: Parts,
    polled: Parts,
    running: String,
    succeeded: String,
}

impl Bench {
    fn new(token: &str) -> Result<Self, Failure> {
        let base: BaseUrl = "https://graph.microsoft.com/beta".parse()?;
        let location = format!(
            "{}/external/industryData/operations/78d47d6d-cd43-4b91-98c2-000000000001",
            base.as_str()
        );
        let head = |status, name, value: &str| {
            let mut response = Response::new(());
            *response.status_mut() = status;
            response
                .headers_mut()
                .insert(name, HeaderValue::try_from(value)?);
            Ok::<_, Failure>(response.into_parts().0)
        };
        Ok(Self {
            service: Service::new(base, "bench"),
            tenant: "contoso".parse()?,
            token: AccessToken::new(token)?,
            accepted: head(StatusCode::ACCEPTED, header::LOCATION, &location)?,
            polled: head(StatusCode::OK, header::CONTENT_TYPE, "application/json")?,
            running: serve::body(1, false),
            succeeded: serve::body(1, true),
        })
    }

    fn start(&self) -> Result<Accepted, Failure> {
        let plan = StartPlan {
            service: self.service.clone(),
            tenant: self.tenant.clone(),
            throttle: Throttle::default(),
            limits: Limits::default(),
            wait_for_slot: false,
            who: Caller::default(),
        };
        let mut start = Start::new(plan, [7; 16], AT);
        loop {
            match start.step() {
                StartStep::Book(booking) => {
                    let result = Nothing.transact(booking.change());
                    booking.booked(result, AT);
                }
                StartStep::Send(exchange) => {
                    let (request, reply) = exchange.request(&self.token, AT).ok_or("no request")?;
                    drop(black_box(request));
                    reply.answer(&self.accepted, Ok(Vec::new()), AT);
                }
                StartStep::Wait(_) => return Err("the start asks to wait".into()),
                StartStep::Done(outcome) => return Ok(outcome?),
            }
        }
    }

    /// One poll interval and one poll.
    fn poll(&self, watch: &mut OperationPoll, done: bool) -> Result<(), Failure> {
        if let OperationPollStep::Wait(mut pause) = watch.step() {
            black_box(pause.news());
            pause.over(AT);
        }
        let OperationPollStep::Send(exchange) = watch.step() else {
            return Err("a poll is due".into());
        };
        let (request, reply) = exchange.request(&self.token, AT).ok_or("no request")?;
        drop(black_box(request));
        let body = if done { &self.succeeded } else { &self.running };
        reply.answer(&self.polled, Ok(body.clone().into_bytes()), AT);
        Ok(())
    }
}
