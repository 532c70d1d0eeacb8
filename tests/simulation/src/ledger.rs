//! The shared ledger: its bytes, to which the core's changes are applied, and a store that may fail.

use std::sync::Arc;

use industrydata_core::Timestamp;
use industrydata_core::ledger::Change;
use industrydata_core::ledger::EntryState;
use industrydata_core::ledger::LedgerKey;
use industrydata_core::ledger::Outcome;
use industrydata_core::ledger::Quota;
use industrydata_core::ledger::StoreError;
use industrydata_core::ledger::StoreReply;
use industrydata_core::policy::Throttle;

use crate::{
    agenda::Due,
    fate::StoreFate,
    front::WINDOW,
    planted::{self, Planted},
    record::{Purpose, Reservation},
    sim::{Sim, World},
};

/// How long a store waits for a lock, in ms.
const BUSY: u64 = 5000;

/// The stored ledger and the changes under way.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) bytes: Option<Vec<u8>>,
    /// By how many seconds the store's clock has jumped in total.
    pub(crate) jumped: i64,
    /// The quota of the bytes at the commit that wrote them.
    written: Option<Quota>,
    changes: Vec<Underway>,
    commits: u64,
}

/// A change on its way to the store.
#[derive(Debug)]
struct Underway {
    client: usize,
    purpose: Purpose,
    change: Arc<Change>,
    fate: Option<StoreFate>,
    state: State,
}

#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "a handful at a time, each taken out once: a box would cost more"
)]
enum State {
    Waiting,
    /// The store has applied the change, with this reply.
    Applied(Result<StoreReply, StoreError>),
    /// The process died before the commit.
    Lost,
}

/// Makes a change to the ledger, as a driver does.
pub(crate) async fn transact(
    sim: &Sim,
    client: usize,
    purpose: Purpose,
    change: Arc<Change>,
) -> Result<StoreReply, StoreError> {
    let began = sim.world().now;
    let (nth, until) = sim.world().submit(client, purpose, change);
    sim.sleep_until(until).await;
    let mut world = sim.world();
    let underway = &mut world.ledger.changes[nth];
    let result = match std::mem::replace(&mut underway.state, State::Lost) {
        State::Applied(answer) => answer,
        State::Waiting | State::Lost => Err(StoreError::unavailable("the change was lost")),
    };
    let Purpose::Start(attempt) = purpose else {
        return result;
    };
    let result = planted::replied(&world, result);
    let span = (began, world.now);
    world.record.replied(attempt, span, &result);
    result
}

impl World {
    /// Sends a change to the store. Returns the number of the change and the time of the reply.
    pub(crate) fn submit(
        &mut self,
        client: usize,
        purpose: Purpose,
        change: Arc<Change>,
    ) -> (usize, u64) {
        let fate = self.store_fate(client);
        let way = match fate {
            Some(StoreFate::Slow(ms)) => ms,
            Some(StoreFate::Busy) => BUSY,
            Some(
                StoreFate::Down
                | StoreFate::Damaged
                | StoreFate::LostCommit { .. }
                | StoreFate::Unconfirmed { .. },
            )
            | None => 1 + self.dice.below(8),
        };
        let nth = self.ledger.changes.len();
        self.ledger.changes.push(Underway {
            client,
            purpose,
            change,
            fate,
            state: State::Waiting,
        });
        let applied = self.now + way;
        self.agenda.enter(applied, Due::Apply(nth));
        (nth, applied + 1 + self.dice.below(8))
    }

    /// The store applies a change.
    pub(crate) fn apply(&mut self, nth: usize) {
        let underway = &self.ledger.changes[nth];
        if matches!(underway.state, State::Lost) {
            return;
        }
        let (change, purpose, fate) = (
            Arc::clone(&underway.change),
            underway.purpose,
            underway.fate,
        );
        let answer = match fate {
            Some(StoreFate::Busy) => Err(StoreError::Busy),
            Some(StoreFate::Down) => Err(StoreError::unavailable("the store is down")),
            Some(StoreFate::Damaged) => Err(StoreError::Damaged("the simulation damaged it")),
            Some(StoreFate::LostCommit { stands }) => {
                if stands {
                    drop(self.commit(&change, purpose));
                }
                self.commit(&change, purpose)
            }
            Some(StoreFate::Unconfirmed { stands }) => {
                if stands {
                    drop(self.commit(&change, purpose));
                }
                Err(StoreError::unconfirmed("the reply to the commit was lost"))
            }
            Some(StoreFate::Slow(_)) | None => self.commit(&change, purpose),
        };
        if answer.is_err() {
            self.record.store_faults += 1;
        }
        self.ledger.changes[nth].state = State::Applied(answer);
    }

    /// The process is dead. A change that it has sent is committed or lost, at random.
    pub(crate) fn forget_changes_of(&mut self, client: usize) {
        for nth in (0..self.ledger.changes.len()).rev().take(8) {
            let underway = &self.ledger.changes[nth];
            let is_sent = underway.client == client && matches!(underway.state, State::Waiting);
            if is_sent && self.dice.chance(500) {
                self.ledger.changes[nth].state = State::Lost;
            }
        }
    }

