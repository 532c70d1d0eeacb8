//! The public type of the store.

use std::sync::Arc;

use industrydata_core::ledger::Change;
use industrydata_core::ledger::Reset;
use industrydata_core::ledger::Store;
use industrydata_core::ledger::StoreError;
use industrydata_core::ledger::StoreReply;
use industrydata_core::wire::BaseUrl;

use super::{options::PgOptions, plan::Plan, shared::Shared};

/// A ledger in a PostgreSQL database, shared by many machines.
///
/// All stores on one database and schema together give no more slots than the limit, wherever they run. A change is one
/// transaction under the lock of its tenant's row, or a write that only takes place if nothing else has changed the row since
/// it was read. It is committed durably before the POST. It uses the database's clock, so the clocks of the machines do
/// not matter.
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
/// - **In any thread.** A store connects at first use, and again after a connection is lost. It may be made, used and
///   dropped in plain threads and inside of async runtimes. A change blocks the calling thread, which drives the connection
///   itself; the async client moves it to a blocking thread. The connections end with the last clone of the store.
/// - **The tables** (`books` and `layout`) are made by the first change that writes, in the schema `industrydata` or
///   the one named, by whichever store is first. The role needs `CREATE` on the database, or on the schema if that is
///   there; later on `USAGE` on it and `SELECT`, `INSERT` and `UPDATE` on the tables. Tables that were altered are
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
///   `sslrootcert=system` stands for the authorities of the operating system. If the file of `sslrootcert` has the very
///   certificate of the server, nothing needs to have signed it. Then its common name counts if it has no other name,
///   and it may be of X.509 version 1 (with TLS 1.3). It must be within its dates in any case.
/// - **Several hosts** are tried in turn for the one that takes writes. Each has a share of the wait, which covers the
///   whole connection with TLS and password. The next connection begins with the host that took the last one. Only if
///   none can be used is it an error, which names what each of them said.
/// - **Settings of the role** (`search_path`, `statement_timeout`, `lock_timeout`, `quote_all_identifiers` and others)
///   have no effect, or the error names them. A role with `default_transaction_read_only` cannot use a ledger.
/// - **Durability is the server's.** `synchronous_commit` is set to `on` (or left at `remote_apply`) for each change
///   (with [`PgOptions::keep_statements`], for each connection), whatever the settings of role and database. **A server that runs with `fsync = off` loses starts when its machine
///   crashes**, and so does a replica that takes over without the last commits. Keep at least one synchronous replica
///   (`synchronous_standby_names`) where servers fail over. A store remembers the rows that it has read. If such a row
///   is removed or set back, every use is [`StoreError::Unavailable`] until the program is restarted.
/// - **A name is a tenant.** Two names for one tenant are two ledgers, see
///   [`Tenant`](industrydata_core::Tenant). Names are kept as bytes of UTF-8, so any encoding and collation of the
///   database works: read them with `convert_from(tenant, 'UTF8')`.
/// - **Poolers** that keep a transaction on one connection should work, because no setting, lock or prepared statement
///   outlives a transaction, unless
///   [`PgOptions::keep_statements`] is used. They are not tested.
#[derive(Clone, Debug)]
pub struct PgStore(Arc<Shared>);

impl PgStore {
    /// A ledger in the database at `url`: `postgres://user@host:port/database?name=value&…`, or a keyword string as
    /// PostgreSQL's own programs take it (`host=db dbname=school user=u`). No connection is made yet
    /// ([`PgStore::check`] makes one), and no environment variable is read ([`PgOptions::from_env`] reads some).
    ///
    /// `schema` names the schema of the tables. The other parameters are those of PostgreSQL's client library:
    ///
    /// - taken: `host`, `hostaddr`, `port`, `user`, `password`, `passfile`, `dbname`, `options`, `application_name`,
    ///   `fallback_application_name`, `connect_timeout` (for each host), `tcp_user_timeout`, `keepalives` and its
    ///   relatives, `channel_binding`, `sslmode` (but `allow`), `sslrootcert`, `sslcert`, `sslkey`, `sslsni`,
    ///   `sslnegotiation`, `ssl_min_protocol_version`, `ssl_max_protocol_version`;
    /// - taken with the values that change nothing here: `target_session_attrs` (`any`, `read-write`, `primary`),
    ///   `gssencmode` (`disable`, `prefer`), `load_balance_hosts` (`disable`), `client_encoding` (UTF-8), `sslcertmode`
    ///   (`allow`; `disable` leaves the certificate out), `sslcompression`, `min_protocol_version` (`3.0`),
    ///   `max_protocol_version`;
    /// - refused, each for its own reason: other values of these, `service`, `sslpassword`, `sslcrl`, `require_auth`,
    ///   `requirepeer`, and those of Kerberos and OAuth.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] with one line that says what is wrong with the text, the file of authorities or the
    /// passfile. It never contains a password.
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

    /// Checks that a change could be applied now: the server answers, accepts user and password, accepts writes, and
    /// has the tables or lets this role make them. The check changes nothing.
    ///
    /// # Errors
    ///
    /// As [`Store::transact`].
    pub fn check(&self) -> Result<(), StoreError> {
        self.0.check()
    }

    /// The tenants that have a ledger at this base, in the order of their names. Some may have no start that counts. Changes
    /// and creates nothing.
    ///
    /// # Errors
    ///
    /// As [`Store::transact`].
    pub fn tenants(&self, base: &BaseUrl) -> Result<Vec<String>, StoreError> {
        self.0.tenants(base)
    }
}

impl PgOptions {
    /// A ledger in the database at `url`. No connection is made yet.
    ///
    /// # Errors
    ///
    /// As [`PgStore::connect`].
    pub fn connect(self, url: &str) -> Result<PgStore, StoreError> {
        Ok(PgStore(Arc::new(Shared::new(Plan::new(self, url)?))))
    }
}

impl Store for PgStore {
    /// Applies `change` durably. Waits as long as [`PgOptions::wait`] allows, 5 s by default. If a COMMIT is not
    /// answered, the change takes up to four times as long in all.
    ///
    /// # Errors
    ///
    /// [`StoreError::Busy`]: another program held the lock. [`StoreError::Unavailable`]: no server, no answer, wrong
    /// user, password or database, no right to write, or a full disk. The message is one line, without the password.
    /// [`StoreError::Damaged`] and [`StoreError::Newer`]: the tables are left as they are. [`StoreError::Unconfirmed`]:
    /// a COMMIT was not answered, and neither was that of a second attempt.
    fn transact(&self, change: &Change) -> Result<StoreReply, StoreError> {
        self.0.transact(change)
    }

    /// Marks an empty ledger, and makes its tables if necessary. Use it after a change from another store to this one.
    /// If a tenant has a ledger, or the tables are damaged, nothing is changed. The reply is then the SQL that renames
    /// the schema and begins a new one in quarantine. Run it as the owner of the schema.
    ///
    /// A program that has read the old rows reports them as removed or set back and makes no start until it is
    /// restarted.
    ///
    /// # Errors
    ///
    /// [`StoreError::Busy`] or [`StoreError::Unavailable`]; run the reset again.
    fn reset(&self) -> Result<Reset, StoreError> {
        self.0.reset()
    }
}
