//! The store, as a user handles it.

use std::{path::Path, sync::Arc};

use industrydata_core::ledger::Change;
use industrydata_core::ledger::Reset;
use industrydata_core::ledger::Store;
use industrydata_core::ledger::StoreError;
use industrydata_core::ledger::StoreReply;

use super::{keeper::Keeper, options::SqliteOptions, place::Place};

/// Books in an SQLite file, shared by the threads and processes of one machine.
///
/// A clone shares the connection. Two stores on one file are sound too, in one process or in several: all of them
/// together book no more starts than the limit, and what is booked outlives a crash of the program or the machine.
///
/// - **The file** is created by the first change that writes; until then the books are empty, and so is a file of
///   length 0. It belongs to the user who made it and nobody else may open it (mode 0600). It is never repaired,
///   emptied or replaced: a damaged, newer or foreign file is an error and stays as it is.
///   Copy or move it while no program uses it: a `-journal` beside it belongs to it.
/// - **Only local disks.** Locks and syncs of network file systems (NFS, SMB, many container overlays) do not hold what
///   they promise; books there may let a start too many through. Put them on a local disk, or share a database.
/// - **The clock** is this machine's. Set forward it frees slots early, since nothing else tells the time here; set
///   back it frees none early.
/// - **A name is a tenant.** Two names for one tenant are two sets of books, see
///   [`Tenant`](industrydata_core::Tenant).
/// - **After a fork** a store opens the file anew in the child. A program that forks while another of its threads books
///   a start leaves the child's copy of the store [`StoreError::Busy`]: fork first, then open.
///
/// A file that is removed, replaced or emptied under a running program is an error until it is put back or the program
/// is started anew: books that vanish are not taken for books with nothing in them.
#[derive(Clone, Debug)]
pub struct SqliteStore(Arc<Keeper>);

impl SqliteStore {
    /// Opens the books at `path`: a plain path, never a URI or `:memory:`. Nothing is created or read yet.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if no books can be kept there: the folder is missing or lets everybody replace its
    /// files; `path` is a folder, a symbolic link or a device; the file belongs to another user, is open to others, or
    /// has a second hard link. A run may have started: no.
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

    /// Looks whether a change could be booked now: the whole file is sound, it is writable as far as modes tell, and
    /// the lock is to be had. Changes and creates nothing. What a value says is told when its tenant's books are read.
    ///
    /// This costs more the more tenants have books. A change needs no check before it: it finds by itself, at a cost
    /// that does not depend on other tenants, what concerns its own.
    ///
    /// # Errors
    ///
    /// As [`Store::transact`]. A run may have started: no.
    pub fn check(&self) -> Result<(), StoreError> {
        self.0.check()
    }
}

impl SqliteOptions {
    /// Opens the books at `path`.
    ///
    /// # Errors
    ///
    /// As [`SqliteStore::open`].
    pub fn open(self, path: impl AsRef<Path>) -> Result<SqliteStore, StoreError> {
        let place = Place::new(path.as_ref(), self.create_folder)?;
        place.look()?;
        Ok(SqliteStore(Arc::new(Keeper::new(place, self))))
    }
}

impl Store for SqliteStore {
    /// Books `change`, and syncs it to the disk before it answers. Waits for the lock as long as
    /// [`SqliteOptions::wait`] says, 5 s by default; if a COMMIT fails, up to three times as long in all.
    ///
    /// # Errors
    ///
    /// Before the POST each of them means that no run was started. [`StoreError::Busy`]: the lock was not to be had.
    /// [`StoreError::Unavailable`]: see [`SqliteStore::open`]; also a full disk, a read-only file or folder, a failed
    /// read or write. [`StoreError::Damaged`] and [`StoreError::Newer`]: the file is left as it is.
    /// [`StoreError::Unconfirmed`]: COMMIT failed, and so did what would have told whether the change stands.
    fn transact(&self, change: &Change) -> Result<StoreReply, StoreError> {
        self.0.transact(change)
    }

    /// Renames the file, whatever is in it, to its name with `.reset-` and the time appended, and begins a new file in
    /// quarantine under the old name. A file in which no tenant has a ledger stays, and a missing one is created.
    ///
    /// Another process that has the old file open reports it as replaced before it writes again.
    ///
    /// # Errors
    ///
    /// [`StoreError::Busy`] if another process holds the lock, else [`StoreError::Unavailable`]; the old file has its
    /// name.
    fn reset(&self) -> Result<Reset, StoreError> {
        self.0.reset()
    }
}
