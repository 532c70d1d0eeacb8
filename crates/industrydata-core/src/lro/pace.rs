//! The pace of a poll of an operation or a run: its intervals, its retries and its deadline.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;

use crate::lro::{
    poll_plan::PollPlan,
    progress::{PauseReason, Progress},
};
use crate::policy::{LAST_POLL_LEAD, LOST_TRACK_AFTER, LOST_TRACK_POLLS, NOT_FOUND_GRACE};
use crate::{
    model::{operation::Operation, run::IndustryDataRun},
    now::Now,
    policy::PastDurations,
};

/// When to poll next, and when to give up.
#[derive(Debug)]
pub(super) struct Pace {
    pub(super) plan: Arc<PollPlan>,
    /// How long the tenant's last operations took.
    pub(super) past: PastDurations,
    /// When the start was accepted or the poll began, in steady time.
    began: Duration,
    /// How much older than `began` the start or the run is.
    pub(super) age: Duration,
    pub(super) deadline: Duration,
    /// The number of transient errors in a row. `errors_since` is when the first of them came.
    errors: u32,
    errors_since: Duration,
    /// Whether the last poll before the deadline is due or made.
    is_last: bool,
}

/// A pause that a machine is in.
#[derive(Debug)]
pub(super) struct Pausing {
    pub(super) from: Duration,
    pub(super) until: Duration,
    pub(super) reason: PauseReason,
    /// Whether its progress was reported.
    pub(super) reported: bool,
}

/// All polls have failed for this long.
pub(super) struct LostTrack(pub(super) Duration);

/// No pause fits before the deadline.
pub(super) struct TimeUp {
    /// When the service asked to be asked again, if that is past the deadline.
    pub(super) retry_at: Option<Timestamp>,
    /// The reason of the pause.
    pub(super) reason: PauseReason,
}

impl Pace {
    pub(super) fn new(plan: Arc<PollPlan>, age: Duration, now: Now) -> Self {
        Self {
            past: PastDurations::default(),
            began: now.steady,
            age,
            deadline: now.steady.saturating_add(plan.limits.total),
            plan,
            errors: 0,
            errors_since: now.steady,
            is_last: false,
        }
    }

    pub(super) const fn left(&self, now: Now) -> Duration {
        self.deadline.saturating_sub(now.steady)
    }

    pub(super) const fn since_began(&self, now: Now) -> Duration {
        now.steady.saturating_sub(self.began)
    }

    /// The pause after a poll at this moment.
    pub(super) fn interval(&self, steady: Duration) -> Duration {
        let since_start = self.since_start(steady);
        self.plan.policy.interval_with(&self.past, since_start)
    }

    /// Whether a new operation or run may not be readable yet.
    pub(super) fn is_in_grace(&self, now: Now) -> bool {
        self.since_began(now) < NOT_FOUND_GRACE
    }

    /// The last poll was answered.
    pub(super) const fn answered(&mut self) {
        self.errors = 0;
    }

    /// The pause after a transient error. `jitter` keeps clients from polling at the same moment.
    pub(super) fn retry(&mut self, jitter: u32, now: Now) -> Result<Duration, LostTrack> {
        if self.errors == 0 {
            self.errors_since = now.steady;
        }
        self.errors = self.errors.saturating_add(1);
        let since = now.steady.saturating_sub(self.errors_since);
        if since >= LOST_TRACK_AFTER && self.errors >= LOST_TRACK_POLLS {
            return Err(LostTrack(since));
        }
        let interval = self.interval(now.steady);
        Ok(self.plan.policy.back_off(interval, self.errors, jitter))
    }

    /// Pauses for `pause`, or for as long as the service asked if that is longer. A pause is shortened so that one last
    /// poll fits before the deadline, but never below the service's Retry-After.
    pub(super) fn pause(
        &mut self,
        pause: Duration,
        asked: Option<Duration>,
        reason: PauseReason,
        now: Now,
    ) -> Result<Pausing, TimeUp> {
        let left = self.left(now);
        if let Some(asked) = asked.filter(|asked| *asked > left) {
            let retry_at = now.utc.saturating_add(asked).ok();
            return Err(TimeUp { retry_at, reason });
        }
        if self.is_last || left.is_zero() {
            let retry_at = None;
            return Err(TimeUp { retry_at, reason });
        }
        let longer = asked.filter(|asked| *asked > pause);
        let lead = LAST_POLL_LEAD
            .min(self.plan.limits.total / 10)
            .min(self.plan.limits.request);
        let last = self.deadline.saturating_sub(lead).max(now.steady);
        let until = now.steady.saturating_add(longer.unwrap_or(pause));
        self.is_last = until >= last;
        let least = now.steady.saturating_add(asked.unwrap_or_default());
        Ok(Pausing {
            from: now.steady,
            until: until.min(last).max(least),
            reason: match (longer, reason) {
                (Some(_), PauseReason::Interval | PauseReason::RunGoesOn) => {
                    PauseReason::RetryAfter
                }
                (_, reason) => reason,
            },
            reported: false,
        })
    }

    /// How long before this moment the start was accepted.
    pub(super) fn since_start(&self, steady: Duration) -> Duration {
        steady.saturating_sub(self.began).saturating_add(self.age)
    }
}

impl Pausing {
    /// The progress of the pause. It is reported once.
    pub(super) fn progress(
        &mut self,
        operation: Option<&Arc<Operation>>,
        run: Option<&Arc<IndustryDataRun>>,
        polls: u32,
    ) -> Option<Progress> {
        if std::mem::replace(&mut self.reported, true) {
            return None;
        }
        Some(self.shown(operation, run, polls))
    }

    /// The same, as often as it is asked for.
    pub(super) fn shown(
        &self,
        operation: Option<&Arc<Operation>>,
        run: Option<&Arc<IndustryDataRun>>,
        polls: u32,
    ) -> Progress {
        Progress {
            operation: operation.cloned(),
            run: run.cloned(),
            reason: self.reason.clone(),
            polls,
            next_poll_in: self.until.saturating_sub(self.from),
        }
    }
}
