//! Starts a Microsoft Graph *industryData* run and polls it until it ends, without I/O.
//!
//! School Data Sync imports data every twelve hours, and [`POST
//! {base}/external/industryData/runs/start`](https://learn.microsoft.com/graph/api/industrydata-industrydatarun-start)
//! starts an import now. The service answers `202 Accepted` with the `Location` of an operation, and accepts five
//! starts in twelve hours. This crate holds the protocol, the ledger of starts and the state machines. It decides what
//! to send and what an answer means. It opens no socket or file and reads no clock. To start a run in a program, use
//! `industrydata-blocking` or `industrydata-async`, which send the requests.
//!
//! # What a program meets
//!
//! | type | what it is |
//! | --- | --- |
//! | [`Tenant`], [`BaseUrl`], [`AccessToken`] | what a client is given; each converts from text, and refuses what cannot be used |
//! | [`Settings`], [`PollingPolicy`], [`Limits`], [`Throttle`] | how it polls, and how long it may take |
//! | [`Operation`], [`IndustryDataRun`] | what the service has: the operation of a start, and its run |
//! | [`Quota`] | what is left of the five starts |
//! | [`StartError`], [`OperationPollError`], [`ReadError`] | how a call fails, whether a run may have started, and what to do |
//! | [`ResumeToken`] | text with which another process goes on |
//!
//! ```
//! use std::time::Duration;
//! use industrydata_core::{BaseUrl, PollingPolicy, ResumeToken, Settings, Tenant};
//!
//! let settings = Settings::default().base("https://gateway.example/beta".parse()?).polling(Duration::from_secs(30));
//! assert_eq!(settings.base_url().as_str(), "https://gateway.example/beta");
//! assert!(Tenant::try_from("contoso").is_ok() && BaseUrl::try_from("gateway.example").is_err());
//! assert!(ResumeToken::try_from("not a token").is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Which module is for whom
//!
//! | you | modules |
//! | --- | --- |
//! | use a client | [`model`]: operations and runs. [`auth`]: tokens. [`ledger`]: quota and entries. [`policy`]: pace and limits. |
//! | write an adapter over an HTTP client | [`lro`]: the state machines, one step at a time. [`wire`]: URLs and errors. |
//! | write a store | [`ledger`]: the trait `Store` and the changes it applies. |
//! | read another endpoint | [`endpoint`]: the trait `Endpoint` and the endpoints of this crate. |
//! | resolve starts in doubt | [`reconcile`]: what the service lists, compared with the ledger. |
//!
//! ```text
//!                  start                                 operation poller
//!  reserve a slot -> POST -> record the outcome  ->  wait -> GET -> wait -> GET ... -> done
//!     (ledger)                  (ledger)             (poll interval)
//! ```
//!
//! # One start, from reservation to success
//!
//! A machine lends one step at a time. The caller carries out the step and hands back its result.
//!
//! ```
//! use std::time::Duration;
//! use http::{Response, StatusCode};
//! use industrydata_core::{auth::AccessToken, endpoint::Service, ledger::Caller, lro::{Machine, Start, StartPlan, Step}, policy::{Limits, PollingPolicy, Throttle}, wire::BaseUrl, Now};
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
//!     caller: Caller::default(),
//! };
//!
//! // Reserve a slot in the ledger before anything is sent. Here the ledger is a variable; a real store is durable.
//! let mut ledger: Option<Vec<u8>> = None;
//! let mut start = Start::new(plan, [7; 16], at(0));
//! let Step::Ledger(transaction, _) = start.step() else { panic!() };
//! let applied = transaction.change().apply(ledger.as_deref(), at(0).utc)?;
//! ledger = applied.write;
//! transaction.done(Ok(applied.reply), at(0));
//!
//! // Send the POST once.
//! let Step::Send(exchange) = start.step() else { panic!() };
//! let (request, reply) = exchange.request(&token, at(0)).unwrap();
//! assert_eq!(request.uri(), "https://graph.microsoft.com/beta/external/industryData/runs/start");
//! assert_eq!(request.headers()["content-length"], "0");
//! let accepted = head(Response::builder().status(StatusCode::ACCEPTED).header(
//!     "location",
//!     "https://graph.microsoft.com/beta/external/industryData/operations/171bf0b4-14e9-408f-71dd-08dcd2a15d23",
//! ));
//! reply.answer(&accepted, Ok(Vec::new()), at(1));
//!
//! // Record in the ledger that the start was accepted.
//! let Step::Ledger(transaction, _) = start.step() else { panic!() };
//! let applied = transaction.change().apply(ledger.as_deref(), at(1).utc)?;
//! transaction.done(Ok(applied.reply), at(1));
//! let Step::Done(outcome) = start.step() else { panic!() };
//! let accepted = outcome?;
//! assert_eq!(accepted.quota().unwrap().available(), 4);
//!
//! // The first poll comes after one interval. The service asks for a longer one before the second.
//! let mut poll = accepted.poll(PollingPolicy::default());
//! let Step::Wait(pause) = poll.step() else { panic!() };
//! assert_eq!(pause.remaining(at(1)), Duration::from_secs(5));
//! pause.over(at(6));
//! let Step::Send(exchange) = poll.step() else { panic!() };
//! let (_, reply) = exchange.request(&token, at(6)).unwrap();
//! let running = head(Response::builder().header("retry-after", "30"));
//! reply.answer(&running, Ok(br#"{"status":"running"}"#.to_vec()), at(7));
//! let Step::Wait(pause) = poll.step() else { panic!() };
//! assert_eq!(pause.remaining(at(7)), Duration::from_secs(30));
//! pause.over(at(37));
//!
//! // The operation has succeeded.
//! let Step::Send(exchange) = poll.step() else { panic!() };
//! let (_, reply) = exchange.request(&token, at(37)).unwrap();
//! reply.answer(&head(Response::builder()), Ok(br#"{"status":"succeeded"}"#.to_vec()), at(38));
//! let Step::Done(outcome) = poll.step() else { panic!() };
//! assert!(outcome?.status().is_terminal());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # In scope
//!
//! - the requests and answers of a start, of its operation, and of the lists of operations and runs
//! - validations of data connectors and resets of provisioning flows, which use no slot
//! - the checks of a `Location`, `Retry-After`, error bodies and claims challenges
//! - the ledger: reservations, the throttle, and the evidence that resolves a start in doubt
//! - tokens as values, and the exchanges that obtain them: secrets, certificates, managed identities and others
//! - the forecast of the next scheduled run
//!
//! # Out of scope
//!
//! - sockets, TLS, clocks, files and threads, which adapters and stores have
//! - redirects, which are never followed
//! - a repeat of a start that the service may have accepted: no machine makes one
//!
//! # The feature `serde`
//!
//! | types | as |
//! | --- | --- |
//! | [`Operation`], [`model::IndustryDataRun`], [`model::RunStatistics`] and what they hold | objects with the names and values of Microsoft Graph, read as an answer of the service is read. Members that this release does not know are kept, also those of an answer. A number beyond the range of an `f64` keeps none. |
//! | [`Tenant`], [`BaseUrl`], [`ledger::StartKey`], [`lro::ResumeToken`] | text, read by the same check as by `FromStr`, with the same error |
//! | [`Quota`], [`ledger::Entry`], [`ledger::Forecast`], [`reconcile::RunMatch`], [`reconcile::FailureDetails`] and others | objects whose names are in snake case. What follows from a quota, such as `available`, is written and not read. |
//! | [`lro::Settings`], [`Limits`], [`PollingPolicy`], [`Throttle`] | the same; each member may be left out, and an unknown one is an error |
//!
//! Times are in the format of RFC 3339. Durations are text such as `30s`, `12h` or `1h 30m`; ISO 8601 (`PT12H`) is read too. A
//! member that ends with `_ms` is a number of milliseconds. The state of an entry is spelt as in the ledger: `reserved`,
//! `confirmed`, `released`, `unknown` (in doubt), `seen` (external).
//!
//! Tokens, credentials, machines, sessions, steps and errors have neither trait. A [`wire::OperationUrl`] has neither
//! because it is checked against a base URL: keep a resume token instead.
//!
//! Each rule of the protocol has its reason and its source in `docs/protocol.md` of the repository.

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod auth;
pub mod endpoint;
pub mod ledger;
pub mod lro;
pub mod model;
pub(crate) mod now;
pub mod policy;
pub mod reconcile;
pub(crate) mod seed;
#[cfg(feature = "serde")]
pub(crate) mod serial;
pub(crate) mod tenant;
pub mod wire;

// A test module that is shared with `tests/` names the crate as its users do.
#[cfg(test)]
extern crate self as industrydata_core;
#[cfg(test)]
#[cfg(feature = "serde")]
mod serial_tests;
#[cfg(test)]
mod words_tests;

pub use jiff::{SignedDuration, Timestamp};

#[doc(inline)]
pub use self::{
    auth::AccessToken,
    ledger::Quota,
    lro::{OperationPollError, ReadError, ResumeToken, Settings, StartError},
    model::{IndustryDataRun, Operation},
    now::{Deadline, Now},
    policy::{Limits, PollingPolicy, Throttle},
    tenant::{Tenant, TenantError},
    wire::BaseUrl,
};
