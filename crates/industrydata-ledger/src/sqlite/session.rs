//! One connection to a file of books, and the transactions made on it.

use std::{
    mem, process, thread,
    time::{Duration, Instant},
};

use industrydata_core::Timestamp;
use industrydata_core::ledger::Change;
use industrydata_core::ledger::LedgerKey;
use industrydata_core::ledger::StoreError;
use industrydata_core::ledger::StoreReply;
use industrydata_core::ledger::Stored;
use industrydata_core::ledger::reset_mark;
use rusqlite::Connection;

use super::{
    connect,
    fault::{self, Obstacle},
    guard::Identity,
    place::{Found, Place},
    tables::{self, Row},
};
use crate::clock::Clock;

/// What the file holds for one tenant.
#[derive(Default)]
pub(super) struct Contents {
    pub(super) row: Option<Row>,
    /// The mark of the last reset.
    pub(super) mark: Option<Row>,
    /// Whether the tables must be made first.
    is_new: bool,
}

impl Contents {
    pub(super) fn stored(&self) -> Stored<'_> {
        Stored {
            value: self.row.as_ref().map(|row| row.value.as_slice()),
            reset: self.mark.as_ref().map(|row| row.value.as_slice()),
        }
    }
}

/// The contents at one moment, and the clock as read with the lock held.
pub(super) struct Snapshot {
    pub(super) contents: Contents,
    pub(super) at: Timestamp,
}

/// How a write ended that did not succeed.
pub(super) enum Failure {
    /// Nothing was changed.
    Clean(StoreError),
    /// COMMIT failed: the change, made at the clock `at`, may stand or not.
    Commit { at: Timestamp, why: rusqlite::Error },
}

impl From<StoreError> for Failure {
    fn from(fault: StoreError) -> Self {
        Self::Clean(fault)
    }
}

impl From<Obstacle> for Failure {
    fn from(obstacle: Obstacle) -> Self {
        Self::Clean(obstacle.into())
    }
}

/// One open connection.
#[derive(Debug)]
pub(super) struct Session {
    connection: Connection,
    identity: Identity,
    process: u32,
}

impl Session {
    /// Opens the file; it must be there.
    pub(super) fn open(place: &Place, found: Found, until: Instant) -> Result<Self, StoreError> {
        let connection = connect::open(place)?;
        let session = Self {
            connection,
            identity: found.identity,
            process: process::id(),
        };
        session.patiently(until, || {
            connect::configure(&session.connection).map_err(fault::of)
        })?;
        Ok(session)
    }

    /// Whether it is a connection to this file, opened by this process.
    pub(super) fn fits(&self, found: Found) -> bool {
        self.identity == found.identity && self.is_ours()
    }

    /// Closes it. The copy that a forked child has is left alone: SQLite's handles may not be used across a fork.
    pub(super) fn close(self) {
        if !self.is_ours() {
            mem::forget(self);
        }
    }

    /// Reads the books of `key`.
    pub(super) fn read(
        &self,
        place: &Place,
        key: &LedgerKey,
        clock: &Clock,
        until: Instant,
    ) -> Result<Snapshot, StoreError> {
        self.patiently(until, || {
            self.within("BEGIN", || {
                Ok(Snapshot {
                    contents: self.contents(place, Some(key))?,
                    at: clock.now(),
                })
            })
        })
    }

    /// Takes the lock of a writer, looks whether the whole file is sound, and gives it back.
    pub(super) fn check(&self, place: &Place, until: Instant) -> Result<(), StoreError> {
        self.patiently(until, || {
            self.within("BEGIN IMMEDIATE", || {
                if self.contents(place, None)?.is_new {
                    return Ok(());
                }
                tables::check(&self.connection)
            })
        })
    }

    /// Writes the mark of a reset, unless a tenant has a ledger in the file; reports which. The clock is read with the lock
    /// held: no start of the old ledger comes after the time in the mark.
    pub(super) fn mark(
        &self,
        place: &Place,
        clock: &Clock,
        until: Instant,
    ) -> Result<bool, Failure> {
        self.patiently(until, || self.run("BEGIN IMMEDIATE"))?;
        let at = clock.now();
        let is_marked = self.mark_within(place, at);
        if !matches!(is_marked, Ok(true)) {
            drop(self.run("ROLLBACK"));
            return Ok(is_marked?);
        }
        self.commit(at, until).map(|()| true)
    }

    fn mark_within(&self, place: &Place, at: Timestamp) -> Result<bool, StoreError> {
        if self.contents(place, None)?.is_new {
            tables::create(&self.connection).map_err(fault::of)?;
        } else {
            tables::check(&self.connection)?;
            if tables::has_tenants(&self.connection)? {
                return Ok(false);
            }
        }
        tables::write_mark(&self.connection, &reset_mark(at))?;
        Ok(true)
    }

    /// Keeps all others out of the file until this connection is closed.
    pub(super) fn lock_out(&self, until: Instant) -> Result<(), StoreError> {
        self.patiently(until, || self.run("BEGIN EXCLUSIVE"))
    }

    /// Makes `change` durable. With `again`, at that clock and even if it stands already.
    pub(super) fn write(
        &self,
        place: &Place,
        change: &Change,
        clock: &Clock,
        again: Option<Timestamp>,
        until: Instant,
    ) -> Result<StoreReply, Failure> {
        self.patiently(until, || self.run("BEGIN IMMEDIATE"))?;
        match self.book(place, change, clock, again) {
            Ok((verdict, Some(at))) => self.commit(at, until).map(|()| verdict),
            Ok((verdict, None)) => {
                self.run("ROLLBACK")?;
                Ok(verdict)
            }
            Err(fault) => {
                // If this fails too, the connection is closed next, which rolls back as well.
                drop(self.run("ROLLBACK"));
                Err(fault.into())
            }
        }
    }

