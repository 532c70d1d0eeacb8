//! A deterministic simulation: several clients, each with its own clocks, share one ledger and use the emulated service
//! over a faulty network, in virtual time. One seed determines the whole history.
//!
//! - [`transitions`] makes a [`Script`] from a seed; `acts` executes its events.
//! - The system: `client`, `start`, `poll` and `reconcile` are what a client does; `drive` drives the core's machines for
//!   them, as an adapter does. `ledger` is the store of the ledger. `network`, `wire` and `front` lie between the clients
//!   and the emulated service.
//! - The model: `record` and `model` keep what truly happened and what was reported to the callers.
//! - The laws are in [`LAWS`]: `safety` checks what must never happen, `liveness` what must happen eventually.
//!
//! A history that breaks a law is shortened ([`shrink`]) and printed as a script that can be played again. Other tests
//! cover what virtual time cannot: time limits in real time in `tests/tests/bounds.rs`, bytes on sockets in
//! `tests/tests/conformance.rs`, killed processes and failing disks in `docs/faults.md`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "this package is a test: it panics on failure"
)]

mod acts;
mod agenda;
mod client;
mod dice;
mod drive;
pub mod fate;
mod fates;
mod faults;
mod front;
mod laws;
mod ledger;
mod lists;
mod liveness;
mod model;
mod network;
mod planted;
mod poll;
mod reconcile;
mod record;
mod runner;
mod safety;
pub mod script;
mod shrink;
mod sim;
mod start;
mod tally;
pub mod transitions;
mod wire;
mod world;

pub use laws::{LAWS, Law, TOTAL};
pub use planted::Planted;
pub use runner::{Found, Plan, Violation, play, run};
pub use script::Script;
pub use shrink::shrink;
pub use tally::Tally;
