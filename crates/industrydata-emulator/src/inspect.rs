//! What a test can ask the service beside its clients' backs.

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    config::Config, fault::Fault, log::Logged, operation::Operation, run::Run, service::Service,
};

impl Service {
    /// The faults that are still to come, with what is left of their counts.
    pub fn faults(&self) -> &[Fault] {
        self.script.pending()
    }

    /// What the service was made with.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// When on-demand starts were accepted, oldest first. The last few thousand are kept.
    #[must_use]
    pub fn accepted_starts(&self) -> &[Timestamp] {
        self.starts.accepted()
    }

    /// How long a start at this time would have to wait; `None` if it would be accepted.
    #[must_use]
    pub fn wait_for_slot(&self, now: Timestamp) -> Option<Duration> {
        self.starts.wait(now)
    }

    /// The scheduled run that, seen from this time, takes place next.
    #[must_use]
    pub fn next_scheduled_run(&self, now: Timestamp) -> Option<Timestamp> {
        let mut then = self.timetable.clone();
        then.pass(now);
        then.next_run()
    }

    /// The scheduled times at which no run began because of a start. The last 64 are kept.
    #[must_use]
    pub fn skipped(&self) -> &[Timestamp] {
        self.timetable.skipped()
    }

    /// An operation by its id.
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

    /// The last requests, oldest first; a thousand at least. Control paths are not among them.
    #[must_use]
    pub fn requests(&self) -> &[Logged] {
        self.log.last()
    }
}
