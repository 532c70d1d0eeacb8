//! Where the ledger of a soak is stored.

use std::{env, path::PathBuf};

use industrydata_core::ledger::StoreError;
use industrydata_ledger::{Ledger, PgStore, SqliteStore};

/// The environment variable that passes the place to a child process. It is not an argument, because arguments show in
/// `ps` and a URL contains a password.
pub(super) const LEDGER: &str = "INDUSTRYDATA_SOAK_LEDGER";
/// The value of the variable for [`Place::Unshared`].
const UNSHARED: &str = "unshared";

/// Where the ledger is stored.
#[derive(Clone, Debug)]
pub enum Place {
    /// In this file.
    Sqlite(PathBuf),
    /// In the database at this URL.
    Postgres(String),
    /// In the memory of each process. Not shared, so that the checks must find violations.
    Unshared,
}

impl Place {
    /// The name of the store, without secrets.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "SQLite",
            Self::Postgres(_) => "PostgreSQL",
            Self::Unshared => "unshared ledgers",
        }
    }

    /// Opens the ledger.
    ///
    /// # Errors
    ///
    /// If the store cannot be opened.
    pub fn open(&self) -> Result<Ledger, StoreError> {
        match self {
            Self::Sqlite(path) => Ledger::sqlite(path),
            Self::Postgres(url) => Ledger::postgres(url),
            Self::Unshared => Ok(Ledger::memory()),
        }
    }

    /// Runs the integrity check of the store.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(path) => SqliteStore::open(path)?.check(),
            Self::Postgres(url) => PgStore::connect(url)?.check(),
            Self::Unshared => Ok(()),
        }
    }

    /// The place as the value of the environment variable.
    pub(super) fn to_variable(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("sqlite:{}", path.display()),
            Self::Postgres(url) => url.clone(),
            Self::Unshared => UNSHARED.to_owned(),
        }
    }

    /// The place that the environment variable names, if it is set.
    pub(super) fn from_variable() -> Option<Self> {
        let text = env::var(LEDGER).ok()?;
        Some(match text.strip_prefix("sqlite:") {
            Some(path) => Self::Sqlite(path.into()),
            None if text == UNSHARED => Self::Unshared,
            None => Self::Postgres(text),
        })
    }
}