    /// Books `change` within the transaction that runs. The clock is told if there is something to commit.
    fn book(
        &self,
        place: &Place,
        change: &Change,
        clock: &Clock,
        again: Option<Timestamp>,
    ) -> Result<(StoreReply, Option<Timestamp>), StoreError> {
        let contents = self.contents(place, Some(change.key()))?;
        let at = again.unwrap_or_else(|| clock.now());
        let stored = contents.stored();
        let applied = change.apply(stored, at)?;
        let standing = stored.value.filter(|_| again.is_some());
        let Some(value) = applied.write.as_deref().or(standing) else {
            return Ok((applied.reply, None));
        };
        if contents.is_new {
            tables::create(&self.connection).map_err(fault::of)?;
        }
        tables::write(&self.connection, change.key(), contents.row.as_ref(), value)?;
        Ok((applied.reply, Some(at)))
    }

    /// What the file holds for `key`. The first statement takes the lock: with it held, the file is still the one at
    /// `place`, or nothing is written.
    fn contents(&self, place: &Place, key: Option<&LedgerKey>) -> Result<Contents, StoreError> {
        self.run("SELECT count(*) FROM sqlite_schema")?;
        if place.is_empty(self.identity)? {
            return Ok(Contents {
                is_new: true,
                ..Contents::default()
            });
        }
        tables::verify(&self.connection)?;
        let Some(key) = key else {
            return Ok(Contents::default());
        };
        Ok(Contents {
            row: tables::read(&self.connection, key)?,
            mark: tables::read_mark(&self.connection)?,
            is_new: false,
        })
    }

    fn commit(&self, at: Timestamp, until: Instant) -> Result<(), Failure> {
        self.wait_no_longer_than(until)?;
        let Err(why) = commit(&self.connection) else {
            return Ok(());
        };
        // Readers were in the way for the whole wait. That it can be rolled back shows that the transaction is as it was.
        if fault::is_busy(&why) && self.run("ROLLBACK").is_ok() {
            return Err(Failure::Clean(StoreError::Busy));
        }
        Err(Failure::Commit { at, why })
    }

    fn within<T>(
        &self,
        begin: &str,
        work: impl FnOnce() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.run(begin)?;
        let result = work();
        let rolled_back = self.run("ROLLBACK");
        let done = result?;
        rolled_back.map(|()| done)
    }

    /// Tries until `until` while another has the lock. SQLite waits by itself, in all cases but a few.
    fn patiently<T>(
        &self,
        until: Instant,
        mut attempt: impl FnMut() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        loop {
            self.wait_no_longer_than(until)?;
            match attempt() {
                Err(StoreError::Busy) if Instant::now() < until => {
                    thread::sleep(Duration::from_millis(1));
                }
                result => return result,
            }
        }
    }

    fn wait_no_longer_than(&self, until: Instant) -> Result<(), StoreError> {
        let left = until.saturating_duration_since(Instant::now());
        self.connection.busy_timeout(left).map_err(fault::of)
    }

    fn run(&self, sql: &str) -> Result<(), StoreError> {
        self.connection.execute_batch(sql).map_err(fault::of)
    }

    fn is_ours(&self) -> bool {
        self.process == process::id()
    }
}

fn commit(connection: &Connection) -> rusqlite::Result<()> {
    #[cfg(test)]
    if let Some(lost) = super::tests::lose_commit(connection) {
        return lost;
    }
    connection.execute_batch("COMMIT")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A place in `folder` with an empty file, and a session on it.
    fn session(folder: &std::path::Path, name: &str) -> (Found, Session) {
        let place = Place::new(&folder.join(name), false).unwrap();
        let found = place.create().unwrap();
        let session = Session::open(&place, found, Instant::now()).unwrap();
        (found, session)
    }

    #[test]
    fn a_session_is_of_one_file_and_one_process() {
        let folder = tempfile::tempdir().unwrap();
        let (one, mut session) = session(folder.path(), "one");
        let (other, _) = self::session(folder.path(), "other");
        assert!(session.fits(one) && !session.fits(other));
        session.process += 1;
        assert!(!session.fits(one));
    }

    #[test]
    fn what_is_busy_is_tried_until_the_wait_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let (_, session) = session(folder.path(), "books");
        let tries = |until, losses, fault: fn() -> StoreError| {
            let mut tried = 0;
            let result = session.patiently(until, || {
                tried += 1;
                if tried <= losses {
                    Err(fault())
                } else {
                    Ok(())
                }
            });
            (tried, result.is_ok())
        };
        let begun = Instant::now();
        let later = begun + Duration::from_secs(10);
        assert_eq!(tries(later, 3, || StoreError::Busy), (4, true));
        assert_eq!(tries(begun, 3, || StoreError::Busy), (1, false));
        assert_eq!(tries(later, 3, || StoreError::Damaged("")), (1, false));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_a_parent_has_opened_is_not_closed_by_its_child() {
        let folder = tempfile::tempdir().unwrap();
        let is_open = |name: &str| {
            std::fs::read_dir("/proc/self/fd")
                .unwrap()
                .filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok())
                .any(|path| path == folder.path().canonicalize().unwrap().join(name))
        };
        let (_, ours) = session(folder.path(), "ours");
        let (_, mut inherited) = session(folder.path(), "inherited");
        inherited.process += 1;
        assert!(is_open("ours") && is_open("inherited"));
        ours.close();
        inherited.close();
        assert!(!is_open("ours") && is_open("inherited"));
    }
}
