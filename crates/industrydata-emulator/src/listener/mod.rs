//! The service behind a loopback socket, with a clock that can be advanced.

mod clock;
mod connection;
mod emulator;

pub use clock::Clock;
pub use emulator::Emulator;
