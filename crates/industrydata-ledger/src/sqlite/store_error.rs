//! Errors of the store, in words that say what to do.

use std::{io, path::PathBuf};

use industrydata_core::ledger::StoreError;
use rusqlite::ErrorCode;

/// Why the file cannot hold a ledger, or its ledger is unusable.
#[derive(Debug, thiserror::Error)]
#[cfg_attr(
    not(unix),
    allow(dead_code, reason = "owners, modes and links are checked on Unix only")
)]
pub(super) enum Obstacle {
    #[error("{path} names no file", path = .0.display())]
    NoFileName(PathBuf),
    #[error("{path} is a symbolic link: name the file it leads to", path = .0.display())]
    Link(PathBuf),
    #[error("{path} is not a regular file: name another", path = .0.display())]
    NotAFile(PathBuf),
    #[error("{path} has a second name (hard link), under which its journal would not be found: remove that name", path = .0.display())]
    SecondName(PathBuf),
    #[error("{path} belongs to another user (uid {1}): use a ledger of your own", path = .0.display())]
    Foreign(PathBuf, u32),
    #[error(
        "{path} is open to other users (mode {1:04o}): run chmod 600 on it, or move it to a file system that keeps modes",
        path = .0.display()
    )]
    OpenToOthers(PathBuf, u32),
    #[error("{path} is read-only: make it writable", path = .0.display())]
    ReadOnly(PathBuf),
    #[error("the disk of {path} is full: free some space on it", path = .0.display())]
    Full(PathBuf),
    #[error("the folder {path} does not exist: create it first", path = .0.display())]
    NoFolder(PathBuf),
    #[error("{path} is not a folder", path = .0.display())]
    NotAFolder(PathBuf),
    #[error("the folder {path} lets all users replace its files (mode {1:04o}): run chmod o-w on it, or use another", path = .0.display())]
    OpenFolder(PathBuf, u32),
    #[error(
        "{path} was reset, replaced or removed while in use: after a reset start this program again, otherwise put the file back",
        path = .0.display()
    )]
    Gone(PathBuf),
    #[error(
        "a reset of {path} is under way or was interrupted: run `industrydata ledger reset`, which finishes it",
        path = .0.display()
    )]
    Resetting(PathBuf),
    #[error("{path}, the new ledger of a reset that was interrupted, is damaged: remove it and reset again", path = .0.display())]
    Successor(PathBuf),
    #[error(
        "{path} was reset and its old file is {aside} now, but a power cut may undo that: {error}: reset again",
        path = path.display(), aside = aside.display()
    )]
    NotSynced {
        path: PathBuf,
        aside: PathBuf,
        error: io::Error,
    },
    #[error("{path}: {1}", path = .0.display())]
    Io(PathBuf, io::Error),
    #[error("{path}: {1}", path = .0.display())]
    Open(PathBuf, rusqlite::Error),
    #[error("{0}{hint}", hint = hint(.0))]
    Engine(rusqlite::Error),
    #[error("{path}: COMMIT failed twice: {1}", path = .0.display())]
    Commit(PathBuf, rusqlite::Error),
}

impl From<Obstacle> for StoreError {
    fn from(obstacle: Obstacle) -> Self {
        Self::unavailable(obstacle)
    }
}

/// The store error for an error of SQLite. Statements and schema are fixed, so an error in them is damage.
pub(super) fn of(error: rusqlite::Error) -> StoreError {
    let Some(code) = error.sqlite_error_code() else {
        return StoreError::Damaged("a row has another type than was written");
    };
    if is_busy(&error) {
        return StoreError::Busy;
    }
    if code == ErrorCode::NotADatabase {
        return StoreError::Damaged("not an SQLite database");
    }
    if code == ErrorCode::DatabaseCorrupt {
        return StoreError::Damaged("SQLite finds the file malformed");
    }
    let of_the_file = [
        ErrorCode::Unknown,
        ErrorCode::TooBig,
        ErrorCode::TypeMismatch,
        ErrorCode::ConstraintViolation,
        ErrorCode::SchemaChanged,
    ];
    if of_the_file.contains(&code) {
        return StoreError::Damaged("SQLite cannot use the file as it is");
    }
    Obstacle::Engine(error).into()
}

fn hint(error: &rusqlite::Error) -> &'static str {
    match error.sqlite_error_code() {
        Some(ErrorCode::CannotOpen) => {
            ": check that files can be created in the folder of the ledger"
        }
        Some(ErrorCode::ReadOnly) => ": check that the file of the ledger can be written",
        Some(ErrorCode::DiskFull) => ": free some space on the disk of the ledger",
        _ => "",
    }
}

/// Whether another holder has the lock.
pub(super) fn is_busy(error: &rusqlite::Error) -> bool {
    [
        Some(ErrorCode::DatabaseBusy),
        Some(ErrorCode::DatabaseLocked),
        Some(ErrorCode::FileLockingProtocolFailed),
    ]
    .contains(&error.sqlite_error_code())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(code: i32) -> rusqlite::Error {
        rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None)
    }

    #[test]
    fn hints_say_what_to_do() {
        use rusqlite::ffi::{SQLITE_CANTOPEN, SQLITE_FULL, SQLITE_IOERR, SQLITE_READONLY};
        assert!(hint(&failed(SQLITE_CANTOPEN)).contains("folder of the ledger"));
        assert!(hint(&failed(SQLITE_READONLY)).contains("can be written"));
        assert!(hint(&failed(SQLITE_FULL)).contains("free some space"));
        assert_eq!(hint(&failed(SQLITE_IOERR)), "");
    }

    #[test]
    fn busy_is_distinguished_from_damaged() {
        use rusqlite::ffi::{
            SQLITE_BUSY, SQLITE_CONSTRAINT, SQLITE_CORRUPT, SQLITE_ERROR, SQLITE_FULL,
            SQLITE_LOCKED, SQLITE_NOTADB, SQLITE_PROTOCOL, SQLITE_SCHEMA,
        };
        for code in [SQLITE_BUSY, SQLITE_LOCKED, SQLITE_PROTOCOL] {
            assert!(is_busy(&failed(code)));
            assert!(matches!(of(failed(code)), StoreError::Busy));
        }
        let message = |code| of(failed(code)).to_string();
        assert!(message(SQLITE_NOTADB).contains("not an SQLite database"));
        assert!(message(SQLITE_CORRUPT).contains("malformed"));
        for code in [SQLITE_ERROR, SQLITE_CONSTRAINT, SQLITE_SCHEMA] {
            assert!(matches!(of(failed(code)), StoreError::Damaged(_)));
        }
        assert!(matches!(
            of(failed(SQLITE_FULL)),
            StoreError::Unavailable(_)
        ));
        let odd = of(rusqlite::Error::QueryReturnedNoRows);
        assert!(matches!(odd, StoreError::Damaged(_)));
    }
}
