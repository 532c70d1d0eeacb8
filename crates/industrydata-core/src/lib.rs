//! Starts a Microsoft Graph *industryData* run and sees it through: the protocol, the books and the machines, without I/O.
//!
//! A run of School Data Sync is started by `POST {base}/external/industryData/runs/start`. The answer is `202 Accepted`
//! with a `Location`, which is polled until the operation there has `succeeded` or `failed`. The service takes five
//! starts in twelve hours. This crate says what to send and what an answer means; `industrydata-async` and
//! `industrydata-blocking` do the sending. It reads no clock, opens no socket or file, and rolls no dice: time and a
//! seed are arguments.
//!
//! ```text
//!  Start:  Book(reserve) -> Send(POST) -> Book(settle) -> Done(Accepted)
//!                                                             |
//!  OperationPoll:  Wait(interval) <-> Send(GET)  -> Done(Operation)  <-+
//! ```
//!
//! # One run, from its start to its end
//!
//! ```
//! use std::time::Duration;
//! use http::{Response, StatusCode};
//! use industrydata_core::{auth::AccessToken, endpoint::Service, ledger::Caller, lro::{Start, StartPlan, StartStep, OperationPollStep}, policy::{Limits, PollingPolicy, Throttle}, wire::BaseUrl, Now};
//!
//! let at = |seconds: u64| {
//!     let utc = "2026-03-10T12:00:00Z".parse::<industrydata_core::Timestamp>().unwrap();
//!     Now::new(utc + Duration::from_secs(seconds), Duration::from_secs(seconds))
//! };
//! let head = |response: http::response::Builder| response.body(()).unwrap().into_parts().0;
//! let token = AccessToken::new("not-a-real-token")?;
//! let plan = StartPlan {
//!     service: Service::new(BaseUrl::graph(), "example/1.0"),
//!     tenant: "contoso".parse()?,
//!     throttle: Throttle::default(),
//!     limits: Limits::default(),
//!     wait_for_slot: false,
//!     who: Caller::default(),
//! };
//!
//! // Reserve a slot in the books (kept in one variable here), durably before anything is sent.
//! let mut books: Option<Vec<u8>> = None;
//! let mut start = Start::new(plan, [7; 16], at(0));
//! let StartStep::Book(booking) = start.step() else { panic!() };
//! let applied = booking.change().apply(books.as_deref(), at(0).utc)?;
//! books = applied.write;
//! booking.booked(Ok(applied.reply), at(0));
//!
//! // Send the POST, once.
//! let StartStep::Send(exchange) = start.step() else { panic!() };
//! let (request, reply) = exchange.request(&token, at(0)).unwrap();
//! assert_eq!(request.uri(), "https://graph.microsoft.com/beta/external/industryData/runs/start");
//! assert_eq!(request.headers()["content-length"], "0");
//! let accepted = head(Response::builder().status(StatusCode::ACCEPTED).header(
//!     "location",
//!     "https://graph.microsoft.com/beta/external/industryData/operations/171bf0b4-14e9-408f-71dd-08dcd2a15d23",
//! ));
//! reply.answer(&accepted, Ok(Vec::new()), at(1));
//!
//! // Write down that it was accepted.
//! let StartStep::Book(booking) = start.step() else { panic!() };
//! let applied = booking.change().apply(books.as_deref(), at(1).utc)?;
//! booking.booked(Ok(applied.reply), at(1));
//! let StartStep::Done(outcome) = start.step() else { panic!() };
//! let accepted = outcome?;
//! assert_eq!(accepted.quota().unwrap().available(), 4);
//!
//! // The first poll comes one interval later; the service asks for a longer pause before the second.
//! let mut watch = accepted.watch(PollingPolicy::default());
//! let OperationPollStep::Wait(pause) = watch.step() else { panic!() };
//! assert_eq!(pause.remaining(at(1)), Duration::from_secs(5));
//! pause.over(at(6));
//! let OperationPollStep::Send(exchange) = watch.step() else { panic!() };
//! let (_, reply) = exchange.request(&token, at(6)).unwrap();
//! let running = head(Response::builder().header("retry-after", "30"));
//! reply.answer(&running, Ok(br#"{"status":"running"}"#.to_vec()), at(7));
//! let OperationPollStep::Wait(pause) = watch.step() else { panic!() };
//! assert_eq!(pause.remaining(at(7)), Duration::from_secs(30));
//! pause.over(at(37));
//!
//! // It has succeeded.
//! let OperationPollStep::Send(exchange) = watch.step() else { panic!() };
//! let (_, reply) = exchange.request(&token, at(37)).unwrap();
//! reply.answer(&head(Response::builder()), Ok(br#"{"status":"succeeded"}"#.to_vec()), at(38));
//! let OperationPollStep::Done(outcome) = watch.step() else { panic!() };
//! assert!(outcome?.status().is_terminal());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # In scope
//!
//! Requests and answers of a start and its operation, the `Location` gate, `Retry-After`, errors and claims challenges,
//! the books and their window, tokens as values, OAuth 2 client credentials as one request and one answer. The reads of
//! operations, runs, statistics and activities ([`Read`]), the wait for a run itself ([`RunPoll`]), what they say of doubt
//! in the books ([`Reconciliation`]), and the schedule foreseen ([`Forecast`]).
//!
//! # Out of scope
//!
//! Sockets, TLS, redirects (never followed), clocks, files, threads, retries of a start (never made).

pub mod auth;
pub mod endpoint;
pub mod ledger;
pub mod lro;
pub mod model;
pub(crate) mod now;
pub mod policy;
pub mod reconcile;
pub(crate) mod seed;
pub(crate) mod tenant;
pub mod wire;

// The world of the tests names the crate as its users do.
#[cfg(test)]
extern crate self as industrydata_core;
#[cfg(test)]
mod words_tests;

pub use jiff::{SignedDuration, Timestamp};

pub use self::{
    auth::AccessToken,
    ledger::Quota,
    model::Operation,
    now::Now,
    policy::{Limits, PollingPolicy, Throttle},
    tenant::{Tenant, TenantError},
    wire::BaseUrl,
};
