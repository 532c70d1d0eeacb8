//! The emulated service through its public face, as a value in virtual time and behind a socket.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should stop"
)]

mod bench;
mod control;
mod delivery;
mod errors;
mod faults;
mod listener;
mod operations;
mod scripts;
mod socket;
mod starts;
mod tokens;
