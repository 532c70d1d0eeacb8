//! One connection to a ledger file, and the transactions made on it.

use std::{
    cell::Cell,
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
use industrydata_core::wire::BaseUrl;
use rusqlite::Connection;

#[cfg(test)]
use super::lost_commit::lose_commit;
use super::{
    connect,
    permissions::Identity,
    place::{Found, Place},
    store_error::{self, Obstacle},
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
    /// The file.
    found: Option<Found>,
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
    /// COMMIT failed: the change, made at the time `at`, may or may not be durable.
    Commit { at: Timestamp, why: rusqlite::Error },
}

/// What a change has done within an open transaction.
enum Made {
    /// It has written at this time, and must be committed.
    Changed(Timestamp),
    /// It writes nothing. Whether the file has a row of the tenant or of a reset.
    Read { is_there: bool },
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Clean(error)
    }
}

impl From<Obstacle> for Failure {
    fn from(obstacle: Obstacle) -> Self {
        Self::Clean(obstacle.into())
    }
}

/// What becomes of the journal's file after a commit of this connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Journal {
    /// It is always deleted.
    Deleted,
    /// It is deleted by the first commit, and kept by all later ones.
    DeletedOnce,
    /// It is kept by the next commit.
    ToKeep,
    /// It is kept.
    Kept,
}

/// An open connection.
#[derive(Debug)]
pub(super) struct Session {
    connection: Connection,
    identity: Identity,
    process: u32,
    journal: Cell<Journal>,
    /// The version of the file when its tables were last found to be those of a ledger.
    verified: Cell<Option<i64>>,
    /// Whether a row of a tenant or of a reset was read.
    has_read: Cell<bool>,
}

impl Session {
    /// Opens the file; it must be there. The journal's file is deleted by each commit.
    pub(super) fn open(place: &Place, found: Found, until: Instant) -> Result<Self, StoreError> {
        let connection = connect::open(place)?;
        let session = Self {
            connection,
            identity: found.identity,
            process: process::id(),
            journal: Cell::new(Journal::Deleted),
            verified: Cell::new(None),
            has_read: Cell::new(false),
        };
        session.retry(until, || {
            connect::configure(&session.connection).map_err(store_error::of)
        })?;
        Ok(session)
    }

    /// Whether this is a connection to the file `found`, opened by this process.
    pub(super) fn fits(&self, found: Found) -> bool {
        self.identity == found.identity && self.is_of_this_process()
    }

    /// The same, but from the second commit on, the journal's file is kept until [`Session::retire`]. A program that writes
    /// once gains nothing from it. On Windows no file could be deleted or renamed that another process keeps open.
    ///
    /// Not for a file that is moved while this connection is open: the journal belongs to the name.
    pub(super) fn keeping_journal(self) -> Self {
        if cfg!(unix) {
            self.journal.set(Journal::DeletedOnce);
        }
        self
    }

    /// Closes it and deletes the journal's file, unless another connection writes or the file is no longer the one at
    /// `place`. A journal that stays is empty.
    pub(super) fn retire(self, place: &Place) {
        if self.is_of_this_process() && self.journal.get() == Journal::Kept {
            drop(self.delete_journal(place));
        }
        self.close();
    }

    /// The writer's lock is held meanwhile, so no reset can put another file in place.
    fn delete_journal(&self, place: &Place) -> Result<(), StoreError> {
        self.wait_no_longer_than(Instant::now())?;
        place.same(self.identity)?;
        self.within("BEGIN IMMEDIATE", || {
            place.same(self.identity)?;
            tables::keep_journal(&self.connection, false)
        })
    }

    #[cfg(test)]
    pub(super) fn set_process(&mut self, process: u32) {
        self.process = process;
    }

    /// Closes it. The copy that a forked child has is left alone: SQLite's handles may not be used across a fork.
    pub(super) fn close(self) {
        if !self.is_of_this_process() {
            mem::forget(self);
        }
    }

    /// Reads the ledger of `key`.
    pub(super) fn read(
        &self,
        place: &Place,
        key: &LedgerKey,
        clock: &Clock,
        until: Instant,
    ) -> Result<Snapshot, StoreError> {
        self.retry(until, || {
            self.within("BEGIN", || {
                Ok(Snapshot {
                    contents: self.contents(place, Some(key))?,
                    at: clock.now(),
                })
            })
        })
    }

    /// Takes the writer's lock, checks the whole file, and releases the lock.
    pub(super) fn check(&self, place: &Place, until: Instant) -> Result<(), StoreError> {
        self.retry(until, || {
            self.within("BEGIN IMMEDIATE", || {
                if self.contents(place, None)?.is_new {
                    return Ok(());
                }
                tables::check(&self.connection)
            })
        })
    }

