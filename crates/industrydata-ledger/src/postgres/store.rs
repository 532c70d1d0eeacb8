//! The public type of the store.

use std::sync::Arc;

use industrydata_core::ledger::Change;
use industrydata_core::ledger::Reset;
use industrydata_core::ledger::Store;
use industrydata_core::ledger::StoreError;
use industrydata_core::ledger::StoreReply;

use super::{connection_thread::ConnectionThread, options::PgOptions, plan::Plan};

/// A ledger in a PostgreSQL database, shared by many machines.
///
/// All stores on one database and schema, wherever they run, together give no more slots than the limit. A change is
/// one transaction under the lock of its tenant's row, by the database's clock, so that the machines' own clocks do not
/// matter; it is committed durably before the start is made.
///
/// ```no_run
/// use industrydata_ledger::{Ledger, PgStore};
///
/// // The password from PGPASSWORD or a passfile: an argument would show in the list of processes.
/// let store = PgStore::options()
///     .from_env()
///     .connect("postgres://industry@db.example.org/school?sslrootcert=/etc/ssl/db-ca.pem")?;
/// store.check()?;
/// let ledger = Ledger::from(store);
/// # Ok::<(), industrydata_ledger::StoreError>(())
/// ```
///
/// - **Anywhere.** A store connects at first use, and again after a connection broke. It may be made, used and dropped in
///   plain threads and inside of async runtimes: the connections live on a thread of the store, which ends with
///   its last clone. A change blocks the calling thread; the async client moves it to a blocking thread.
/// - **The tables** (`books` and `layout`) are made by the first change that writes, in the schema `industrydata` or the
///   one named, by whichever store is first. The role needs `CREATE` on the database, or on the schema if that
///   is there; later on `USAGE` on it and `SELECT`, `INSERT` and `UPDATE` on the tables. Tables that were altered are
///   [`StoreError::Damaged`], those of a newer release [`StoreError::Newer`]; both are left as they are.
/// - **Encryption** is the URL's `sslmode`:
///
///   | `sslmode` | encrypted | the server proves its identity |
///   | --- | --- | --- |
///   | `disable` | no | no |
///   | `prefer` | if the server can | no: this protects against listeners only |
///   | `verify-ca` | yes | by a certificate of an authority in `sslrootcert` (which must be given), for any name |
///   | `verify-full`, `require` | yes | by a certificate for its name, of an authority in `sslrootcert` or, without, of a public one (Mozilla's list) |
///   | not given | as `verify-full`; as `prefer` if all hosts are this machine and there is no `sslrootcert` | |
///
///   PostgreSQL's own programs do not check the certificate with `require`; this one does. `allow` is refused.
/// - **Durability is the server's.** `synchronous_commit` is set to `on` (or left at `remote_apply`) for each change,
///   whatever role or database say. **A server that runs with `fsync = off` loses starts when its
///   machine crashes**, and so does a replica that takes over without having had the last commits: keep at least one
///   synchronous replica (`synchronous_standby_names`) where servers fail over. This program remembers the rows it has
///   read: a row that vanished or was set back is [`StoreError::Unavailable`] until the program is restarted.
/// - **A name is a tenant.** Two names for one tenant are two ledgers, see
///   [`Tenant`](industrydata_core::Tenant). Names are kept as bytes of UTF-8, so any encoding and collation of the
///   database works: read them with `convert_from(tenant, 'UTF8')`.
/// - **Poolers** that keep a transaction on one connection should work, since no setting, lock or prepared statement
///   outlives a transaction. None is tested.
#[derive(Clone, Debug)]
pub struct PgStore(Arc<ConnectionThread>);

impl PgStore {
    /// A ledger in the database at `url`: `postgres://user@host:port/database`, with the parameters `sslmode`,
    /// `sslrootcert`, `schema`, and of PostgreSQL's own `host`, `port`, `user`, `password`, `dbname`, `options`,
    /// `application_name`, `channel_binding`, `connect_timeout` and `keepalives`. Several hosts are tried in turn for the
    /// one that takes writes. Nothing is connected to yet, see [`PgStore::check`], and no environment variable is read,
    /// see [`PgOptions::from_env`].
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] with one line that says what is wrong with the URL, the file of authorities or the
    /// passfile, and never contains a password.
    pub fn connect(url: &str) -> Result<Self, StoreError> {
        Self::options().connect(url)
    }

    /// Settings, to be followed by [`PgOptions::connect`].
    pub const fn options() -> PgOptions {
        PgOptions::new()
    }

    /// Where the ledger is: user, hosts and database, without the password.
    #[must_use]
    pub fn place(&self) -> &str {
        self.0.place()
    }

    /// Checks that a change could be applied now: the server is there, takes user and password, takes writes, and has
    /// the tables or lets this role make them. Changes nothing.
    ///
    /// # Errors
    ///
    /// As [`Store::transact`].
    pub fn check(&self) -> Result<(), StoreError> {
        self.0.check()
    }
}

impl PgOptions {
    /// A ledger in the database at `url`. Nothing is connected to yet.
    ///
    /// # Errors
    ///
    /// As [`PgStore::connect`].
    pub fn connect(self, url: &str) -> Result<PgStore, StoreError> {
        Ok(PgStore(Arc::new(ConnectionThread::new(Plan::new(
            self, url,
        )?))))
    }
}

impl Store for PgStore {
    /// Applies `change` durably. Waits as long as [`PgOptions::wait`] says, 5 s by default; if a COMMIT is not answered,
    /// up to four times as long in all.
    ///
    /// # Errors
    ///
    /// [`StoreError::Busy`]: another holder kept the lock.
    /// [`StoreError::Unavailable`]: no server, no answer, wrong user, password or database, no right to write, a full
    /// disk; in one line, without the password. [`StoreError::Damaged`] and [`StoreError::Newer`]: the tables are left
    /// as they are. [`StoreError::Unconfirmed`]: a COMMIT was not answered, and neither was the same change run again.
    fn transact(&self, change: &Change) -> Result<StoreReply, StoreError> {
        self.0.transact(change)
    }

    /// Marks an empty ledger, making its tables if need be: the way from another store to this one. Where a tenant has a
    /// ledger, or the tables are damaged, nothing is changed, and the reply is the SQL that renames the schema and begins
    /// a new one in quarantine. Run it as the owner of the schema.
    ///
    /// A program that has read the old rows reports them as removed or set back and makes no start until it is restarted.
    ///
    /// # Errors
    ///
    /// [`StoreError::Busy`] or [`StoreError::Unavailable`]; run the reset again.
    fn reset(&self) -> Result<Reset, StoreError> {
        self.0.reset()
    }
}
