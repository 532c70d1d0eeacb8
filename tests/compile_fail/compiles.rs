//! compiles
//! What is meant: each thing once.
#![deny(unused_must_use)]

use http::response::Parts;
use industrydata_core::auth::AccessToken;
use industrydata_core::ledger::Store;
use industrydata_core::lro::ResumeToken;
use industrydata_core::lro::Start;
use industrydata_core::lro::StartStep;
use industrydata_core::lro::OperationPoll;
use industrydata_core::lro::OperationPollStep;
use industrydata_core::wire::TransportError;
use industrydata_core::wire::OperationUrl;
use industrydata_core::wire::Phase;
use industrydata_core::Now;

fn main() {}

pub fn start(machine: &mut Start, books: &dyn Store, token: &AccessToken, head: &Parts, now: Now) {
    match machine.step() {
        StartStep::Book(booking) => {
            let result = books.transact(booking.change());
            booking.booked(result, now);
        }
        StartStep::Send(exchange) => {
            if let Some((_, reply)) = exchange.request(token, now) {
                reply.answer(head, Ok(Vec::new()), now);
            }
        }
        StartStep::Wait(pause) => pause.over(now),
        StartStep::Done(outcome) => drop(outcome),
    }
}

pub fn watch(machine: &mut OperationPoll, token: &AccessToken, now: Now) {
    match machine.step() {
        OperationPollStep::Send(exchange) => {
            if let Some((_, reply)) = exchange.request(token, now) {
                reply.lost(TransportError::new(Phase::Sent, "reset"), now);
            }
        }
        OperationPollStep::Wait(pause) => pause.over(now),
        OperationPollStep::Done(outcome) => drop(outcome),
    }
}

pub fn tokens(url: &OperationUrl, token: &AccessToken, now: Now) -> (ResumeToken, String) {
    let base = industrydata_core::wire::BaseUrl::graph();
    (ResumeToken::new(&base, url, now.utc), format!("{token:?}"))
}

pub fn blocking(tokens: impl industrydata_blocking::TokenSource + 'static, books: impl Store + 'static) {
    drop(industrydata_blocking::Client::builder(tokens, books).build());
}

pub fn asynchronous(tokens: impl industrydata_async::TokenSource + 'static, books: impl Store + 'static) {
    drop(industrydata_async::Client::builder(tokens, books).build());
}
