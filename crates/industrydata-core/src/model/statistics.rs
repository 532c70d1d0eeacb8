//! The statistics of a run
//! ([industryDataRunStatistics](https://learn.microsoft.com/graph/api/resources/industrydata-industrydatarunstatistics)).

use crate::policy::MAX_BODY_DEPTH;
use crate::{
    model::{
        activity::ActivityStatus,
        members::{Body, Members},
        others::Others,
        run::RunStatus,
    },
    wire::body_error::BodyError,
};

/// What a run counted. Every figure may be absent: the service has them once the run has ended.
///
/// ```
/// use industrydata_core::model::RunStatistics;
///
/// let statistics = RunStatistics::decode(Some(b"application/json"), br#"{"runId":"r-1","status":"completed"}"#)?;
/// assert_eq!((statistics.run_id(), statistics.status().as_str()), (Some("r-1"), "completed"));
/// assert!(statistics.inbound_totals().is_none() && statistics.activities().is_empty());
/// # Ok::<(), industrydata_core::wire::BodyError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunStatistics {
    run_id: Option<String>,
    status: RunStatus,
    inbound_totals: Option<AggregatedInboundStatistics>,
    activities: Vec<ActivityStatistics>,
    unrecognised: usize,
    others: Others,
}

/// The totals over the inbound flows of a run (`aggregatedInboundStatistics`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "camelCase")
)]
#[non_exhaustive]
pub struct AggregatedInboundStatistics {
    /// How many records were dropped.
    pub errors: Option<i64>,
    /// How many optional values were dropped.
    pub warnings: Option<i64>,
    /// Groups (classes and sections).
    pub groups: Option<i64>,
    /// Memberships of people in groups and organizations.
    pub memberships: Option<i64>,
    /// Organizations.
    pub organizations: Option<i64>,
    /// People.
    pub people: Option<i64>,
    /// People found in the directory.
    pub matched_people_by_role: Vec<RoleCount>,
    /// People not found in the directory.
    pub unmatched_people_by_role: Vec<RoleCount>,
    #[cfg_attr(feature = "serde", serde(flatten))]
    others: Others,
}

/// How many people have a role (`industryDataRunRoleCountMetric`).
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "camelCase")
)]
#[non_exhaustive]
pub struct RoleCount {
    /// The number of people.
    pub count: Option<i64>,
    /// The code of the role.
    pub role: Option<String>,
}

/// How many entities of one kind are active (`industryDataRunEntityCountMetric`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default))]
#[non_exhaustive]
pub struct EntityCount {
    /// How many are in the data of this run.
    pub active: Option<i64>,
    /// How many are no longer in the data.
    pub inactive: Option<i64>,
    /// The sum of both.
    pub total: Option<i64>,
}

/// What one activity counted (`industryDataActivityStatistics` and `inboundActivityResults`).
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "camelCase")
)]
#[non_exhaustive]
pub struct ActivityStatistics {
    /// The activity's id.
    pub activity_id: Option<String>,
    /// The activity's name, for people.
    pub display_name: Option<String>,
    /// The status of the activity.
    pub status: ActivityStatus,
    /// How many records were dropped.
    pub errors: Option<i64>,
    /// How many optional values were dropped.
    pub warnings: Option<i64>,
    /// Groups (classes and sections).
    pub groups: Option<EntityCount>,
    /// Memberships of people in groups and organizations.
    pub memberships: Option<EntityCount>,
    /// Organizations.
    pub organizations: Option<EntityCount>,
    /// People.
    pub people: Option<EntityCount>,
    /// People found in the directory.
    pub matched_people_by_role: Vec<RoleCount>,
    /// People not found in the directory.
    pub unmatched_people_by_role: Vec<RoleCount>,
    #[cfg_attr(feature = "serde", serde(flatten))]
    others: Others,
}

