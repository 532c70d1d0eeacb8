//! Where a ledger file is: what is there now, and how the file is created and moved aside.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{
    permissions::{self, Identity},
    store_error::Obstacle,
};

/// Held while a ledger file is created or opened. Closing *any* handle of a file gives up the locks this process
/// has on it (POSIX record locks), so the handle that creates one must be closed before SQLite opens it.
static OPENING: Mutex<()> = Mutex::new(());

/// What is put after a ledger's name for the new ledger that a reset is about to put in its place.
const SUCCESSOR: &str = ".reset";

/// The files SQLite may keep beside a database.
const COMPANIONS: [&str; 3] = ["-journal", "-wal", "-shm"];

/// Where a ledger file is, or will be created.
#[derive(Debug)]
pub(super) struct Place {
    /// Absolute: it survives a change of the working folder, and never looks like a URI to SQLite.
    path: PathBuf,
    folder: PathBuf,
    create_folder: bool,
}

/// A file that may hold a ledger.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub(super) identity: Identity,
    pub(super) is_empty: bool,
    is_read_only: bool,
}

impl Place {
    pub(super) fn new(path: &Path, create_folder: bool) -> Result<Self, Obstacle> {
        let path =
            std::path::absolute(path).map_err(|error| Obstacle::Io(path.to_owned(), error))?;
        let (Some(folder), Some(_)) = (path.parent(), path.file_name()) else {
            return Err(Obstacle::NoFileName(path));
        };
        Ok(Self {
            folder: folder.to_owned(),
            path,
            create_folder,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The place of the new ledger of a reset. While a file is there, only a reset can use the ledger.
    pub(super) fn successor(&self) -> Result<Self, Obstacle> {
        Self::new(&beside(&self.path, SUCCESSOR), self.create_folder)
    }

    /// The file that is there, if any. This changes and opens nothing.
    pub(super) fn look(&self) -> Result<Option<Found>, Obstacle> {
        if !self.folder_stands()? {
            return Ok(None);
        }
        match fs::symlink_metadata(beside(&self.path, SUCCESSOR)) {
            Ok(_) => return Err(Obstacle::Resetting(self.path.clone())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(self.io(error)),
        }
        permissions::journal(&beside(&self.path, "-journal"))?;
        let meta = match fs::symlink_metadata(&self.path) {
            Ok(meta) => meta,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.io(error)),
        };
        if meta.is_symlink() {
            return Err(Obstacle::Link(self.path.clone()));
        }
        if !meta.is_file() {
            return Err(Obstacle::NotAFile(self.path.clone()));
        }
        Ok(Some(Found {
            identity: permissions::file(&self.path, &meta)?,
            is_empty: meta.len() == 0,
            is_read_only: meta.permissions().readonly(),
        }))
    }

    /// Refuses to write where the modes forbid it to all users.
    pub(super) fn is_writable(&self, found: Option<Found>) -> Result<(), Obstacle> {
        if found.is_some_and(|file| file.is_read_only) {
            return Err(Obstacle::ReadOnly(self.path.clone()));
        }
        match fs::metadata(&self.folder) {
            Ok(meta) if cfg!(unix) && meta.permissions().readonly() => {
                Err(Obstacle::ReadOnly(self.folder.clone()))
            }
            Ok(_) => Ok(()),
            Err(_) if self.create_folder => Ok(()),
            Err(error) => Err(Obstacle::Io(self.folder.clone(), error)),
        }
    }

    /// Refuses a folder, and a file that is there, in which this user may not write, whatever their modes, or whose disk is
    /// full. Nothing is
    /// created: of a folder that is missing, the one above it counts.
    pub(super) fn takes_files(&self) -> Result<(), Obstacle> {
        let folder = self.folder.ancestors().find(|folder| folder.exists());
        if let Some(folder) = folder {
            permissions::writable(folder)?;
            permissions::room(folder)?;
        }
        match self.path.exists() {
            true => permissions::writable(&self.path),
            false => Ok(()),
        }
    }

    /// Creates the file, empty, unless another process or thread was first.
    pub(super) fn create(&self) -> Result<Found, Obstacle> {
        if self.create_folder {
            permissions::create_folders(&self.folder)
                .map_err(|error| Obstacle::Io(self.folder.clone(), error))?;
        }
        {
            let _opening = opening();
            match permissions::create_private(&self.path) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(self.io(error)),
            }
        }
        self.look()?
            .ok_or_else(|| Obstacle::Gone(self.path.clone()))
    }

    /// Opens the file: `open` gets a path without symbolic links, which SQLite refuses.
    pub(super) fn opened<T>(&self, open: impl FnOnce(&Path) -> T) -> Result<T, Obstacle> {
        let mut path = self.path.clone();
        if let (true, Some(name)) = (cfg!(unix), self.path.file_name()) {
            let folder = fs::canonicalize(&self.folder);
            path = folder
                .map_err(|error| Obstacle::Io(self.folder.clone(), error))?
                .join(name);
        }
        let _opening = opening();
        Ok(open(&path))
    }

    /// The file that was opened. After a reset another one has its name.
    pub(super) fn same(&self, opened: Identity) -> Result<Found, Obstacle> {
        self.look()?
            .filter(|found| found.identity == opened)
            .ok_or_else(|| Obstacle::Gone(self.path.clone()))
    }

    /// Whether the file that was opened has length 0: with its lock held, whether its tables must be made.
    pub(super) fn is_empty(&self, opened: Identity) -> Result<bool, Obstacle> {
        self.same(opened).map(|found| found.is_empty)
    }

    /// Gives the file the name `aside`, and the files SQLite keeps beside it names to match; then `successor` gets its
    /// name. Returns whether there was a file.
    ///
    /// The name always has a file. `successor`, which makes every other use fail, exists until the last step. If the
    /// process ends before that, the next reset completes the steps, with `is_begun` and the same names. If a step
    /// fails, the earlier steps are undone, and `successor` is removed last.
    pub(super) fn set_aside(
        &self,
        aside: &Path,
        successor: &Path,
        is_begun: bool,
    ) -> Result<bool, Obstacle> {
        let _opening = opening();
        let was_there = self
            .link(aside, is_begun)
            .map_err(|error| Obstacle::Io(aside.to_owned(), error))
            .inspect_err(|_| drop(fs::remove_file(successor)))?;
        let set_aside = || {
            for suffix in COMPANIONS {
                rename_if_there(&beside(&self.path, suffix), &beside(aside, suffix))?;
            }
            permissions::sync_folder(&self.folder)?;
            fs::rename(successor, &self.path)
        };
        set_aside().map_err(|error| {
            let undo = || {
                for suffix in COMPANIONS {
                    rename_if_there(&beside(aside, suffix), &beside(&self.path, suffix))?;
                }
                if was_there {
                    fs::remove_file(aside)?;
                }
                permissions::sync_folder(&self.folder)?;
                fs::remove_file(successor)
            };
            // The next reset handles a step that cannot be undone.
            drop(undo());
            self.io(error)
        })?;
        Ok(was_there)
    }

    /// Makes the names in the folder durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        permissions::sync_folder(&self.folder)
    }

    /// Gives the file, if there is one, the second name `aside`, which it may have already if `is_begun`.
    fn link(&self, aside: &Path, is_begun: bool) -> io::Result<bool> {
        match fs::hard_link(&self.path, aside) {
            Ok(()) => Ok(true),
            Err(error) if is_begun && error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) if is_begun && error.kind() == io::ErrorKind::AlreadyExists => {
                let [one, other] = [&*self.path, aside].map(fs::symlink_metadata);
                if permissions::identity(&one?) == permissions::identity(&other?) {
                    Ok(true)
                } else {
                    Err(error)
                }
            }
            Err(error) => Err(error),
        }
    }

