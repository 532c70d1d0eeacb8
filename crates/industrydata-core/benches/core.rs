//! The parts of an operation in the core, one at a time: `cargo bench --package industrydata-core`.
//!
//! Times of one machine are for comparison before and after a change. What is promised is counted in instructions by
//! `cargo xtask bench`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "a bench may panic"
)]

use std::{hint::black_box, time::Duration};

use divan::Bencher;
use http::{HeaderMap, HeaderValue, header};
use industrydata_core::{
    Now, Timestamp,
    auth::AccessToken,
    ledger::{Caller, Change, LedgerKey, Outcome},
    lro::{Machine, Session, Settings, Step},
    model::Operation,
    policy::Throttle,
    wire::{BaseUrl, OperationUrl, http_date},
};

const AT: Now = Now {
    utc: Timestamp::UNIX_EPOCH,
    steady: Duration::ZERO,
};
const ID: &str = "78d47d6d-cd43-4b91-98c2-000000000001";

fn main() {
    divan::main();
}

fn session() -> Session {
    Settings::default().session("contoso".parse().unwrap(), "bench")
}

/// The request of a poll.
#[divan::bench]
fn request(bencher: Bencher<'_, '_>) {
    let token = AccessToken::new(&"t".repeat(1200)).unwrap();
    let url = OperationUrl::from_id(&BaseUrl::graph(), ID).unwrap();
    let session = session();
    bencher
        .with_inputs(|| session.poll(url.clone(), [7; 16], AT))
        .bench_local_values(|mut poll| {
            let Step::Send(exchange) = poll.step() else {
                panic!("the first step of a poll is a request");
            };
            black_box(exchange.request(&token, AT).unwrap().0)
        });
}

/// A body on one line, as Graph sends it, and one that its reader leaves to the library.
#[divan::bench(args = ["flat", "nested"])]
fn body(bencher: Bencher<'_, '_>, form: &str) {
    let more = if form == "nested" {
        ",\"errors\":[]"
    } else {
        ""
    };
    let body = format!(
        "{{\"@odata.context\":\"https://graph.microsoft.com/beta/$metadata#external/industryData/operations/$entity\",\
         \"@odata.type\":\"#microsoft.graph.longRunningOperation\",\"id\":\"{ID}\",\
         \"createdDateTime\":\"2026-03-10T12:00:00Z\",\"lastActionDateTime\":\"2026-03-10T12:00:05Z\",\
         \"status\":\"running\",\"statusDetail\":null{more}}}"
    );
    let label = b"application/json".as_slice();
    bencher.bench(|| Operation::decode(Some(label), black_box(body.as_bytes())).unwrap());
}

/// A `Location` as documented, and one that takes the whole gate.
#[divan::bench(args = ["/", "/%37"])]
fn location(bencher: Bencher<'_, '_>, before: &str) {
    let base = BaseUrl::graph();
    let value = format!(
        "{}/external/industryData/operations{before}{ID}",
        base.as_str()
    );
    let mut headers = HeaderMap::new();
    headers.insert(header::LOCATION, HeaderValue::try_from(value).unwrap());
    bencher.bench(|| OperationUrl::from_headers(&base, black_box(&headers)).unwrap());
}

fn key() -> LedgerKey {
    LedgerKey::new(&BaseUrl::graph(), &"contoso".parse().unwrap())
}

fn reserve(id: u8) -> Change {
    let lease = Duration::from_secs(150);
    let caller = Caller {
        host: Some("sync-worker-3".to_owned()),
        process: Some(4711),
        label: None,
    };
    Change::reserve(key(), Throttle::default(), [id; 16], lease, caller)
}

/// A stored ledger with confirmed starts.
fn stored(count: u8) -> Option<Vec<u8>> {
    let mut stored = None;
    for id in 0..count {
        let confirmed = Outcome::Confirmed {
            date: AT.utc,
            operation: Some(ID.to_owned()),
        };
        let settle = Change::settle(key(), Throttle::default(), [id; 16], confirmed);
        for change in [reserve(id), settle] {
            stored = change.apply(stored.as_deref(), AT.utc).unwrap().write;
        }
    }
    stored
}

#[divan::bench(args = [0, 1, 4])]
fn ledger_read(bencher: Bencher<'_, '_>, entries: u8) {
    let stored = stored(entries);
    let change = Change::read(key(), Throttle::default());
    bencher.bench(|| change.apply(black_box(stored.as_deref()), AT.utc).unwrap());
}

/// Reads, adds a reservation, and writes.
#[divan::bench(args = [0, 1, 4])]
fn ledger_write(bencher: Bencher<'_, '_>, entries: u8) {
    let stored = stored(entries);
    let change = reserve(0xa5);
    bencher.bench(|| change.apply(black_box(stored.as_deref()), AT.utc).unwrap());
}

#[divan::bench(args = ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"])]
fn date(bencher: Bencher<'_, '_>, text: &str) {
    bencher.bench(|| http_date(black_box(text.as_bytes()), AT.utc).unwrap());
}
