//! Starts in doubt resolved by what the service lists: a pure function of the ledger and of two lists.
//!
//! Evidence is an operation created about the time of the start that no entry claims, or else a run that started then and
//! has no owner. Where evidence may belong to another start, it confirms rather than frees: a wrong match costs a slot, and
//! never allows a start too many. Nothing is freed unless both lists were read whole, half an hour has passed since
//! the lease, the ledger's clock agrees with the service's, the listed operations reach back to the oldest start in doubt, and neither list
//! lacks what an entry names: the service itself has named that, so a list without it is late or cut. Ids are compared
//! without letter case. An entry whose operation is not listed may own any operation near it, since the list may have
//! another id for it. Starts made elsewhere are entered as external.

use crate::reconcile::{
    lists::{Match, ServiceLists},
    quarantine,
    search::Search,
};
use crate::{
    ledger::{change::Change, key::LedgerKey, quota::Quota},
    lro::read_error::ReadError,
    tenant::Tenant,
    wire::base_url::BaseUrl,
};

/// What the lists mean for the ledger: the changes to make, and why.
#[derive(Clone, Debug, Default)]
#[must_use = "nothing is changed until the changes are made"]
pub struct Reconciliation {
    changes: Vec<Change>,
    matches: Vec<Match>,
    left_in_doubt: usize,
    ends_quarantine: bool,
    unread: Option<ReadError>,
}

impl Reconciliation {
    /// Compares the ledger with the lists, at the ledger's clock.
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
        // What frees a slot comes last, after everything that may take its place: an interruption frees nothing.
        let (mut changes, frees): (Vec<_>, Vec<_>) =
            changes.flatten().partition(|change| !change.frees());
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

    /// Why one of the lists could not be read, if so. Nothing was freed then.
    #[must_use]
    pub const fn unread(&self) -> Option<&ReadError> {
        self.unread.as_ref()
    }

    /// The changes to make, one by one and in this order: what frees a slot comes last. An entry that its owner has settled
    /// meanwhile is left as it is.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// What the lists show, start by start.
    #[must_use]
    pub fn matches(&self) -> &[Match] {
        &self.matches
    }

    /// Starts that stay in doubt: half an hour has not passed, what is listed may belong to another start, a list could not
    /// be read, is empty, is cut short or lacks what an entry names, or the ledger's clock does not agree with the service's.
    #[must_use]
    pub const fn left_in_doubt(&self) -> usize {
        self.left_in_doubt
    }

    /// Whether the lists end the quarantine after a reset: they show every start that may still count.
    #[must_use]
    pub const fn ends_quarantine(&self) -> bool {
        self.ends_quarantine
    }

    /// By how many starts the ledger was short of what the service lists.
    #[must_use]
    pub fn drift(&self) -> usize {
        let external = |it: &&Match| matches!(it, Match::External { .. });
        self.matches.iter().filter(external).count()
    }
}
