//! Runs the binary with both HTTP clients, against the emulator and against servers that misbehave.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod contract;
mod ends;
mod forecast;
mod human;
#[cfg(unix)]
mod interrupts;
mod ledger;
mod postgres;
mod reads;
#[cfg(unix)]
mod screen;
mod stage;
mod tokens;
mod unusable_ledger;
mod usage;
mod waits;
