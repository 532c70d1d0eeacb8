//! Errors of the store, in words that say what to do and never contain the password.

use std::{error::Error, io, path::PathBuf, time::Duration};

use industrydata_core::ledger::StoreError;
use tokio_postgres::error::SqlState;

/// The longest server text in a message, in characters.
const LONGEST: usize = 300;

/// Why a database cannot hold a ledger, or its ledger is unusable.
#[derive(Debug, thiserror::Error)]
pub(super) enum Obstacle {
    #[error("a store URL begins with postgres:// or postgresql://")]
    Scheme,
    #[error(
        "the store URL has a character that must be written in percent form (/ ? # @ in a user name or password)"
    )]
    Unescaped,
    #[error("the store URL names no host")]
    NoHost,
    #[error("the store URL cannot be read: look at its host, its port and its parameters")]
    Unreadable,
    #[error("the store URL has a parameter that is not known here: {0}")]
    Parameter(String),
    #[error("sslmode is one of disable, prefer, require, verify-ca and verify-full")]
    SslMode,
    #[error(
        "sslmode=verify-ca takes sslrootcert=PATH, since anyone can get a certificate of a public authority"
    )]
    NoAuthority,
    #[error("{path} has no certificate that can be read: sslrootcert names a file in PEM format", path = .0.display())]
    Authority(PathBuf),
    #[error(
        "the schema's name has 1 to 63 bytes, no control character, and does not begin with pg_"
    )]
    Schema,
    #[error("{path} is open to other users (mode {1:04o}): run chmod 600 on it", path = .0.display())]
    #[cfg_attr(not(unix), allow(dead_code, reason = "permissions are Unix's"))]
    OpenPassfile(PathBuf, u32),
    #[error("{path}: {1}", path = .0.display())]
    Passfile(PathBuf, io::Error),
    #[error("no thread could be made for the connection: {0}")]
    Thread(io::Error),
    #[error("{place}: {message}{hint}")]
    Server {
        place: String,
        message: String,
        hint: &'static str,
    },
    #[error("{place}: no answer within {} ms", wait.as_millis())]
    NoAnswer { place: String, wait: Duration },
    #[error("the thread of the connection ended before it answered")]
    ThreadEnded,
    #[error(
        "the tenant's row was {0} since this program read it: after a reset of the ledger restart this program, otherwise the database has lost starts: run `industrydata ledger reset`"
    )]
    RowLost(&'static str),
}

impl From<Obstacle> for StoreError {
    fn from(obstacle: Obstacle) -> Self {
        Self::unavailable(obstacle)
    }
}

/// How an attempt at a change ended that did not succeed.
#[derive(Debug)]
pub(super) enum Failure {
    /// Nothing was changed, and trying again at once would not help.
    Clean(StoreError),
    /// Nothing was changed, and trying again at once may help.
    Again(StoreError),
    /// COMMIT was sent and not confirmed: the change may or may not be durable.
    Commit(StoreError),
}

impl Failure {
    pub(super) fn into_error(self) -> StoreError {
        match self {
            Self::Clean(error) | Self::Again(error) | Self::Commit(error) => error,
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Clean(error)
    }
}

/// The failure for an error before COMMIT. Statements and tables are fixed, so an error in them is damage.
pub(super) fn of(place: &str, error: &tokio_postgres::Error) -> Failure {
    let Some(code) = error.code() else {
        // Either the connection broke, and the server rolls the transaction back; or a row has another type in tables that
        // were altered, and a new connection checks the tables first.
        return Failure::Again(server_error(place, error, ""));
    };
    if [SqlState::LOCK_NOT_AVAILABLE, SqlState::QUERY_CANCELED].contains(code) {
        return Failure::Clean(StoreError::Busy);
    }
    if [SqlState::UNDEFINED_TABLE, SqlState::INVALID_SCHEMA_NAME].contains(code) {
        return Failure::Clean(StoreError::Damaged(
            "the tables are gone that were there before",
        ));
    }
    if is_of_altered_tables(code) {
        return Failure::Clean(StoreError::Damaged(
            "the tables are not those that were made",
        ));
    }
    if [SqlState::DATA_CORRUPTED, SqlState::INDEX_CORRUPTED].contains(code) {
        return Failure::Clean(StoreError::Damaged("the server finds its data corrupted"));
    }
    let why = server_error(place, error, hint(code));
    if is_transient(code) {
        Failure::Again(why)
    } else {
        Failure::Clean(why)
    }
}

/// An error in words, on one line.
pub(super) fn server_error(
    place: &str,
    error: &tokio_postgres::Error,
    hint: &'static str,
) -> StoreError {
    Obstacle::Server {
        place: place.to_owned(),
        message: message(error),
        hint,
    }
    .into()
}

fn message(error: &tokio_postgres::Error) -> String {
    if let Some(db) = error.as_db_error() {
        return format!(
            "{} (SQLSTATE {})",
            one_line(db.message()),
            one_line(db.code().code())
        );
    }
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    one_line(&text)
}

/// Server text on one line, without characters that could make it look like another text.
fn one_line(text: &str) -> String {
    let is_odd = |c: char| {
        c.is_control()
            || ('\u{200b}'..='\u{200f}').contains(&c)
            || ('\u{2028}'..='\u{202e}').contains(&c)
            || ('\u{2066}'..='\u{2069}').contains(&c)
    };
    text.chars()
        .take(LONGEST)
        .map(|c| if is_odd(c) { ' ' } else { c })
        .collect()
}

fn is_of_altered_tables(code: &SqlState) -> bool {
    [
        SqlState::UNDEFINED_COLUMN,
        SqlState::UNDEFINED_FUNCTION,
        SqlState::INVALID_COLUMN_REFERENCE,
        SqlState::WRONG_OBJECT_TYPE,
        SqlState::DATATYPE_MISMATCH,
        SqlState::NOT_NULL_VIOLATION,
        SqlState::CHECK_VIOLATION,
    ]
    .contains(code)
}

/// Whether the cause passes: a race with another client, or a server that starts or stops.
fn is_transient(code: &SqlState) -> bool {
    [
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::UNIQUE_VIOLATION,
        SqlState::DUPLICATE_SCHEMA,
        SqlState::DUPLICATE_TABLE,
        SqlState::DUPLICATE_OBJECT,
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::TOO_MANY_CONNECTIONS,
        SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
    ]
    .contains(code)
}

fn hint(code: &SqlState) -> &'static str {
    match *code {
        SqlState::INVALID_PASSWORD | SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
            ": look at the user, the password and what the server lets in"
        }
        SqlState::INVALID_CATALOG_NAME => ": create the database first, or name another",
        SqlState::INSUFFICIENT_PRIVILEGE => {
            ": the role needs USAGE and CREATE on the schema (or CREATE on the database, where there is no schema yet), \
             and SELECT, INSERT and UPDATE on its tables"
        }
        SqlState::READ_ONLY_SQL_TRANSACTION => {
            ": a ledger is written to, so name the primary server"
        }
        SqlState::DISK_FULL => ": free some space on the server's disk",
        _ => "",
    }
}

