//! How a connection is opened and configured.

use rusqlite::{Connection, OpenFlags, config::DbConfig};

use super::{place::Place, store_error::Obstacle};

/// More statements than a ledger has: each is prepared once for a connection.
const STATEMENTS: usize = 32;

/// Opens the file, which must exist. SQLite creates no file, follows no link, and shares no connection.
pub(super) fn open(place: &Place) -> Result<Connection, Obstacle> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW
        | OpenFlags::SQLITE_OPEN_EXRESCODE;
    place
        .opened(|path| Connection::open_with_flags(path, flags))?
        .map_err(|error| Obstacle::Open(place.path().to_owned(), error))
}

/// Configures it to trust nothing in the file, and to sync each commit.
pub(super) fn configure(connection: &Connection) -> rusqlite::Result<()> {
    for (setting, value) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
        (DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true),
    ] {
        connection.set_db_config(setting, value)?;
    }
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // EXTRA syncs the folder after the journal is gone: without, a power cut could bring back the journal and with
    // it the ledger's former state. WAL belongs to the file and is refused, not changed.
    connection.execute_batch(
        "PRAGMA synchronous = EXTRA; PRAGMA fullfsync = ON; PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0;",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `Place::look` refuses links, but one may be made after it.
    #[cfg(unix)]
    #[test]
    fn a_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let [path, link] = ["ledger", "link"].map(|name| folder.path().join(name));
        std::fs::write(&path, "").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(open(&Place::new(&path, false).unwrap()).is_ok());
        assert!(open(&Place::new(&link, false).unwrap()).is_err());
    }

    #[test]
    fn a_connection_trusts_nothing_in_the_file_and_reports_extended_codes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.sqlite3");
        let place = Place::new(&path, false).unwrap();
        assert!(open(&place).is_err(), "it creates none");
        std::fs::write(&path, "").unwrap();
        let connection = open(&place).unwrap();
        connection
            .execute_batch("CREATE TABLE t (k INTEGER PRIMARY KEY); INSERT INTO t VALUES (1);")
            .unwrap();
        let twice = connection
            .execute_batch("INSERT INTO t VALUES (1);")
            .unwrap_err();
        let code = twice.sqlite_error().unwrap().extended_code;
        assert_eq!(code, rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY);

        configure(&connection).unwrap();
        let pragma = |name: &str| -> i64 {
            connection
                .query_row(&format!("PRAGMA {name}"), [], |row| row.get(0))
                .unwrap()
        };
        assert_eq!(pragma("synchronous"), 3);
        assert_eq!(pragma("fullfsync"), 1);
        assert_eq!(pragma("cell_size_check"), 1);
        assert_eq!(pragma("trusted_schema"), 0);
        for (setting, value) in [
            (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
            (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
            (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
        ] {
            assert_eq!(connection.db_config(setting).unwrap(), value);
        }
    }
}
