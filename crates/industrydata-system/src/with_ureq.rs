//! Connections of ureq, and requests on them by hyper on the calling thread.
//!
//! ureq's own requests are not used: it logs them byte by byte, and takes answers that break off.

mod config;
mod dial;
mod exchange;
mod stoppable;

pub use self::{config::config, dial::Dialer, exchange::Exchange, stoppable::Stoppable};
