//! A ledger in an SQLite file, shared by the threads and processes of one machine.

mod connect;
mod fault;
mod guard;
mod keeper;
mod options;
mod place;
mod reset;
mod session;
mod store;
mod tables;
#[cfg(test)]
mod tests;
mod turn;

pub use self::{options::SqliteOptions, store::SqliteStore};
