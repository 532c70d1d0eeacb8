//! Runs the binary with both HTTP clients, against the emulator and against servers that misbehave.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod credentials;
mod ends;
mod forecast;
mod human;
mod interrupts;
mod ledger;
mod postgres;
mod reads;
mod stage;
mod tokens;
mod unusable_ledger;
mod usage;
mod waits;
