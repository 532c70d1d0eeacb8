//! Starts a Microsoft Graph *industryData* run and polls it until it ends, over ureq and hyper, without an async runtime.
//!
//! One POST starts a run of School Data Sync. The service accepts five of them in twelve hours, and its answer has the
//! `Location` of an operation to poll. This crate reserves a slot in the ledger before the POST, sends the POST once,
//! polls at a fair interval, and sends the token only to the service.
//!
//! ```
//! use industrydata_blocking::{Client, FixedToken};
//! use industrydata_emulator::{Config, Emulator};
//! use industrydata_ledger::Ledger;
//!
//! // An emulated service in this process, in place of the real one.
//! let emulator = Emulator::start(Config::default())?;
//! let tokens = FixedToken::new(emulator.token())?;
//!
//! // `Ledger::sqlite(path)` outlives the process, a ledger in memory does not.
//! let client = Client::builder(tokens, Ledger::memory_with_clock(emulator.clock()))
//!     .base(emulator.base_url())
//!     .clock(emulator.clock()) // the two minutes of the operation pass at once; leave it out elsewhere
//!     .build()?;
//!
//! let mut poller = client.tenant("contoso")?.start()?;
//! println!("to resume elsewhere: {}", poller.resume_token());
//! while let Some(progress) = poller.progress()? {
//!     println!("{}, next poll in {:?}", progress.reason(), progress.next_poll_in());
//! }
//! let operation = poller.until_done()?;
//! assert_eq!(operation.status().as_str(), "succeeded");
//!
//! let quota = client.tenant("contoso")?.quota()?;
//! assert_eq!(quota.available(), 4);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # How a start ends
//!
//! [`TenantClient::start`] gives an [`OperationPoller`], or a [`StartError`](core::lro::StartError) that says whether a
//! run may have started:
//!
//! | what happened | a run may have started |
//! |---|---|
//! | no free slot; refused; not authorised; unreachable; the ledger is unusable; no token | no |
//! | the answer was lost, or leaves it open (5xx, an unexpected 2xx) | unknown: in doubt, still counted, never repeated |
//! | accepted, but with no usable `Location` | yes |
//!
//! # How its operation ends
//!
//! [`OperationPoller::until_done`] gives the operation once it has `succeeded`, or an
//! [`OperationPollError`](core::lro::OperationPollError): the operation failed, is gone or was not found, polls failed
//! for ten minutes, the token was refused, or the time limit passed. Unless the operation failed or was not found, the
//! error has a [`ResumeToken`](core::lro::ResumeToken), which [`TenantClient::resume`] accepts in any process.
//!
//! # The run, the lists and the ledger
//!
//! A succeeded operation does not mean that the data was imported. [`OperationPoller::follow`] finds its run and polls
//! the run until it ends. [`TenantClient::operations`], [`runs`](TenantClient::runs),
//! [`statistics`](TenantClient::statistics) and [`activities`](TenantClient::activities) read the lists and items of
//! the service. Before a start, [`preflight`](TenantClient::preflight) checks that the token may also poll.
//! [`reconcile`](TenantClient::reconcile) resolves starts in doubt by what the service lists,
//! [`resolve`](TenantClient::resolve) does so by hand, and [`forecast`](TenantClient::forecast) reports which scheduled
//! run a start now would cause to be skipped. None of them starts a run.
//!
//! # Tokens
//!
//! A [`TokenSource`] obtains them. [`CredentialsToken`] uses a managed identity, a workload identity, a job of GitHub
//! Actions, a certificate or a client secret, without a secret on disk where the platform allows it. [`CommandToken`] runs
//! a command. The client caches the token of each tenant, renews it before it expires, and asks for another after a
//! refusal.
//!
//! # Validations, resets and failures
//!
//! [`TenantClient::validate`] checks uploaded files before a start, and [`reset_flow`](TenantClient::reset_flow) resets a
//! provisioning flow. Each is one POST that uses no slot and is never repeated after a lost answer:
//! [`ActionError::is_in_doubt`](core::lro::ActionError::is_in_doubt). An operation that has succeeded may have
//! [`errors`](core::model::Operation::errors) in its data. After a failure, `failure_details` of a poller reads the blocking
//! error, the failed activities and the statistics.
//!
//! # What is never done
//!
//! No redirect is followed. No start is repeated, except after a 401 with another token. After a 429 there may be a new
//! reservation with a new POST: once if the service asks for at most 30 s, otherwise only for a start that waits for a
//! slot. No answer is decompressed. An unencrypted base URL must be loopback, by name and by address, and no proxy sees its requests.
//!
//! # The network
//!
//! Unless a configuration is passed, the authorities of the operating system are trusted, or those in `SSL_CERT_FILE` and
//! `SSL_CERT_DIR`; where there are none, the Mozilla roots. The proxy variables are read as curl reads them
//! ([`proxy_for`](core::wire::proxy_for)). Nothing secret is written to a logger at any level.
//!
//! # Features
//!
//! - `command` (default): [`CommandToken`], which takes tokens from a command.
//! - `rustls` (default): rustls with ring, or the provider that the process has installed. Nothing is installed.
//! - `platform-verifier`: the operating system's own verifier, to be chosen in the configuration.
//! - `rustls-no-provider`: rustls with the provider that the process has installed.
//! - `native-tls`: the TLS library of the operating system. With `rustls` too, choose it in the configuration.
//! - `certificate`: signs the assertions of a certificate credential, with ring or with the provider that the process has
//!   installed.
//! - `serde`: `Serialize` and `Deserialize` for the public data of the [core](core#the-feature-serde).
//! - `tracing`: a span of `tracing` for each call (`industrydata.start`, `.action`, `.poll`, `.follow`, `.read`, `.reconcile`,
//!   `.ledger`) and each request of it (`industrydata.request`), with OpenTelemetry's names for HTTP, and events for pauses,
//!   throttles, doubt and reconciliation. None has a token, a query or the text of an error. The exchanges of
//!   [`CredentialsToken`] are not recorded.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod certificate;
mod client;
#[cfg(feature = "command")]
mod command;
mod credentials;
mod drive;
mod endpoints;
mod http;
mod inner;
mod operation_poller;
mod run_poller;
mod stop;
mod tenant_client;
mod tokens;

pub use industrydata_core as core;
pub use industrydata_core::{
    lro::{Session, Settings},
    wire::BuildError,
};

pub use client::{Client, ClientBuilder};
#[cfg(feature = "command")]
pub use command::CommandToken;
pub use credentials::CredentialsToken;
pub use operation_poller::OperationPoller;
pub use run_poller::RunPoller;
pub use stop::Stop;
pub use tenant_client::TenantClient;
pub use tokens::{FixedToken, IntoTokenSource, TokenSource};
