//! An accepted start, and the operation to poll.

use std::{fmt, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};

use crate::lro::{
    poll_operation::{Begun, OperationPoll},
    poll_plan::PollPlan,
};
use crate::{
    endpoint::service::Service,
    ledger::{
        change::Change, entry::Entry, key::LedgerKey, quota::Quota, schedule::Forecast,
        store_error::StoreError, took::Took,
    },
    model::origin::OperationOrigin,
    now::Now,
    policy::{Limits, PastDurations, PollingPolicy, Throttle},
    seed::Seed,
    tenant::Tenant,
    wire::{base_url::BaseUrl, brief::cut, location::OperationUrl},
};

/// An accepted start, of this caller or of the one that has its key. A run has started, the start counts, and its operation
/// can be polled.
///
/// ```
/// use industrydata_core::lro::Accepted;
///
/// fn log(accepted: &Accepted) -> String {
///     let (at, id) = (accepted.at(), accepted.request_id());
///     match accepted.attached_to() {
///         Some(earlier) => format!("goes on with the start of {:?}", earlier.caller()),
///         None => format!("{} accepted at {at} (request {id:?})", accepted.operation()),
///     }
/// }
/// ```
#[derive(Clone)]
pub struct Accepted(Arc<AcceptedParts>);

impl fmt::Debug for Accepted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accepted")
            .field("operation", &cut(&self.0.operation.to_string()))
            .field("at", &self.0.at.utc)
            .field("request_id", &self.0.request_id)
            .finish_non_exhaustive()
    }
}

#[derive(Clone)]
pub(super) struct AcceptedParts {
    pub(super) service: Service,
    pub(super) limits: Limits,
    pub(super) deadline: Duration,
    pub(super) seed: [u8; 16],
    pub(super) requests: u32,
    pub(super) operation: OperationUrl,
    pub(super) at: Now,
    pub(super) retry_after: Option<Duration>,
    pub(super) clock_skew: Option<SignedDuration>,
    pub(super) ledger_clock_skew: Option<SignedDuration>,
    pub(super) request_id: Option<String>,
    pub(super) quota: Option<Quota>,
    pub(super) forecast: Option<Forecast>,
    pub(super) unrecorded: Option<(Arc<Change>, StoreError)>,
    pub(super) tenant: Tenant,
    pub(super) throttle: Throttle,
    pub(super) reservation: [u8; 16],
    pub(super) attached_to: Option<Box<Entry>>,
    pub(super) past: PastDurations,
}

/// Where a ledger has a start.
#[derive(Debug)]
pub(super) struct EntryOf {
    tenant: Tenant,
    throttle: Throttle,
    /// Its id, if it is known.
    reservation: Option<[u8; 16]>,
}

impl EntryOf {
    /// The entry of a start that another process made.
    pub(super) const fn unknown(tenant: Tenant, throttle: Throttle) -> Self {
        Self {
            tenant,
            throttle,
            reservation: None,
        }
    }

    /// Whether this process made the start, or found it in the ledger.
    pub(super) const fn is_known(&self) -> bool {
        self.reservation.is_some()
    }

    /// The change that keeps what the end of its operation has shown, at the service under `base`.
    pub(super) fn ended(
        &self,
        base: &BaseUrl,
        other_id: Option<&str>,
        took: Option<Took>,
    ) -> Option<Change> {
        let other_id = self.reservation.zip(other_id.map(str::to_owned));
        let is_known = other_id.is_some() || took.is_some();
        is_known.then(|| {
            let key = LedgerKey::new(base, &self.tenant);
            Change::ended(key, self.throttle, other_id, took)
        })
    }
}

impl Accepted {
    pub(super) fn new(parts: AcceptedParts) -> Self {
        Self(Arc::new(parts))
    }

    /// Adds how the acceptance was recorded.
    pub(super) fn recorded(
        mut self,
        quota: Option<Quota>,
        unrecorded: Option<(Arc<Change>, StoreError)>,
    ) -> Self {
        let parts = Arc::make_mut(&mut self.0);
        parts.quota = quota;
        parts.unrecorded = unrecorded;
        self
    }

