//! The reconciliation: a pure function of the ledger and of the service's two lists. It resolves starts in doubt and
//! finds external starts.
//!
//! The evidence for a start is an operation that was created about the time of the start and that no entry claims, or
//! else a run that started then and has no owner. Evidence that may belong to another start confirms this one: a wrong
//! match costs a slot, and never allows a start too many. A start is released only if both lists were read whole, half
//! an hour has passed since its lease, the ledger's clock agrees with the service's, the listed operations reach back
//! to the oldest start in doubt, and neither list lacks an operation or a run that an entry names. The service itself
//! has named these, so a list without one of them is late or cut. Ids are compared without letter case. An entry whose
//! operation is not listed may own any operation near it, because the list may show it under another id.

use jiff::Timestamp;

use crate::reconcile::{
    lists::{Match, ServiceLists},
    quarantine,
    search::Search,
};
use crate::{
    ledger::{change::Change, clock::ClockReading, key::LedgerKey, quota::Quota},
    lro::read_error::ReadError,
    tenant::Tenant,
    wire::base_url::BaseUrl,
};

/// What the time of the lists shows about the ledger's clock, if the clocks do not agree or the ledger remembers that they
/// did not.
fn clock_reading(quota: &Quota, service_clock: Option<Timestamp>) -> Option<ClockReading> {
    let as_of = quota.as_of();
    let reading = ClockReading::new(service_clock?, as_of, as_of);
    (reading.skew().is_some() || quota.clock_skew().is_some()).then_some(reading)
}

/// The result of a comparison: the changes to make, and their reasons.
#[derive(Clone, Debug, Default)]
pub struct Reconciliation {
    changes: Vec<Change>,
    matches: Vec<Match>,
    left_in_doubt: usize,
    ends_quarantine: bool,
    unread: Option<ReadError>,
}

impl Reconciliation {
    /// Compares the ledger with the lists, by the ledger's clock.
    #[must_use = "nothing is changed until the changes are made"]
    pub fn of(base: &BaseUrl, tenant: &Tenant, quota: &Quota, listed: ServiceLists<'_>) -> Self {
        let key = LedgerKey::new(base, tenant);
        let throttle = quota.throttle();
        let search = Search::new(base, quota, listed);
        let found = search.matches();
        let changes = found.iter().map(|found| match found {
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
        // Changes that free a slot come last, so an interruption frees nothing too early.
        let (confirms, frees): (Vec<_>, Vec<_>) =
            changes.flatten().partition(|change| !change.frees());
        let reading = clock_reading(quota, listed.service_clock);
        let compare = |reading| Change::compare_clock(key.clone(), throttle, reading);
        let mut changes: Vec<Change> = reading.map(compare).into_iter().collect();
        changes.extend(confirms);
        changes.extend(frees);
        let ended = quota.quarantine().filter(|it| {
            let can_end = |reach| quarantine::can_end(*it, quota.as_of(), search.window(), reach);
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
            matches: found.into_iter().map(|(_, found)| found).collect(),
            unread: None,
        }
    }

    pub(crate) fn with_unread(mut self, unread: Option<ReadError>) -> Self {
        self.unread = unread;
        self
    }

    /// The error if one of the lists could not be read. No start is released then.
    #[must_use]
    pub const fn unread(&self) -> Option<&ReadError> {
        self.unread.as_ref()
    }

    /// The changes to make, one by one and in this order. If the ledger's clock is off, or was, the ledger keeps the
    /// difference first. Those changes that free a slot come last. A change does not affect an
    /// entry that its caller has settled in the meantime.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// What the lists show about each start.
    #[must_use]
    pub fn matches(&self) -> &[Match] {
        &self.matches
    }

    /// The number of starts that stay in doubt. Half an hour has not passed; a listed item may belong to another start;
    /// a list could not be read, is empty or cut, or lacks what an entry names; or the ledger's clock does not agree
    /// with the service's.
    #[must_use]
    pub const fn left_in_doubt(&self) -> usize {
        self.left_in_doubt
    }

    /// Whether the lists end the quarantine after a reset, because they show every start that may still count.
    #[must_use]
    pub const fn ends_quarantine(&self) -> bool {
        self.ends_quarantine
    }

    /// The number of external starts that the ledger lacked.
    #[must_use]
    pub fn drift(&self) -> usize {
        let external = |it: &&Match| matches!(it, Match::External { .. });
        self.matches.iter().filter(external).count()
    }
}
