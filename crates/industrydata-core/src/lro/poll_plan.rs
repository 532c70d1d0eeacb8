//! How an operation or a run is polled.

use crate::{
    endpoint::service::Service,
    policy::{Limits, PollingPolicy},
};

/// How to poll an operation or a run.
#[derive(Clone, Debug)]
pub struct PollPlan {
    /// The service.
    pub service: Service,
    /// The poll interval.
    pub policy: PollingPolicy,
    /// Limits of time; `total` bounds the whole poll.
    pub limits: Limits,
}
