//! The public type of the store.

use std::{path::Path, sync::Arc};

use industrydata_core::ledger::Change;
use industrydata_core::ledger::Reset;
use industrydata_core::ledger::Store;
use industrydata_core::ledger::StoreError;
use industrydata_core::ledger::StoreReply;

use super::{ledger_file::LedgerFile, options::SqliteOptions, place::Place, store_error::Obstacle};

/// A ledger in an SQLite file, shared by the threads and processes of one machine.
///
/// A clone shares the connection. Two stores on one file are sound too, in one process or in several: together they give
/// no more slots than the limit. An applied change survives a crash of the program or the machine.
///
/// - **The file** is created by the first change that writes; until then the ledger is empty, and a file of
///   length 0 is an empty ledger. Only the user who made the file may open it (mode 0600). It is never repaired or emptied:
///   a damaged, newer or foreign file is an error and stays as it is, until [`Store::reset`] moves it aside.
///   Copy or move it while no program uses it: a `-journal` beside it belongs to it.
/// - **Only local disks.** Locks and syncs of network file systems (NFS, SMB, many container overlays) are not
///   reliable; a ledger there may give a open too many. Use a local disk, or share a database.
/// - **The clock** is this machine's. Set forward it frees slots early, since there is no other clock here; set
///   back it frees none early.
/// - **A name is a tenant.** Two names for one tenant are two ledgers, see
///   [`Tenant`](industrydata_core::Tenant).
/// - **After a fork** a store opens the file again in the child. A program that forks while another of its threads
///   changes the ledger leaves the child's copy of the store [`StoreError::Busy`]: fork first, then open.
///
/// A file that is removed, replaced or emptied under a running program is an error until it is put back or the program
/// is restarted: a ledger that vanished is not an empty ledger.
#[derive(Clone, Debug)]
pub struct SqliteStore(Arc<LedgerFile>);

impl SqliteStore {
    /// Opens the ledger at `path`: a plain path, never a URI or `:memory:`. Nothing is created or read yet.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if no ledger can be kept there: the folder is missing or lets all users replace its
    /// files; `path` is a folder, a symbolic link or a device; the file belongs to another user, is open to others, or
    /// has a second hard link.
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

    /// Checks that a change could be applied now: the whole file is sound, its mode lets it be written, and the lock is
    /// free. Changes and creates nothing. The values are checked when the ledgers of their tenants are read.
    ///
    /// The cost grows with the number of tenants. A change needs no check before it: it checks what concerns its own
    /// tenant.
    ///
    /// # Errors
    ///
    /// As [`Store::transact`].
    pub fn check(&self) -> Result<(), StoreError> {
        self.0.check()
    }
}

impl SqliteOptions {
    /// Opens the ledger at `path`.
    ///
    /// # Errors
    ///
    /// As [`SqliteStore::open`].
    pub fn open(self, path: impl AsRef<Path>) -> Result<SqliteStore, StoreError> {
        let place = Place::new(path.as_ref(), self.create_folder)?;
        match place.look() {
            // Each use says so, but for a reset, which goes on from there.
            Ok(_) | Err(Obstacle::Resetting(_)) => {}
            Err(obstacle) => return Err(obstacle.into()),
        }
        Ok(SqliteStore(Arc::new(LedgerFile::new(place, self))))
    }
}

impl Store for SqliteStore {
    /// Applies `change`, and syncs it to the disk before it returns. Waits for the lock as long as
    /// [`SqliteOptions::wait`] says, 5 s by default; if a COMMIT fails, up to three times as long in all.
    ///
    /// # Errors
    ///
    /// [`StoreError::Busy`]: another holder kept the lock.
    /// [`StoreError::Unavailable`]: see [`SqliteStore::open`]; also a full disk, a read-only file or folder, a failed
    /// read or write. [`StoreError::Damaged`] and [`StoreError::Newer`]: the file is left as it is.
    /// [`StoreError::Unconfirmed`]: COMMIT failed, and so did the attempt to find out whether the change is durable.
    fn transact(&self, change: &Change) -> Result<StoreReply, StoreError> {
        self.0.transact(change)
    }

    /// Renames the file, whatever is in it, to its name with `.reset-` and the time appended, and begins a new file in
    /// quarantine under the old name. A file in which no tenant has a ledger stays, and a missing one is created. A reset
    /// that was interrupted is finished, with its names and its time.
    ///
    /// Another process that has the old file open reports it as replaced before it writes again.
    ///
    /// # Errors
    ///
    /// [`StoreError::Busy`] if another process holds the lock, else [`StoreError::Unavailable`]: the old file has its
    /// name, or the next reset goes on. [`StoreError::Unconfirmed`]: the ledger was reset, but a power cut may undo that.
    fn reset(&self) -> Result<Reset, StoreError> {
        self.0.reset()
    }
}
