//! What a text says about where a ledger is.

use std::{
    ffi::OsStr,
    fmt,
    path::{Path, PathBuf},
};

use industrydata_core::ledger::StoreError;

/// The parameter names of PostgreSQL's client library. A text that begins with one of them and `=` names a database.
const KEYWORDS: [&str; 54] = [
    "application_name",
    "channel_binding",
    "client_encoding",
    "connect_timeout",
    "dbname",
    "fallback_application_name",
    "gssdelegation",
    "gssencmode",
    "gsslib",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "krbsrvname",
    "load_balance_hosts",
    "max_protocol_version",
    "min_protocol_version",
    "oauth_client_id",
    "oauth_client_secret",
    "oauth_issuer",
    "oauth_scope",
    "options",
    "passfile",
    "password",
    "port",
    "replication",
    "require_auth",
    "requirepeer",
    "requiressl",
    "scram_client_key",
    "scram_server_key",
    "service",
    "servicefile",
    "ssl_max_protocol_version",
    "ssl_min_protocol_version",
    "sslcert",
    "sslcertmode",
    "sslcompression",
    "sslcrl",
    "sslcrldir",
    "sslkey",
    "sslkeylogfile",
    "sslmode",
    "sslnegotiation",
    "sslpassword",
    "sslrootcert",
    "sslsni",
    "target_session_attrs",
    "tcp_user_timeout",
    "tty",
    "user",
    // Not PostgreSQL's: the schema of the tables.
    "schema",
];

/// Words that people mean by `none`. A file of such a name would be an accident.
const NEARLY_NONE: [&str; 9] = [
    "none",
    "non",
    "no",
    "null",
    "nil",
    "mem",
    "memory",
    "in-memory",
    "off",
];

/// Where a ledger is.
///
/// [`LedgerPlace::parse`] is the only reading of such a text: the command line, [`SqliteStore`](crate::SqliteStore) and
/// `PgStore` all follow it.
#[derive(Clone, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a program opens each kind of place differently"
)]
pub enum LedgerPlace {
    /// Nowhere: the ledger ends with the process.
    Memory,
    /// A file, for [`Ledger::sqlite`](crate::Ledger::sqlite).
    File(PathBuf),
    /// A URL or a keyword string of a PostgreSQL database, for `Ledger::postgres`. It may contain a password.
    Postgres(String),
}

/// Why a text names no place for a ledger. The message is one line with advice, and never contains the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerPlaceError {
    /// The text is empty or blank.
    #[error("the place of the ledger is empty: set a path, a URL or none")]
    Empty,
    /// The text differs from `none` in case or blanks only, or is another word for it, such as `memory`.
    #[error(
        "the place of the ledger is nearly none: write none in lower case and without blanks, or ./NAME for a file"
    )]
    NearlyNone,
    /// The text is in quotes, which a shell would have removed.
    #[error(
        "the place of the ledger begins with a quote: leave the quotes out, or write ./ before the name of a file"
    )]
    Quoted,
    /// The text begins with `~`, `$` or `%`, which a shell would have replaced.
    #[error(
        "the place of the ledger begins with ~, $ or %, which no shell has replaced: write the whole path, or ./ before the \
         name of a file"
    )]
    Unexpanded,
    /// The text has a scheme, a host with a port, or another colon in its first part.
    #[error(
        "the place of the ledger has a colon and is no postgres:// URL: a ledger is a path, a postgres:// URL or none; write \
         ./ before the name of a file"
    )]
    Scheme,
    /// The text has settings that are not those of PostgreSQL's client library.
    #[error(
        "the place of the ledger looks like settings of a database that are not PostgreSQL's: write postgres://user@host/database \
         or \"host=... dbname=... user=...\" (in lower case, with blanks between), or ./ before the name of a file"
    )]
    Settings,
    /// The text begins or ends with a blank, or contains a control character such as a line break.
    #[error(
        "the place of the ledger has a blank at an end, or a control character such as a line break: remove it, or write ./ \
         before the name of a file"
    )]
    Blank,
    /// The text names a database, and is not UTF-8.
    #[error("the place of the ledger is not valid UTF-8")]
    NotUtf8,
    /// The text names a database or memory, where a file is needed.
    #[error("the place of the ledger is not a file: write ./ before the name of a file")]
    NotAFile,
}

