//! The public type of the store.

use std::{path::Path, sync::Arc};

use industrydata_core::ledger::Change;
use industrydata_core::ledger::Reset;
use industrydata_core::ledger::Store;
use industrydata_core::ledger::StoreError;
use industrydata_core::ledger::StoreReply;
use industrydata_core::wire::BaseUrl;

use super::{ledger_file::LedgerFile, options::SqliteOptions, place::Place, store_error::Obstacle};
use crate::place::LedgerPlace;

/// A ledger in an SQLite file, shared by the threads and processes of one machine.
///
/// A clone shares the connection. Several stores may use one file, in one process or in several. Together they give no
/// more slots than the limit. An applied change survives a crash of the program or the machine.
///
/// - **The file** is created by the first change that writes; until then the ledger is empty, and a file of length 0 is
///   an empty ledger. Only the user who made the file may open it (mode 0600). It is never repaired or emptied: a
///   damaged, newer or foreign file is an error and stays as it is, until [`Store::reset`] moves it aside. Copy or move
///   it while no program uses it: a `-journal` beside it belongs to it. On Unix there is one, mostly empty, while a
///   program uses the ledger.
/// - **Only local disks.** Locks and syncs of network file systems (NFS, SMB, many container overlays) are not
///   reliable; a ledger there may give a slot too many. Use a local disk, or share a database.
/// - **The clock** is this machine's. If the clock is set forward, slots are free early, because the store has no other
///   clock. If it is set back, none is free early.
/// - **A name is a tenant.** Two names for one tenant are two ledgers, see
///   [`Tenant`](industrydata_core::Tenant).
/// - **After a fork** a store opens the file again in the child. If a program forks while another of its threads
///   changes the ledger, the store in the child stays [`StoreError::Busy`]. Fork first, then open the store.
///
/// If the file is removed, replaced or emptied while a program runs, every use is an error until the file is restored
/// or the program is restarted. A missing ledger is not treated as an empty one.
///
/// ```
/// use std::time::Duration;
/// use industrydata_ledger::{Ledger, SqliteStore};
///
/// let folder = tempfile::tempdir()?;
/// let store = SqliteStore::options()
///     .wait(Duration::from_secs(1))
///     .create_parent(true)
///     .open(folder.path().join("school").join("ledger.sqlite3"))?;
/// let ledger = Ledger::from(store);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct SqliteStore(Arc<LedgerFile>);

impl SqliteStore {
    /// Opens the ledger at `path`: a plain path, never a URI or `:memory:`. Nothing is created or read yet.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the path cannot hold a ledger: the folder is missing or lets all users replace
    /// its files; `path` is a folder, a symbolic link or a device; the file belongs to another user, is open to others,
    /// or has a second hard link. Also if [`LedgerPlace::parse`] reads no file there: write `./` before such a name.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::options().open(path)
    }

    /// Settings, to be followed by [`SqliteOptions::open`].
    pub fn options() -> SqliteOptions {
        SqliteOptions::new()
    }

    /// The absolute path of the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Checks that a change could be applied now: the whole file is sound, it and its folder can be written, the disk is
    /// not full, and the lock is free. Changes and creates nothing. The values are checked when the ledgers of their tenants
    /// are read.
    ///
    /// The cost grows with the number of tenants. A change does not need this check, because it checks the data of its
    /// tenant itself.
    ///
    /// # Errors
    ///
    /// As [`Store::transact`].
    pub fn check(&self) -> Result<(), StoreError> {
        self.0.check()
    }

    /// The tenants that have a ledger at this base, in the order of their names. Some may have no start that counts. Changes
    /// and creates nothing.
    ///
    /// # Errors
    ///
    /// As [`Store::transact`].
    pub fn tenants(&self, base: &BaseUrl) -> Result<Vec<String>, StoreError> {
        self.0.tenants(base)
    }
}

impl SqliteOptions {
    /// Opens the ledger at `path`.
    ///
    /// # Errors
    ///
    /// As [`SqliteStore::open`].
    pub fn open(self, path: impl AsRef<Path>) -> Result<SqliteStore, StoreError> {
        let path = LedgerPlace::file(path.as_ref())?;
        let place = Place::new(&path, self.create_folder)?;
        match place.look() {
            // Each use reports the successor. A reset completes the interrupted one.
            Ok(_) | Err(Obstacle::Resetting(_)) => {}
            Err(obstacle) => return Err(obstacle.into()),
        }
        Ok(SqliteStore(Arc::new(LedgerFile::new(place, self))))
    }
}

impl Store for SqliteStore {
    /// Applies `change`, and syncs it to the disk before it returns. Waits for the lock as long as
    /// [`SqliteOptions::wait`] allows, 5 s by default. If a COMMIT fails, the change takes up to three times as long in
    /// all.
    ///
    /// # Errors
    ///
    /// [`StoreError::Busy`]: another process or thread held the lock. [`StoreError::Unavailable`]: see
    /// [`SqliteStore::open`]; also a full disk, a read-only file or folder, a failed read or write.
    /// [`StoreError::Damaged`] and [`StoreError::Newer`]: the file is left as it is. [`StoreError::Unconfirmed`]:
    /// COMMIT failed, and so did the attempt to find out whether the change is durable.
    fn transact(&self, change: &Change) -> Result<StoreReply, StoreError> {
        self.0.transact(change)
    }

    /// Renames the file, whatever is in it, to its name with `.reset-` and the time appended, and begins a new file in
    /// quarantine under the old name. A file in which no tenant has a ledger stays, and a missing one is created. If an
    /// earlier reset was interrupted, this completes it, with its names and its time.
    ///
    /// Another process that has the old file open reports it as replaced before it writes again.
    ///
    /// # Errors
    ///
    /// [`StoreError::Busy`] if another process holds the lock, else [`StoreError::Unavailable`]: the old file keeps its
    /// name, or the next reset completes this one. [`StoreError::Unconfirmed`]: the ledger was reset, but a power cut
    /// may undo that.
    fn reset(&self) -> Result<Reset, StoreError> {
        self.0.reset()
    }
}
