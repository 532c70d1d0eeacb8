//! Books that remember what was done to them.

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

/// Books in memory that count their changes, can fail at some of them, and know every reservation ever made.
#[derive(Debug, Default)]
pub struct Recorder {
    inner: Mutex<Inner>,
    /// Where the books are kept instead.
    kept: Option<SqliteStore>,
    fails_at: Vec<usize>,
}

#[derive(Debug, Default)]
struct Inner {
    books: HashMap<LedgerKey, Vec<u8>>,
    written: Vec<u8>,
    reservations: BTreeSet<String>,
    calls: usize,
}

impl Recorder {
    /// Books whose changes of these numbers fail, counted from 0.
    #[must_use]
    pub fn failing_at(fails_at: &[usize]) -> Self {
        Self {
            fails_at: fails_at.to_vec(),
            ..Self::default()
        }
    }

    /// The same over books in a file, whose bytes are then not known here.
    #[must_use]
    pub fn over(mut self, store: SqliteStore) -> Self {
        self.kept = Some(store);
        self
    }

    /// Changes asked for so far.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.lock().calls
    }

    /// Reservations that were ever in the books.
    #[must_use]
    pub fn reservations(&self) -> usize {
        self.lock().reservations.len()
    }

    /// Every byte that was ever written.
    #[must_use]
    pub fn written(&self) -> Vec<u8> {
        self.lock().written.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn enter(&mut self, verdict: &StoreReply) {
        for entry in verdict.quota().entries() {
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
            return Err(StoreError::unavailable("this change was to fail"));
        }
        if let Some(kept) = &self.kept {
            let verdict = kept.transact(change)?;
            inner.enter(&verdict);
            return Ok(verdict);
        }
        let stored = inner.books.get(change.key()).map(Vec::as_slice);
        let applied = change.apply(stored, Timestamp::now())?;
        inner.enter(&applied.reply);
        if let Some(bytes) = applied.write {
            inner.written.extend_from_slice(&bytes);
            inner.books.insert(change.key().clone(), bytes);
        }
        Ok(applied.reply)
    }
}
