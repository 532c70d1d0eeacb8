//! A ledger in a PostgreSQL database, shared by many machines.

mod change_counts;
mod connection_thread;
mod options;
mod passfile;
mod plan;
mod pool;
mod rows;
mod schema;
mod session;
mod store;
mod store_error;
mod tls;
mod transact;
mod url;

pub use self::{options::PgOptions, store::PgStore};
