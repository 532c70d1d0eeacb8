//! Placeholder front page.

mod fault;

pub use fault::{BodyFault, Cause, Fault, Phase};
