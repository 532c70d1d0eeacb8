//! The machine that starts a run once by its key: a start, and a reconciliation if the key is in doubt.

use crate::lro::{
    accepted::Accepted,
    machine::{Machine, Sealed},
    record::CallRecord,
    session::Session,
    start::Start,
    start_error::StartError,
    step::{Step, Writes},
};
use crate::{
    ledger::change::Change, now::Now, policy::MAX_KEY_RECONCILE_TIME,
    reconcile::machine::Reconcile, seed::Seed,
};
use std::sync::Arc;

/// A start with a key, at most once within a window.
///
/// If an earlier start with the key is in doubt, the ledger is compared with what the service lists, once and for two
/// minutes at most. The start then looks for the key again. A reconciliation that fails leaves the doubt, and nothing is sent
/// to start a run. Without a key this is a [`Start`].
#[derive(Debug)]
pub struct StartOnce {
    session: Session,
    seed: Seed,
    start: Start,
    reconcile: Reconciling,
    is_stopped: bool,
}

#[derive(Debug)]
enum Reconciling {
    NotYet,
    Now(Box<Reconcile>),
    Over,
}

impl Session {
    /// Starts a run: reserves a slot, sends the POST once, records the outcome. With a [`key`](Self::key), it goes on with
    /// the start that has the key, if there is one.
    #[must_use]
    pub fn start_once(&self, seed: [u8; 16], now: Now) -> StartOnce {
        StartOnce {
            start: self.start(seed, now),
            session: self.clone(),
            seed: Seed::new(seed),
            reconcile: Reconciling::NotYet,
            is_stopped: false,
        }
    }
}

impl StartOnce {
    /// Moves to the reconciliation once the key is found in doubt, and back to the start once that has ended.
    fn proceed(&mut self) {
        if matches!(self.reconcile, Reconciling::NotYet)
            && self.start.is_key_in_doubt()
            && !self.is_stopped
        {
            let limit = self.start.left().min(MAX_KEY_RECONCILE_TIME);
            let session = self.session.clone().time_limit(limit);
            // The start uses the small ordinals.
            let seed = self.seed.reservation(u32::MAX);
            let reconcile = session.reconcile(seed, self.start.last());
            self.reconcile = Reconciling::Now(Box::new(reconcile));
        }
        if let Reconciling::Now(reconcile) = &mut self.reconcile
            && let Some(outcome) = reconcile.outcome()
        {
            let now = reconcile.last();
            self.reconcile = Reconciling::Over;
            if outcome.is_ok() && !self.is_stopped {
                self.start.again(now);
            }
        }
    }
}

impl Sealed for StartOnce {}

impl Machine for StartOnce {
    type Ledger = Writes;
    type Output = Accepted;
    type Error = StartError;

    fn step(&mut self) -> Step<'_, Writes, Result<Accepted, StartError>> {
        self.proceed();
        match self.reconcile {
            Reconciling::Now(ref mut reconcile) => reconcile.lend(),
            Reconciling::NotYet | Reconciling::Over => self.start.step(),
        }
    }

    fn record(&self) -> CallRecord<'_> {
        self.start.record()
    }

    /// If the request was handed out, the start is in doubt.
    fn stop(&mut self) {
        self.is_stopped = true;
        match &mut self.reconcile {
            Reconciling::Now(reconcile) => reconcile.stop(),
            Reconciling::NotYet | Reconciling::Over => self.start.stop(),
        }
    }

    /// Releases the slot if no request was handed out. Otherwise the start is in doubt.
    fn abandon(&self) -> Option<Arc<Change>> {
        self.start.abandon()
    }
}
