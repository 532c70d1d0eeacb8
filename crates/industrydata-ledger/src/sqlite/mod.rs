//! A ledger in an SQLite file, shared by the threads and processes of one machine.

mod connect;
mod ledger_file;
#[cfg(test)]
mod lost_commit;
mod options;
mod permissions;
mod place;
mod reset;
mod session;
mod store;
mod store_error;
mod tables;
#[cfg(test)]
mod tests;
mod timed_mutex;

pub use self::{options::SqliteOptions, store::SqliteStore};
