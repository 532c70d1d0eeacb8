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
mod contract;
mod credentials;
mod doctor;
#[cfg(unix)]
mod emulated;
mod ends;
mod follow;
mod forecast;
mod human;
#[cfg(unix)]
mod interrupts;
mod keys;
mod ledger;
mod logs;
mod machine;
mod network;
#[cfg(unix)]
mod next_steps;
mod postgres;
mod reads;
#[cfg(unix)]
mod screen;
mod stage;
#[cfg(unix)]
mod tenants;
mod tokens;
mod unusable_ledger;
mod usage;
mod waits;
