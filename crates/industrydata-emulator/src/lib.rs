//! An emulated Microsoft Graph *industryData* service for tests. It accepts starts of runs, validations of data connectors
//! and resets of provisioning flows, lets clients poll the operations and runs that follow, and emulates the throttle on
//! starts, the schedule, tokens and scripted faults.
//!
//! Use one of two layers:
//!
//! - [`Service`] is a plain value. [`Service::serve`] takes a request and the time and returns the response. It has no
//!   clock, thread, socket or randomness, so twelve hours pass in microseconds and a test can be repeated exactly.
//! - [`Emulator`] serves the same requests on 127.0.0.1, with a [`Clock`] that can be advanced.
//!
//! # The service as a value
//!
//! ```
//! use std::time::Duration;
//! use http::{Request, header};
//! use industrydata_emulator::{Config, Service};
//! use jiff::Timestamp;
//!
//! let begin: Timestamp = "2026-01-15T08:00:00Z".parse()?;
//! let mut service = Service::new(Config::default(), begin);
//! let start = Request::post("/beta/external/industryData/runs/start")
//!     .header(header::AUTHORIZATION, "Bearer emulator-token")
//!     .header(header::CONTENT_LENGTH, 0)
//!     .body(Vec::new())?;
//!
//! let accepted = service.serve(&start, begin).response;
//! assert_eq!(accepted.status(), 202);
//! let location = accepted.headers()[header::LOCATION].to_str()?;
//!
//! let poll = Request::get(location).header(header::AUTHORIZATION, "Bearer emulator-token").body(Vec::new())?;
//! let polled = service.serve(&poll, begin + Duration::from_secs(120)).response;
//! let operation: serde_json::Value = serde_json::from_slice(polled.body())?;
//! assert_eq!(operation["status"], "succeeded");
//!
//! // The service accepts four more starts. The sixth has to wait until the first is twelve hours old.
//! for _ in 0..4 {
//!     assert_eq!(service.serve(&start, begin).response.status(), 202);
//! }
//! let throttled = service.serve(&start, begin + Duration::from_secs(3600)).response;
//! assert_eq!(throttled.status(), 429);
//! assert_eq!(throttled.headers()[header::RETRY_AFTER], "39600");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The listener and its faults
//!
//! ```
//! use std::{io::{Read, Write}, net::TcpStream};
//! use industrydata_emulator::{Config, Emulator, Fault, Lose, On};
//!
//! let emulator = Emulator::start(Config::default())?;
//! // The service accepts the next start, but its response is lost. The client cannot know whether a run was started.
//! emulator.script(Fault::on(On::Start).lose(Lose::Answer));
//!
//! let mut stream = TcpStream::connect(emulator.authority_url().trim_start_matches("http://"))?;
//! stream.write_all(b"POST /beta/external/industryData/runs/start HTTP/1.1\r\nHost: localhost\r\n\
//!     Authorization: Bearer emulator-token\r\nContent-Length: 0\r\n\r\n")?;
//! let mut response = Vec::new();
//! stream.read_to_end(&mut response)?;
//! assert!(response.is_empty());
//! assert_eq!(emulator.with_service(|service| service.accepted_starts().len()), 1);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Credentials
//!
//! The emulator plays every exchange that obtains a token. It issues JWTs with `tid`, `appid`, `roles` and `exp`, and the
//! service accepts exactly those that are still valid by its clock.
//!
//! | Request | What is checked |
//! |---|---|
//! | `POST /{tenant}/oauth2/v2.0/token` | the form, the tenant, the application, and its secret or its assertion; errors have a code of Entra |
//! | `GET /metadata/identity/oauth2/token` | `Metadata: true`, no `X-Forwarded-For`, the version, the resource and the chosen [`Identity`] |
//! | `GET /msi/token` | the same for an app, whose `X-IDENTITY-HEADER` is the current secret |
//! | `GET /github/token` | the bearer token of the job; the `audience` is that of the assertion |
//!
//! An assertion is refused unless its audience, issuer and subject fit and the clock is between its `nbf` and `exp`. One that the
//! application signs needs the thumbprint of an uploaded certificate, a signature by its key (PS256 or RS256, feature
//! `certificate`), an end at most ten minutes ahead, and a `jti` that was not used before. See [`FederatedCredential`] for
//! those of other issuers.
//!
//! A platform keeps the token of an identity until half of its life is over, so a token that was revoked comes again.
//!
//! ```
//! use industrydata_emulator::{Client, Config, Emulator, Fault, On};
//! use std::time::Duration;
//!
//! let client = Client { token_lifetime: Duration::from_secs(10), ..Client::default() };
//! let emulator = Emulator::start(Config { client, ..Config::default() })?;
//! // The environment of a program that runs on App Service, for the test to set.
//! let environment = [
//!     ("IDENTITY_ENDPOINT", emulator.identity_endpoint()),
//!     ("IDENTITY_HEADER", emulator.identity_header()),
//! ];
//! // The platform is busy twice, and then changes the secret.
//! emulator.script(Fault::on(On::Identity).times(2).status(503));
//! emulator.script(Fault::on(On::Identity).rotate());
//! // The next request to the token endpoint is refused: the secret has expired.
//! emulator.script(Fault::on(On::Token).aadsts(7_000_222));
//! # assert!(environment[0].1.ends_with("/msi/token"));
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Control paths
//!
//! Another process controls the emulator by these paths. They need no token.
//!
//! | Request | Effect |
//! |---|---|
//! | `POST /_emulator/advance` | `{"seconds": 60}` or `{"by": "12h"}` advances the clock, and with it `Date`, the window, the schedule and token lifetimes |
//! | `POST /_emulator/faults` | scripts one [`Fault`] or a list of them |
//! | `GET /_emulator/faults` | lists the pending faults |
//! | `DELETE /_emulator/faults` | removes the pending faults |
//! | `POST /_emulator/revoke` | revokes every token; with `{"claims": {..}}`, the 401 is a claims challenge |
//! | `POST /_emulator/rotate` | replaces the secret of `IDENTITY_HEADER`, and returns the new one as `identity_header` |
//! | `GET /`, `GET /_emulator/` | a status page for a browser: slots, operations, runs and requests, with buttons for time and faults |
//! | `GET /_emulator/state` | returns the clock, the throttle, the schedule, the accepted starts of each caller, the number of requests for each endpoint, and the most recent operations, runs, requests and faults |
//!
//! A control request that did not come from a program of this machine gets 403: its `Host` is a loopback name
//! (`localhost`, 127.0.0.0/8, `[::1]`), it has no foreign `Origin`, and its body is of the type `application/json`.
//!
//! # Assumptions about the real service
//!
//! Where the documentation is silent, this crate assumes:
//!
//! - the window of the throttle slides (change it with [`Window`]);
//! - only on-demand starts count towards the throttle;
//! - a start exactly ten hours before a scheduled run still causes that run to be skipped;
//! - an operation ends long before its run, and its `resourceLocation` names the run;
//! - an assertion of a certificate or of a GitHub job is accepted once, and those of a token file until they expire;
//! - a validation and a reset use no slot, and a reset is answered without a `Location` (change it with [`Flow`]).
//!
//! To test another assumption, change the [`Config`] or script a [`Fault`].

#![cfg_attr(docsrs, feature(doc_cfg))]

mod certificate;
mod config;
mod entra;
mod fault;
mod graph;
mod listener;
mod model;
mod platform;
mod service;
mod time;

pub use config::{
    Client, Config, Connector, FederatedCredential, Flow, Grant, Identity, Permission, Schedule,
    Throttle, Window,
};
pub use fault::{Delivery, Ending, Fault, Lose, On, ParseFaultError, Served};
pub use industrydata_clock::ManualClock as Clock;
pub use listener::Emulator;
pub use model::{Logged, Operation, Run};
pub use service::{MAX_BODY, Service};
