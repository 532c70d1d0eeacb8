//! The binary itself, in both flavours, against the emulator and against servers that misbehave.

mod books;
mod ends;
mod human;
mod interrupts;
mod stage;
mod tokens;
mod usage;
mod waits;
