//! A reset: the file is moved aside, and a new one begins in quarantine.

use std::{fs, path::Path, time::Instant};

use industrydata_core::ledger::Reset;
use industrydata_core::ledger::StoreError;

use super::{
    ledger_file::{LedgerFile, OpenFile},
    place::{Found, Place, beside},
    session::{Failure, Session},
    store_error::Obstacle,
};
use crate::clock::Clock;

impl LedgerFile {
    pub(super) fn reset(&self) -> Result<Reset, StoreError> {
        self.with_lock(|open, until| self.reset_within(open, until))
    }

    fn reset_within(&self, open: &mut OpenFile, until: Instant) -> Result<Reset, StoreError> {
        let found = self.place.look()?;
        self.place.is_writable(found)?;
        open.close();
        let found = match found {
            Some(found) => found,
            None => self.place.create()?,
        };
        // A file that cannot be read has no lock that others could hold.
        let old = match Session::open(&self.place, found, until) {
            Err(StoreError::Busy) => return Err(StoreError::Busy),
            opened => opened.ok(),
        };
        match old
            .as_ref()
            .map(|old| old.mark(&self.place, &self.clock, until))
        {
            Some(Ok(true)) => {
                open.known = Some(found.identity);
                return Ok(Reset::Marked);
            }
            Some(Err(Failure::Clean(StoreError::Busy))) => return Err(StoreError::Busy),
            // A tenant has a ledger there, or the file cannot be used.
            Some(Ok(false) | Err(_)) | None => {}
        }
        let lock = old.as_ref().map(|old| old.lock_out(until));
        if let Some(Err(StoreError::Busy)) = lock {
            return Err(StoreError::Busy);
        }
        if self.place.is_empty(found.identity).is_err() {
            // Another reset was faster.
            return Err(StoreError::Busy);
        }
        let name = format!(".reset-{}", self.clock.now().strftime("%Y%m%dT%H%M%S%.3fZ"));
        let aside = beside(self.path(), &name);
        let (successor, new) = successor(&aside, &self.clock, until)?;
        if !cfg!(unix) {
            // An open file cannot be moved there.
            drop(old);
        }
        if let Err(obstacle) = self.place.set_aside(&aside, successor.path()) {
            drop(fs::remove_file(successor.path()));
            return Err(obstacle.into());
        }
        open.known = Some(new.identity);
        Ok(Reset::MovedAside(aside.display().to_string()))
    }
}

/// Makes the new file beside `aside`, with the mark in it.
fn successor(aside: &Path, clock: &Clock, until: Instant) -> Result<(Place, Found), StoreError> {
    let place = Place::new(&beside(aside, ".new"), false)?;
    let new = place.create()?;
    let marked = Session::open(&place, new, until)
        .map_err(Failure::from)
        .and_then(|session| session.mark(&place, clock, until));
    let why = match marked {
        Ok(true) => return Ok((place, new)),
        Ok(false) => StoreError::Busy,
        Err(Failure::Clean(why)) => why,
        Err(Failure::Commit { why, .. }) => Obstacle::Engine(why).into(),
    };
    drop(fs::remove_file(place.path()));
    Err(why)
}
