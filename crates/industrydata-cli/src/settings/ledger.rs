//! The location of the ledger.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    time::Duration,
};

use industrydata_core::wire::BaseUrl;
use industrydata_ledger::{
    Ledger, LedgerPlace, LedgerPlaceError, PgStore, SqliteStore, StoreError,
};

use crate::{
    args::Global,
    environment::Environment,
    error_report,
    ledger_place::shown,
    report::{Document, Kind, Outcome},
    terminal,
};

/// The longest wait for a lock of the ledger.
const LEDGER_WAIT: Duration = Duration::from_secs(5);

/// How the name of the folder begins that `emulator` creates in the temporary folder for its ledger, and removes at its
/// end.
pub(crate) const EMULATOR_FOLDER: &str = "industrydata-emulator-";

/// A store of a known kind.
pub(crate) enum OpenLedger {
    Memory,
    File(SqliteStore),
    Database(PgStore),
}

impl OpenLedger {
    /// The ledger in it. One in memory is a new one at each call.
    pub(crate) fn ledger(&self) -> Ledger {
        match self {
            Self::Memory => Ledger::memory(),
            Self::File(store) => store.clone().into(),
            Self::Database(store) => store.clone().into(),
        }
    }

    /// The tenants that have a ledger at this base, in the order of their names.
    pub(crate) fn tenants(&self, base: &BaseUrl) -> Result<Vec<String>, StoreError> {
        match self {
            Self::Memory => Ok(Vec::new()),
            Self::File(store) => store.tenants(base),
            Self::Database(store) => store.tenants(base),
        }
    }
}

/// Opens the ledger: `--ledger`, else the environment, else a file in the user's state folder. A PostgreSQL store
/// connects at its first use.
pub(crate) fn ledger(
    global: &Global,
    env: Environment<'_>,
    remaining: Duration,
) -> Result<Ledger, Box<Document>> {
    open_ledger(global, env, remaining).map(|open| open.ledger())
}

/// The same, as a store of its kind.
pub(crate) fn open_ledger(
    global: &Global,
    env: Environment<'_>,
    remaining: Duration,
) -> Result<OpenLedger, Box<Document>> {
    let wait = remaining.min(LEDGER_WAIT);
    let options = SqliteStore::options().wait(wait);
    let store = match place(global, env)? {
        Some(LedgerPlace::Memory) => Ok(OpenLedger::Memory),
        Some(LedgerPlace::Postgres(text)) => {
            let options = PgStore::options().wait(wait).from_env();
            options.connect(&text).map(OpenLedger::Database)
        }
        Some(LedgerPlace::File(path)) if was_of_emulator(&path) => {
            return Err(emulator_ended(global).into());
        }
        Some(LedgerPlace::File(path)) => options.open(path).map(OpenLedger::File),
        None => {
            let options = options.create_parent(true);
            options.open(default_ledger(env)?).map(OpenLedger::File)
        }
    };
    store.map_err(|error| error_report::ledger(&error).into())
}

/// Where the ledger is, for people; `None` if it ends with this process.
pub(crate) fn ledger_place(
    global: &Global,
    env: Environment<'_>,
) -> Result<Option<String>, Box<Document>> {
    Ok(match place(global, env)? {
        None => Some(default_ledger(env)?.display().to_string()),
        Some(LedgerPlace::Memory) => None,
        // The text may hold a password.
        Some(LedgerPlace::Postgres(_)) => Some("the database".to_owned()),
        Some(LedgerPlace::File(path)) => Some(path.display().to_string()),
    })
}

/// The place of the ledger, without a password: a path, a URL, a keyword string or `none`.
pub(crate) fn ledger_shown(global: &Global, env: Environment<'_>) -> Result<String, Box<Document>> {
    match place(global, env)? {
        Some(place) => Ok(shown(&place)),
        None => default_ledger(env).map(|path| path.display().to_string()),
    }
}

/// Tells with `--verbose` where the ledger is.
pub(crate) fn show_ledger(global: &Global, env: Environment<'_>) {
    if let Ok(place) = ledger_place(global, env) {
        let place = place.unwrap_or_else(|| "not stored".to_owned());
        terminal::detail(format!("ledger: {place}"));
    }
}

/// Refuses an empty ledger option. Other errors stop only commands that use the ledger.
pub(crate) fn check_ledger(global: &Global, env: Environment<'_>) -> Result<(), Box<Document>> {
    match place(global, env) {
        Err(document) if document.outcome == Outcome::Usage => Err(document),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// What the ledger option or the environment says; `None` if neither is set.
fn place(global: &Global, env: Environment<'_>) -> Result<Option<LedgerPlace>, Box<Document>> {
    let option = global.ledger.clone().map(PathBuf::into_os_string);
    let Some(given) = option.or_else(|| env.path("INDUSTRYDATA_LEDGER")) else {
        return Ok(None);
    };
    match LedgerPlace::parse(&given) {
        Ok(place) => Ok(Some(place)),
        Err(LedgerPlaceError::Empty) => {
            Err(Document::usage("--ledger is empty: set a path, a URL or none").into())
        }
        Err(error) => Err(error_report::ledger(&StoreError::from(error)).into()),
    }
}

/// Whether the path is in the folder of an emulator that has ended.
fn was_of_emulator(path: &Path) -> bool {
    let Some(folder) = path.parent() else {
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

/// The file in the user's state folder.
pub(crate) fn default_ledger(env: Environment<'_>) -> Result<PathBuf, Box<Document>> {
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
