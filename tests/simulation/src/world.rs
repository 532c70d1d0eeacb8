//! The clocks of the world, and stopping or dropping everything that a client does.

use industrydata_core::Now;
use industrydata_core::Timestamp;

use crate::{agenda::Due, planted::Planted, script::LedgerClock, sim::World};

/// The Unix time at true time zero, in ms: 2026-03-10T12:00:00Z.
pub(crate) const ORIGIN: i64 = 1_773_144_000_000;
impl World {
    /// The current moment by both clocks of a client.
    pub(crate) fn at(&self, client: usize) -> Now {
        let wall = match self.script.world.ledger {
            LedgerClock::Own(_) => &self.clients[client],
            LedgerClock::Machine => &self.clients[0],
        };
        Now::new(wall.utc(self.now), self.clients[client].steady(self.now))
    }

    /// A moment of true time by the ledger's clock.
    pub(crate) fn ledger_clock(&self, now: u64) -> Timestamp {
        let now = match self.planted {
            Planted::StandingClock => now.min(8 * 3_600_000),
            _ => now,
        };
        match self.script.world.ledger {
            LedgerClock::Own(ahead) => utc(now as i64 + (ahead + self.ledger.jumped) * 1000),
            LedgerClock::Machine => self.clients[0].utc(now),
        }
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.tasks[self.current].stopped
    }

    /// Whether the current task is to drop its future. True only once.
    pub(crate) fn take_drop(&mut self) -> bool {
        std::mem::take(&mut self.tasks[self.current].dropped)
    }

    pub(crate) fn stop_all(&mut self, client: usize) {
        let now = self.now;
        for (nth, place) in self.tasks.iter_mut().enumerate() {
            if place.client == client && place.task.is_some() {
                place.stopped = true;
                self.agenda.enter(now, Due::Wake(nth));
            }
        }
    }

    /// Drops all futures of a client.
    pub(crate) fn drop_all(&mut self, client: usize) {
        let now = self.now;
        for (nth, place) in self.tasks.iter_mut().enumerate() {
            if place.client == client && place.task.is_some() {
                place.dropped = true;
                self.agenda.enter(now, Due::Wake(nth));
                self.record.drops += 1;
            }
        }
    }

    /// The current task has reacted to a stop.
    pub(crate) fn go_on(&mut self) {
        let current = self.current;
        self.tasks[current].stopped = false;
    }

    /// By how many seconds the ledger's clock is behind the clocks that date entries: a client's clock, or the service's
    /// clock in the `Date` of a response.
    pub(crate) fn behind(&self) -> i64 {
        match self.script.world.ledger {
            LedgerClock::Own(own) => {
                let ahead = self.clients.iter().map(|client| client.most_ahead);
                ahead.fold(0, i64::max) + (-own).max(0) + (-own - self.ledger.jumped).max(0)
            }
            LedgerClock::Machine => (-self.script.world.clients[0].offset).max(0),
        }
    }

    pub(crate) fn jump(&mut self, client: usize, seconds: i64) {
        self.clients[client].jump(seconds);
        if self.script.world.ledger == LedgerClock::Machine && client == 0 {
            self.ledger_jumped(seconds);
        }
    }

    /// The clock of a store that has its own jumps.
    pub(crate) fn jump_store(&mut self, seconds: i64) {
        if matches!(self.script.world.ledger, LedgerClock::Own(_)) {
            self.ledger.jumped += seconds;
            self.ledger_jumped(seconds);
        }
    }

    fn ledger_jumped(&mut self, seconds: i64) {
        self.record.jumps.push((self.now, seconds));
        self.record.jumped_back += (-seconds).max(0);
    }

    /// By how many seconds the ledger's clock is ahead of the service's.
    pub(crate) fn ledger_ahead(&self) -> i64 {
        self.ledger_clock(self.now)
            .duration_since(utc(self.now as i64))
            .as_secs()
    }

    pub(crate) fn ends_here(&mut self, nth: usize) -> bool {
        let (now, current) = (self.now, self.current);
        if now >= self.script.world.heals {
            return false;
        }
        let client = &mut self.clients[nth];
        if let Some((steps, down)) = &mut client.dies_in {
            if *steps == 0 {
                let down = *down;
                client.dies_in = None;
                self.agenda.enter(now, Due::Die(nth));
                self.agenda.enter(now + down, Due::Restart(nth));
                return true;
            }
            *steps -= 1;
        }
        if let Some(steps) = &mut client.drops_in {
            if *steps == 0 {
                client.drops_in = None;
                self.tasks[current].dropped = true;
                self.agenda.enter(now, Due::Wake(current));
                self.record.drops += 1;
                return true;
            }
            *steps -= 1;
        }
        false
    }
}

/// The timestamp of a moment of true time, in ms.
pub(crate) fn utc(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ORIGIN + ms).unwrap()
}
