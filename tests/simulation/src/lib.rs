//! A simulation: several clients with clocks of their own, one set of books, the emulated service and a network, in virtual
//! time and from one seed.
//!
//! - [`transitions`] makes a [`Script`] of a seed; `acts` is what each of its events does.
//! - The system: `client`, `start`, `follow` and `review` drive the core's machines as an adapter does; `books` is the
//!   store; `network`, `wire` and `front` are what lies between them and the emulated service.
//! - The model: `record` and `model` hold what truly happened beside what was told.
//! - The laws are in [`LAWS`]: `safety` has those of what may not happen, `liveness` those of what must come in the end.
//!
//! A history that breaks a law is made as short as it will go ([`shrink`]) and told as a script that can be played again.
//! What virtual time cannot show is shown elsewhere: bounds of memory and of real time in `tests/tests/bounds.rs`, bytes on
//! sockets in `tests/tests/conformance.rs`, processes that are killed and disks that fail in `docs/faults.md`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "this package is a test: what must not happen ends it"
)]

mod acts;
mod agenda;
mod books;
mod client;
mod dice;
pub mod fate;
mod fates;
mod faults;
mod follow;
mod front;
mod laws;
mod liveness;
mod model;
mod network;
mod planted;
mod record;
mod review;
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
