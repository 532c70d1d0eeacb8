//! Scripted faults: their definition in Rust and JSON, which request each one meets, and what it does to the response.

mod definition;
mod delivery;
mod header_values;
mod parse;
mod script;

pub use definition::{Fault, Lose, On};
pub use delivery::{Delivery, Ending, Served};
pub use parse::ParseFaultError;
pub(crate) use script::Script;
