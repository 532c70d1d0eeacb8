//! The binary itself, in both flavours, against the emulator and against servers that misbehave.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod books;
mod ends;
mod forecast;
mod human;
mod interrupts;
mod ledger;
mod postgres;
mod reads;
mod stage;
mod tokens;
mod usage;
mod waits;
