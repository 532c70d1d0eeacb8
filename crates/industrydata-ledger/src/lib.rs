//! Stores for the ledger of *industryData* starts, in memory, SQLite or PostgreSQL.
//!
//! The service takes five starts in twelve hours and does not report how many are left. A ledger counts them: a start
//! is reserved *before* it is made, and its outcome is written after. The rules are in [`industrydata_core`]; this
//! crate keeps the bytes.
//!
//! | store | lives in | shared by | outlives the program |
//! | --- | --- | --- | --- |
//! | [`MemoryStore`] | memory | its clones | no |
//! | [`SqliteStore`] (feature `sqlite`, on by default) | a file on a local disk | all processes of one machine | yes |
//! | `PgStore` (feature `postgres`) | a PostgreSQL database | all processes of many machines | yes |
//! | [`Ledger`] | any of these, or your own [`Store`] | as that one | as that one |
//!
//! [`LedgerPlace::parse`] reads a text that says where a ledger is, such as an option or a variable.
//!
//! A client of `industrydata-async` or `industrydata-blocking` takes any of them. They also work alone:
//!
//! ```
//! use std::time::Duration;
//! use industrydata_core::{ledger::{LedgerKey, Change, Outcome, Caller}, policy::Throttle, wire::BaseUrl};
//! use industrydata_ledger::{Ledger, Store};
//!
//! let ledger = Ledger::memory(); // one that outlives this process: Ledger::sqlite("/var/lib/school/ledger.sqlite3")?
//! let key = LedgerKey::new(&BaseUrl::graph(), &"contoso".parse()?);
//! let (throttle, lease) = (Throttle::default(), Duration::from_secs(150));
//!
//! // Five starts get a slot, each under another id ...
//! for id in 1..=5 {
//!     let reply = ledger.transact(&Change::reserve(key.clone(), throttle, [id; 16], lease, Caller::default()))?;
//!     assert!(reply.refusal().is_none());
//! }
//! // ... and a sixth does not ...
//! let sixth = Change::reserve(key.clone(), throttle, [6; 16], lease, Caller::default());
//! assert!(ledger.transact(&sixth)?.refusal().is_some());
//!
//! // ... until one turns out to have created no run.
//! let released = Outcome::Released { why: "the connection was refused".into(), closed_for: None };
//! ledger.transact(&Change::settle(key, throttle, [5; 16], released))?;
//! assert!(ledger.transact(&sixth)?.refusal().is_none());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Limits
//!
//! - **Starts made without the ledger are not counted.** Starts from the portal, from other programs or from another
//!   machine use the same five slots. The service then answers 429, and the ledger closes until it takes starts again.
//! - **Two names for one tenant are two ledgers.** Use one spelling, preferably the directory id.
//! - **The clock is this machine's**, except with PostgreSQL, where all programs use the server's clock. If it is set
//!   forward, slots are free early. If it is set back, none is.
//! - **Do not use network file systems** (NFS, SMB, many container overlays): their locks and syncs are not reliable.
//!   This is not detected, and neither is a database server that runs with `fsync = off`.
//! - **An error of the store stops a start, never a poll.** Before the POST, a [`StoreError`] means that no run was
//!   started. After it, the reservation still counts, and the result of the start carries the error as a warning.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod clock;
mod handle;
mod memory;
mod place;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod semaphore;
#[cfg(feature = "sqlite")]
mod sqlite;

pub use industrydata_core::ledger::{Store, StoreError};

pub use handle::Ledger;
pub use memory::MemoryStore;
pub use place::{LedgerPlace, LedgerPlaceError};
#[cfg(feature = "postgres")]
pub use postgres::{PgOptions, PgStore};
#[cfg(feature = "sqlite")]
pub use sqlite::{SqliteOptions, SqliteStore};
