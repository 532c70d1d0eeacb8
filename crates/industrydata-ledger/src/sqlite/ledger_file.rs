//! How a change is applied to a ledger file: in one transaction if the ledger is there and no other connection writes, else
//! first under the readers' lock and then under the writer's; and again if COMMIT failed.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use industrydata_core::Timestamp;
use industrydata_core::ledger::Change;
use industrydata_core::ledger::StoreError;
use industrydata_core::ledger::StoreReply;
use industrydata_core::wire::BaseUrl;

use super::{
    options::SqliteOptions,
    permissions::Identity,
    place::{Found, Place},
    session::{Contents, Failure, Session, Snapshot},
    store_error::Obstacle,
    timed_mutex::TimedMutex,
};
use crate::clock::Clock;

/// A ledger file, and the connection that the threads of this process share.
#[derive(Debug)]
pub(super) struct LedgerFile {
    pub(super) place: Place,
    wait: Duration,
    pub(super) clock: Clock,
    open: TimedMutex<OpenFile>,
}

/// The open connection, if there is one.
#[derive(Debug, Default)]
pub(super) struct OpenFile {
    session: Option<Session>,
    /// The file in which a ledger was read or written.
    pub(super) known: Option<Identity>,
}

impl LedgerFile {
    pub(super) fn new(place: Place, options: SqliteOptions) -> Self {
        Self {
            place,
            wait: options.wait,
            clock: options.clock,
            open: TimedMutex::new(OpenFile::default()),
        }
    }

    pub(super) fn path(&self) -> &Path {
        self.place.path()
    }

    pub(super) fn check(&self) -> Result<(), StoreError> {
        self.with_lock(|open, until| {
            let found = self.place.look()?;
            self.place.is_writable(found)?;
            self.place.takes_files()?;
            match open.ledger(&self.place, found)? {
                Some(found) => open
                    .session(&self.place, found, until)?
                    .check(&self.place, until),
                None => Ok(()),
            }
        })
    }

    /// The tenants that have a ledger at this base.
    pub(super) fn tenants(&self, base: &BaseUrl) -> Result<Vec<String>, StoreError> {
        self.with_lock(|open, until| {
            let found = self.place.look()?;
            match open.ledger(&self.place, found)? {
                Some(found) => {
                    open.session(&self.place, found, until)?
                        .tenants(&self.place, base, until)
                }
                None => Ok(Vec::new()),
            }
        })
    }

    pub(super) fn transact(&self, change: &Change) -> Result<StoreReply, StoreError> {
        let wait = change.time_limit().unwrap_or(self.wait).min(self.wait);
        match self.with_lock_within(wait, |open, until| self.attempt(open, change, None, until)) {
            Ok(reply) => Ok(reply),
            Err(Failure::Clean(error)) => Err(error),
            // A change with a time limit is tried once.
            Err(Failure::Commit { why, .. }) if change.time_limit().is_some() => {
                let why = Obstacle::Commit(self.path().to_owned(), why);
                Err(StoreError::unconfirmed(StoreError::from(why)))
            }
            Err(Failure::Commit { at, .. }) => self.confirm(change, at),
        }
    }

    /// Applies a change whose COMMIT failed at `at` again, on a new connection. It is written again even if it was
    /// committed, since what can be read may not have reached the disk. If that fails as well, the ledger is read once
    /// more.
    fn confirm(&self, change: &Change, at: Timestamp) -> Result<StoreReply, StoreError> {
        let why = match self.with_lock(|open, until| self.attempt(open, change, Some(at), until)) {
            Ok(reply) => return Ok(reply),
            Err(Failure::Clean(error)) => error,
            Err(Failure::Commit { why, .. }) => {
                Obstacle::Commit(self.path().to_owned(), why).into()
            }
        };
        let is_committed = self.with_lock(|open, until| {
            let found = self.place.look()?;
            let snapshot = self.read(open, change, found, until)?;
            Ok::<_, StoreError>(
                change
                    .apply(snapshot.contents.stored(), at)?
                    .write
                    .is_none(),
            )
        });
        match is_committed {
            Ok(false) => Err(why),
            Ok(true) | Err(_) => Err(StoreError::unconfirmed(why)),
        }
    }

    fn attempt(
        &self,
        open: &mut OpenFile,
        change: &Change,
        again: Option<Timestamp>,
        until: Instant,
    ) -> Result<StoreReply, Failure> {
        if again.is_none() {
            match self.at_once(open, change, until) {
                Ok(Some(reply)) => return Ok(reply),
                Ok(None) => {}
                Err(lost @ Failure::Commit { .. }) => return Err(lost),
                // The long way says what is wrong.
                Err(Failure::Clean(_)) => open.close(),
            }
        }
        self.by_steps(open, change, again, until)
    }

    /// Applies `change` in one transaction. `None` if there is no ledger yet, or if another connection writes.
    fn at_once(
        &self,
        open: &mut OpenFile,
        change: &Change,
        until: Instant,
    ) -> Result<Option<StoreReply>, Failure> {
        // Before SQLite touches a journal: if the file was moved, that belongs to another file.
        let found = self.place.look()?;
        let Some(found) = open.ledger(&self.place, found)? else {
            return Ok(None);
        };
        let session = open.session(&self.place, found, until)?;
        let reply = session.at_once(&self.place, change, &self.clock, until);
        // Also if it failed: a ledger that was read must not be treated as one that was never there.
        if session.has_read() || matches!(reply, Ok(Some((_, true)))) {
            open.known = Some(found.identity);
        }
        Ok(reply?.map(|(reply, _)| reply))
    }

