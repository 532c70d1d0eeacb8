//! Figures of histories, added up.

use std::fmt;

use industrydata_core::lro::MayHaveStarted;

use crate::sim::World;

const YEAR: f64 = 365.25 * 86_400_000.0;

/// Figures of one history, or of many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Histories.
    pub histories: u64,
    /// Virtual time, in ms.
    pub time: u64,
    /// Starts attempted.
    pub attempts: u64,
    /// POSTs sent.
    pub posts: u64,
    /// Starts accepted.
    pub accepted: u64,
    /// Starts refused by the ledger.
    pub refused: u64,
    /// Starts in doubt: reported as such, or left without an outcome by a crash.
    pub doubts: u64,
    /// Slots that stayed taken although the service accepted nothing for them.
    pub wasted: u64,
    /// Polls.
    pub polls: u64,
    /// All requests.
    pub requests: u64,
    /// Processes that died.
    pub crashes: u64,
    /// Futures that were dropped.
    pub drops: u64,
    /// Changes to the ledger that failed.
    pub store_faults: u64,
    /// External starts.
    pub others: u64,
    /// Changes made by reconciliations.
    pub reconciled: u64,
    /// Steps of histories.
    pub steps: u64,
}

impl Tally {
    pub(crate) fn of(world: &World) -> Self {
        let record = &world.record;
        let reported = |nth: usize| {
            record.attempts[nth]
                .reported
                .as_ref()
                .map(|(_, reported)| reported)
        };
        let is_open = |nth: usize| {
            reported(nth).is_none_or(|reported| {
                reported.may_have_started == MayHaveStarted::Unknown || reported.is_warned
            })
        };
        let posted = |nth: usize| record.posts.iter().any(|post| post.attempt == nth);
        let is_accepted = |id: u128| {
            let mut posts = record.posts.iter();
            posts.any(|post| post.reservation == Some(id) && post.accepted.is_some())
        };
        let doubts = (0..record.attempts.len()).filter(|nth| is_open(*nth) && posted(*nth));
        let wasted = record
            .reservations
            .iter()
            .filter(|own| !own.is_freed && is_open(own.attempt) && !is_accepted(own.id));
        let polls = record
            .pollings
            .iter()
            .map(|polling| polling.polls.len() as u64);
        Self {
            histories: 1,
            time: world.now,
            attempts: record.attempts.len() as u64,
            posts: record.posts.len() as u64,
            accepted: record.acceptances().count() as u64,
            refused: record.refused.len() as u64,
            doubts: doubts.count() as u64,
            wasted: wasted.count() as u64,
            polls: polls.sum(),
            requests: record.requests,
            crashes: record.crashes,
            drops: record.drops,
            store_faults: record.store_faults,
            others: record.portal,
            reconciled: record.reconciled,
            steps: record.steps,
        }
    }

    /// Adds the figures of other histories.
    pub const fn add(&mut self, other: &Self) {
        self.histories += other.histories;
        self.time += other.time;
        self.attempts += other.attempts;
        self.posts += other.posts;
        self.accepted += other.accepted;
        self.refused += other.refused;
        self.doubts += other.doubts;
        self.wasted += other.wasted;
        self.polls += other.polls;
        self.requests += other.requests;
        self.crashes += other.crashes;
        self.drops += other.drops;
        self.store_faults += other.store_faults;
        self.others += other.others;
        self.reconciled += other.reconciled;
        self.steps += other.steps;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let years = self.time as f64 / YEAR;
        writeln!(
            f,
            "{} histories, {years:.1} years of virtual time, {} steps",
            self.histories, self.steps
        )?;
        writeln!(
            f,
            "starts: {} attempted, {} refused by the ledger, {} sent, {} accepted, {} in doubt, {} slots wasted; {} external",
            self.attempts,
            self.refused,
            self.posts,
            self.accepted,
            self.doubts,
            self.wasted,
            self.others
        )?;
        write!(
            f,
            "{} polls, {} requests; {} crashes, {} futures dropped, {} changes to the ledger failed, {} entries reconciled",
            self.polls, self.requests, self.crashes, self.drops, self.store_faults, self.reconciled
        )
    }
}
