//! A ledger in PostgreSQL under the faults T50 to T61: races, killed processes, lost answers and servers that stop.
//!
//! The tests need a server, which `cargo xtask test` starts; without one they say that they did not run.
#![cfg(feature = "postgres")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test does not expect ends it"
)]

mod admin;
mod certificates;
mod child;
mod clocks;
mod damage;
mod lock_holders;
mod lost_connections;
mod names;
mod places;
mod proxy;
mod races;
mod resets;
mod restarts;
mod role_settings;
mod runtimes;
#[path = "../../../../tests/support/postgres.rs"]
#[allow(dead_code, reason = "tests do not need all that the checks need")]
mod server;
mod servers;
mod tls;

use std::{
    env, process,
    sync::atomic::{AtomicU32, Ordering},
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
use industrydata_ledger::{PgOptions, PgStore, Store, StoreError};

use admin::Admin;

const LEASE: Duration = Duration::from_secs(150);
const BASE: &str = "http://127.0.0.1:18080/beta";

fn key(tenant: &str) -> LedgerKey {
    key_at(BASE, tenant)
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

fn quota(store: &PgStore, tenant: &str) -> Result<Quota, StoreError> {
    store
        .transact(&read(tenant))
        .map(|reply| reply.quota().clone())
}

fn used(store: &PgStore, tenant: &str) -> u32 {
    quota(store, tenant).unwrap().used()
}

/// Whether the error says that a row is gone that this program has read, and to restart it after a reset.
fn is_row_lost(error: &StoreError) -> bool {
    matches!(error, StoreError::Unavailable(_))
        && error.to_string().contains("restart this program")
}

fn is_granted(result: &Result<StoreReply, StoreError>) -> bool {
    result.as_ref().is_ok_and(|reply| reply.refusal().is_none())
}

/// The message of a [`StoreError::Unavailable`].
#[track_caller]
fn unavailable<T: std::fmt::Debug>(result: Result<T, StoreError>) -> String {
    match result {
        Err(error @ StoreError::Unavailable(_)) => {
            let shown = format!("{error} {error:?}");
            assert!(
                !shown.contains("books%20of") && !shown.contains("books of the tests"),
                "{shown}"
            );
            assert!(!error.to_string().contains('\n'), "{error}");
            error.to_string()
        }
        other => panic!("{other:?}"),
    }
}

/// A new schema on the server of the tests.
#[derive(Clone, Debug)]
struct Fresh {
    url: String,
    schema: String,
}

/// `None`, with a note on the output, if there is no server.
fn fresh() -> Option<Fresh> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let Ok(url) = env::var("INDUSTRYDATA_TEST_POSTGRES") else {
        println!("not run: no PostgreSQL server, which `cargo xtask test` starts");
        return None;
    };
    let schema = format!(
        "t{}_{}",
        process::id(),
        COUNT.fetch_add(1, Ordering::Relaxed)
    );
    Some(Fresh { url, schema })
}

impl Fresh {
    fn at(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            schema: "industrydata".to_owned(),
        }
    }

    fn options(&self) -> PgOptions {
        PgStore::options().schema(&self.schema)
    }

    fn store(&self) -> PgStore {
        self.options().connect(&self.url).unwrap()
    }

    /// A store with `count` starts of `t`.
    fn with_starts(&self, count: u128) -> PgStore {
        let store = self.store();
        (1..=count).for_each(|id| assert!(is_granted(&store.transact(&reserve("t", id)))));
        store
    }

    fn admin(&self) -> Admin {
        Admin::connect(&self.url)
    }

    /// The URL with another `host:port`.
    fn url_via(&self, place: &str) -> String {
        let (user, rest) = self.url.split_once('@').unwrap();
        let (_, name) = rest.split_once('/').unwrap();
        format!("{user}@{place}/{name}")
    }
}
