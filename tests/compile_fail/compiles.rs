//! compiles
//! What is meant: each thing once.
#![deny(unused_must_use)]

use http::response::Parts;
use industrydata_core::{
    AccessToken, Fault, Now, OperationUrl, Phase, ResumeToken, Start, StartStep, Store, Watch, WatchStep,
};

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

pub fn watch(machine: &mut Watch, token: &AccessToken, now: Now) {
    match machine.step() {
        WatchStep::Send(exchange) => {
            if let Some((_, reply)) = exchange.request(token, now) {
                reply.lost(Fault::new(Phase::Sent, "reset"), now);
            }
        }
        WatchStep::Wait(pause) => pause.over(now),
        WatchStep::Done(outcome) => drop(outcome),
    }
}

pub fn tokens(url: &OperationUrl, token: &AccessToken, now: Now) -> (ResumeToken, String) {
    let base = industrydata_core::Base::graph();
    (ResumeToken::new(&base, url, now.utc), format!("{token:?}"))
}

pub fn blocking(tokens: impl industrydata_blocking::TokenSource + 'static, books: impl Store + 'static) {
    drop(industrydata_blocking::Client::builder(tokens, books).build());
}

pub fn asynchronous(tokens: impl industrydata_async::TokenSource + 'static, books: impl Store + 'static) {
    drop(industrydata_async::Client::builder(tokens, books).build());
}
