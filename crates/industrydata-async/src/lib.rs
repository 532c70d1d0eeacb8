//! Starts a Microsoft Graph *industryData* run and sees it through, over reqwest and tokio.
//!
//! A run of School Data Sync is started by one POST, which the service accepts five times in twelve hours, and watched at
//! the `Location` of its answer. This crate reserves a slot in the books before the POST, sends the POST once, follows the
//! operation at a fair pace, and sends the token to nobody but the service.
//!
//! ```
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! use std::time::Duration;
//! use industrydata_async::Client;
//! use industrydata_async::FixedToken;
//! use industrydata_async::core::auth::AccessToken;
//! use industrydata_async::core::policy::PollingPolicy;
//! use industrydata_emulator::{Config, Emulator};
//! use industrydata_ledger::Ledger;
//!
//! // In place of the service: an emulated one, in this process.
//! let emulator = Emulator::start(Config { speed: 1000.0, ..Config::default() })?;
//! let tokens = FixedToken::new(AccessToken::new(emulator.token())?);
//!
//! // Ledger are asked for: `Ledger::sqlite(path)` outlives the process, `Ledger::memory()` does not.
//! let client = Client::builder(tokens, Ledger::memory())
//!     .base(emulator.base_url().parse()?)
//!     .polling(PollingPolicy::every(Duration::from_millis(50)))
//!     .build()?;
//!
//! let mut run = client.tenant("contoso")?.start().await?;
//! println!("to take up the wait elsewhere: {}", run.resume_token());
//! while let Some(progress) = run.progress().await? {
//!     println!("{}, next poll in {:?}", progress.reason(), progress.next_poll_in());
//! }
//! let operation = run.until_done().await?;
//! assert_eq!(operation.status().as_str(), "succeeded");
//!
//! let quota = client.tenant("contoso")?.quota().await?;
//! assert_eq!(quota.available(), 4);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # How a start ends
//!
//! [`TenantClient::start`] gives a [`Run`], or a [`StartError`](core::lro::StartError) that says whether a run may have started:
//!
//! | what happened | a run may have started |
//! |---|---|
//! | the books or the service have no slot; refused; not authorised; unreachable; no books; no token | no |
//! | the answer was lost, or leaves it open (5xx, an unexpected 2xx) | unknown: counted as doubt, never repeated |
//! | accepted, but with no usable `Location` | yes |
//!
//! # How a wait ends
//!
//! [`Run::until_done`] gives the operation once it has `succeeded`, or a [`OperationPollError`](core::lro::OperationPollError): the operation
//! failed, is gone, track of it was lost, the token was refused, or the time limit passed. All but the first carry a
//! [`ResumeToken`](core::lro::ResumeToken), which [`TenantClient::resume`] takes, in any process.
//!
//! # The run itself, and what the service lists
//!
//! An operation that has succeeded says nothing of the data: [`Run::follow`] finds the run that it started and watches that
//! to its own end. [`TenantClient::operations`], [`runs`](TenantClient::runs), [`statistics`](TenantClient::statistics) and
//! [`activities`](TenantClient::activities) read what the service has; [`preflight`](TenantClient::preflight) tells before
//! a slot is spent that a token may start but not watch. [`reconcile`](TenantClient::reconcile) resolves starts in doubt by
//! what is listed, [`resolve`](TenantClient::resolve) does so by hand, and [`forecast`](TenantClient::forecast) says what a
//! start now would do to the schedule. None of them starts a run. A tenant whose [`schedule`](TenantClient::schedule) is
//! known, given or from [`infer_schedule`](TenantClient::infer_schedule), has the forecast in its quota and in the result of
//! each start as well.
//!
//! # What is never done
//!
//! No redirect is followed and no start is repeated, except after a 401 with another token. After a 429 there may be a new
//! reservation with a POST of its own: once if at most 30 s were asked for, else for callers that wait for a slot. No answer is decompressed. An unencrypted base is loopback, by name and by address, and no
//! proxy sees its requests.
//!
//! # Features
//!
//! - `rustls` (default): reqwest's own choice, rustls with the provider that the process has installed, or else aws-lc-rs,
//!   and the roots of the operating system.
//! - `rustls-no-provider`: rustls with the provider that the process has installed.
//! - `native-tls`: the TLS library of the operating system.

mod books;
mod client;
mod clock;
mod command;
mod connect;
mod credentials;
mod driver;
mod follow;
mod http;
mod news;
mod reads;
mod review;
mod run;
mod stop;
mod stream;
mod tenant_client;
mod tokens;

pub use industrydata_core as core;

pub use books::{AsyncStore, StoreFuture};
pub use client::{BuildError, Client, ClientBuilder};
pub use command::CommandToken;
pub use credentials::CredentialsToken;
pub use follow::RunPoller;
pub use run::Run;
pub use stop::Stop;
pub use stream::OperationStream;
pub use tenant_client::TenantClient;
pub use tokens::{FixedToken, TokenFuture, TokenSource};