    /// The quota at `then` if the ledger is written at each of these moments of true time.
    pub(crate) fn quota_opened(&self, moments: &[u64], then: u64) -> Quota {
        let outcome = Outcome::Released {
            why: "a start that was not sent".to_owned(),
            closed_for: None,
        };
        let throttle = Throttle::default();
        let change = Change::settle(self.key(), throttle, [0xff; 16], outcome);
        let mut stored = self.ledger.bytes.clone();
        for at in moments {
            let applied = change.apply(stored.as_deref(), self.ledger_clock(*at));
            stored = applied.unwrap().write.or(stored);
        }
        let read = Change::read(self.key(), throttle);
        let applied = read
            .apply(stored.as_deref(), self.ledger_clock(then))
            .unwrap();
        applied.reply.quota().clone()
    }

    /// The state of a reservation's entry now; `None` if there is no entry or it does not count.
    pub(crate) fn state(&self, id: u128) -> Option<EntryState> {
        let id = format!("{id:032x}");
        let mut entries = self.ledger.written.iter().flat_map(Quota::entries);
        let entry = entries.find(|entry| entry.id() == id)?;
        let clock = self.ledger_clock(self.now);
        let counts = entry.counts(Throttle::default().window, clock);
        counts.then(|| entry.state(clock))
    }

    pub(crate) fn key(&self) -> LedgerKey {
        LedgerKey::new(&self.common.base, &self.common.tenant)
    }

    fn commit(&mut self, change: &Change, purpose: Purpose) -> Result<StoreReply, StoreError> {
        let clock = self.ledger_clock(self.now);
        let applied = change.apply(self.ledger.bytes.as_deref(), clock)?;
        if let Some(bytes) = applied.write {
            self.ledger.commits += 1;
            let quota = applied.reply.quota();
            if purpose == Purpose::Reconcile {
                self.reconciled(quota, clock);
            }
            let forgets =
                self.planted == Planted::ForgetfulStore && self.ledger.commits.is_multiple_of(5);
            if !forgets {
                self.record.keep(&bytes);
                self.ledger.bytes = Some(bytes);
                self.ledger.written = Some(quota.clone());
            }
            self.enter(quota, purpose, clock);
        }
        Ok(applied.reply)
    }

    /// Records which attempt a reservation belongs to, and the date of its entry.
    fn enter(&mut self, quota: &Quota, purpose: Purpose, clock: Timestamp) {
        let ahead = self.ledger_ahead();
        if let Purpose::Start(attempt) = purpose {
            self.record.settled(attempt, self.now);
        }
        for entry in quota.entries() {
            let Ok(id) = u128::from_str_radix(entry.id(), 16) else {
                continue;
            };
            let state = entry.state(clock);
            if let Some(known) = self.record.reservation_mut(id) {
                if state == EntryState::Confirmed && entry.evidence().is_none() {
                    known.dated = Some(entry.date());
                }
            } else if let (Purpose::Start(attempt), EntryState::Reserved) = (purpose, state) {
                self.record.reserve(Reservation {
                    id,
                    attempt,
                    at: self.now,
                    ahead,
                    dated: None,
                    settled: None,
                    is_freed: false,
                });
            }
        }
    }

    /// A reconciliation writes the ledger: an entry that counts before and not after has been released by evidence.
    fn reconciled(&mut self, after: &Quota, clock: Timestamp) {
        self.record.reconciled += 1;
        let mut freed = None;
        let window = Throttle::default().window;
        for entry in self.ledger.written.iter().flat_map(Quota::entries) {
            let is_kept = || after.entries().iter().any(|it| it.id() == entry.id());
            if entry.counts(window, clock)
                && !is_kept()
                && let Ok(id) = u128::from_str_radix(entry.id(), 16)
                && let Some(known) = self.record.reservation_mut(id)
            {
                known.is_freed = true;
                freed = Some(id);
            }
        }
        let since = self.now.saturating_sub(WINDOW);
        let accepted = self.record.acceptances();
        let accepted: Vec<_> = accepted.filter(|(at, _)| *at > since).collect();
        if let Some(id) = freed
            && accepted
                .iter()
                .any(|(_, post)| post.reservation == Some(id))
        {
            let truly = accepted.len();
            if (after.used() as usize) < truly.min(5) {
                let (now, used) = (self.now, after.used());
                self.record.undercounts.push(format!(
                    "at {now} ms a reconciliation freed an accepted start: the ledger counts {used} of {truly}"
                ));
            }
        }
    }

    fn store_fate(&mut self, client: usize) -> Option<StoreFate> {
        if self.now >= self.script.world.heals {
            return None;
        }
        if let Some((until, fate)) = self.store_outage
            && self.now < until
        {
            return Some(fate);
        }
        self.clients[client].store_fates.pop_front()
    }
}
