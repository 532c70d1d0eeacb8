//! Owners, modes and identity as POSIX has them.

use std::{
    fs::{self, DirBuilder, File, Metadata, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::Path,
};

use rustix::fs::{Access, access as access_by_this_user, statvfs};

use super::super::store_error::Obstacle;

/// The fewest bytes that a change takes on the disk: two pages of the file, and two of its journal.
const LEAST_ROOM: u64 = 16 * 1024;

/// Which file has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Identity {
    device: u64,
    inode: u64,
}

/// Refuses a file that another user owns or may open, and one with a second name.
pub(in super::super) fn file(path: &Path, meta: &Metadata) -> Result<Identity, Obstacle> {
    owned(path, meta)?;
    let mode = meta.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(Obstacle::OpenToOthers(path.to_owned(), mode));
    }
    if meta.nlink() > 1 {
        return Err(Obstacle::SecondName(path.to_owned()));
    }
    Ok(identity(meta))
}

pub(in super::super) fn identity(meta: &Metadata) -> Identity {
    Identity {
        device: meta.dev(),
        inode: meta.ino(),
    }
}

/// Refuses a folder in which all users may replace files.
pub(in super::super) fn folder(path: &Path, meta: &Metadata) -> Result<(), Obstacle> {
    let mode = meta.mode() & 0o7777;
    if mode & 0o002 != 0 && mode & 0o1000 == 0 {
        return Err(Obstacle::OpenFolder(path.to_owned(), mode));
    }
    Ok(())
}

/// Refuses a journal of another user: SQLite would play it back into the ledger.
pub(in super::super) fn journal(path: &Path) -> Result<(), Obstacle> {
    match fs::symlink_metadata(path) {
        Ok(meta) if !meta.is_file() => Err(Obstacle::NotAFile(path.to_owned())),
        Ok(meta) => owned(path, &meta),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Obstacle::Io(path.to_owned(), error)),
    }
}

/// Refuses what this user may not write, also because its file system is read-only. The system decides, so that groups,
/// access lists and capabilities count.
pub(in super::super) fn writable(path: &Path) -> Result<(), Obstacle> {
    let access = if path.is_dir() {
        Access::WRITE_OK | Access::EXEC_OK
    } else {
        Access::WRITE_OK
    };
    access_by_this_user(path, access).map_err(|error| Obstacle::Io(path.to_owned(), error.into()))
}

/// Refuses a disk on which no change fits: the file and its journal take a few pages each.
pub(in super::super) fn room(folder: &Path) -> Result<(), Obstacle> {
    let Ok(disk) = statvfs(folder) else {
        return Ok(());
    };
    // Only root may use the blocks that are kept back.
    let free = if rustix::process::geteuid().is_root() {
        disk.f_bfree
    } else {
        disk.f_bavail
    };
    match is_full(disk.f_blocks, free, disk.f_frsize) {
        true => Err(Obstacle::Full(folder.to_owned())),
        false => Ok(()),
    }
}

/// Whether no change fits on a disk of so many blocks of this size. What is no disk has no blocks.
const fn is_full(blocks: u64, free: u64, size: u64) -> bool {
    blocks > 0 && free.saturating_mul(size) < LEAST_ROOM
}

/// Creates an empty file that only its owner may open; SQLite gives its journal the same mode.
pub(in super::super) fn create_private(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map(drop)
}

/// Creates `folder` and what is missing above it, durably.
pub(in super::super) fn create_folders(folder: &Path) -> io::Result<()> {
    let named_in = to_sync(folder);
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    named_in.into_iter().try_for_each(sync_folder)
}

/// Makes the names in `folder` durable.
pub(in super::super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// The folders that get a new name in them when `folder` is created.
fn to_sync(folder: &Path) -> Vec<&Path> {
    folder
        .ancestors()
        .take_while(|above| !above.exists())
        .filter_map(Path::parent)
        .collect()
}

fn owned(path: &Path, meta: &Metadata) -> Result<(), Obstacle> {
    if meta.uid() == rustix::process::geteuid().as_raw() {
        Ok(())
    } else {
        Err(Obstacle::Foreign(path.to_owned(), meta.uid()))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_journal_is_missing_or_a_file_of_this_user() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger-journal");
        assert!(journal(&path).is_ok(), "there is none");
        fs::write(&path, "").unwrap();
        assert!(journal(&path).is_ok());
        let below = path.join("x");
        assert!(matches!(journal(&below), Err(Obstacle::Io(at, _)) if at == below));
        let inner = folder.path().join("inner");
        fs::create_dir(&inner).unwrap();
        assert!(matches!(journal(&inner), Err(Obstacle::NotAFile(at)) if at == inner));
        let link = folder.path().join("link");
        symlink(&path, &link).unwrap();
        assert!(matches!(journal(&link), Err(Obstacle::NotAFile(at)) if at == link));
    }

    #[test]
    fn a_full_disk_is_one_on_which_no_change_fits() {
        for (blocks, free, size, full) in [
            (16, 0, 4096, true),
            (16, 3, 4096, true),
            (16, 4, 4096, false),
            (1 << 40, u64::MAX, u64::MAX, false),
            (0, 0, 4096, false),
        ] {
            assert_eq!(is_full(blocks, free, size), full, "{blocks} {free}");
        }
        assert!(room(tempfile::tempdir().unwrap().path()).is_ok());
    }

    #[test]
    fn the_system_says_what_this_user_may_write() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        assert!(writable(folder.path()).is_ok());
        assert!(matches!(writable(&path), Err(Obstacle::Io(at, _)) if at == path));
        fs::write(&path, "").unwrap();
        assert!(writable(&path).is_ok());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        let is_root = rustix::process::geteuid().is_root();
        assert_eq!(writable(&path).is_ok(), is_root);
    }

    #[test]
    fn created_folders_are_private_and_their_parents_synced() {
        let top = tempfile::tempdir().unwrap();
        let (a, deep) = (top.path().join("a"), top.path().join("a/b/c"));
        let b = a.join("b");
        assert_eq!(to_sync(&deep), [&*b, &*a, top.path()]);
        create_folders(&deep).unwrap();
        for made in [&a, &b, &deep] {
            let mode = fs::metadata(made).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700);
        }
        assert!(to_sync(&deep).is_empty());
        create_folders(&deep).unwrap();
    }
}