    /// The URL of the operation, checked.
    #[must_use]
    pub fn operation(&self) -> &OperationUrl {
        &self.0.operation
    }

    /// The entry of the start with the same key, if this start goes on with its operation. This start sent nothing then.
    #[must_use]
    pub fn attached_to(&self) -> Option<&Entry> {
        self.0.attached_to.as_deref()
    }

    /// When the answer came. For a start that goes on with another one: when that one's answer came, or when its slot was
    /// reserved if evidence showed that it was accepted; by the service's clock as far as known.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        let Some(entry) = &self.0.attached_to else {
            return self.0.at.utc;
        };
        let [earliest, latest] = entry.service_times();
        match entry.evidence() {
            Some(_) => earliest,
            None => latest,
        }
    }

    /// The service's id of the request.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// The quota after the start, or when the other start with its key was found.
    #[must_use]
    pub fn quota(&self) -> Option<&Quota> {
        self.0.quota.as_ref()
    }

    /// The forecast at the moment of the start, if the schedule is known. [`Forecast::start_now_skips`] says whether
    /// this start causes the scheduled run at [`Forecast::next_scheduled`] to be skipped,
    /// [`Forecast::is_skipped_already`] whether an earlier start does, and [`Forecast::following`] when the run after
    /// it is due.
    #[must_use]
    pub fn forecast(&self) -> Option<Forecast> {
        self.0.forecast
    }

    /// How far the service's clock is ahead of this machine's (negative: behind), if more than two minutes. SQLite
    /// and memory use this machine's clock, and a wrong clock frees their slots at the wrong time.
    #[must_use]
    pub fn clock_skew(&self) -> Option<SignedDuration> {
        self.0.clock_skew
    }

    /// How far the service's clock is ahead of the ledger's (negative: behind), if more than two minutes. The ledger
    /// keeps the difference: from now on a slot is free only once its window has passed by both clocks.
    #[must_use]
    pub fn ledger_clock_skew(&self) -> Option<SignedDuration> {
        self.0.ledger_clock_skew
    }

    /// The store's error if the acceptance could not be recorded. The reservation still counts.
    #[must_use]
    pub fn ledger_warning(&self) -> Option<&StoreError> {
        self.0.unrecorded.as_ref().map(|(_, error)| error)
    }

    /// The change that could not be recorded. [`RecordedPoll`](crate::lro::RecordedPoll) applies it once more.
    #[must_use]
    pub fn unrecorded(&self) -> Option<&Arc<Change>> {
        self.0.unrecorded.as_ref().map(|(change, _)| change)
    }

    /// Where the ledger has the start.
    pub(super) fn entry(&self) -> EntryOf {
        EntryOf {
            tenant: self.0.tenant.clone(),
            throttle: self.0.throttle,
            reservation: Some(self.0.reservation),
        }
    }

    /// The poll of its operation, within the rest of the start's time limit. The first poll comes one interval after
    /// the acceptance, or at once if another process made the start.
    #[must_use]
    pub fn poll(&self, policy: PollingPolicy) -> OperationPoll {
        self.poll_by(PollPlan {
            service: self.0.service.clone(),
            policy,
            limits: self.0.limits,
        })
    }

    /// The same with the policy of `plan`, and with `plan` itself if that is the start's too.
    pub(super) fn poll_within(&self, plan: &Arc<PollPlan>) -> OperationPoll {
        if plan.limits == self.0.limits && plan.service.is_same(&self.0.service) {
            return self.poll_by(Arc::clone(plan));
        }
        self.poll(plan.policy)
    }

    fn poll_by(&self, plan: impl Into<Arc<PollPlan>>) -> OperationPoll {
        let begun = Begun {
            seed: Seed::new(self.0.seed),
            requests: self.0.requests,
            at: self.0.at,
            deadline: self.0.deadline,
            retry_after: self.0.retry_after,
            request_id: self.0.request_id.clone(),
            past: self.0.past.clone(),
        };
        let url = self.0.operation.clone();
        if self.0.attached_to.is_some() {
            return OperationPoll::attached(plan, url, self.at(), begun);
        }
        OperationPoll::begun(plan, url, OperationOrigin::Start, begun)
    }
}
