//! Scripted faults: their definition in Rust and JSON, which request each one meets, and what it does to the response.

mod definition;
mod delivery;
mod header_values;
mod kinds;
mod parse;
mod script;

pub use definition::Fault;
pub use delivery::{Delivery, Ending, Served};
pub use kinds::{Lose, On};
pub use parse::ParseFaultError;
pub(crate) use script::Script;
