//! The place of a file of books: what stands there, and how the file comes into being.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{
    fault::Obstacle,
    guard::{self, Identity},
};

/// Held while a file of books is created or opened. Closing *any* handle of a file gives up the locks this process
/// has on it (POSIX record locks), so the handle that creates one must be closed before SQLite opens it.
static OPENING: Mutex<()> = Mutex::new(());

/// Where a file of books is, or is to be.
#[derive(Debug)]
pub(super) struct Place {
    /// Absolute: it survives a change of the working folder, and never looks like a URI to SQLite.
    path: PathBuf,
    folder: PathBuf,
    create_folder: bool,
}

/// A file that may hold books.
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

    /// What stands there; `None` if nothing does. Changes nothing and opens nothing.
    pub(super) fn look(&self) -> Result<Option<Found>, Obstacle> {
        if !self.folder_stands()? {
            return Ok(None);
        }
        guard::journal(&self.beside("-journal"))?;
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
            identity: guard::file(&self.path, &meta)?,
            is_empty: meta.len() == 0,
            is_read_only: meta.permissions().readonly(),
        }))
    }

    /// Refuses to write where the modes say that nobody writes.
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

    /// Creates the file, empty, unless another process or thread was first.
    pub(super) fn create(&self) -> Result<Found, Obstacle> {
        if self.create_folder {
            guard::create_folders(&self.folder)
                .map_err(|error| Obstacle::Io(self.folder.clone(), error))?;
        }
        {
            let _opening = opening();
            match guard::create_private(&self.path) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(self.io(error)),
            }
        }
        self.look()?
            .ok_or_else(|| Obstacle::Gone(self.path.clone()))
    }

    /// Opens the file: `open` gets a name of it without symbolic links, which SQLite is told to refuse.
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

    /// Whether the file has no byte: with its lock held, whether it is still to be filled.
    pub(super) fn is_empty(&self) -> Result<bool, Obstacle> {
        let meta = fs::symlink_metadata(&self.path).map_err(|error| self.io(error))?;
        Ok(meta.len() == 0)
    }

    fn folder_stands(&self) -> Result<bool, Obstacle> {
        match fs::metadata(&self.folder) {
            Ok(meta) if !meta.is_dir() => Err(Obstacle::NotAFolder(self.folder.clone())),
            Ok(meta) => guard::folder(&self.folder, &meta).map(|()| true),
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Obstacle::Io(self.folder.clone(), error))
            }
            Err(_) if self.create_folder => Ok(false),
            Err(_) => Err(Obstacle::NoFolder(self.folder.clone())),
        }
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(suffix);
        name.into()
    }

    fn io(&self, error: io::Error) -> Obstacle {
        Obstacle::Io(self.path.clone(), error)
    }
}

fn opening() -> MutexGuard<'static, ()> {
    OPENING.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_the_way_is_told_as_what_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| Place::new(&folder.path().join(name), false).unwrap();

        // A name that the system does not take is no file that is missing.
        let long = place(&"n".repeat(300));
        assert!(matches!(long.look(), Err(Obstacle::Io(..))));
        assert!(matches!(long.create(), Err(Obstacle::Io(at, _)) if at == long.path));

        let books = place("books");
        assert!(books.look().unwrap().is_none());
        assert!(books.create().unwrap().is_empty);
        assert!(books.create().is_ok(), "another was first");

        let below = place("books/x");
        assert!(matches!(below.look(), Err(Obstacle::NotAFolder(at)) if at == books.path));
    }

    #[test]
    fn a_missing_folder_is_written_to_only_if_it_may_be_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/books");
        let place = |create| Place::new(&path, create).unwrap();
        assert!(place(true).is_writable(None).is_ok());
        let refused = place(false).is_writable(None);
        assert!(matches!(refused, Err(Obstacle::Io(at, _)) if at == folder.path().join("a")));
    }
}
