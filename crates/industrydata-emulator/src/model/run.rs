//! The run that processes the data, on demand or by schedule.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::time::{graph_time, later};

/// A run. It ends as `completed` unless a fault says otherwise.
#[derive(Clone, Debug)]
pub struct Run {
    id: String,
    started: Timestamp,
    takes: Duration,
    outcome: String,
    blocking: Option<String>,
    scheduled: bool,
}

impl Run {
    pub(crate) fn new(id: String, started: Timestamp, takes: Duration, scheduled: bool) -> Self {
        Self {
            id,
            started,
            takes,
            outcome: "completed".to_owned(),
            blocking: None,
            scheduled,
        }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// When it began.
    #[must_use]
    pub fn started(&self) -> Timestamp {
        self.started
    }

    /// When it ends.
    #[must_use]
    pub fn ends(&self) -> Timestamp {
        later(self.started, self.takes)
    }

    /// Whether the schedule began it. The service does not show this to clients.
    #[must_use]
    pub fn scheduled(&self) -> bool {
        self.scheduled
    }

    /// Its status at this time.
    #[must_use]
    pub fn status(&self, now: Timestamp) -> &str {
        if now < self.ends() {
            "running"
        } else {
            &self.outcome
        }
    }

    /// Makes the run end with this status. A run that fails has a blocking error.
    pub(crate) fn end_as(&mut self, outcome: &str) {
        outcome.clone_into(&mut self.outcome);
        if outcome == "failed" && self.blocking.is_none() {
            self.blocking = Some("the system cancelled the run".to_owned());
        }
    }

    /// Makes the run fail for this reason after this duration.
    pub(crate) fn fail(&mut self, reason: &str, takes: Duration) {
        self.end_as("failed");
        self.blocking = Some(reason.to_owned());
        self.takes = takes;
    }

    pub(crate) fn json(&self, now: Timestamp) -> Value {
        let ended = now >= self.ends();
        let blocking = self.blocking.as_ref().filter(|_| ended).map(|reason| {
            json!({
                "code": "RunFailed", "message": reason, "target": null, "details": [],
                "innerError": {"code": "ActivityFailed", "innerError": {"code": "SourceUnreadable"}},
            })
        });
        json!({
            "@odata.type": "#microsoft.graph.industryData.industryDataRun",
            "id": self.id,
            "displayName": format!("Run {} UTC", self.started.strftime("%Y-%m-%d %H:%M")),
            "startDateTime": graph_time(self.started),
            "endDateTime": ended.then(|| graph_time(self.ends())),
            "status": self.status(now),
            "blockingError": blocking,
        })
    }

    /// The run's statistics. The totals are null until it has ended.
    pub(crate) fn statistics(&self, now: Timestamp) -> Value {
        let ended = now >= self.ends();
        let errors = u8::from(self.outcome == "completedWithErrors");
        let warnings = u8::from(self.outcome == "completedWithWarnings");
        let totals = ended.then(|| {
            json!({
                "errors": errors,
                "groups": 420,
                "memberships": 9_800,
                "organizations": 3,
                "people": 1_250,
                "warnings": warnings,
                "matchedPeopleByRole": [{"count": 1_100, "role": "student"}, {"count": 120, "role": "teacher"}],
                "unmatchedPeopleByRole": [{"count": 30, "role": "student"}],
            })
        });
        let count =
            |total: u32| ended.then(|| json!({"active": total, "inactive": 0, "total": total}));
        json!({
            "runId": self.id,
            "status": self.status(now),
            "inboundTotals": totals,
            "activityStatistics": [{
                "@odata.type": "#microsoft.graph.industryData.inboundActivityResults",
                "activityId": self.inbound(),
                "displayName": INBOUND.1,
                "status": self.activity_status(now),
                "errors": ended.then_some(errors),
                "warnings": ended.then_some(warnings),
                "groups": count(420),
                "memberships": count(9_800),
                "organizations": count(3),
                "people": count(1_250),
                "matchedPeopleByRole": [],
                "unmatchedPeopleByRole": [],
            }],
        })
    }

    /// The run's two activities.
    pub(crate) fn activities(&self, now: Timestamp) -> Vec<Value> {
        [
            (INBOUND, self.inbound()),
            (OUTBOUND, format!("{}-2", self.id)),
        ]
        .into_iter()
        .map(|((kind, name), id)| {
            // A run fails with its inbound activity, and skips what would have followed.
            let has_failed = self.activity_status(now) == "failed";
            let (status, blocking) = match kind {
                _ if !has_failed => (self.activity_status(now), None),
                _ if kind == INBOUND.0 => ("failed", self.blocking.as_ref()),
                _ => ("skipped", None),
            };
            let blocking = blocking.map(|reason| {
                json!({
                    "code": "ActivityFailed", "message": reason, "target": "users.csv", "details": [],
                    "innerError": {"code": "SourceUnreadable"},
                })
            });
            json!({
                "@odata.type": kind,
                "id": id,
                "displayName": name,
                "status": status,
                "blockingError": blocking,
            })
        })
        .collect()
    }

    fn inbound(&self) -> String {
        format!("{}-1", self.id)
    }

    /// The status of an activity: `inProgress` where a run is `running`.
    fn activity_status(&self, now: Timestamp) -> &str {
        match self.status(now) {
            "running" => "inProgress",
            other => other,
        }
    }
}

const INBOUND: (&str, &str) = (
    "#microsoft.graph.industryData.inboundFlowActivity",
    "Rostering inbound flow",
);
const OUTBOUND: (&str, &str) = (
    "#microsoft.graph.industryData.outboundFlowActivity",
    "Provisioning outbound flow",
);
