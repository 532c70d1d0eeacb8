//! An accepted start, and the operation to poll.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};

use crate::lro::poll_operation::{Begun, OperationPoll, PollPlan};
use crate::{
    endpoint::service::Service,
    ledger::{change::Change, quota::Quota, schedule::Forecast, store_error::StoreError},
    model::origin::OperationOrigin,
    now::Now,
    policy::{Limits, PollingPolicy},
    seed::Seed,
    wire::location::OperationUrl,
};

/// An accepted start. A run has started, the start counts, and its operation can be polled.
#[derive(Clone, Debug)]
pub struct Accepted(Box<AcceptedParts>);

#[derive(Clone, Debug)]
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
}

impl Accepted {
    pub(super) fn new(parts: AcceptedParts) -> Self {
        Self(Box::new(parts))
    }

    /// Adds how the acceptance was recorded.
    pub(super) fn recorded(
        mut self,
        quota: Option<Quota>,
        unrecorded: Option<(Arc<Change>, StoreError)>,
    ) -> Self {
        self.0.quota = quota;
        self.0.unrecorded = unrecorded;
        self
    }

    /// The URL of the operation, checked.
    #[must_use]
    pub fn operation(&self) -> &OperationUrl {
        &self.0.operation
    }

    /// When the answer came.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.0.at.utc
    }

    /// The service's id of the request.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// The quota after the start.
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

    /// The poll of its operation, within the rest of the start's time limit. The first poll comes one interval after
    /// the acceptance.
    #[must_use]
    pub fn poll(&self, policy: PollingPolicy) -> OperationPoll {
        let plan = PollPlan {
            service: self.0.service.clone(),
            policy,
            limits: self.0.limits,
        };
        let begun = Begun {
            seed: Seed::new(self.0.seed),
            requests: self.0.requests,
            at: self.0.at,
            deadline: self.0.deadline,
            retry_after: self.0.retry_after,
            request_id: self.0.request_id.clone(),
        };
        let url = self.0.operation.clone();
        OperationPoll::begun(plan, url, OperationOrigin::Start, begun)
    }
}
