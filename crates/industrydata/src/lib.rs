//! Starts a Microsoft Graph *industryData* run and polls it until it ends.
//!
//! School Data Sync imports rosters every twelve hours. One POST starts an import now. The service accepts five starts
//! in twelve hours, and answers with a `Location` to poll. This crate has no code: it joins the crates of
//! the project, so that one dependency is enough.
//!
//! | feature | adds |
//! | --- | --- |
//! | `blocking` | `blocking`: the client over ureq, without an async runtime |
//! | `async` | `asynchronous`: the client over reqwest and tokio |
//! | `sqlite` | `Ledger::sqlite`: the starts in a file, shared by the processes of one machine |
//! | `postgres` | `Ledger::postgres`: the starts in a database, shared by many machines |
//! | `emulator` | `emulator`: an emulated service for tests, whose clock the clients and ledgers take ([`clock`]) |
//! | `command` (default) | tokens from a command, as in `blocking` and `asynchronous` |
//! | `rustls` (default), `rustls-no-provider`, `native-tls` | TLS, as in `blocking` and `asynchronous` |
//! | `certificate`, `azure-identity` | further credentials, as in `blocking` and `asynchronous` |
//! | `serde` | `Serialize` and `Deserialize` for the public data |
//! | `tracing` | a span of `tracing` for each call and each request of the clients |
//!
//! # A start, from one thread
//!
//! ```
//! # #[cfg(all(feature = "blocking", feature = "emulator"))] {
//! use industrydata::{blocking::{Client, FixedToken}, emulator::{Config, Emulator}, prelude::*};
//!
//! // An emulated service in this process. Without `base`, the client calls Microsoft Graph.
//! let emulator = Emulator::start(Config { speed: 1000.0, ..Config::default() })?;
//! let client = Client::builder(FixedToken::new(emulator.token())?, Ledger::memory())
//!     .base(emulator.base_url())
//!     .build()?;
//!
//! let mut poller = client.tenant("contoso")?.start()?;
//! let operation = poller.until_done()?;
//! assert_eq!(operation.status().as_str(), "succeeded");
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `asynchronous` has the same names with the same methods; `.await` is the difference.
//!
//! # Where to read on
//!
//! - How a start and its operation can end: `blocking`, or the same page of `asynchronous`.
//! - What the ledger promises, and where it may live: [`Ledger`].
//! - An adapter over another HTTP client: [`lro`].

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "async")]
pub use industrydata_async as asynchronous;
#[cfg(feature = "blocking")]
pub use industrydata_blocking as blocking;
#[cfg(feature = "emulator")]
pub use industrydata_emulator as emulator;

pub use industrydata_clock as clock;
pub use industrydata_core::{
    SignedDuration, Timestamp, auth, endpoint, ledger, lro, model, policy, reconcile, wire,
};
pub use industrydata_ledger::Ledger;

/// The names that most programs use, for either client.
pub mod prelude {
    pub use industrydata_core::{
        AccessToken, BaseUrl, Limits, Operation, PollingPolicy, Quota, Tenant, Throttle,
        lro::{OperationPollError, ResumeToken, Settings, StartError},
    };
    pub use industrydata_ledger::Ledger;
}

/// The README's example, compiled.
#[cfg(all(doctest, feature = "blocking", feature = "sqlite"))]
#[doc = include_str!("../README.md")]
struct Readme;
