//! Where the books of a soak live.

use std::{env, path::PathBuf};

use industrydata_core::ledger::StoreError;
use industrydata_ledger::{Ledger, PgStore, SqliteStore};

/// The variable that tells a child where the books are. A URL has a password in it, and an argument shows in `ps`.
pub(super) const BOOKS: &str = "INDUSTRYDATA_SOAK_BOOKS";

/// Where the books live.
#[derive(Clone, Debug)]
pub enum Place {
    /// In this file.
    Sqlite(PathBuf),
    /// In the database at this URL.
    Postgres(String),
    /// In each process's own memory: shared by nobody, so that the checks have something to find.
    Apart,
}

impl Place {
    /// Its name, without what is secret.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "SQLite",
            Self::Postgres(_) => "PostgreSQL",
            Self::Apart => "books apart",
        }
    }

    /// The books there.
    ///
    /// # Errors
    ///
    /// As the store.
    pub fn open(&self) -> Result<Ledger, StoreError> {
        match self {
            Self::Sqlite(path) => Ledger::sqlite(path),
            Self::Postgres(url) => Ledger::postgres(url),
            Self::Apart => Ok(Ledger::memory()),
        }
    }

    /// Whether the store holds together, as it says itself.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(path) => SqliteStore::open(path)?.check(),
            Self::Postgres(url) => PgStore::connect(url)?.check(),
            Self::Apart => Ok(()),
        }
    }

    pub(super) fn tell(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("sqlite:{}", path.display()),
            Self::Postgres(url) => url.clone(),
            Self::Apart => "apart".to_owned(),
        }
    }

    pub(super) fn told() -> Option<Self> {
        let text = env::var(BOOKS).ok()?;
        Some(match text.strip_prefix("sqlite:") {
            Some(path) => Self::Sqlite(path.into()),
            None if text == "apart" => Self::Apart,
            None => Self::Postgres(text),
        })
    }
}
