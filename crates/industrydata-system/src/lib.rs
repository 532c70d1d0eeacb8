//! What the adapters of industrydata share: clocks, randomness, threads, addresses of hosts, proxy variables, trusted
//! certificates, the signer of assertions, spans and events, and how reqwest and ureq connect.
//!
//! Both adapters use these functions, so that one machine has one meaning for both. Protocol and policy are the core's.
//! Programs use `industrydata-blocking` or `industrydata-async` instead.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod chain;
mod clock;
mod lookup;
mod proxy;
#[cfg(feature = "certificate")]
mod signer;
mod thread;
mod trace;
#[cfg(feature = "rustls")]
mod trust;
#[cfg(feature = "reqwest")]
pub mod with_reqwest;
#[cfg(feature = "ureq")]
pub mod with_ureq;

#[cfg(feature = "certificate")]
pub use self::signer::{RustlsSigner, signer};
#[cfg(feature = "rustls")]
pub use self::trust::{roots, tls_error};
pub use self::{
    chain::{causes, find},
    clock::{ClientClock, any_seed, now, now_by, seed},
    lookup::{LookupError, lookup},
    proxy::proxy,
    thread::{NoThread, on_a_thread},
    trace::Trace,
};
