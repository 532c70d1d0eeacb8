//! The stores of this library.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use industrydata_core::{
    Timestamp,
    ledger::{Caller, Change, LedgerKey, Outcome, Store},
    policy::Throttle,
    wire::BaseUrl,
};
use industrydata_ledger::{Ledger, PgStore, SqliteStore};
use tempfile::TempDir;

use super::{Side, Worker};
use crate::{Failure, serve};

/// No start is refused: the stores are measured, and not the rule.
pub(super) const THROTTLE: Throttle = Throttle {
    limit: 1_000_000,
    window: Duration::from_secs(12 * 60 * 60),
};
/// The table of the values.
const TABLE: &str = "books";
const LEASE: Duration = Duration::from_secs(150);
/// The starts that are in the ledger of a tenant from the beginning.
const BEFORE: u64 = 4;
/// The most tenants of a store for which starts are made.
const USED: usize = 2_000;
/// So many released starts stay in a ledger. With fewer it grows with each start, and pages of the store are split.
pub(super) const KEPT: u64 = 16;

/// A store with ledgers of some tenants.
pub(super) struct Ours {
    store: Ledger,
    keys: Vec<LedgerKey>,
    _folder: Option<TempDir>,
}

/// The ids of starts.
static IDS: AtomicU64 = AtomicU64::new(BEFORE);

impl Ours {
    /// With so many released starts in each ledger that is used.
    pub(super) fn sqlite(tenants: usize, released: u64) -> Result<Self, Failure> {
        let folder = super::folder()?;
        let path = folder.path().join("ledger.sqlite3");
        let store = SqliteStore::open(&path)?;
        let keys = keys(tenants)?;
        make(&store, &keys)?;
        // The rest is written by hand: in one transaction.
        let connection = rusqlite::Connection::open(&path)?;
        connection.execute_batch("BEGIN")?;
        for (at, key) in keys.iter().enumerate() {
            let value = value_at(at, key, tenants, released)?;
            let names = (key.base(), key.tenant());
            connection
                .prepare_cached("REPLACE INTO tenants VALUES (?1, ?2, 8)")?
                .execute(names)?;
            connection
                .prepare_cached(&format!("REPLACE INTO {TABLE} VALUES (?1, ?2, 8, ?3)"))?
                .execute((names.0, names.1, value))?;
        }
        connection.execute_batch("COMMIT")?;
        Ok(Self {
            store: store.into(),
            keys,
            _folder: Some(folder),
        })
    }

    /// The same.
    pub(super) fn postgres(url: &str, tenants: usize, released: u64) -> Result<Self, Failure> {
        let schema = super::bare::new_schema();
        let options = || {
            PgStore::options()
                .schema(&schema)
                .connections(super::THREADS)
                .keep_statements(true)
        };
        let keys = keys(tenants)?;
        make(&options().connect(url)?, &keys)?;
        let value = |at, key: &_| value_at(at, key, tenants, released);
        super::bare::fill(url, &format!("{schema}.{TABLE}"), &keys, value)?;
        Ok(Self {
            store: options().connect(url)?.into(),
            keys,
            _folder: None,
        })
    }
}

impl Side for Ours {
    fn tenants(&self) -> usize {
        self.keys.len() / step(self.keys.len())
    }

    fn worker(&self) -> Result<Worker<'_>, Failure> {
        let store = self.store.clone();
        let step = step(self.keys.len());
        Ok(Box::new(move |tenant| {
            let key = self.keys.get(tenant * step).ok_or("no such tenant")?;
            let id = u128::from(IDS.fetch_add(1, Ordering::Relaxed)).to_be_bytes();
            let caller = caller();
            let reserve = Change::reserve(key.clone(), THROTTLE, id, LEASE, caller);
            if store.transact(&reserve)?.refusal().is_some() {
                return Err("a start was refused".into());
            }
            // Only the latest of the released starts stay in a ledger, so it does not grow.
            store.transact(&Change::settle(key.clone(), THROTTLE, id, released()))?;
            Ok(())
        }))
    }
}

/// One of so many tenants is used.
fn step(tenants: usize) -> usize {
    tenants.div_ceil(USED)
}

fn value_at(at: usize, key: &LedgerKey, tenants: usize, released: u64) -> Result<Vec<u8>, Failure> {
    let is_used = at.is_multiple_of(step(tenants));
    value_with(key, if is_used { released } else { 0 })
}

fn caller() -> Caller {
    Caller {
        host: Some("sync-worker-3".to_owned()),
        process: Some(4711),
        label: None,
    }
}

pub(super) fn keys(tenants: usize) -> Result<Vec<LedgerKey>, Failure> {
    let base = BaseUrl::graph();
    (0..tenants)
        .map(|tenant| {
            let name = format!("78d47d6d-cd43-4b91-98c2-{tenant:012}");
            Ok(LedgerKey::new(&base, &name.parse()?))
        })
        .collect()
}

/// Makes the tables by a change.
fn make(store: &dyn Store, keys: &[LedgerKey]) -> Result<(), Failure> {
    let key = keys.first().ok_or("no tenant")?.clone();
    store.transact(&Change::reserve(
        key,
        THROTTLE,
        [0; 16],
        LEASE,
        Caller::default(),
    ))?;
    Ok(())
}

/// What a released start is released for.
fn released() -> Outcome {
    Outcome::Released {
        why: "the service answered 403".to_owned(),
        closed_for: None,
    }
}

/// The ledger of a tenant with four confirmed starts.
pub(super) fn value(key: &LedgerKey) -> Result<Vec<u8>, Failure> {
    value_with(key, 0)
}

/// The same, with so many released ones.
pub(super) fn value_with(key: &LedgerKey, count: u64) -> Result<Vec<u8>, Failure> {
    let now = Timestamp::now();
    let mut value = None;
    for id in 0..BEFORE + count {
        let confirmed = Outcome::Confirmed {
            date: now,
            operation: Some(serve::id(u32::try_from(id)?)),
        };
        let outcome = if id < BEFORE { confirmed } else { released() };
        let id = u128::from(id).to_be_bytes();
        for change in [
            Change::reserve(key.clone(), THROTTLE, id, LEASE, caller()),
            Change::settle(key.clone(), THROTTLE, id, outcome),
        ] {
            value = change.apply(value.as_deref(), now)?.write;
        }
    }
    value.ok_or_else(|| "an empty ledger".into())
}
