//! Runs, their activities and statistics, and the errors that they and validations name.

use industrydata_core::model::AggregatedInboundStatistics;
use industrydata_core::model::EntityCount;
use industrydata_core::model::IndustryDataRun;
use industrydata_core::model::PublicError;
use industrydata_core::model::RoleCount;
use industrydata_core::model::RunActivity;
use industrydata_core::model::RunStatistics;
use serde::Serialize;
use serde_json::{Value, json};

/// A run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RunReport {
    pub(crate) id: String,
    pub(crate) display_name: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) started: Option<String>,
    pub(crate) ended: Option<String>,
    pub(crate) blocking_error: Option<PublicErrorReport>,
}

impl RunReport {
    /// A run that was not read yet: only its id is known.
    pub(crate) fn unread(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            display_name: None,
            status: None,
            started: None,
            ended: None,
            blocking_error: None,
        }
    }
}

impl From<&IndustryDataRun> for RunReport {
    fn from(run: &IndustryDataRun) -> Self {
        Self {
            id: run.id().to_owned(),
            display_name: run.display_name().map(str::to_owned),
            status: Some(run.status().as_str().to_owned()),
            started: run.started().map(|at| at.to_string()),
            ended: run.ended().map(|at| at.to_string()),
            blocking_error: run.blocking_error().map(PublicErrorReport::from),
        }
    }
}

/// The error that stopped a run or an activity, or what a validation found.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PublicErrorReport {
    pub(crate) code: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) target: Option<String>,
    pub(crate) details: Vec<Value>,
    /// The outermost first.
    pub(crate) inner_codes: Vec<String>,
}

impl From<&PublicError> for PublicErrorReport {
    fn from(error: &PublicError) -> Self {
        let details = error.details().iter().map(|detail| {
            json!({
                "code": detail.code(), "message": detail.message(), "target": detail.target(),
            })
        });
        Self {
            code: error.code().map(str::to_owned),
            message: error.message().map(str::to_owned),
            target: error.target().map(str::to_owned),
            details: details.collect(),
            inner_codes: error.inner_codes().to_vec(),
        }
    }
}

/// An activity of a run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ActivityReport {
    pub(crate) id: Option<String>,
    #[serde(rename = "type")]
    pub(crate) odata_type: Option<String>,
    pub(crate) display_name: Option<String>,
    pub(crate) status: String,
    pub(crate) blocking_error: Option<PublicErrorReport>,
}

impl From<&RunActivity> for ActivityReport {
    fn from(activity: &RunActivity) -> Self {
        Self {
            id: activity.id().map(str::to_owned),
            odata_type: activity.odata_type().map(str::to_owned),
            display_name: activity.display_name().map(str::to_owned),
            status: activity.status().as_str().to_owned(),
            blocking_error: activity.blocking_error().map(PublicErrorReport::from),
        }
    }
}

/// The statistics of a run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct StatisticsReport {
    run_id: String,
    status: String,
    inbound_totals: Option<Value>,
    activities: Vec<Value>,
    /// For human output.
    #[serde(skip)]
    pub(crate) read: RunStatistics,
}

impl StatisticsReport {
    pub(crate) fn new(asked: &str, statistics: RunStatistics) -> Self {
        let activities = statistics.activities().iter().map(|activity| {
            json!({
                "activity_id": activity.activity_id,
                "display_name": activity.display_name,
                "status": activity.status.as_str(),
                "errors": activity.errors,
                "warnings": activity.warnings,
                "groups": activity.groups.map(entities),
                "memberships": activity.memberships.map(entities),
                "organizations": activity.organizations.map(entities),
                "people": activity.people.map(entities),
                "matched_people_by_role": roles(&activity.matched_people_by_role),
                "unmatched_people_by_role": roles(&activity.unmatched_people_by_role),
            })
        });
        Self {
            run_id: statistics.run_id().unwrap_or(asked).to_owned(),
            status: statistics.status().as_str().to_owned(),
            inbound_totals: statistics.inbound_totals().map(totals),
            activities: activities.collect(),
            read: statistics,
        }
    }

    /// The run that the statistics are of.
    pub(crate) fn run_id(&self) -> &str {
        &self.run_id
    }
}

fn totals(totals: &AggregatedInboundStatistics) -> Value {
    json!({
        "errors": totals.errors,
        "groups": totals.groups,
        "memberships": totals.memberships,
        "organizations": totals.organizations,
        "people": totals.people,
        "warnings": totals.warnings,
        "matched_people_by_role": roles(&totals.matched_people_by_role),
        "unmatched_people_by_role": roles(&totals.unmatched_people_by_role),
    })
}

fn entities(count: EntityCount) -> Value {
    json!({ "active": count.active, "inactive": count.inactive, "total": count.total })
}

fn roles(roles: &[RoleCount]) -> Vec<Value> {
    let of = |role: &RoleCount| json!({ "role": role.role, "count": role.count });
    roles.iter().map(of).collect()
}