    fn folder_stands(&self) -> Result<bool, Obstacle> {
        match fs::metadata(&self.folder) {
            Ok(meta) if !meta.is_dir() => Err(Obstacle::NotAFolder(self.folder.clone())),
            Ok(meta) => permissions::folder(&self.folder, &meta).map(|()| true),
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Obstacle::Io(self.folder.clone(), error))
            }
            Err(_) if self.create_folder => Ok(false),
            Err(_) => Err(Obstacle::NoFolder(self.folder.clone())),
        }
    }

    fn io(&self, error: io::Error) -> Obstacle {
        Obstacle::Io(self.path.clone(), error)
    }
}

fn rename_if_there(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// The path with `suffix` after its last name.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.to_owned().into_os_string();
    name.push(suffix);
    name.into()
}

fn opening() -> MutexGuard<'static, ()> {
    OPENING.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn obstacles_are_reported_by_kind() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| Place::new(&folder.path().join(name), false).unwrap();

        // A name that the system refuses is an error, not a missing file.
        let long = place(&"n".repeat(300));
        assert!(matches!(long.look(), Err(Obstacle::Io(..))));
        assert!(matches!(long.create(), Err(Obstacle::Io(at, _)) if at == long.path));

        let ledger = place("ledger");
        assert!(ledger.look().unwrap().is_none());
        assert!(ledger.create().unwrap().is_empty);
        assert!(ledger.create().is_ok(), "another was first");

        let below = place("ledger/x");
        assert!(matches!(below.look(), Err(Obstacle::NotAFolder(at)) if at == ledger.path));
    }

    #[test]
    fn a_journal_goes_with_its_file_or_both_stay() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let text = |name: &str| fs::read_to_string(at(name)).unwrap_or_default();
        let place = Place::new(&at("ledger"), false).unwrap();
        for (name, text) in [("ledger", "old"), ("ledger-journal", "journal")] {
            fs::write(at(name), text).unwrap();
        }
        let refused = place.set_aside(&at("aside"), &at("missing"), false);
        assert!(matches!(refused, Err(Obstacle::Io(path, _)) if path == at("ledger")));
        assert_eq!(
            (text("ledger"), text("ledger-journal")),
            ("old".into(), "journal".into())
        );
        assert!(!at("aside").exists() && !at("aside-journal").exists());

        fs::write(at("new"), "new").unwrap();
        assert!(place.set_aside(&at("aside"), &at("new"), false).unwrap());
        assert_eq!(
            (text("aside"), text("aside-journal")),
            ("old".into(), "journal".into())
        );
        assert_eq!(text("ledger"), "new");
        assert!(!at("ledger-journal").exists() && !at("new").exists());

        // An existing file is never replaced.
        for is_begun in [false, true] {
            fs::write(at("new"), "newer").unwrap();
            assert!(place.set_aside(&at("aside"), &at("new"), is_begun).is_err());
            assert_eq!(
                (text("ledger"), text("aside")),
                ("new".into(), "old".into())
            );
            assert!(!at("new").exists(), "it would keep others off");
        }
    }

    #[test]
    fn a_missing_folder_is_writable_only_if_it_may_be_created() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/ledger");
        let place = |create| Place::new(&path, create).unwrap();
        assert!(place(true).is_writable(None).is_ok());
        let refused = place(false).is_writable(None);
        assert!(matches!(refused, Err(Obstacle::Io(at, _)) if at == folder.path().join("a")));
    }
}
