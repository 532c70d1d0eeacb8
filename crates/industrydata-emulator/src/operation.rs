//! A long-running operation: what a start leaves behind for the client to poll.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::time::{later, stamp};

/// An operation of the service. Its status is a function of the time, unless a fault scripted it.
#[derive(Clone, Debug)]
pub struct Operation {
    id: String,
    run: String,
    created: Timestamp,
    takes: Duration,
    failure: Option<String>,
    script: Vec<Option<String>>,
    polls: usize,
}

impl Operation {
    pub(crate) fn new(id: String, run: String, created: Timestamp, takes: Duration) -> Self {
        Self {
            id,
            run,
            created,
            takes,
            failure: None,
            script: Vec::new(),
            polls: 0,
        }
    }

    /// Its id, the last segment of the `Location`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The id of the run it started.
    #[must_use]
    pub fn run(&self) -> &str {
        &self.run
    }

    /// When its start was accepted.
    #[must_use]
    pub fn created(&self) -> Timestamp {
        self.created
    }

    /// When it ends, if no script says otherwise.
    #[must_use]
    pub fn ends(&self) -> Timestamp {
        later(self.created, self.takes)
    }

    /// How often a client has read it by its own URL.
    #[must_use]
    pub fn polls(&self) -> usize {
        self.polls
    }

    /// Its status as the next read would see it; `None` is a scripted null.
    #[must_use]
    pub fn status(&self, now: Timestamp) -> Option<&str> {
        if let Some(scripted) = self.script.first() {
            return scripted.as_deref();
        }
        Some(if now < self.begins() {
            "notStarted"
        } else if now < self.ends() {
            "running"
        } else if self.failure.is_some() {
            "failed"
        } else {
            "succeeded"
        })
    }

    /// The operation is going to fail, with this `statusDetail`.
    pub(crate) fn fail(&mut self, detail: &str) {
        self.failure = Some(detail.to_owned());
    }

    /// The next reads see these statuses, one each; the last one stays.
    pub(crate) fn follow(&mut self, script: &[Option<String>]) {
        self.script = script.to_vec();
    }

    /// A client has read the operation.
    pub(crate) fn polled(&mut self) {
        self.polls += 1;
        if self.script.len() > 1 {
            self.script.remove(0);
        }
    }

    pub(crate) fn json(&self, base: &str, now: Timestamp) -> Value {
        let status = self.status(now);
        let last_action = match status {
            Some("notStarted") => self.created,
            Some("running") => self.begins().min(now),
            Some(_) | None => self.ends().min(now),
        };
        let resource = (status == Some("succeeded"))
            .then(|| format!("{base}/external/industryData/runs/{}", self.run));
        let detail = self.failure.as_ref().filter(|_| status == Some("failed"));
        json!({
            "@odata.type": "#microsoft.graph.longRunningOperation",
            "id": self.id,
            "createdDateTime": stamp(self.created),
            "lastActionDateTime": stamp(last_action),
            "resourceLocation": resource,
            "status": status,
            "statusDetail": detail,
        })
    }

    /// When it turns from `notStarted` to `running`: after a tenth of its time.
    fn begins(&self) -> Timestamp {
        later(self.created, self.takes / 10)
    }
}
