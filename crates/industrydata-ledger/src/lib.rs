//! Where the books of *industryData* starts live.
//!
//! The service takes five starts in twelve hours and tells nobody how many are left, so that whoever makes starts keeps
//! books: a start is booked *before* it is made and its outcome after. The rules of the books are in
//! [`industrydata_core`]; this crate keeps their bytes.
//!
//! | store | lives in | shared by | outlives the program |
//! | --- | --- | --- | --- |
//! | [`MemoryStore`] | memory | its clones | no |
//! | [`SqliteStore`] (feature `sqlite`, on by default) | a file on a local disk | all processes of one machine | yes |
//! | `PgStore` (feature `postgres`) | a PostgreSQL database | all processes of many machines | yes |
//! | [`Ledger`] | any of these, or a [`Store`] of your own | as that one | as that one |
//!
//! Any of them is what a client of `industrydata-async` or `industrydata-blocking` asks for. They may also be used alone:
//!
//! ```
//! use std::time::Duration;
//! use industrydata_core::{ledger::{LedgerKey, Change, Outcome, Caller}, policy::Throttle, wire::BaseUrl};
//! use industrydata_ledger::{Ledger, Store};
//!
//! let books = Ledger::memory(); // for what outlives this process: Ledger::sqlite("/var/lib/school/books.sqlite3")?
//! let key = LedgerKey::new(&BaseUrl::graph(), &"contoso".parse()?);
//! let (throttle, lease) = (Throttle::default(), Duration::from_secs(150));
//!
//! // Five starts are let through, each under an id of its own ...
//! for id in 1..=5 {
//!     let verdict = books.transact(&Change::reserve(key.clone(), throttle, [id; 16], lease, Caller::default()))?;
//!     assert!(verdict.refusal().is_none());
//! }
//! // ... a sixth is not, whoever asks ...
//! let sixth = Change::reserve(key.clone(), throttle, [6; 16], lease, Caller::default());
//! assert!(books.transact(&sixth)?.refusal().is_some());
//!
//! // ... until one turns out to have started nothing.
//! let released = Outcome::Released { why: "the connection was refused".into(), not_before: None };
//! books.transact(&Change::settle(key, throttle, [5; 16], released))?;
//! assert!(books.transact(&sixth)?.refusal().is_none());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What to know before books are trusted
//!
//! - **Whoever does not share the books is not counted.** Starts from the portal, from other programs or from another
//!   machine use the same five slots. The service then answers 429, and the books close until it takes starts again.
//! - **Two names for one tenant are two sets of books.** Settle on one spelling, best the directory id.
//! - **The clock is this machine's**, but for PostgreSQL, whose clock is one for all. Set forward it frees slots early;
//!   set back it frees none.
//! - **Network file systems do not do** (NFS, SMB, many container overlays): their locks and syncs cannot be relied on.
//!   That is not detected. Nor is a database server that runs with `fsync = off`.
//! - **A fault stops a start, never a poll.** All faults are [`StoreError`]: before the POST, a run may have started: no.
//!   After it the reservation counts on, and the start's result carries the fault as a warning.

mod clock;
mod handle;
mod memory;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;

pub use industrydata_core::ledger::{Store, StoreError};

pub use handle::Ledger;
pub use memory::MemoryStore;
#[cfg(feature = "postgres")]
pub use postgres::{PgOptions, PgStore};
#[cfg(feature = "sqlite")]
pub use sqlite::{SqliteOptions, SqliteStore};