impl RunStatistics {
    pub(crate) const NAMES: &'static [&'static str] = &[
        "runId",
        "status",
        "inboundTotals",
        "activityStatistics",
        "activityId",
        "displayName",
        "errors",
        "warnings",
        "groups",
        "memberships",
        "organizations",
        "people",
        "matchedPeopleByRole",
        "unmatchedPeopleByRole",
        "count",
        "role",
        "active",
        "inactive",
        "total",
    ];

    /// Reads the body of a 2xx answer to a GET of the statistics, given the value of its `Content-Type`.
    ///
    /// # Errors
    ///
    /// [`BodyError`] if the body is not a JSON object with a `runId` or a `status`. Everything else may be absent.
    pub fn decode(content_type: Option<&[u8]>, body: &[u8]) -> Result<Self, BodyError> {
        Body::new(content_type, body, None).object(Self::NAMES, MAX_BODY_DEPTH, |it| Self::of(&it))
    }

    pub(crate) fn of(members: &Members<'_, '_>) -> Result<Self, BodyError> {
        let run_id = members.text("runId");
        if run_id.is_none() && members.text("status").is_none() {
            return Err(BodyError::MissingMember("runId"));
        }
        let listed = members.list("activityStatistics").map_or(0, <[_]>::len);
        let activities: Vec<ActivityStatistics> = members
            .objects("activityStatistics")
            .filter_map(|item| ActivityStatistics::of(&item))
            .collect();
        Ok(Self {
            run_id,
            status: RunStatus::read(members, "status"),
            inbound_totals: members
                .object("inboundTotals")
                .map(|totals| AggregatedInboundStatistics::of(&totals)),
            unrecognised: listed.saturating_sub(activities.len()),
            activities,
            others: members.others(&["runId", "status", "inboundTotals", "activityStatistics"]),
        })
    }

    #[cfg(feature = "serde")]
    pub(super) const fn others(&self) -> &Others {
        &self.others
    }

    /// The run's id.
    #[must_use]
    pub fn run_id(&self) -> Option<&str> {
        self.run_id.as_deref()
    }

    /// The status of the run.
    #[must_use]
    pub const fn status(&self) -> &RunStatus {
        &self.status
    }

    /// The totals, once the service has them.
    #[must_use]
    pub const fn inbound_totals(&self) -> Option<&AggregatedInboundStatistics> {
        self.inbound_totals.as_ref()
    }

    /// What each activity counted.
    #[must_use]
    pub fn activities(&self) -> &[ActivityStatistics] {
        &self.activities
    }

    /// How many items of `activityStatistics` are not activities. Microsoft's sample has role counts among them.
    #[must_use]
    pub const fn unrecognised(&self) -> usize {
        self.unrecognised
    }
}

impl AggregatedInboundStatistics {
    pub(super) fn of(members: &Members<'_, '_>) -> Self {
        Self {
            errors: members.count("errors"),
            warnings: members.count("warnings"),
            groups: members.count("groups"),
            memberships: members.count("memberships"),
            organizations: members.count("organizations"),
            people: members.count("people"),
            matched_people_by_role: RoleCount::list(members, "matchedPeopleByRole"),
            unmatched_people_by_role: RoleCount::list(members, "unmatchedPeopleByRole"),
            others: members.others(&[
                "errors",
                "warnings",
                "groups",
                "memberships",
                "organizations",
                "people",
                "matchedPeopleByRole",
                "unmatchedPeopleByRole",
            ]),
        }
    }
}

impl ActivityStatistics {
    /// `None` if the object has no member of an activity.
    pub(super) fn of(members: &Members<'_, '_>) -> Option<Self> {
        let (id, name) = (members.text("activityId"), members.text("displayName"));
        if id.is_none() && name.is_none() && members.text("status").is_none() {
            return None;
        }
        let entities = |name| {
            members.object(name).map(|count| EntityCount {
                active: count.count("active"),
                inactive: count.count("inactive"),
                total: count.count("total"),
            })
        };
        Some(Self {
            activity_id: id,
            display_name: name,
            status: ActivityStatus::read(members, "status"),
            errors: members.count("errors"),
            warnings: members.count("warnings"),
            groups: entities("groups"),
            memberships: entities("memberships"),
            organizations: entities("organizations"),
            people: entities("people"),
            matched_people_by_role: RoleCount::list(members, "matchedPeopleByRole"),
            unmatched_people_by_role: RoleCount::list(members, "unmatchedPeopleByRole"),
            others: members.others(&[
                "activityId",
                "displayName",
                "status",
                "errors",
                "warnings",
                "groups",
                "memberships",
                "organizations",
                "people",
                "matchedPeopleByRole",
                "unmatchedPeopleByRole",
            ]),
        })
    }
}

impl RoleCount {
    fn list(members: &Members<'_, '_>, name: &str) -> Vec<Self> {
        let roles = members.objects(name);
        roles.map(|item| Self::of(&item)).collect()
    }

    pub(super) fn of(item: &Members<'_, '_>) -> Self {
        Self {
            count: item.count("count"),
            role: item.text("role"),
        }
    }
}
