//! How a change is kept: looked at first, written if it writes, run again if its COMMIT failed.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use industrydata_core::Timestamp;
use industrydata_core::ledger::Change;
use industrydata_core::ledger::StoreError;
use industrydata_core::ledger::StoreReply;

use super::{
    fault::Obstacle,
    guard::Identity,
    options::SqliteOptions,
    place::{Found, Place},
    session::{Contents, Failure, Session, Snapshot},
    turn::Turns,
};
use crate::clock::Clock;

/// A file of books, and what the threads of this process take turns at.
#[derive(Debug)]
pub(super) struct Keeper {
    pub(super) place: Place,
    wait: Duration,
    pub(super) clock: Clock,
    slot: Turns<Slot>,
}

#[derive(Debug, Default)]
pub(super) struct Slot {
    session: Option<Session>,
    /// The file in which books were seen or written.
    pub(super) known: Option<Identity>,
}

impl Keeper {
    pub(super) fn new(place: Place, options: SqliteOptions) -> Self {
        Self {
            place,
            wait: options.wait,
            clock: options.clock,
            slot: Turns::new(Slot::default()),
        }
    }

    pub(super) fn path(&self) -> &Path {
        self.place.path()
    }

    pub(super) fn check(&self) -> Result<(), StoreError> {
        self.on_slot(|slot, until| {
            let found = self.place.look()?;
            self.place.is_writable(found)?;
            match slot.books(&self.place, found)? {
                Some(found) => slot
                    .session(&self.place, found, until)?
                    .check(&self.place, until),
                None => Ok(()),
            }
        })
    }

    pub(super) fn transact(&self, change: &Change) -> Result<StoreReply, StoreError> {
        match self.on_slot(|slot, until| self.attempt(slot, change, None, until)) {
            Ok(verdict) => Ok(verdict),
            Err(Failure::Clean(fault)) => Err(fault),
            Err(Failure::Commit { at, .. }) => self.confirm(change, at),
        }
    }

    /// After a COMMIT that failed at the clock `at`: the change is run again on a fresh connection, and written again
    /// even if it stands, since what can be read may not have reached the disk. If that fails as well, the books are
    /// read once more.
    fn confirm(&self, change: &Change, at: Timestamp) -> Result<StoreReply, StoreError> {
        let why = match self.on_slot(|slot, until| self.attempt(slot, change, Some(at), until)) {
            Ok(verdict) => return Ok(verdict),
            Err(Failure::Clean(fault)) => fault,
            Err(Failure::Commit { why, .. }) => {
                Obstacle::Commit(self.path().to_owned(), why).into()
            }
        };
        let stands = self.on_slot(|slot, until| {
            let found = self.place.look()?;
            let seen = self.read(slot, change, found, until)?;
            Ok::<_, StoreError>(change.apply(seen.contents.stored(), at)?.write.is_none())
        });
        match stands {
            Ok(false) => Err(why),
            Ok(true) | Err(_) => Err(StoreError::unconfirmed(why)),
        }
    }

    /// A change that writes nothing needs the readers' lock only; all others read again under the writer's lock.
    fn attempt(
        &self,
        slot: &mut Slot,
        change: &Change,
        again: Option<Timestamp>,
        until: Instant,
    ) -> Result<StoreReply, Failure> {
        let found = self.place.look()?;
        let seen = self.read(slot, change, found, until)?;
        let applied = change.apply(seen.contents.stored(), again.unwrap_or(seen.at))?;
        if applied.write.is_none() && (again.is_none() || seen.contents.row.is_none()) {
            return Ok(applied.reply);
        }
        self.place.is_writable(found)?;
        let found = match found {
            Some(found) => found,
            None => self.place.create()?,
        };
        let session = slot.session(&self.place, found, until)?;
        let verdict = session.write(&self.place, change, &self.clock, again, until)?;
        slot.known = Some(found.identity);
        Ok(verdict)
    }

    fn read(
        &self,
        slot: &mut Slot,
        change: &Change,
        found: Option<Found>,
        until: Instant,
    ) -> Result<Snapshot, StoreError> {
        let Some(found) = slot.books(&self.place, found)? else {
            return Ok(Snapshot {
                contents: Contents::default(),
                at: self.clock.now(),
            });
        };
        let session = slot.session(&self.place, found, until)?;
        let seen = session.read(&self.place, change.key(), &self.clock, until)?;
        if seen.contents.row.is_some() || seen.contents.mark.is_some() {
            slot.known = Some(found.identity);
        }
        Ok(seen)
    }

    /// Runs `work` when it is this thread's turn. A connection that failed is given up: after a failed sync its cache
    /// may say what the disk does not.
    pub(super) fn on_slot<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&mut Slot, Instant) -> Result<T, E>,
    ) -> Result<T, E> {
        let until = Instant::now() + self.wait;
        self.slot.with(until, |slot| {
            work(slot, until).inspect_err(|_| slot.close())
        })?
    }
}

impl Slot {
    /// The file, if it has books in it. Books that were seen must still be there.
    fn books(&self, place: &Place, found: Option<Found>) -> Result<Option<Found>, StoreError> {
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
            None => Session::open(place, found, until)?,
        };
        Ok(self.session.insert(session))
    }

    pub(super) fn close(&mut self) {
        if let Some(session) = self.session.take() {
            session.close();
        }
    }
}
