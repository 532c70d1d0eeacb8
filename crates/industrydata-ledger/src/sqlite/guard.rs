//! Who else may touch a file: owners, modes and identity, where the system has them.

pub(super) use imp::{Identity, create_folders, create_private, file, folder, journal};

#[cfg(unix)]
mod imp {
    use std::{
        fs::{self, DirBuilder, File, Metadata, OpenOptions},
        io,
        os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
        path::Path,
    };

    use super::super::fault::Obstacle;

    /// Which file stands under a name.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(in super::super) struct Identity {
        device: u64,
        inode: u64,
    }

    /// Refuses a file that others own, may open, or reach by another name.
    pub(in super::super) fn file(path: &Path, meta: &Metadata) -> Result<Identity, Obstacle> {
        owned(path, meta)?;
        let mode = meta.mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(Obstacle::OpenToOthers(path.to_owned(), mode));
        }
        if meta.nlink() > 1 {
            return Err(Obstacle::SecondName(path.to_owned()));
        }
        Ok(Identity {
            device: meta.dev(),
            inode: meta.ino(),
        })
    }

    /// Refuses a folder in which everybody may replace files.
    pub(in super::super) fn folder(path: &Path, meta: &Metadata) -> Result<(), Obstacle> {
        let mode = meta.mode() & 0o7777;
        if mode & 0o002 != 0 && mode & 0o1000 == 0 {
            return Err(Obstacle::OpenFolder(path.to_owned(), mode));
        }
        Ok(())
    }

    /// Refuses a journal laid there by somebody else: SQLite would play it back into the books.
    pub(in super::super) fn journal(path: &Path) -> Result<(), Obstacle> {
        match fs::symlink_metadata(path) {
            Ok(meta) if !meta.is_file() => Err(Obstacle::NotAFile(path.to_owned())),
            Ok(meta) => owned(path, &meta),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(Obstacle::Io(path.to_owned(), error)),
        }
    }

    /// Creates an empty file that its owner alone may open; SQLite gives its journal the same mode.
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
        let missing: Vec<&Path> = folder
            .ancestors()
            .take_while(|above| !above.exists())
            .collect();
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
        for above in missing.iter().filter_map(|made| made.parent()) {
            File::open(above)?.sync_all()?;
        }
        Ok(())
    }

    fn owned(path: &Path, meta: &Metadata) -> Result<(), Obstacle> {
        if meta.uid() == rustix::process::geteuid().as_raw() {
            Ok(())
        } else {
            Err(Obstacle::Foreign(path.to_owned(), meta.uid()))
        }
    }
}

#[cfg(not(unix))]
mod imp {
    use std::{
        fs::{self, Metadata, OpenOptions},
        io,
        path::Path,
    };

    use super::super::fault::Obstacle;

    /// Which file stands under a name: not told here, where an open file cannot be replaced.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(in super::super) struct Identity;

    pub(in super::super) fn file(_: &Path, _: &Metadata) -> Result<Identity, Obstacle> {
        Ok(Identity)
    }

    pub(in super::super) fn folder(_: &Path, _: &Metadata) -> Result<(), Obstacle> {
        Ok(())
    }

    pub(in super::super) fn journal(_: &Path) -> Result<(), Obstacle> {
        Ok(())
    }

    pub(in super::super) fn create_private(path: &Path) -> io::Result<()> {
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(path)
            .map(drop)
    }

    pub(in super::super) fn create_folders(folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)
    }
}
