//! A store that records every change made to it.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, PoisonError},
};

use industrydata_core::Timestamp;
use industrydata_core::ledger::Change;
use industrydata_core::ledger::LedgerKey;
use industrydata_core::ledger::Store;
use industrydata_core::ledger::StoreError;
use industrydata_core::ledger::StoreReply;
use industrydata_ledger::SqliteStore;

/// A store in memory that counts changes, fails at chosen ones, and remembers every reservation ever made.
#[derive(Debug, Default)]
pub struct Recorder {
    inner: Mutex<Inner>,
    /// The store that keeps the ledger in place of memory.
    sqlite: Option<SqliteStore>,
    fails_at: Vec<usize>,
}

#[derive(Debug, Default)]
struct Inner {
    values: HashMap<LedgerKey, Vec<u8>>,
    written: Vec<u8>,
    reservations: BTreeSet<String>,
    calls: usize,
}

impl Recorder {
    /// A store that fails at the changes with these numbers, counted from 0.
    #[must_use]
    pub fn failing_at(fails_at: &[usize]) -> Self {
        Self {
            fails_at: fails_at.to_vec(),
            ..Self::default()
        }
    }

    /// The same over an SQLite file. [`written`](Self::written) is then empty.
    #[must_use]
    pub fn over(mut self, store: SqliteStore) -> Self {
        self.sqlite = Some(store);
        self
    }

    /// The number of changes requested so far.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.lock().calls
    }

    /// The number of reservations that were ever in the ledger.
    #[must_use]
    pub fn reservations(&self) -> usize {
        self.lock().reservations.len()
    }

    /// Every byte that was ever written to memory.
    #[must_use]
    pub fn written(&self) -> Vec<u8> {
        self.lock().written.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn record(&mut self, reply: &StoreReply) {
        for entry in reply.quota().entries() {
            self.reservations.insert(entry.id().to_owned());
        }
    }
}

impl Store for Recorder {
    fn transact(&self, change: &Change) -> Result<StoreReply, StoreError> {
        let mut inner = self.lock();
        let call = inner.calls;
        inner.calls += 1;
        if self.fails_at.contains(&call) {
            return Err(StoreError::unavailable(
                "the scenario lets this change fail",
            ));
        }
        if let Some(sqlite) = &self.sqlite {
            let reply = sqlite.transact(change)?;
            inner.record(&reply);
            return Ok(reply);
        }
        let stored = inner.values.get(change.key()).map(Vec::as_slice);
        let applied = change.apply(stored, Timestamp::now())?;
        inner.record(&applied.reply);
        if let Some(bytes) = applied.write {
            inner.written.extend_from_slice(&bytes);
            inner.values.insert(change.key().clone(), bytes);
        }
        Ok(applied.reply)
    }
}