    /// The tenants that have a ledger at this base.
    pub(super) fn tenants(
        &self,
        place: &Place,
        base: &BaseUrl,
        until: Instant,
    ) -> Result<Vec<String>, StoreError> {
        self.retry(until, || {
            self.within("BEGIN", || {
                if self.contents(place, None)?.is_new {
                    return Ok(Vec::new());
                }
                tables::tenants(&self.connection, &LedgerKey::base_of(base))
            })
        })
    }

    /// Writes the mark of a reset, unless a tenant has a ledger in the file; reports which. The clock is read with the
    /// lock held: no start of the old ledger comes after the time in the mark.
    pub(super) fn mark(
        &self,
        place: &Place,
        clock: &Clock,
        until: Instant,
    ) -> Result<bool, Failure> {
        self.retry(until, || self.run("BEGIN IMMEDIATE"))?;
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
            tables::create(&self.connection).map_err(store_error::of)?;
        } else {
            tables::check(&self.connection)?;
            if tables::has_tenants(&self.connection)? {
                return Ok(false);
            }
        }
        tables::write_mark(&self.connection, &reset_mark(at))?;
        Ok(true)
    }

    /// The time in the mark of the last reset.
    pub(super) fn marked_at(
        &self,
        place: &Place,
        until: Instant,
    ) -> Result<Option<Timestamp>, StoreError> {
        self.retry(until, || {
            self.within("BEGIN", || self.marked_at_within(place))
        })
    }

    /// The time in the mark of the last reset, with the lock held.
    pub(super) fn marked_at_within(&self, place: &Place) -> Result<Option<Timestamp>, StoreError> {
        if self.contents(place, None)?.is_new {
            return Ok(None);
        }
        let Some(mark) = tables::read_mark(&self.connection)? else {
            return Ok(None);
        };
        let text = std::str::from_utf8(&mark.value).ok();
        let time = text
            .and_then(|text| text.split(' ').next_back()?.parse().ok())
            .and_then(|time| Timestamp::from_millisecond(time).ok())
            .filter(|time| reset_mark(*time) == mark.value);
        time.map(Some)
            .ok_or(StoreError::Damaged("the mark of a reset cannot be read"))
    }

    /// Keeps all others out of the file until this connection is closed. SQLite opens a file read-only if it cannot be
    /// opened for writing, and then takes a reader's lock only.
    pub(super) fn lock_out(&self, place: &Place, until: Instant) -> Result<(), StoreError> {
        if self
            .connection
            .is_readonly("main")
            .map_err(store_error::of)?
        {
            return Err(Obstacle::ReadOnly(place.path().to_owned()).into());
        }
        self.retry(until, || self.run("BEGIN EXCLUSIVE"))
    }

    /// Applies `change` in one transaction, which takes the writer's lock once it is known to write. `None` if another
    /// connection has that lock, or if the ledger is not there; else the reply, and whether the file has a row of the tenant
    /// or of a reset.
    ///
    /// With the readers' lock held, no other connection commits, so what was read is still the latest.
    pub(super) fn at_once(
        &self,
        place: &Place,
        change: &Change,
        clock: &Clock,
        until: Instant,
    ) -> Result<Option<(StoreReply, bool)>, Failure> {
        self.wait_no_longer_than(until)?;
        self.run("BEGIN")?;
        match self.apply_at_once(place, change, clock) {
            Ok((reply, Made::Changed(at))) => self.commit(at, until).map(|()| Some((reply, true))),
            Ok((reply, Made::Read { is_there })) => {
                self.run("ROLLBACK")?;
                Ok(Some((reply, is_there)))
            }
            Err(error) => {
                // If this fails too, the connection is closed next, which rolls back as well.
                let is_rolled_back = self.run("ROLLBACK");
                if matches!(error, StoreError::Busy) {
                    return is_rolled_back.map(|()| None).map_err(Failure::from);
                }
                Err(error.into())
            }
        }
    }

    fn apply_at_once(
        &self,
        place: &Place,
        change: &Change,
        clock: &Clock,
    ) -> Result<(StoreReply, Made), StoreError> {
        let contents = self.contents(place, Some(change.key()))?;
        if contents.is_new {
            return Err(StoreError::Busy);
        }
        let is_there = contents.row.is_some() || contents.mark.is_some();
        let applied = change.apply(contents.stored(), clock.now())?;
        if applied.write.is_none() {
            return Ok((applied.reply, Made::Read { is_there }));
        }
        place.is_writable(contents.found)?;
        tables::lock(&self.connection)?;
        let at = clock.now();
        let applied = change.apply(contents.stored(), at)?;
        let Some(value) = &applied.write else {
            return Ok((applied.reply, Made::Read { is_there }));
        };
        tables::write(&self.connection, change.key(), contents.row.as_ref(), value)?;
        Ok((applied.reply, Made::Changed(at)))
    }

    /// Makes `change` durable. With `again`, at that time and even if it was committed already.
    pub(super) fn write(
        &self,
        place: &Place,
        change: &Change,
        clock: &Clock,
        again: Option<Timestamp>,
        until: Instant,
    ) -> Result<StoreReply, Failure> {
        self.retry(until, || self.run("BEGIN IMMEDIATE"))?;
        match self.apply(place, change, clock, again) {
            Ok((reply, Some(at))) => self.commit(at, until).map(|()| reply),
            Ok((reply, None)) => {
                self.run("ROLLBACK")?;
                Ok(reply)
            }
            Err(error) => {
                // If this fails too, the connection is closed next, which rolls back as well.
                drop(self.run("ROLLBACK"));
                Err(error.into())
            }
        }
    }

    /// Applies `change` within the open transaction. Returns the time of the change if it must be committed.
    fn apply(
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
        let committed = stored.value.filter(|_| again.is_some());
        let Some(value) = applied.write.as_deref().or(committed) else {
            return Ok((applied.reply, None));
        };
        if contents.is_new {
            tables::create(&self.connection).map_err(store_error::of)?;
        }
        tables::write(&self.connection, change.key(), contents.row.as_ref(), value)?;
        Ok((applied.reply, Some(at)))
    }

    /// What the file holds for `key`. The first statement takes the lock. With the lock held, it checks that the file
    /// is still the one at `place`.
    fn contents(&self, place: &Place, key: Option<&LedgerKey>) -> Result<Contents, StoreError> {
        let version = tables::version(&self.connection)?;
        let found = place.same(self.identity)?;
        if found.is_empty {
            return Ok(Contents {
                is_new: true,
                ..Contents::default()
            });
        }
        if self.verified.get() != Some(version) {
            tables::verify(&self.connection)?;
            self.verified.set(Some(version));
        }
        // A file in another mode, which this would change, has not passed.
        if self.journal.get() == Journal::ToKeep {
            tables::keep_journal(&self.connection, true)?;
            self.journal.set(Journal::Kept);
        }
        let Some(key) = key else {
            return Ok(Contents::default());
        };
        let contents = Contents {
            row: tables::read(&self.connection, key)?,
            mark: tables::read_mark(&self.connection)?,
            is_new: false,
            found: Some(found),
        };
        if contents.row.is_some() || contents.mark.is_some() {
            self.has_read.set(true);
        }
        Ok(contents)
    }

    /// Whether this connection has read a row of a tenant or of a reset.
    pub(super) fn has_read(&self) -> bool {
        self.has_read.get()
    }

    fn commit(&self, at: Timestamp, until: Instant) -> Result<(), Failure> {
        self.wait_no_longer_than(until)?;
        let Err(why) = commit(&self.connection) else {
            if self.journal.get() == Journal::DeletedOnce {
                self.journal.set(Journal::ToKeep);
            }
            return Ok(());
        };
        // Readers held their lock for the whole wait. The rollback succeeds only if the transaction is still open.
        if store_error::is_busy(&why) && self.run("ROLLBACK").is_ok() {
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

    /// Repeats `attempt` until `until` while another holder has the lock. SQLite waits by itself in all but a few
    /// cases.
    fn retry<T>(
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
        self.connection.busy_timeout(left).map_err(store_error::of)
    }

    fn run(&self, sql: &str) -> Result<(), StoreError> {
        tables::run(&self.connection, sql)
    }

    fn is_of_this_process(&self) -> bool {
        self.process == process::id()
    }
}

fn commit(connection: &Connection) -> rusqlite::Result<()> {
    #[cfg(test)]
    if let Some(lost) = lose_commit(connection) {
        return lost;
    }
    connection.prepare_cached("COMMIT")?.execute(()).map(drop)
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
    fn busy_attempts_are_repeated_until_the_wait_ends() {
        let folder = tempfile::tempdir().unwrap();
        let (_, session) = session(folder.path(), "ledger");
        let tries = |until, losses, error: fn() -> StoreError| {
            let mut tried = 0;
            let result = session.retry(until, || {
                tried += 1;
                if tried <= losses {
                    Err(error())
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
    fn a_child_does_not_close_its_parents_connections() {
        let folder = tempfile::tempdir().unwrap();
        let is_open = |name: &str| {
            std::fs::read_dir("/proc/self/fd")
                .unwrap()
                .filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok())
                .any(|path| path == folder.path().canonicalize().unwrap().join(name))
        };
        let (_, own) = session(folder.path(), "own");
        let (_, mut inherited) = session(folder.path(), "inherited");
        inherited.process += 1;
        assert!(is_open("own") && is_open("inherited"));
        own.close();
        inherited.close();
        assert!(!is_open("own") && is_open("inherited"));
    }
}