    /// A change that writes nothing needs the readers' lock only; all others read again under the writer's lock.
    fn by_steps(
        &self,
        open: &mut OpenFile,
        change: &Change,
        again: Option<Timestamp>,
        until: Instant,
    ) -> Result<StoreReply, Failure> {
        let found = self.place.look()?;
        let snapshot = self.read(open, change, found, until)?;
        let applied = change.apply(snapshot.contents.stored(), again.unwrap_or(snapshot.at))?;
        if applied.write.is_none() && (again.is_none() || snapshot.contents.row.is_none()) {
            return Ok(applied.reply);
        }
        self.place.is_writable(found)?;
        let found = match found {
            Some(found) => found,
            None => self.place.create()?,
        };
        let session = open.session(&self.place, found, until)?;
        let reply = session.write(&self.place, change, &self.clock, again, until)?;
        open.known = Some(found.identity);
        Ok(reply)
    }

    fn read(
        &self,
        open: &mut OpenFile,
        change: &Change,
        found: Option<Found>,
        until: Instant,
    ) -> Result<Snapshot, StoreError> {
        let Some(found) = open.ledger(&self.place, found)? else {
            return Ok(Snapshot {
                contents: Contents::default(),
                at: self.clock.now(),
            });
        };
        let session = open.session(&self.place, found, until)?;
        let snapshot = session.read(&self.place, change.key(), &self.clock, until)?;
        if snapshot.contents.row.is_some() || snapshot.contents.mark.is_some() {
            open.known = Some(found.identity);
        }
        Ok(snapshot)
    }

    /// Runs `work` with the lock held. A connection that failed is closed: after a failed sync its cache may differ from
    /// the disk.
    pub(super) fn with_lock<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&mut OpenFile, Instant) -> Result<T, E>,
    ) -> Result<T, E> {
        self.with_lock_within(self.wait, work)
    }

    fn with_lock_within<T, E: From<StoreError>>(
        &self,
        wait: Duration,
        work: impl FnOnce(&mut OpenFile, Instant) -> Result<T, E>,
    ) -> Result<T, E> {
        let until = Instant::now() + wait;
        self.open.with(until, |open| {
            work(open, until).inspect_err(|_| open.close())
        })?
    }
}

impl Drop for LedgerFile {
    /// Without the lock: in a forked child, another thread of the parent may have it for ever.
    fn drop(&mut self) {
        self.open.get_mut().retire(&self.place);
    }
}

impl OpenFile {
    /// The file, if a ledger is in it. A ledger that was read before must still be there.
    fn ledger(&self, place: &Place, found: Option<Found>) -> Result<Option<Found>, StoreError> {
        if let Some(known) = self.known {
            let same = found.filter(|found| found.identity == known);
            let Some(found) = same else {
                return Err(Obstacle::Gone(place.path().to_owned()).into());
            };
            if found.is_empty {
                return Err(StoreError::Damaged("the file was emptied while in use"));
            }
        }
        Ok(found.filter(|found| !found.is_empty))
    }

    fn session(
        &mut self,
        place: &Place,
        found: Found,
        until: Instant,
    ) -> Result<&Session, StoreError> {
        if !self
            .session
            .as_ref()
            .is_some_and(|session| session.fits(found))
        {
            self.close();
        }
        let session = match self.session.take() {
            Some(session) => session,
            None => Session::open(place, found, until)?.keeping_journal(),
        };
        Ok(self.session.insert(session))
    }

    /// Closes a connection that has not failed.
    pub(super) fn retire(&mut self, place: &Place) {
        if let Some(session) = self.session.take() {
            session.retire(place);
        }
    }

    /// Closes a connection that may have failed.
    pub(super) fn close(&mut self) {
        if let Some(session) = self.session.take() {
            session.close();
        }
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::{fs, mem};

    use super::*;

    /// How many of this process's handles are for `path`.
    fn handles(path: &Path) -> usize {
        let files = fs::read_dir("/proc/self/fd").unwrap();
        files
            .filter(|file| fs::read_link(file.as_ref().unwrap().path()).is_ok_and(|at| at == path))
            .count()
    }

    /// A child that was forked while another thread of its parent had the lock drops its copy of the ledger.
    #[test]
    fn a_child_leaves_the_connection_of_its_parent_alone_in_the_middle_of_a_change() {
        for (is_child, is_locked) in [(true, true), (true, false), (false, false), (false, true)] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().canonicalize().unwrap().join("ledger");
            let place = Place::new(&path, false).unwrap();
            let mut file = LedgerFile::new(place, SqliteOptions::new());
            let found = file.place.create().unwrap();
            let until = Instant::now() + file.wait;
            let open = file.open.get_mut();
            let session = open.session(&file.place, found, until).unwrap();
            assert!(session.fits(found));
            if is_child {
                open.session.as_mut().unwrap().set_process(0);
            }
            assert_eq!(handles(&path), 1);
            if is_locked {
                mem::forget(file.open.take(until).unwrap());
            }
            drop(file);
            assert_eq!(
                handles(&path),
                usize::from(is_child),
                "{is_child} {is_locked}"
            );
        }
    }
}
