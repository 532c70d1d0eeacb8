//! Settings of a connection to a ledger.

use std::{env, fmt, path::PathBuf, time::Duration};

use super::passfile::Passfile;

/// Servers count their time limits in milliseconds of 31 bits.
const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);
/// A shorter wait could end before a server can answer.
const SHORTEST_WAIT: Duration = Duration::from_millis(50);

/// Settings of a [`PgStore`](crate::PgStore); made by [`PgStore::options`](crate::PgStore::options). Its `Debug` leaves out the password.
///
/// ```no_run
/// use std::time::Duration;
/// use industrydata_ledger::{Ledger, PgStore};
///
/// let store = PgStore::options()
///     .wait(Duration::from_secs(20))
///     .connections(8)
///     .schema("rosters")
///     .password(std::env::var("DATABASE_PASSWORD")?);
/// let ledger: Ledger = store.connect("postgres://school@db.example/school?sslmode=require")?.into();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct PgOptions {
    pub(super) wait: Duration,
    pub(super) connections: usize,
    pub(super) schema: Option<String>,
    pub(super) password: Option<String>,
    pub(super) passfile: Option<Passfile>,
    pub(super) keep_statements: bool,
}

impl PgOptions {
    pub(super) const fn new() -> Self {
        Self {
            wait: Duration::from_secs(5),
            connections: 4,
            schema: None,
            password: None,
            passfile: None,
            keep_statements: false,
        }
    }

    /// Keeps the statements of a change prepared on each connection, and its settings in force. A change of a ledger that was
    /// used before is then a read and a write, and takes no lock between them: half of the messages, and less than half of
    /// the server's work. Off by default: **do not use it with a pooler** that gives each transaction another connection.
    /// The settings would hold for other programs, and not for this one.
    pub fn keep_statements(mut self, keep: bool) -> Self {
        self.keep_statements = keep;
        self
    }

    /// How long a change waits for other threads, the server, a connection and the lock before it is
    /// [`StoreError::Busy`](crate::StoreError::Busy) or [`StoreError::Unavailable`](crate::StoreError::Unavailable); 5
    /// s by default, 50 ms to 1 h. Several hosts share it. A program that hangs while it holds the lock loses it after the same time.
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait.clamp(SHORTEST_WAIT, LONGEST_WAIT);
        self
    }

    /// The most connections of the store at a time: 4 by default, 1 to 64. Each is made when it is needed, so a
    /// program that makes one start at a time has one. Threads that make starts in the same ledger do so in turn, and use
    /// at most two, unless one of them has waited for half of its time.
    pub fn connections(mut self, most: usize) -> Self {
        self.connections = most.clamp(1, 64);
        self
    }

    /// The schema of the tables: `industrydata` by default. It takes precedence over the one in the URL.
    pub fn schema(mut self, schema: impl Into<String>) -> Self {
        self.schema = Some(schema.into());
        self
    }

    /// The password, if the URL has none.
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// A file of passwords as PostgreSQL's own programs read it (`host:port:database:user:password`), if neither the
    /// URL nor [`PgOptions::password`] has one. On Unix other users must not be able to open it (mode 0600).
    pub fn passfile(mut self, path: impl Into<PathBuf>) -> Self {
        self.passfile = Some(Passfile {
            path: path.into(),
            is_explicit: true,
        });
        self
    }

    /// Takes the password from the environment, where none is set yet: `PGPASSWORD`, or else the passfile that
    /// `PGPASSFILE` names, or else `~/.pgpass` (`%APPDATA%\postgresql\pgpass.conf` on Windows). No other variable is
    /// read, and without this call none at all.
    pub fn from_env(mut self) -> Self {
        let set = |name| env::var_os(name).filter(|value| !value.is_empty());
        if self.password.is_none() {
            self.password = set("PGPASSWORD").and_then(|value| value.into_string().ok());
        }
        if self.passfile.is_none() {
            let usual = if cfg!(windows) {
                set("APPDATA").map(|folder| PathBuf::from(folder).join("postgresql/pgpass.conf"))
            } else {
                set("HOME").map(|folder| PathBuf::from(folder).join(".pgpass"))
            };
            let named = set("PGPASSFILE").map(PathBuf::from);
            self.passfile = match (named, usual) {
                (Some(path), _) => Some(Passfile {
                    path,
                    is_explicit: true,
                }),
                (None, Some(path)) => Some(Passfile {
                    path,
                    is_explicit: false,
                }),
                (None, None) => None,
            };
        }
        self
    }
}

impl fmt::Debug for PgOptions {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgOptions")
            .field("wait", &self.wait)
            .field("connections", &self.connections)
            .field("schema", &self.schema)
            .field("has_password", &self.password.is_some())
            .field("passfile", &self.passfile)
            .field("keep_statements", &self.keep_statements)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_kept_within_their_bounds() {
        let set = PgOptions::new();
        assert_eq!((set.wait.as_secs(), set.connections), (5, 4));
        let wait = |wait| PgOptions::new().wait(wait).wait;
        assert_eq!(wait(Duration::ZERO), Duration::from_millis(50));
        assert_eq!(wait(Duration::from_secs(7)), Duration::from_secs(7));
        assert_eq!(wait(Duration::MAX), Duration::from_secs(3600));
        let most = |most| PgOptions::new().connections(most).connections;
        assert_eq!([most(0), most(7), most(1000)], [1, 7, 64]);
        let set = PgOptions::new()
            .schema("a")
            .password("s3cret")
            .passfile("/x");
        assert_eq!(
            (set.schema.as_deref(), set.password.as_deref()),
            (Some("a"), Some("s3cret"))
        );
        assert!(set.passfile.as_ref().unwrap().is_explicit);
        let shown = format!("{set:?}");
        assert!(
            shown.contains("has_password: true") && shown.contains("/x"),
            "{shown}"
        );
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}
