//! A ledger in a PostgreSQL database, shared by many machines.

mod fault;
mod keeper;
mod memory;
mod options;
mod owner;
mod passfile;
mod plan;
mod pool;
mod rows;
mod schema;
mod session;
mod store;
mod tls;
mod url;

pub use self::{options::PgOptions, store::PgStore};
