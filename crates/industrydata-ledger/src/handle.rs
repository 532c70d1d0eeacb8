//! One handle for all kinds of ledgers.

use std::{fmt, sync::Arc};

use industrydata_core::ledger::Change;
use industrydata_core::ledger::Reset;
use industrydata_core::ledger::Store;
use industrydata_core::ledger::StoreError;
use industrydata_core::ledger::StoreReply;

use crate::memory::MemoryStore;

/// A ledger of any kind, for a client whose kind is chosen at run time.
///
/// Clones share the ledger.
///
/// ```
/// use industrydata_ledger::{Ledger, Store};
///
/// let ledger = Ledger::memory();
/// assert!(ledger.is_forgetful());
/// ```
#[derive(Clone)]
pub struct Ledger(Arc<dyn Store>);

impl Ledger {
    /// A ledger that ends with this process, see [`MemoryStore`].
    #[must_use]
    pub fn memory() -> Self {
        Self::custom(MemoryStore::new())
    }

    /// The same with `clock` in place of this machine's, for tests. With that of an emulator, twelve hours pass for both at
    /// once.
    ///
    /// ```
    /// use industrydata_clock::ManualClock;
    /// use industrydata_ledger::{Ledger, Store};
    ///
    /// let clock = ManualClock::frozen("2026-03-10T06:00:00Z".parse()?);
    /// let ledger = Ledger::memory_with_clock(clock.clone());
    /// assert!(ledger.is_forgetful());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn memory_with_clock(clock: impl industrydata_clock::Clock + 'static) -> Self {
        Self::custom(MemoryStore::with_clock(clock))
    }

    /// A ledger in the file at `path`, see [`SqliteStore::open`](crate::SqliteStore::open).
    ///
    /// ```
    /// use industrydata_ledger::{Ledger, Store};
    ///
    /// let folder = tempfile::tempdir()?;
    /// let ledger = Ledger::sqlite(folder.path().join("ledger.sqlite3"))?;
    /// assert!(!ledger.is_forgetful());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the path cannot hold a ledger, or if
    /// [`LedgerPlace::parse`](crate::LedgerPlace::parse) reads no file there: `./` before a name makes it one.
    #[cfg(feature = "sqlite")]
    pub fn sqlite(path: impl AsRef<std::path::Path>) -> Result<Self, StoreError> {
        crate::SqliteStore::open(path).map(Self::custom)
    }

    /// A ledger in the PostgreSQL database at `url`, a URL or a keyword string, see [`PgStore::connect`](crate::PgStore::connect).
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the URL cannot be used. No connection is made yet.
    #[cfg(feature = "postgres")]
    pub fn postgres(url: &str) -> Result<Self, StoreError> {
        crate::PgStore::connect(url).map(Self::custom)
    }

    /// A ledger in another store.
    #[must_use]
    pub fn custom(store: impl Store + 'static) -> Self {
        Self(Arc::new(store))
    }
}

impl Store for Ledger {
    fn transact(&self, change: &Change) -> Result<StoreReply, StoreError> {
        self.0.transact(change)
    }

    fn is_forgetful(&self) -> bool {
        self.0.is_forgetful()
    }

    fn is_immediate(&self) -> bool {
        self.0.is_immediate()
    }

    fn reset(&self) -> Result<Reset, StoreError> {
        self.0.reset()
    }
}

impl From<MemoryStore> for Ledger {
    fn from(store: MemoryStore) -> Self {
        Self::custom(store)
    }
}

#[cfg(feature = "sqlite")]
impl From<crate::SqliteStore> for Ledger {
    fn from(store: crate::SqliteStore) -> Self {
        Self::custom(store)
    }
}

#[cfg(feature = "postgres")]
impl From<crate::PgStore> for Ledger {
    fn from(store: crate::PgStore) -> Self {
        Self::custom(store)
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger")
            .field("is_forgetful", &self.is_forgetful())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use industrydata_core::ledger::Caller;
    use industrydata_core::ledger::LedgerKey;
    use industrydata_core::policy::Throttle;
    use industrydata_core::wire::BaseUrl;

    use super::*;

    #[test]
    fn a_clone_is_the_same_ledger() {
        let key = LedgerKey::new(&BaseUrl::graph(), &"t".parse().unwrap());
        let (throttle, lease) = (Throttle::default(), Duration::from_secs(150));
        for ledger in [
            Ledger::memory(),
            Ledger::custom(MemoryStore::new()),
            MemoryStore::new().into(),
        ] {
            let reserve = Change::reserve(key.clone(), throttle, [1; 16], lease, Caller::default());
            ledger.clone().transact(&reserve).unwrap();
            let read = ledger
                .transact(&Change::read(key.clone(), throttle))
                .unwrap();
            assert_eq!(read.quota().used(), 1);
            assert!(format!("{ledger:?}").contains("is_forgetful: true"));
            assert!(ledger.is_immediate());
        }
    }

    #[cfg(feature = "sqlite")]
    #[test]
    fn a_ledger_in_a_file_outlives_the_process() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::sqlite(folder.path().join("ledger.sqlite3")).unwrap();
        assert!(!ledger.is_immediate());
        assert!(!ledger.is_forgetful() && Ledger::memory().is_forgetful());
    }
}
