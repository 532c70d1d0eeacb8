//! A machine between two of its pauses.

use std::{fmt, sync::Arc, time::Duration};

use crate::lro::{
    machine::{Machine, Sealed},
    progress::Progress,
    record::CallRecord,
    step::Step,
};
use crate::{ledger::change::Change, now::Now};

/// A machine up to its next pause: it never lends [`Step::Wait`], so a driver of many machines keeps the time of all of them
/// at one place.
///
/// Give it to the loop that drives every machine. Afterwards the machine is paused, or has ended. If the driver drops the
/// turn, the machine is as if its own step was dropped.
#[must_use = "nothing happens until the turn is driven"]
pub struct Turn<'m, M> {
    machine: &'m mut M,
    progress: Option<Progress>,
}

/// How a [`Turn`] ended, unless the machine ended with its error.
#[derive(Clone, Debug)]
pub enum Turned<T> {
    /// The machine pauses.
    Pauses {
        /// The steady time at which the pause ends.
        until: Duration,
        /// The progress, if it was not reported before.
        progress: Option<Progress>,
    },
    /// The machine has ended.
    Ended(T),
}

impl<M> fmt::Debug for Turn<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn").finish_non_exhaustive()
    }
}

impl<'m, M: Machine> Turn<'m, M> {
    /// The next turn of `machine`. A pause whose end has come is over; if it has not, the turn ends at once.
    pub fn new(machine: &'m mut M, now: Now) -> Self {
        if let Step::Wait(pause) = machine.step()
            && pause.remaining(now).is_zero()
        {
            pause.over(now);
        }
        let progress = None;
        Self { machine, progress }
    }

    /// The steady time at which the next turn of `machine` is due.
    pub fn due(machine: &mut M, now: Now) -> Duration {
        match machine.step() {
            Step::Wait(pause) => pause.until(),
            Step::Ledger(..) | Step::Send(_) | Step::Done(_) => now.steady,
        }
    }
}

impl<M: Machine> Sealed for Turn<'_, M> {}

impl<M: Machine> Machine for Turn<'_, M> {
    type Ledger = M::Ledger;
    type Output = Turned<M::Output>;
    type Error = M::Error;

    fn step(&mut self) -> Step<'_, M::Ledger, Result<Turned<M::Output>, M::Error>> {
        match self.machine.step() {
            Step::Ledger(transaction, witness) => Step::Ledger(transaction, witness),
            Step::Send(exchange) => Step::Send(exchange),
            Step::Wait(mut pause) => {
                let until = pause.until();
                if let Some(progress) = pause.progress() {
                    self.progress = Some(progress);
                }
                let progress = self.progress.clone();
                Step::Done(Ok(Turned::Pauses { until, progress }))
            }
            Step::Done(outcome) => Step::Done(outcome.map(Turned::Ended)),
        }
    }

    fn record(&self) -> CallRecord<'_> {
        self.machine.record()
    }

    fn stop(&mut self) {
        self.machine.stop();
    }

    fn abandon(&self) -> Option<Arc<Change>> {
        self.machine.abandon()
    }
}
