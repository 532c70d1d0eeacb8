//! The books: a log of the starts that count, and the pure changes made to it.
//!
//! Five starts in twelve hours is a log, not a rate: a few entries with times are its exact state. Everything here is
//! a function of the stored bytes, the change and the store's clock.

mod change;
pub(crate) mod codec;
mod entry;
mod evidence;
mod key;
mod matching;
mod quota;
mod reconcile;
mod resolve;
mod settle;
#[cfg(test)]
mod tests;
mod value;
mod verdict;

pub use change::Change;
pub use entry::{Entry, EntryState};
pub use evidence::Evidence;
pub use key::{BooksKey, Who};
pub use quota::Quota;
pub use reconcile::{Finding, Listed, Reconciliation};
pub use resolve::{Resolution, Unresolved};
pub use settle::Outcome;
pub use verdict::{Applied, Refusal, RefusalReason, Verdict};

pub(crate) use value::MARGIN;
