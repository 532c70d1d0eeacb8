//! A ledger in an SQLite file under the faults T50 to T58: races, killed processes, failing system calls and damage.
#![cfg(feature = "sqlite")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test does not expect ends it"
)]

mod child;
mod crashes;
mod damage;
mod interrupted_resets;
mod journals;
mod names;
mod places;
mod races;
mod resets;

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use industrydata_core::Timestamp;
use industrydata_core::ledger::Caller;
use industrydata_core::ledger::Change;
use industrydata_core::ledger::LedgerKey;
use industrydata_core::ledger::Outcome;
use industrydata_core::ledger::Quota;
use industrydata_core::ledger::StoreReply;
use industrydata_core::policy::Throttle;
use industrydata_core::wire::BaseUrl;
use industrydata_ledger::{SqliteStore, Store, StoreError};
use tempfile::TempDir;

const LEASE: Duration = Duration::from_secs(150);

fn key(tenant: &str) -> LedgerKey {
    key_at("http://127.0.0.1:18080/beta", tenant)
}

fn key_at(base: &str, tenant: &str) -> LedgerKey {
    LedgerKey::new(&BaseUrl::parse(base).unwrap(), &tenant.parse().unwrap())
}

fn reserve(tenant: &str, id: u128) -> Change {
    Change::reserve(
        key(tenant),
        Throttle::default(),
        id.to_be_bytes(),
        LEASE,
        Caller::default(),
    )
}

fn confirm(tenant: &str, id: u128) -> Change {
    let outcome = Outcome::Confirmed {
        date: Timestamp::now(),
        operation: Some(format!("op-{id}")),
    };
    Change::settle(key(tenant), Throttle::default(), id.to_be_bytes(), outcome)
}

fn read(tenant: &str) -> Change {
    Change::read(key(tenant), Throttle::default())
}

fn quota(store: &SqliteStore, tenant: &str) -> Result<Quota, StoreError> {
    store
        .transact(&read(tenant))
        .map(|reply| reply.quota().clone())
}

fn is_granted(result: &Result<StoreReply, StoreError>) -> bool {
    result.as_ref().is_ok_and(|reply| reply.refusal().is_none())
}

/// Whether to test all of what is tested in part by default: minutes in place of seconds.
fn is_thorough() -> bool {
    std::env::var_os("LEDGER_TEST_THOROUGH").is_some()
}

/// A folder and the path of a ledger in it that does not exist yet.
fn fresh() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.sqlite3");
    (folder, path)
}

/// A clock that shows the Unix seconds a test sets.
fn set_clock() -> (
    Arc<AtomicI64>,
    impl Fn() -> Timestamp + Clone + Send + Sync + 'static,
) {
    let seconds = Arc::new(AtomicI64::new(1_800_000_000));
    let read = Arc::clone(&seconds);
    (seconds, move || {
        Timestamp::from_second(read.load(Ordering::SeqCst)).unwrap()
    })
}
