//! The emulated service through its public API, as a value in virtual time and behind a socket.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failure here ends the test"
)]

mod actions;
mod assertions;
#[cfg(feature = "certificate")]
mod certificates;
mod control;
mod delivery;
mod errors;
mod faults;
mod files;
mod fixture;
mod identities;
mod listener;
mod operations;
mod page;
mod scripted;
mod socket;
mod starts;
mod tokens;
