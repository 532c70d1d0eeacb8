//! A ledger in a PostgreSQL database, shared by many machines.

mod certificate;
mod change_counts;
mod connect;
mod contested;
mod full;
mod options;
mod parameters;
mod passfile;
mod plan;
mod pool;
mod rows;
mod schema;
mod session;
mod shared;
mod store;
mod store_error;
mod tls;
mod transact;
mod turns;
mod url;
mod wire;

pub use self::{options::PgOptions, store::PgStore};
