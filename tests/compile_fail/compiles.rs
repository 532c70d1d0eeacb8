//! compiles
//! The correct use of what the other programs misuse.
#![deny(unused_must_use)]

use http::response::Parts;
use industrydata_core::auth::AccessToken;
use industrydata_core::ledger::Store;
use industrydata_core::lro::Machine;
use industrydata_core::lro::OperationPoll;
use industrydata_core::lro::ResumeToken;
use industrydata_core::lro::Start;
use industrydata_core::lro::Step;
use industrydata_core::lro::Transaction;
use industrydata_core::lro::Writes;
use industrydata_core::wire::TransportError;
use industrydata_core::wire::OperationUrl;
use industrydata_core::wire::Phase;
use industrydata_core::Now;

fn main() {}

pub fn start(machine: &mut Start, store: &dyn Store, token: &AccessToken, head: &Parts, now: Now) {
    match machine.step() {
        Step::Ledger(transaction, witness) => record(transaction, witness, store, now),
        Step::Send(exchange) => {
            if let Some((_, reply)) = exchange.request(token, now) {
                reply.answer(head, Ok(Vec::new()), now);
            }
        }
        Step::Wait(pause) => pause.over(now),
        Step::Done(outcome) => drop(outcome),
    }
}

fn record(transaction: Transaction<'_>, _: Writes, store: &dyn Store, now: Now) {
    let result = store.transact(transaction.change());
    transaction.done(result, now);
}

// A machine that cannot use the ledger needs no arm for it.
pub fn poll(machine: &mut OperationPoll, token: &AccessToken, now: Now) {
    match machine.step() {
        Step::Send(exchange) => {
            if let Some((_, reply)) = exchange.request(token, now) {
                reply.lost(TransportError::new(Phase::Sent, "reset"), now);
            }
        }
        Step::Wait(pause) => pause.over(now),
        Step::Done(outcome) => drop(outcome),
    }
}

pub fn tokens(url: &OperationUrl, token: &AccessToken, now: Now) -> (ResumeToken, String) {
    let base = industrydata_core::wire::BaseUrl::graph();
    (ResumeToken::new(&base, url, now.utc), format!("{token:?}"))
}

pub fn blocking(tokens: impl industrydata_blocking::TokenSource + 'static, store: impl Store + 'static) {
    drop(industrydata_blocking::Client::builder(tokens, store).build());
}

pub fn asynchronous(tokens: impl industrydata_async::TokenSource + 'static, store: impl Store + 'static) {
    drop(industrydata_async::Client::builder(tokens, store).build());
}

pub fn written(token: &ResumeToken, text: &str) -> (String, ResumeToken) {
    (serde_json::to_string(token).unwrap(), serde_json::from_str(text).unwrap())
}
