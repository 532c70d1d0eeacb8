//! Doubt resolved by what the service lists: a pure function of the books and of two lists.
//!
//! Evidence, in this order: an operation created about the time of the start that no entry claims; else a run that started
//! then and belongs to nobody. Where evidence may be another's, it confirms rather than frees: a start taken for ours by
//! mistake costs a slot, never a start too many. Nothing is freed unless both lists were read whole, half an hour has
//! passed, and the books' clock agrees with the service's. Starts by others are entered as seen.

use jiff::Timestamp;

use crate::ledger::{
    change::Change, evidence::Evidence, key::LedgerKey, quota::Quota, resolve::Resolution,
};
use crate::reconcile::{quarantine, search::Search};
use crate::{
    ledger::schedule::Schedule,
    lro::read_error::ReadError,
    model::{operation::Operation, run::IndustryDataRun},
    tenant::Tenant,
    wire::base_url::BaseUrl,
};

/// What the service lists; `None` for a list that could not be read whole.
#[derive(Clone, Copy, Debug, Default)]
pub struct ServiceLists<'a> {
    /// All operations.
    pub operations: Option<&'a [Operation]>,
    /// All runs.
    pub runs: Option<&'a [IndustryDataRun]>,
    /// The schedule, if known: runs that fit it are not entered as starts by others.
    pub schedule: Option<Schedule>,
    /// The service's clock when it gave the lists, as it told it; the lists are dated by it. Nothing is freed if the
    /// books' clock is more than two minutes off it, or if it is not known.
    pub service_clock: Option<Timestamp>,
}

/// What the lists say of the books: the changes to make, and why.
#[derive(Clone, Debug, Default)]
#[must_use = "nothing is changed until the changes are booked"]
pub struct Reconciliation {
    changes: Vec<Change>,
    findings: Vec<Match>,
    left_in_doubt: usize,
    ends_quarantine: bool,
    unread: Option<ReadError>,
}

/// One thing that the lists say.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Match {
    /// A start in doubt is resolved.
    Resolved {
        /// The entry's id, 32 hexadecimal digits.
        entry: String,
        /// To what.
        resolution: Resolution,
        /// By what.
        evidence: Evidence,
    },
    /// A start by another, which the books did not have.
    External {
        /// By what.
        evidence: Evidence,
        /// When it was made, by the service's clock.
        started: Timestamp,
    },
}

impl Reconciliation {
    /// Compares the books with the lists, at the books' clock.
    pub fn of(base: &BaseUrl, tenant: &Tenant, quota: &Quota, listed: ServiceLists<'_>) -> Self {
        let key = LedgerKey::new(base, tenant);
        let throttle = quota.throttle();
        let search = Search::new(base, quota, listed);
        let found = search.findings();
        let changes = found.iter().map(|finding| match finding {
            (
                Some(id),
                Match::Resolved {
                    resolution,
                    evidence,
                    ..
                },
            ) => {
                let (key, evidence) = (key.clone(), evidence.clone());
                Some(Change::resolve(key, throttle, *id, *resolution, evidence))
            }
            (_, Match::External { evidence, started }) => Some(Change::external(
                key.clone(),
                throttle,
                evidence.clone(),
                *started,
            )),
            (None, Match::Resolved { .. }) => None,
        });
        // What frees comes last, when all that may stand in its place is booked: whoever is interrupted frees nothing.
        let (mut changes, frees): (Vec<_>, Vec<_>) =
            changes.flatten().partition(|change| !change.frees());
        changes.extend(frees);
        let ended = quota.quarantine().filter(|it| {
            let can_end = |reach| quarantine::can_end(*it, quota.as_of(), throttle.window, reach);
            search.reach().is_some_and(can_end)
        });
        let end = |quarantine| Change::end_quarantine(key.clone(), throttle, quarantine);
        changes.extend(ended.map(end));
        let resolved = |it: &&(_, Match)| matches!(it.1, Match::Resolved { .. });
        let resolved = found.iter().filter(resolved).count();
        Self {
            changes,
            left_in_doubt: (quota.in_doubt() as usize).saturating_sub(resolved),
            ends_quarantine: ended.is_some(),
            findings: found.into_iter().map(|(_, finding)| finding).collect(),
            unread: None,
        }
    }

    pub(crate) fn with_unread(mut self, unread: Option<ReadError>) -> Self {
        self.unread = unread;
        self
    }

    /// Why one of the lists could not be read, if so. Nothing was freed then.
    #[must_use]
    pub const fn unread(&self) -> Option<&ReadError> {
        self.unread.as_ref()
    }

    /// The changes to book, each by itself and in this order: what frees a slot comes last. An entry that its owner has settled meanwhile is left as it is.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// What the lists say, in words for people and programs.
    #[must_use]
    pub fn findings(&self) -> &[Match] {
        &self.findings
    }

    /// Starts that stay in doubt: half an hour has not passed, what is listed may be another's, a list could not be read,
    /// or the books' clock does not agree with the service's.
    #[must_use]
    pub const fn left_in_doubt(&self) -> usize {
        self.left_in_doubt
    }

    /// Whether the lists end the quarantine after a reset: they show every start that may still count.
    #[must_use]
    pub const fn ends_quarantine(&self) -> bool {
        self.ends_quarantine
    }

    /// By how many starts the books were short of what the service lists.
    #[must_use]
    pub fn drift(&self) -> usize {
        let seen = |it: &&Match| matches!(it, Match::External { .. });
        self.findings.iter().filter(seen).count()
    }
}
