//! The conformance list: what a misbehaving server may do, and how both adapters must react.
//!
//! A [`Scenario`] is data: what the server does at each request ([`Turn`]), what the caller does ([`Do`]), how each
//! call ends, and what the ledger counts afterwards. [`check`] plays a scenario over real loopback sockets with one
//! [`Flavour`] of client. It then checks the expectations of the scenario and the laws that hold for all of them: what
//! reached which socket, where the token went, how often a start was sent. The list itself is in [`scenarios`].
//!
//! `cargo test -p conformance` runs the list; with `-- --nocapture` it prints the counts and how far each time limit was
//! exceeded.
//!
//! [`cuts`] breaks an exchange at every byte. [`soak`] kills processes while they start runs, and compares what the
//! service accepted with the ledger.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "this package is a test: it panics on failure"
)]

mod answers;
mod check;
mod connection;
pub mod cuts;
mod deaf;
mod flavour;
mod laws;
mod played;
mod recorder;
mod scenario;
pub mod scenarios;
mod server;
pub mod soak;
mod stage;
mod tokens;
mod traces;
mod turn;

/// The reason why a soak could not be run.
pub type Failure = Box<dyn std::error::Error>;

pub use answers::{
    CONNECTOR, FLOW, OPERATION, accepted, answer, head, located, raw, status, validation,
};
pub use check::{Checked, check, check_all, check_each};
pub use deaf::Deaf;
pub use flavour::Flavour;
pub use laws::laws;
pub use played::{Played, Quotas};
pub use recorder::Recorder;
pub use scenario::{Address, Do, End, Scenario};
pub use server::{Request, Seen, Server};
pub use stage::{Stage, When};
pub use tokens::{CANARY, Given, Tokens, reveals};
pub use traces::{RecordedEvent, RecordedSpan, Traces};
pub use turn::{Act, Turn};

/// The examples of the README and of the guide, compiled, and run unless they call the real service.
#[cfg(doctest)]
mod documents {
    macro_rules! documents {
        ($($name:ident: $file:literal,)*) => {$(
            #[doc = include_str!(concat!("../../", $file))]
            struct $name;
        )*};
    }

    documents! {
        Readme: "README.md",
        GuideExitCodes: "guide/src/exit-codes.md",
        GuideInDoubt: "guide/src/in-doubt.md",
        GuideLedger: "guide/src/ledger.md",
        GuideSchedule: "guide/src/schedule.md",
        GuideTesting: "guide/src/testing.md",
        GuideEmbedding: "guide/src/embedding.md",
        GuideAdapter: "guide/src/adapter.md",
    }
}
