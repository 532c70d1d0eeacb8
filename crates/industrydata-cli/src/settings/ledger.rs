//! Where the books are.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};

use industrydata_ledger::{Books, SqliteStore};

use super::Environment;
use crate::{
    args::Global,
    report::{Document, Kind, Outcome},
    verdict,
};

/// How long another holder of the books is waited for, at most.
const LEDGER_WAIT: Duration = Duration::from_secs(5);

/// The books: `--ledger`, else the environment, else a file in the user's state folder. Whether they are forgetful is
/// for the caller to tell.
pub(crate) fn books(
    global: &Global,
    env: Environment<'_>,
    patience: Duration,
) -> Result<Books, Box<Document>> {
    let given = ledger_option(global, env);
    if given.as_deref().is_some_and(|path| path == "none") {
        return Ok(Books::memory());
    }
    let options = SqliteStore::options().wait(patience.min(LEDGER_WAIT));
    let store = match given {
        Some(path) => options.open(path),
        None => options.create_parent(true).open(default_ledger(env)?),
    };
    store
        .map(Books::from)
        .map_err(|fault| verdict::ledger(&fault).into())
}

/// Refuses a ledger that is no path.
pub(crate) fn ledger_is_path(global: &Global, env: Environment<'_>) -> Result<(), Box<Document>> {
    let Some(given) = ledger_option(global, env) else {
        return Ok(());
    };
    if given.is_empty() {
        return Err(Document::usage("--ledger is empty: give a path, or none").into());
    }
    let text = given.to_string_lossy().to_ascii_lowercase();
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        let message =
            "books in PostgreSQL are not part of this release: give the path of a file, or none";
        return Err(Document::usage(message).into());
    }
    Ok(())
}

fn ledger_option(global: &Global, env: Environment<'_>) -> Option<OsString> {
    let option = global.ledger.clone().map(PathBuf::into_os_string);
    option.or_else(|| env.os("INDUSTRYDATA_LEDGER"))
}

pub(super) fn default_ledger(env: Environment<'_>) -> Result<PathBuf, Box<Document>> {
    let absolute = |name: &str| {
        env.os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let home = || absolute("HOME");
    let state = if cfg!(windows) {
        absolute("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        absolute("XDG_STATE_HOME")
            .or_else(|| home().map(|home| home.join("Library/Application Support")))
    } else {
        absolute("XDG_STATE_HOME").or_else(|| home().map(|home| home.join(".local/state")))
    };
    let file = Path::new("industrydata").join("ledger.sqlite");
    state.map(|state| state.join(file)).ok_or_else(|| {
        Document::refusal(
            Outcome::Ledger,
            Kind::Ledger,
            "no start without books: there is no home folder to keep them in",
        )
        .advise(
            "give a file with --ledger PATH, or --ledger none for books that end with this process",
        )
        .into()
    })
}
