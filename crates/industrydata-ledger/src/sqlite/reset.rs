//! A reset: the file is moved aside, and a new one begins in quarantine.
//!
//! The new file is made beside the ledger, under the name of [`Place::successor`], with the old file's lock held. From
//! then on every use of the ledger is refused, until the new file has the ledger's name. If the process ends before
//! that, the next reset completes this one.

use std::{fs, time::Instant};

use industrydata_core::{
    Timestamp,
    ledger::{Reset, StoreError},
};

use super::{
    ledger_file::{LedgerFile, OpenFile},
    permissions::Identity,
    place::{Place, beside},
    session::{Failure, Session},
    store_error::Obstacle,
};

/// The new file, with the mark in it and its lock held.
struct Successor {
    session: Session,
    identity: Identity,
    /// The time in the mark.
    at: Timestamp,
    /// An earlier reset marked it.
    is_begun: bool,
}

impl LedgerFile {
    pub(super) fn reset(&self) -> Result<Reset, StoreError> {
        self.with_lock(|open, until| self.reset_within(open, until))
    }

    fn reset_within(&self, open: &mut OpenFile, until: Instant) -> Result<Reset, StoreError> {
        open.retire(&self.place);
        let place = self.place.successor()?;
        if place.look()?.is_some() {
            self.place.is_writable(None)?;
            let new = self.successor(&place, true, until)?;
            return self.replace(open, None, &place, new);
        }
        let found = self.place.look()?;
        self.place.is_writable(found)?;
        let found = match found {
            Some(found) => found,
            None => self.place.create()?,
        };
        let lock_old = || {
            let old = Session::open(&self.place, found, until)?;
            if marked(old.mark(&self.place, &self.clock, until))? {
                return Ok(None);
            }
            old.lock_out(&self.place, until).map(|()| Some(old))
        };
        let old = match lock_old() {
            Ok(None) => {
                open.known = Some(found.identity);
                return Ok(Reset::Marked);
            }
            Ok(old) => old,
            // A file that cannot be read has no lock that others could hold.
            Err(StoreError::Damaged(_) | StoreError::Newer { .. }) => None,
            // Another reset was faster.
            Err(_) if self.place.is_empty(found.identity).is_err() => return Err(StoreError::Busy),
            Err(error) => return Err(error),
        };
        if self.place.is_empty(found.identity).is_err() {
            return Err(StoreError::Busy);
        }
        let new = self.successor(&place, false, until).inspect_err(|error| {
            if !matches!(error, StoreError::Busy) {
                drop(fs::remove_file(place.path()));
            }
        })?;
        self.replace(open, old, &place, new)
    }

    /// Makes the new file, or opens the one of an interrupted reset.
    fn successor(
        &self,
        place: &Place,
        is_begun: bool,
        until: Instant,
    ) -> Result<Successor, StoreError> {
        let found = place.create()?;
        let prepare = || {
            let session = Session::open(place, found, until)?;
            let is_begun = is_begun && session.marked_at(place, until)?.is_some();
            if !is_begun {
                let is_marked = marked(session.mark(place, &self.clock, until))?;
                if !is_marked {
                    return Err(Obstacle::Successor(place.path().to_owned()).into());
                }
            }
            session.lock_out(place, until)?;
            let at = session.marked_at_within(place)?.ok_or(StoreError::Busy)?;
            Ok(Successor {
                session,
                identity: found.identity,
                at,
                is_begun,
            })
        };
        prepare().map_err(|error| {
            if place.is_empty(found.identity).is_err() {
                // Another reset was faster.
                StoreError::Busy
            } else if matches!(error, StoreError::Damaged(_)) {
                Obstacle::Successor(place.path().to_owned()).into()
            } else {
                error
            }
        })
    }

    /// Puts the new file in place of the ledger.
    fn replace(
        &self,
        open: &mut OpenFile,
        old: Option<Session>,
        place: &Place,
        new: Successor,
    ) -> Result<Reset, StoreError> {
        let suffix = format!(".reset-{}", new.at.strftime("%Y%m%dT%H%M%S%.3fZ"));
        let aside = beside(self.path(), &suffix);
        let locks = (old, new.session);
        if !cfg!(unix) {
            // An open file cannot be moved there.
            drop(locks);
        }
        let was_there = self.place.set_aside(&aside, place.path(), new.is_begun)?;
        open.known = Some(new.identity);
        if let Err(error) = self.place.sync() {
            let path = self.path().to_owned();
            return Err(StoreError::unconfirmed(Obstacle::NotSynced {
                path,
                aside,
                error,
            }));
        }
        Ok(if was_there {
            Reset::MovedAside(aside.display().to_string())
        } else {
            Reset::Marked
        })
    }
}

fn marked(result: Result<bool, Failure>) -> Result<bool, StoreError> {
    result.map_err(|failure| match failure {
        Failure::Clean(why) => why,
        Failure::Commit { why, .. } => Obstacle::Engine(why).into(),
    })
}
