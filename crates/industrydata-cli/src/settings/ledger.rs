//! The location of the ledger.

use std::{
    env,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    time::Duration,
};

use industrydata_ledger::{Ledger, PgStore, SqliteStore};

use crate::{
    args::Global,
    environment::Environment,
    error_report,
    ledger_place::{shown_ledger, url},
    report::{Document, Kind, Outcome},
};

/// The longest wait for a lock of the ledger.
const LEDGER_WAIT: Duration = Duration::from_secs(5);

/// How the name of the folder begins that `emulator` creates in the temporary folder for its ledger, and removes at its
/// end.
pub(crate) const EMULATOR_FOLDER: &str = "industrydata-emulator-";

/// Opens the ledger: `--ledger`, else the environment, else a file in the user's state folder. A PostgreSQL store
/// connects at its first use.
pub(crate) fn ledger(
    global: &Global,
    env: Environment<'_>,
    remaining: Duration,
) -> Result<Ledger, Box<Document>> {
    let given = ledger_option(global, env);
    if given.as_deref().is_some_and(|path| path == "none") {
        return Ok(Ledger::memory());
    }
    let wait = remaining.min(LEDGER_WAIT);
    if let Some(url) = given.as_deref().and_then(url) {
        let store = PgStore::options().wait(wait).from_env().connect(url);
        return store
            .map(Ledger::from)
            .map_err(|error| error_report::ledger(&error).into());
    }
    if given.as_deref().is_some_and(was_of_emulator) {
        return Err(emulator_ended(global).into());
    }
    let options = SqliteStore::options().wait(wait);
    let store = match given {
        Some(path) => options.open(path),
        None => options.create_parent(true).open(default_ledger(env)?),
    };
    store
        .map(Ledger::from)
        .map_err(|error| error_report::ledger(&error).into())
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

/// The place of the ledger, without a password: a path, a URL, or `none`.
pub(crate) fn ledger_shown(global: &Global, env: Environment<'_>) -> Result<String, Box<Document>> {
    match ledger_option(global, env) {
        Some(given) => Ok(shown_ledger(Path::new(&given))),
        None => default_ledger(env).map(|path| path.display().to_string()),
    }
}

/// Refuses an empty ledger option.
pub(crate) fn check_ledger(global: &Global, env: Environment<'_>) -> Result<(), Box<Document>> {
    match ledger_option(global, env) {
        Some(given) if given.is_empty() => {
            Err(Document::usage("--ledger is empty: set a path, a URL or none").into())
        }
        _ => Ok(()),
    }
}

/// Whether the path is in the folder of an emulator that has ended.
fn was_of_emulator(path: &OsStr) -> bool {
    let Some(folder) = Path::new(path).parent() else {
        return false;
    };
    let name = folder.file_name().and_then(OsStr::to_str);
    name.is_some_and(|name| name.starts_with(EMULATOR_FOLDER))
        && folder.parent() == Some(&env::temp_dir())
        && matches!(folder.try_exists(), Ok(false))
}

fn emulator_ended(global: &Global) -> Document {
    let message = "the ledger was the emulator's and is gone: the emulator was stopped";
    let advice = if global.ledger.is_some() {
        "name another ledger with --ledger or leave it out, or start the emulator again and use the ledger that it prints"
    } else {
        "unset INDUSTRYDATA_LEDGER, INDUSTRYDATA_BASE_URL and INDUSTRYDATA_TOKEN, or start the emulator again and export \
         what it prints"
    };
    Document::error(Outcome::Ledger, Kind::Ledger, message).advise(advice)
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
        Document::error(
            Outcome::Ledger,
            Kind::Ledger,
            "there is no home folder for the ledger",
        )
        .advise(
            "set a file with --ledger PATH, or use --ledger none for a ledger that is not stored",
        )
        .into()
    })
}
