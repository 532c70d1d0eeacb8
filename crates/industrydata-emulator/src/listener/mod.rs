//! The service behind a loopback socket, with a clock that can be advanced.

mod connection;
mod emulator;

pub use emulator::Emulator;
