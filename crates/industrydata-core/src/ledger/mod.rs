//! The ledger: the durable record of the starts of one base and tenant, and the pure changes made to it.
//!
//! The throttle of five starts in twelve hours needs a log of starts, not a rate. Everything in this module is a
//! function of the stored bytes, the change and the store's clock.

pub(crate) mod change;
pub(crate) mod clock;
pub(crate) mod codec;
#[cfg(feature = "serde")]
mod document;
pub(crate) mod entry;
pub(crate) mod evidence;
mod format;
pub(crate) mod json;
pub(crate) mod key;
pub(crate) mod quarantine;
pub(crate) mod quota;
pub(crate) mod refusal;
pub(crate) mod reply;
pub(crate) mod reset;
pub(crate) mod resolve;
mod rest;
pub(crate) mod schedule;
#[cfg(feature = "serde")]
pub(crate) mod serial;
pub(crate) mod settle;
pub(crate) mod start_key;
pub(crate) mod store;
pub(crate) mod store_error;
pub(crate) mod stored;
#[cfg(test)]
mod tests;
mod text;
pub(crate) mod took;
pub(crate) mod value;

pub use self::{
    change::Change,
    clock::ClockReading,
    entry::{Entry, EntryState},
    evidence::Evidence,
    key::{Caller, LedgerKey},
    quarantine::{Quarantine, reset_mark},
    quota::Quota,
    refusal::{Refusal, RefusalReason},
    reply::{Applied, StoreReply},
    reset::Reset,
    resolve::{Resolution, Unresolved},
    schedule::{Basis, Forecast, Schedule, Skip},
    settle::Outcome,
    start_key::{StartKey, StartKeyError},
    store::Store,
    store_error::StoreError,
    stored::Stored,
};
