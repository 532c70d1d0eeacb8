//! Errors of the store, in words that say what to do and never contain the password.

use std::{
    error::Error,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use industrydata_core::ledger::StoreError;
use tokio_postgres::error::{Severity, SqlState};

use super::certificate;

/// The longest server text in a message, in characters.
const LONGEST: usize = 400;

/// States that the client's list does not have.
const TRANSACTION_TIMEOUT: &str = "25P04";
const IDLE_SESSION_TIMEOUT: &str = "57P05";

/// Why a database cannot hold a ledger, or its ledger is unusable.
#[derive(Debug, thiserror::Error)]
pub(super) enum Obstacle {
    #[error(
        "a PostgreSQL ledger is a URL that begins with postgres:// or postgresql://, or a keyword string such as \"host=db \
         dbname=school user=u\""
    )]
    Scheme,
    #[error(
        "the store URL has a character that must be written in percent form (/ ? # @ in a user name or password)"
    )]
    Unescaped,
    #[error(
        "the place of the ledger names no host: add one (host=NAME, or postgres://HOST/DATABASE)"
    )]
    NoHost,
    #[error(
        "a host in the place of the ledger is no name, address or folder: separate keywords by blanks, and write / ? # @ in a \
         user name or password of a URL in percent form"
    )]
    Host,
    #[error("the place of the ledger does not have as many ports or addresses (hostaddr) as hosts")]
    Counts,
    #[error("the store URL cannot be read: look at its host, its port and its parameters")]
    Unreadable,
    #[error(
        "the keyword string cannot be read: write name=value with blanks between, and 'a value with blanks' in single quotes"
    )]
    Keywords,
    #[error("the place of the ledger has a parameter that is not known here: {0}: leave it out")]
    Parameter(String),
    #[error(
        "the place of the ledger has a parameter behind the password that is not known here: leave it out, or quote the \
         password if it has a blank, and escape & in a URL"
    )]
    ParameterBehindPassword,
    #[error("{0} cannot be used here: {1}")]
    Refused(String, &'static str),
    #[error("{0} has a value that cannot be read: look at PostgreSQL's manual, or leave it out")]
    Value(&'static str),
    #[error("sslmode is one of disable, prefer, require, verify-ca and verify-full")]
    SslMode,
    #[error(
        "sslmode=allow sends everything in plain text if the server lets it: sslmode is one of disable, prefer (which encrypts \
         if the server can), require, verify-ca and verify-full"
    )]
    AllowMode,
    #[error(
        "sslmode=verify-ca takes sslrootcert=PATH, since anyone can get a certificate of a public authority"
    )]
    NoAuthority,
    #[error("{path} has no certificate that can be read: sslrootcert names a file in PEM format", path = .0.display())]
    Authority(PathBuf),
    #[error(
        "the operating system has no certificates of authorities, or they cannot be read: install them (ca-certificates), or \
         name a file with sslrootcert=PATH"
    )]
    NoSystemRoots,
    #[error("sslcert and sslkey go together: name both files, or neither")]
    HalfCertificate,
    #[error("{path} is not the certificate of the key in sslkey: name those that belong together", path = .0.display())]
    ClientCertificate(PathBuf),
    #[error("{path} has no private key that can be read: sslkey names a file in PEM format, without a password", path = .0.display())]
    Key(PathBuf),
    #[error(
        "the schema's name has 1 to 63 bytes, no control character, and does not begin with pg_"
    )]
    Schema,
    #[error("{path} is open to other users (mode {1:04o}): run chmod 600 on it", path = .0.display())]
    #[cfg_attr(not(unix), allow(dead_code, reason = "permissions are Unix's"))]
    OpenToOthers(PathBuf, u32),
    #[error("{path}: {1}", path = .0.display())]
    Secret(PathBuf, io::Error),
    #[error("{place}: {message}{hint}")]
    Server {
        place: String,
        message: String,
        hint: &'static str,
    },
    /// None of several servers can be used.
    #[error("{place}: none of the servers can be used: {failures}")]
    Servers { place: String, failures: String },
    #[error("{place}: no answer within {} ms", wait.as_millis())]
    NoAnswer { place: String, wait: Duration },
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
    if *code == SqlState::LOCK_NOT_AVAILABLE {
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
    if is_transient(code) || is_end(error) {
        Failure::Again(why)
    } else {
        Failure::Clean(why)
    }
}

/// The same for a statement that was kept prepared. One whose tables were altered returns other types than before: a new
/// connection looks at the tables, and prepares its own.
pub(super) fn of_kept(place: &str, error: &tokio_postgres::Error) -> Failure {
    match error.code() {
        Some(&SqlState::FEATURE_NOT_SUPPORTED) => Failure::Again(server_error(place, error, "")),
        _ => of(place, error),
    }
}

/// Whether the connection ended with this error. It may have ended before the request that has the error as its answer.
pub(super) fn is_end(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_some_and(|db| {
        let is_fatal = match db.parsed_severity() {
            Some(severity) => matches!(severity, Severity::Fatal | Severity::Panic),
            // Some poolers send the severity as a text only.
            None => ["FATAL", "PANIC"].contains(&db.severity()),
        };
        is_fatal || is_of_connection(db.code())
    })
}