impl LedgerPlace {
    /// Reads a text that says where a ledger is.
    ///
    /// | text | place |
    /// | --- | --- |
    /// | an absolute path, `./…`, `../…`, `C:\…`, `C:/…` | a file, whatever characters follow |
    /// | `none` | [`LedgerPlace::Memory`] |
    /// | `postgres://…`, `postgresql://…` | [`LedgerPlace::Postgres`] |
    /// | `host=db dbname=school …` (a keyword string as PostgreSQL's own programs take it) | [`LedgerPlace::Postgres`] |
    /// | any other text that is no path: another scheme, `host:port`, other settings, `None`, `memory`, quotes, `~` | an error |
    /// | any other text | a file |
    ///
    /// ```
    /// use industrydata_ledger::LedgerPlace;
    ///
    /// assert_eq!(LedgerPlace::parse("none")?, LedgerPlace::Memory);
    /// assert!(matches!(LedgerPlace::parse("host=db dbname=school")?, LedgerPlace::Postgres(_)));
    /// assert!(matches!(LedgerPlace::parse("./host=db")?, LedgerPlace::File(_)));
    /// assert!(LedgerPlace::parse("sqlite:ledger.db").is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`LedgerPlaceError`], if the text is plainly no path and names no ledger.
    pub fn parse(text: impl AsRef<OsStr>) -> Result<Self, LedgerPlaceError> {
        let text = text.as_ref();
        if is_surely_a_path(text) {
            return Ok(Self::File(text.into()));
        }
        if text == "none" {
            return Ok(Self::Memory);
        }
        let read = text.to_string_lossy();
        if names_a_database(&read) {
            let utf8 = text.to_str().ok_or(LedgerPlaceError::NotUtf8)?;
            return Ok(Self::Postgres(utf8.to_owned()));
        }
        match no_path(&read) {
            Some(error) => Err(error),
            None => Ok(Self::File(text.into())),
        }
    }

    /// The path, if a file is there: what a store in a file takes.
    #[cfg(feature = "sqlite")]
    pub(crate) fn file(path: &Path) -> Result<PathBuf, LedgerPlaceError> {
        match Self::parse(path)? {
            Self::File(path) => Ok(path),
            Self::Memory | Self::Postgres(_) => Err(LedgerPlaceError::NotAFile),
        }
    }
}

impl fmt::Debug for LedgerPlace {
    /// Without what may contain a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("Memory"),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Postgres(_) => f.debug_tuple("Postgres").finish_non_exhaustive(),
        }
    }
}

impl From<LedgerPlaceError> for StoreError {
    fn from(error: LedgerPlaceError) -> Self {
        Self::unavailable(error)
    }
}

/// Whether the text is a path by how it begins.
fn is_surely_a_path(text: &OsStr) -> bool {
    let bytes = text.as_encoded_bytes();
    let is_separator = |byte: &u8| matches!(byte, b'/' | b'\\');
    match bytes {
        [first, ..] if is_separator(first) => true,
        [b'.'] | [b'.', b'.'] => true,
        [b'.', next, ..] | [b'.', b'.', next, ..] if is_separator(next) => true,
        [drive, b':', next, ..] if drive.is_ascii_alphabetic() && is_separator(next) => true,
        _ => Path::new(text).is_absolute(),
    }
}

/// Whether the text is a URL or a keyword string of PostgreSQL.
fn names_a_database(text: &str) -> bool {
    if is_blank_at_an_end(text) && text.contains("://") {
        return false;
    }
    let is_url = ["postgres://", "postgresql://"]
        .iter()
        .any(|scheme| text.starts_with(scheme));
    let first = text.split_once('=').map(|(first, _)| first.trim());
    is_url || first.is_some_and(|first| KEYWORDS.contains(&first))
}

