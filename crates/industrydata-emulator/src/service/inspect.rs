//! What a test can read directly from the service, without a request.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;

use crate::{
    config::Config,
    fault::Fault,
    model::{Logged, Operation, Run},
    service::state::Service,
};

impl Service {
    /// The pending faults. Their counts are those that remain.
    pub fn faults(&self) -> &[Fault] {
        self.script.pending()
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// When on-demand starts were accepted, oldest first. The last few thousand are kept.
    #[must_use]
    pub fn accepted_starts(&self) -> &[Timestamp] {
        self.starts.accepted()
    }

    /// The number of accepted starts of each caller: the name of its [`Grant`](crate::Grant), else `token 1`, `token 2` and
    /// so on for the tokens in their order, or the `client_id` for which the token endpoint issued the token.
    #[must_use]
    pub fn starts_by_caller(&self) -> &BTreeMap<String, u64> {
        &self.starts_by_caller
    }

    /// How long until a slot is free for a start; `None` if one is free at this time.
    #[must_use]
    pub fn wait_for_slot(&self, now: Timestamp) -> Option<Duration> {
        self.starts.wait(now)
    }

    /// The next scheduled run after this time that will not be skipped.
    #[must_use]
    pub fn next_scheduled_run(&self, now: Timestamp) -> Option<Timestamp> {
        let mut timetable = self.timetable.clone();
        timetable.advance_to(now);
        timetable.next_run()
    }

    /// The scheduled times that were skipped because of a start. The last 64 are kept.
    #[must_use]
    pub fn skipped(&self) -> &[Timestamp] {
        self.timetable.skipped()
    }

    /// The operation with this id.
    #[must_use]
    pub fn operation(&self, id: &str) -> Option<&Operation> {
        self.operations
            .iter()
            .rfind(|operation| operation.id() == id)
    }

    /// The operations, oldest first. The last few thousand are kept.
    #[must_use]
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// The runs, oldest first. The last few thousand are kept.
    #[must_use]
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// The most recent requests, oldest first: at least the last thousand. Requests to control paths are left out.
    #[must_use]
    pub fn requests(&self) -> &[Logged] {
        self.log.recent()
    }
}
