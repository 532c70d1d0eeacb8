//! Where the books are.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    time::Duration,
};

use industrydata_ledger::{Ledger, PgStore, SqliteStore};

use super::Environment;
use crate::{
    args::Global,
    report::{Document, Kind, Outcome},
    verdict,
};

/// How long another holder of the books is waited for, at most.
const LEDGER_WAIT: Duration = Duration::from_secs(5);

/// The books: `--ledger`, else the environment, else a file in the user's state folder. Whether they are forgetful is
/// for the caller to tell. A database is connected to when it is first asked.
pub(crate) fn books(
    global: &Global,
    env: Environment<'_>,
    patience: Duration,
) -> Result<Ledger, Box<Document>> {
    let given = ledger_option(global, env);
    if given.as_deref().is_some_and(|path| path == "none") {
        return Ok(Ledger::memory());
    }
    let wait = patience.min(LEDGER_WAIT);
    if let Some(url) = given.as_deref().and_then(url) {
        let store = PgStore::options().wait(wait).from_env().connect(url);
        return store
            .map(Ledger::from)
            .map_err(|fault| verdict::ledger(&fault).into());
    }
    let options = SqliteStore::options().wait(wait);
    let store = match given {
        Some(path) => options.open(path),
        None => options.create_parent(true).open(default_ledger(env)?),
    };
    store
        .map(Ledger::from)
        .map_err(|fault| verdict::ledger(&fault).into())
}

/// Where the ledger is, for people; `None` if it ends with this process.
pub(crate) fn ledger_place(
    global: &Global,
    env: Environment<'_>,
) -> Result<Option<String>, Box<Document>> {
    let Some(given) = ledger_option(global, env) else {
        return default_ledger(env).map(|path| Some(path.display().to_string()));
    };
    if given == "none" {
        return Ok(None);
    }
    Ok(Some(match url(&given) {
        // The URL may hold a password.
        Some(_) => "the database".to_owned(),
        None => given.display().to_string(),
    }))
}

/// Refuses a ledger that is nothing.
pub(crate) fn ledger_is_path(global: &Global, env: Environment<'_>) -> Result<(), Box<Document>> {
    let Some(given) = ledger_option(global, env) else {
        return Ok(());
    };
    if given.is_empty() {
        return Err(Document::usage("--ledger is empty: give a path, or none").into());
    }
    Ok(())
}

/// The ledger as a URL, if it is meant for one: `postgres://`, or what the store is to refuse without opening a file of
/// such a name, which may hold a password.
fn url(given: &OsStr) -> Option<&str> {
    let text = given.to_str()?;
    let (scheme, _) = text.split_once(':')?;
    let is_scheme = |scheme: &str| {
        scheme.len() > 1
            && scheme
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
    };
    let is_meant = text.contains("://") || scheme.to_ascii_lowercase().starts_with("postgres");
    (is_meant && is_scheme(scheme)).then_some(text)
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