/// The class of errors in the connection, or in the protocol.
fn is_of_connection(code: &SqlState) -> bool {
    code.code().starts_with("08")
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
    if let Some(why) = certificate_error(error) {
        return one_line(&certificate::words(why));
    }
    let mut text = error.to_string();
    for cause in std::iter::successors(error.source(), |cause| (*cause).source()) {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    one_line(&text)
}

/// Why the TLS handshake did not accept the server's certificate, if that is the cause.
fn certificate_error(error: &tokio_postgres::Error) -> Option<&rustls::CertificateError> {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    causes.filter_map(tls_error).find_map(|error| {
        let rustls::Error::InvalidCertificate(why) = error else {
            return None;
        };
        Some(why)
    })
}

/// An I/O error has its cause inside, and does not name it as its source.
fn tls_error<'e>(cause: &'e (dyn Error + 'static)) -> Option<&'e rustls::Error> {
    let wrapped = cause
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref);
    let wrapped = wrapped.and_then(|inner| inner.downcast_ref());
    wrapped.or_else(|| cause.downcast_ref())
}

/// Server text on one line, without characters that could make it look like another text.
pub(super) fn one_line(text: &str) -> String {
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
        // A second row in the table of the layout.
        SqlState::CARDINALITY_VIOLATION,
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
        || code.code() == IDLE_SESSION_TIMEOUT
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
            ": transaction_read_only is on and a ledger is written to, so name the primary server"
        }
        SqlState::DISK_FULL => ": free some space on the server's disk",
        SqlState::QUERY_CANCELED => {
            ": statement_timeout is shorter than the server took, or an administrator cancelled it: set a longer one for the \
             role or the database (ALTER ROLE ... SET statement_timeout = '5s')"
        }
        SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT => {
            ": idle_in_transaction_session_timeout ended the connection, since this program or the network hung: try again"
        }
        SqlState::INVALID_SQL_STATEMENT_NAME => {
            ": a pooler between gives each transaction another connection: leave keep_statements out"
        }
        SqlState::TOO_MANY_CONNECTIONS => {
            ": raise the CONNECTION LIMIT of the role or the database, or max_connections of the server, or end other programs"
        }
        SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE => {
            ": the database takes no connections (ALLOW_CONNECTIONS): name another, or allow them"
        }
        _ => match code.code() {
            TRANSACTION_TIMEOUT => {
                ": transaction_timeout is shorter than the server took: set a longer one for the role or the database (ALTER \
                 ROLE ... SET transaction_timeout = '5s')"
            }
            IDLE_SESSION_TIMEOUT => ": idle_session_timeout ended the connection: try again",
            _ => "",
        },
    }
}

/// Why the server takes no writes from a new connection, if `setting` (`SHOW transaction_read_only`) and `default` (`SHOW
/// default_transaction_read_only`) say so.
pub(super) fn read_only(setting: &str, default: &str) -> Option<&'static str> {
    match (setting, default) {
        ("off", _) => None,
        (_, "on") => Some(
            "default_transaction_read_only is on for this role, database or server, and a ledger is written to: turn it off \
             (ALTER ROLE ... SET default_transaction_read_only = off), or name the primary server",
        ),
        (_, _) => Some(
            "the server is a hot standby (transaction_read_only is on), and a ledger is written to: name the primary server",
        ),
    }
}

/// Checks that a file with a secret is open to its owner only.
pub(super) fn check_private(path: &Path) -> Result<(), Obstacle> {
    let meta = std::fs::metadata(path).map_err(|error| Obstacle::Secret(path.to_owned(), error))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let mode = meta.mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(Obstacle::OpenToOthers(path.to_owned(), mode));
        }
    }
    #[cfg(not(unix))]
    let _ = meta;
    Ok(())
}

/// Why a connection could not be made, and whether trying again at once may help.
pub(super) fn while_connecting(error: &tokio_postgres::Error) -> (String, bool) {
    if let Some(code) = error.code() {
        let hint = match *code {
            SqlState::INSUFFICIENT_PRIVILEGE => ": the role needs CONNECT on the database",
            _ => hint(code),
        };
        return (message(error) + hint, is_transient(code));
    }
    let text = message(error);
    let hint = if text.contains("does not support TLS") {
        ": add sslmode=disable if the network between is trusted"
    } else if certificate_error(error).is_some() {
        // The text says what to do.
        ""
    } else if text.contains("password missing") {
        ": give one in PGPASSWORD, in a passfile or in the store URL"
    } else if text.contains("channel binding") {
        ": channel_binding=require takes an encrypted connection and a password of the kind scram-sha-256"
    } else {
        ""
    };
    (text + hint, false)
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
        assert_eq!(one_line(&"é".repeat(500)).chars().count(), 400);
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
            (SqlState::QUERY_CANCELED, "SET statement_timeout"),
            (SqlState::TOO_MANY_CONNECTIONS, "CONNECTION LIMIT"),
            (
                SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
                "ALLOW_CONNECTIONS",
            ),
            (
                SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
                "idle_in_transaction_session_timeout",
            ),
            (
                SqlState::from_code(TRANSACTION_TIMEOUT),
                "SET transaction_timeout",
            ),
            (
                SqlState::from_code(IDLE_SESSION_TIMEOUT),
                "idle_session_timeout",
            ),
        ] {
            assert!(hint(&code).contains(words), "{code:?}");
        }
        assert_eq!(hint(&SqlState::SYNTAX_ERROR), "");
    }

    #[test]
    fn a_server_that_takes_no_writes_is_named_by_its_setting() {
        assert_eq!(read_only("off", "off"), None);
        // The transaction counts, and this one would take writes.
        assert_eq!(read_only("off", "on"), None);
        let of_role = read_only("on", "on").unwrap();
        assert!(of_role.starts_with("default_transaction_read_only"));
        assert!(read_only("on", "off").unwrap().contains("hot standby"));
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
        assert!(is_of_connection(&SqlState::PROTOCOL_VIOLATION));
        assert!(!is_of_connection(&SqlState::DISK_FULL));
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