/// Why a text that names no database is no path either.
fn no_path(text: &str) -> Option<LedgerPlaceError> {
    let trimmed = text.trim_matches(is_blank);
    let first_part = trimmed.split(['/', '\\']).next().unwrap_or_default();
    let has_login = trimmed
        .split_once(':')
        .is_some_and(|(_, rest)| rest.contains('@'));
    let is_variable = trimmed.starts_with(['~', '$'])
        || (trimmed.starts_with('%') && trimmed.matches('%').count() > 1);
    if trimmed.is_empty() {
        Some(LedgerPlaceError::Empty)
    } else if trimmed.starts_with(['"', '\'', '`']) {
        Some(LedgerPlaceError::Quoted)
    } else if NEARLY_NONE
        .iter()
        .any(|it| trimmed.eq_ignore_ascii_case(it))
    {
        Some(LedgerPlaceError::NearlyNone)
    } else if is_variable {
        Some(LedgerPlaceError::Unexpanded)
    } else if let Some(mark) = first_part.find([':', '=']) {
        Some(match first_part[mark..].starts_with('=') {
            true => LedgerPlaceError::Settings,
            false => LedgerPlaceError::Scheme,
        })
    } else if trimmed.contains("://") || has_login {
        Some(LedgerPlaceError::Scheme)
    } else if is_blank_at_an_end(text) || text.contains(char::is_control) {
        Some(LedgerPlaceError::Blank)
    } else {
        None
    }
}

fn is_blank_at_an_end(text: &str) -> bool {
    text.starts_with(is_blank) || text.ends_with(is_blank)
}

