//! An emulated Microsoft Graph *industryData* service: starts of runs, the operations they leave behind, the runs
//! themselves, the throttle on starts, the schedule, tokens, and faults by script.
//!
//! Two layers, of which the second is optional to use:
//!
//! - [`Service`] is a value. [`Service::serve`] takes a request and the time, and gives the answer. It has no clock, no
//!   thread, no socket and no randomness, so twelve hours pass in microseconds and every test can be run again.
//! - [`Emulator`] is a listener on 127.0.0.1 around it, with a [`Clock`] that can be advanced.
//!
//! # The value
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
//! let done = service.serve(&poll, begin + Duration::from_secs(120)).response;
//! let operation: serde_json::Value = serde_json::from_slice(done.body())?;
//! assert_eq!(operation["status"], "succeeded");
//!
//! // Four more starts are accepted; the sixth has to wait for the first to be twelve hours old.
//! for _ in 0..4 {
//!     assert_eq!(service.serve(&start, begin).response.status(), 202);
//! }
//! let throttled = service.serve(&start, begin + Duration::from_secs(3600)).response;
//! assert_eq!(throttled.status(), 429);
//! assert_eq!(throttled.headers()[header::RETRY_AFTER], "39600");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The listener, and faults
//!
//! ```
//! use std::{io::{Read, Write}, net::TcpStream};
//! use industrydata_emulator::{Config, Emulator, Fault, Lose, On};
//!
//! let emulator = Emulator::start(Config::default())?;
//! // The next start is accepted, and its answer never arrives: has a run been started or not?
//! emulator.script(Fault::on(On::Start).lose(Lose::Answer));
//!
//! let mut stream = TcpStream::connect(emulator.authority_url().trim_start_matches("http://"))?;
//! stream.write_all(b"POST /beta/external/industryData/runs/start HTTP/1.1\r\nHost: localhost\r\n\
//!     Authorization: Bearer emulator-token\r\nContent-Length: 0\r\n\r\n")?;
//! let mut answer = Vec::new();
//! stream.read_to_end(&mut answer)?;
//! assert!(answer.is_empty());
//! assert_eq!(emulator.with_service(|service| service.accepted_starts().len()), 1);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! From outside the process the same is done by the control paths, which ask for no token:
//!
//! | | |
//! |---|---|
//! | `POST /_emulator/advance` | `{"seconds": 60}` or `{"by": "12h"}` moves the clock: `Date`, window, schedule, lifetimes |
//! | `POST /_emulator/faults` | one fault or a list, see [`Fault`]; `GET` lists what is pending, `DELETE` forgets it |
//! | `POST /_emulator/revoke` | every token is revoked; `{"claims": {..}}` makes the 401 a claims challenge |
//! | `GET /_emulator/state` | clock, throttle, schedule, and how many requests there were of each kind |
//!
//! # What is not known of the real service
//!
//! The documentation leaves much open, and this crate then takes one reading, which can often be changed in [`Config`]:
//! the window slides ([`Window`]), only on-demand starts count, the skip rule includes its tenth hour, an operation ends
//! long before its run, and `resourceLocation` names the run. Where a tool must hold under another reading, a fault
//! gives it.

mod answer;
mod clock;
mod config;
mod control;
mod effects;
mod fault;
mod front;
mod ids;
mod inspect;
mod issue;
mod listener;
mod log;
mod operation;
mod page;
mod route;
mod route_facts;
mod run;
mod schedule;
mod service;
mod throttle;
mod time;
mod tokens;
mod wire;

pub use clock::Clock;
pub use config::{Client, Config, Grant, Permission, Schedule, Throttle, Window};
pub use fault::{Delivery, Ending, Fault, Lose, On, ParseFaultError, Served};
pub use listener::Emulator;
pub use log::Logged;
pub use operation::Operation;
pub use run::Run;
pub use service::{MAX_BODY, Service};
