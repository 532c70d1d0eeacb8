//! What a test can read directly from the service, without a request.

use std::time::Duration;

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