/// Whether a character at an end of the text cannot be seen.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '\u{feff}' | '\u{200b}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn is_file(text: &str) {
        let place = LedgerPlace::parse(text);
        assert_eq!(place, Ok(LedgerPlace::File(text.into())), "{text:?}");
    }

    #[test]
    fn a_path_that_begins_as_one_is_a_file_whatever_follows() {
        for text in [
            "./none",
            "./host=db password=hunter2",
            "./mysql://u:p@h",
            "./ ",
            "./a\n",
            "../sqlite:x",
            "/var/lib/ledger.sqlite",
            "/postgres://u:p@h/d",
            "/tmp/host=db dbname=x",
            "/a b \n",
            "/:memory:",
            "//server/share",
            "C:\\school\\ledger.db",
            "c:/school/host=db",
            "C:/none",
            ".\\none",
            "..\\a=b",
            "\\\\server\\share\\x:y",
            ".",
            "..",
        ] {
            is_file(text);
        }
    }

    #[test]
    fn other_paths_are_files() {
        for text in [
            "ledger.sqlite",
            "data/ledger.sqlite",
            "data/10:30.sqlite",
            "data/a=b.sqlite",
            ".ledger",
            "..ledger",
            "no ne",
            "nonesuch",
            "memory.sqlite",
            "memory/ledger",
            "nothing",
            "none.sqlite",
            "none/ledger",
            "my ledger.sqlite",
            "postgres",
            "user@host",
            "50%",
            "é",
            "host",
        ] {
            is_file(text);
        }
    }

    #[test]
    fn databases() {
        for text in [
            "postgres://u:hunter2@h/d",
            "postgresql://h/d?sslmode=require",
            "postgres://",
            "host=db dbname=school user=u password=hunter2",
            " host = db",
            "host=db\ndbname=school\n",
            "password='a b' host=/run/postgresql",
            "service=school",
            "dbname=postgres://u:hunter2@h/d",
            "hostaddr=10.0.0.5 user=u",
            "sslmode=disable host=db",
            "schema=starts host=db",
            "host=",
        ] {
            let place = LedgerPlace::parse(text);
            assert_eq!(
                place,
                Ok(LedgerPlace::Postgres(text.to_owned())),
                "{text:?}"
            );
            assert!(!format!("{place:?}").contains("hunter2"));
        }
        assert_eq!(LedgerPlace::parse("none"), Ok(LedgerPlace::Memory));
    }

    #[test]
    fn what_is_no_path_is_refused_without_showing_it() {
        for (error, texts) in [
            (
                LedgerPlaceError::Empty,
                ["", " ", "\n", "\t\r\n", "\u{feff}"].as_slice(),
            ),
            (
                LedgerPlaceError::NearlyNone,
                &[
                    "mem",
                    "Memory",
                    " in-memory",
                    "null",
                    "None",
                    "NONE",
                    "nOnE",
                    " none",
                    "none ",
                    "none\n",
                    "\u{a0}none",
                    "\u{feff}none",
                    "None\r\n",
                ],
            ),
            (
                LedgerPlaceError::Quoted,
                &["\"none\"", "'postgres://u:hunter2@h/d'", "\"/var/lib/x\""],
            ),
            (
                LedgerPlaceError::Unexpanded,
                &["~/ledger", "~", "$HOME/ledger", "${LEDGER}", "%APPDATA%\\x"],
            ),
            (
                LedgerPlaceError::Scheme,
                &[
                    "mysql://u:hunter2@h/d",
                    "sqlite:x",
                    "sqlite:///x",
                    "sqlite3:/x",
                    "file:x.db",
                    "file:///x.db",
                    ":memory:",
                    ":memory:?cache=shared",
                    "::",
                    "jdbc:postgresql://h/d?password=hunter2",
                    "Postgres://u:hunter2@h/d",
                    "POSTGRESQL://h/d",
                    "postgres:/u:hunter2@h/d",
                    "postgres//u:hunter2@h/d",
                    "postgres:u:hunter2@h/d",
                    "postgresql+psycopg2://u:hunter2@h/d",
                    "localhost:5432/d",
                    "127.0.0.1:5432/d",
                    "[::1]:5432/d",
                    "u:hunter2@h/d",
                    "u_1:hunter2@h:5432/d",
                    "a/b://c",
                    " postgres://u:hunter2@h/d",
                    "postgres://u:hunter2@h/d\n",
                    "tcp:db,1433",
                    "https://h/d",
                ],
            ),
            (
                LedgerPlaceError::Settings,
                &[
                    "Host=db;Username=u;Password=hunter2",
                    "Server=db;Database=d;User Id=u;Password=hunter2;",
                    "HOST=db DBNAME=d PASSWORD=hunter2",
                    "hostname=db",
                    "a=b.sqlite",
                    "ledger.sqlite?mode=ro",
                    "=x",
                    "INDUSTRYDATA_LEDGER=/var/lib/x",
                ],
            ),
            (
                LedgerPlaceError::Blank,
                &[
                    " ledger.sqlite",
                    "ledger.sqlite\n",
                    "ledger.sqlite\r",
                    " /var/lib/x",
                    "a\nb",
                    "a\u{0}b",
                    "ledger\u{200b}",
                ],
            ),
        ] {
            for text in texts {
                assert_eq!(LedgerPlace::parse(text), Err(error), "{text:?}");
            }
            let message = StoreError::from(error).to_string();
            assert!(message.lines().count() == 1 && message.contains(':'));
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_path_need_not_be_utf_8() {
        use std::os::unix::ffi::OsStrExt;
        let path = OsStr::from_bytes(b"ledger-\xff.sqlite");
        assert_eq!(LedgerPlace::parse(path), Ok(LedgerPlace::File(path.into())));
        let login = OsStr::from_bytes(b"host=db password=\xff");
        assert_eq!(LedgerPlace::parse(login), Err(LedgerPlaceError::NotUtf8));
        let none = OsStr::from_bytes(b"sqlite:\xff");
        assert_eq!(LedgerPlace::parse(none), Err(LedgerPlaceError::Scheme));
    }
}
