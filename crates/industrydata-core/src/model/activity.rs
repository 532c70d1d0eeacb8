//! An activity of a run
//! ([industryDataRunActivity](https://learn.microsoft.com/graph/api/resources/industrydata-industrydatarunactivity)).

use crate::{
    model::{members::Members, open_enum::open_enum, others::Others, public_error::PublicError},
    wire::body_error::BodyError,
};

open_enum! {
    /// The status of an activity (`industryDataActivityStatus`). It says `inProgress` where a run says `running`.
    ActivityStatus {
        /// The activity is running.
        InProgress = "inProgress",
        /// The run skipped the activity.
        Skipped = "skipped",
        /// The activity ended with a fatal error.
        Failed = "failed",
        /// The activity ended without errors or warnings.
        Completed = "completed",
        /// The activity ended; records were dropped.
        CompletedWithErrors = "completedWithErrors",
        /// The activity ended; optional values were dropped.
        CompletedWithWarnings = "completedWithWarnings",
        /// The service has a newer status that it does not send to this client.
        UnknownFutureValue = "unknownFutureValue",
    }
}

/// What a run does with one of its flows.
///
/// ```
/// use industrydata_core::model::RunActivity;
///
/// fn line(activity: &RunActivity) -> String {
///     let reason = activity.blocking_error().map(ToString::to_string);
///     format!("{}: {} {reason:?}", activity.display_name().unwrap_or("a flow"), activity.status())
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "camelCase")
)]
pub struct RunActivity {
    id: Option<String>,
    #[cfg_attr(feature = "serde", serde(rename = "@odata.type"))]
    odata_type: Option<String>,
    display_name: Option<String>,
    status: ActivityStatus,
    blocking_error: Option<PublicError>,
    #[cfg_attr(feature = "serde", serde(flatten))]
    others: Others,
}

impl RunActivity {
    pub(crate) const NAMES: &'static [&'static str] = &[
        "value",
        "@odata.nextLink",
        "@odata.type",
        "id",
        "displayName",
        "status",
        "blockingError",
        PublicError::NAMES[0],
        PublicError::NAMES[1],
        PublicError::NAMES[2],
        PublicError::NAMES[3],
        PublicError::NAMES[4],
        PublicError::NAMES[5],
    ];

    pub(crate) fn of(members: &Members<'_, '_>) -> Result<Self, BodyError> {
        Ok(Self {
            id: members.text("id"),
            odata_type: members.text("@odata.type"),
            display_name: members.text("displayName"),
            status: ActivityStatus::read(members, "status"),
            blocking_error: members
                .object("blockingError")
                .map(|error| PublicError::of(&error)),
            others: members.others(&[
                "id",
                "@odata.type",
                "displayName",
                "status",
                "blockingError",
            ]),
        })
    }

    /// The activity's id.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The `@odata.type`, which differs between inbound and outbound flows.
    #[must_use]
    pub fn odata_type(&self) -> Option<&str> {
        self.odata_type.as_deref()
    }

    /// The activity's name, for people.
    #[must_use]
    pub fn display_name(&self) -> Option<&str> {
        self.display_name.as_deref()
    }

    /// The status of the activity.
    #[must_use]
    pub const fn status(&self) -> &ActivityStatus {
        &self.status
    }

    /// Why the activity failed, if it did.
    #[must_use]
    pub const fn blocking_error(&self) -> Option<&PublicError> {
        self.blocking_error.as_ref()
    }
}
