//! The conformance list: what a misbehaving server may do, and what both adapters must make of it.
//!
//! A [`Scenario`] is data: what the server does at each request ([`Turn`]), what the caller does ([`Do`]), how each
//! call ends, and what the books say afterwards. [`check`] plays it over real loopback sockets with one [`Flavour`] of
//! client, and holds every played scenario to the same laws: what reached which socket, where the token went, how
//! often a start was sent. The list itself is in [`scenarios`].
//!
//! `cargo test -p conformance` runs it; with `-- --nocapture` it tells the counts, and how far each limit was overrun.
//!
//! [`cuts`] is every place at which an exchange can break, [`soak`] is the other half: processes that are killed while they start runs, and their history held against the books.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "this package is a test: what must not happen ends it"
)]

mod answers;
mod books;
mod check;
mod connection;
pub mod cuts;
mod deaf;
mod flavour;
mod laws;
mod played;
mod scenario;
pub mod scenarios;
mod server;
pub mod soak;
mod stage;
mod tokens;
mod turn;

/// What a soak ends with when it could not be done.
pub type Failure = Box<dyn std::error::Error>;

pub use answers::{OPERATION, accepted, answer, head, located, raw, status};
pub use books::Recorder;
pub use check::{Checked, check, check_all, check_each};
pub use deaf::Deaf;
pub use flavour::Flavour;
pub use laws::laws;
pub use played::{Played, Quotas};
pub use scenario::{Address, Do, End, Scenario};
pub use server::{Request, Seen, Server};
pub use stage::{Stage, When};
pub use tokens::{CANARY, Given, Tokens};
pub use turn::{Act, Turn};
