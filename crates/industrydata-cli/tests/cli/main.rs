//! Runs the binary with both HTTP clients, against the emulator and against servers that misbehave.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod actions;
#[path = "../../../../tests/support/canary.rs"]
mod canary;
mod credentials;
mod ends;
mod follow;
mod forecast;
mod human;
mod interrupts;
mod ledger;
mod logs;
mod machine;
mod network;
mod postgres;
mod reads;
mod stage;
mod tokens;
mod unusable_ledger;
mod usage;
mod waits;
