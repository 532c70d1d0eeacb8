//! The long-running operation that a start, a validation or a reset creates.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    config::Connector,
    time::{graph_time, later},
};

/// What an operation does.
#[derive(Clone, Debug)]
pub(crate) enum Work {
    /// The run of a start, by its id.
    Run(String),
    /// A validation of a data connector.
    Validation(Connector),
    /// A reset of a provisioning flow, by the path of the flow.
    Reset(String),
}

/// A long-running operation. Its status depends on the time unless a fault scripts it.
#[derive(Clone, Debug)]
pub struct Operation {
    id: String,
    work: Work,
    created: Timestamp,
    takes: Duration,
    failure: Option<String>,
    scripted: Vec<Option<String>>,
    polls: usize,
}

impl Operation {
    pub(crate) fn new(id: String, work: Work, created: Timestamp, takes: Duration) -> Self {
        let failure = match &work {
            Work::Validation(connector) => connector.failure.clone(),
            Work::Run(_) | Work::Reset(_) => None,
        };
        Self {
            id,
            work,
            created,
            takes,
            failure,
            scripted: Vec::new(),
            polls: 0,
        }
    }

    /// Its id: the last segment of the `Location`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The id of the run it started; empty for a validation and a reset, which start none.
    #[must_use]
    pub fn run(&self) -> &str {
        match &self.work {
            Work::Run(id) => id,
            Work::Validation(_) | Work::Reset(_) => "",
        }
    }

    /// When the request that created it was accepted.
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
        let ended = matches!(status, Some("succeeded" | "failed"));
        let resource = match &self.work {
            Work::Run(run) => (status == Some("succeeded")).then(|| format!("runs/{run}")),
            // Documented samples show what a validation works on.
            Work::Validation(connector) => Some(format!("dataConnectors/{}", connector.id)),
            Work::Reset(flow) => Some(flow.clone()),
        };
        let resource = resource.map(|path| format!("{base}/external/industryData/{path}"));
        let detail = self.failure.as_ref().filter(|_| status == Some("failed"));
        let mut json = json!({
            "@odata.type": "#microsoft.graph.longRunningOperation",
            "id": self.id,
            "createdDateTime": graph_time(self.created),
            "lastActionDateTime": graph_time(last_action),
            "resourceLocation": resource,
            "status": status,
            "statusDetail": detail,
        });
        if let (Work::Validation(connector), Some(members)) = (&self.work, json.as_object_mut()) {
            let kind = "#microsoft.graph.industryData.fileValidateOperation";
            members.insert("@odata.type".to_owned(), json!(kind));
            members.extend(findings(connector, ended));
        }
        json
    }

    /// When its status changes from `notStarted` to `running`: after a tenth of its duration.
    fn begins(&self) -> Timestamp {
        later(self.created, self.takes / 10)
    }
}

/// The members that a validation adds. Its lists are empty until it has ended.
fn findings(connector: &Connector, ended: bool) -> [(String, Value); 3] {
    let list = |found: &[(String, String)]| -> Value {
        let found = found.iter().filter(|_| ended);
        let error = |(code, file): &(String, String)| {
            let message = format!("{code} in {file}");
            json!({"code": code, "message": message, "target": file, "details": [], "innerError": null})
        };
        found.map(error).collect()
    };
    let is_valid = ended && connector.errors.is_empty() && connector.failure.is_none();
    let files: &[String] = if is_valid { &connector.files } else { &[] };
    [
        ("errors".to_owned(), list(&connector.errors)),
        ("warnings".to_owned(), list(&connector.warnings)),
        ("validatedFiles".to_owned(), json!(files)),
    ]
}
