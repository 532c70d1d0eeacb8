//! The core alone: its machines, fed with fixed responses, without I/O.

use std::{hint::black_box, time::Duration};

use http::{HeaderValue, Response, StatusCode, header, response::Parts};
use industrydata_core::Now;
use industrydata_core::Timestamp;
use industrydata_core::auth::AccessToken;
use industrydata_core::ledger::{Caller, Change, LedgerKey, Outcome, Store};
use industrydata_core::lro::Accepted;
use industrydata_core::lro::Machine;
use industrydata_core::lro::OperationPoll;
use industrydata_core::lro::Session;
use industrydata_core::lro::Settings;
use industrydata_core::lro::Step;
use industrydata_core::policy::{PollingPolicy, Throttle};
use industrydata_core::wire::BaseUrl;

use crate::{
    Failure,
    by_library::{Same, TENANT},
    serve,
};

const AT: Now = Now {
    utc: Timestamp::UNIX_EPOCH,
    steady: Duration::ZERO,
};

/// Complete operations, each a start and three polls.
pub(crate) fn operations(count: u32, token: &str, ledger: Same) -> Result<(), Failure> {
    let bench = Bench::new(token, ledger)?;
    for _ in 0..count {
        let accepted = bench.start()?;
        let mut poll = accepted.poll(PollingPolicy::every(Duration::from_millis(1)));
        for done in [false, false, true] {
            bench.poll(&mut poll, done)?;
        }
        let Step::Done(outcome) = poll.step() else {
            return Err("the operation has not ended".into());
        };
        drop(black_box(outcome?));
    }
    Ok(())
}

/// Polls of one operation that keeps running.
pub(crate) fn polls(count: u32, token: &str, ledger: Same) -> Result<(), Failure> {
    let bench = Bench::new(token, ledger)?;
    let accepted = bench.start()?;
    let mut poll = accepted.poll(PollingPolicy::every(Duration::from_millis(1)));
    for _ in 0..count {
        bench.poll(&mut poll, false)?;
    }
    Ok(())
}

/// Reservations and their outcomes alone.
pub(crate) fn changes(count: u32, ledger: &Same) -> Result<(), Failure> {
    let key = LedgerKey::new(&BaseUrl::graph(), &TENANT.parse()?);
    let (throttle, lease) = (Throttle::default(), Duration::from_secs(150));
    for _ in 0..count {
        let id = [0xa5; 16];
        let reserve = Change::reserve(key.clone(), throttle, id, lease, Caller::default());
        let confirmed = Outcome::Confirmed {
            date: Timestamp::now(),
            operation: Some(serve::id(9)),
        };
        for change in [
            reserve,
            Change::settle(key.clone(), throttle, id, confirmed),
        ] {
            drop(black_box(ledger.transact(&change)?));
        }
    }
    Ok(())
}

struct Bench {
    session: Session,
    ledger: Same,
    token: AccessToken,
    accepted: Parts,
    polled: Parts,
    running: String,
    succeeded: String,
}

impl Bench {
    fn new(token: &str, ledger: Same) -> Result<Self, Failure> {
        let base = BaseUrl::graph();
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
            session: Settings::default().session(TENANT.parse()?, "bench"),
            ledger,
            token: AccessToken::new(token)?,
            accepted: head(StatusCode::ACCEPTED, header::LOCATION, &location)?,
            polled: head(StatusCode::OK, header::CONTENT_TYPE, "application/json")?,
            running: serve::body(1, false),
            succeeded: serve::body(1, true),
        })
    }

    fn start(&self) -> Result<Accepted, Failure> {
        let mut start = self.session.start([7; 16], AT);
        loop {
            match start.step() {
                Step::Ledger(transaction, _) => {
                    let result = self.ledger.transact(transaction.change());
                    transaction.done(result, AT);
                }
                Step::Send(exchange) => {
                    let (request, reply) = exchange.request(&self.token, AT).ok_or("no request")?;
                    drop(black_box(request));
                    reply.answer(&self.accepted, Ok(Vec::new()), AT);
                }
                Step::Wait(_) => return Err("the start asks to wait".into()),
                Step::Done(outcome) => return Ok(outcome?),
            }
        }
    }

    /// One poll interval and one poll.
    fn poll(&self, poll: &mut OperationPoll, done: bool) -> Result<(), Failure> {
        if let Step::Wait(mut pause) = poll.step() {
            black_box(pause.progress());
            pause.over(AT);
        }
        let Step::Send(exchange) = poll.step() else {
            return Err("a poll is due".into());
        };
        let (request, reply) = exchange.request(&self.token, AT).ok_or("no request")?;
        drop(black_box(request));
        let body = if done { &self.succeeded } else { &self.running };
        reply.answer(&self.polled, Ok(body.clone().into_bytes()), AT);
        Ok(())
    }
}
