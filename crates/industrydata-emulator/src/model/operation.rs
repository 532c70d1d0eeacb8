//! The long-running operation that a start creates.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::time::{graph_time, later};

/// A long-running operation. Its status depends on the time unless a fault scripts it.
#[derive(Clone, Debug)]
pub struct Operation {
    id: String,
    run: String,
    created: Timestamp,
    takes: Duration,
    failure: Option<String>,
    scripted: Vec<Option<String>>,
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
            scripted: Vec::new(),
            polls: 0,
        }
    }

    /// Its id: the last segment of the `Location`.
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

    /// When it ends, unless its status is scripted.
    #[must_use]
    pub fn ends(&self) -> Timestamp {
        later(self.created, self.takes)
    }

    /// How often clients have read it at its own URL. Reads of the list do not count.
    #[must_use]
    pub fn polls(&self) -> usize {
        self.polls
    }

    /// The status that the next read returns; `None` is a scripted null.
    #[must_use]
    pub fn status(&self, now: Timestamp) -> Option<&str> {
        if let Some(status) = self.scripted.first() {
            return status.as_deref();
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

    /// Makes the operation end as failed with this `statusDetail`.
    pub(crate) fn fail(&mut self, detail: &str) {
        self.failure = Some(detail.to_owned());
    }

    /// Sets the statuses that the next reads return, one for each read. The last one is repeated.
    pub(crate) fn script(&mut self, statuses: &[Option<String>]) {
        self.scripted = statuses.to_vec();
    }

    /// Records that a client has read the operation.
    pub(crate) fn polled(&mut self) {
        self.polls += 1;
        if self.scripted.len() > 1 {
            self.scripted.remove(0);
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
            "createdDateTime": graph_time(self.created),
            "lastActionDateTime": graph_time(last_action),
            "resourceLocation": resource,
            "status": status,
            "statusDetail": detail,
        })
    }

    /// When its status changes from `notStarted` to `running`: after a tenth of its duration.
    fn begins(&self) -> Timestamp {
        later(self.created, self.takes / 10)
    }
}