/// The failure for a connection that could not be made.
pub(super) fn while_connecting(place: &str, error: &tokio_postgres::Error) -> Failure {
    if let Some(code) = error.code() {
        let why = server_error(place, error, hint(code));
        return if is_transient(code) {
            Failure::Again(why)
        } else {
            Failure::Clean(why)
        };
    }
    let text = message(error);
    let hint = if text.contains("does not support TLS") {
        ": add sslmode=disable if the network between is trusted"
    } else if text.contains("certificate") {
        ": name the server's authority with sslrootcert=PATH, and the server as its certificate does"
    } else if text.contains("password missing") {
        ": give one in PGPASSWORD, in a passfile or in the store URL"
    } else if text.contains("error connecting to server") {
        ": look at the host and port, and whether the server runs"
    } else {
        ""
    };
    Failure::Clean(server_error(place, error, hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_text_is_on_one_line_and_bounded() {
        assert_eq!(one_line("a\nb\u{200e}c\u{2028}d\u{2067}e"), "a b c d e");
        assert_eq!(
            one_line("a\u{200a}b\u{2030}c\u{206a}"),
            "a\u{200a}b\u{2030}c\u{206a}"
        );
        assert_eq!(one_line(&"é".repeat(400)).chars().count(), 300);
    }

    #[test]
    fn hints_say_what_to_do() {
        for (code, words) in [
            (SqlState::INVALID_PASSWORD, "the password"),
            (SqlState::INVALID_AUTHORIZATION_SPECIFICATION, "the user"),
            (SqlState::INVALID_CATALOG_NAME, "create the database"),
            (SqlState::INSUFFICIENT_PRIVILEGE, "USAGE and CREATE"),
            (SqlState::READ_ONLY_SQL_TRANSACTION, "the primary server"),
            (SqlState::DISK_FULL, "free some space"),
        ] {
            assert!(hint(&code).contains(words), "{code:?}");
        }
        assert_eq!(hint(&SqlState::SYNTAX_ERROR), "");
    }

    #[test]
    fn transient_errors_are_distinguished_from_damage() {
        for transient in [
            SqlState::T_R_DEADLOCK_DETECTED,
            SqlState::UNIQUE_VIOLATION,
            SqlState::TOO_MANY_CONNECTIONS,
        ] {
            assert!(is_transient(&transient));
        }
        for damage in [SqlState::UNDEFINED_COLUMN, SqlState::CHECK_VIOLATION] {
            assert!(is_of_altered_tables(&damage) && !is_transient(&damage));
        }
        assert!(!is_of_altered_tables(&SqlState::DISK_FULL) && !is_transient(&SqlState::DISK_FULL));
        let busy = || StoreError::Busy;
        for failure in [
            Failure::Clean(busy()),
            Failure::Again(busy()),
            Failure::Commit(busy()),
        ] {
            assert!(matches!(failure.into_error(), StoreError::Busy));
        }
        assert!(matches!(
            Failure::from(busy()),
            Failure::Clean(StoreError::Busy)
        ));
    }
}
