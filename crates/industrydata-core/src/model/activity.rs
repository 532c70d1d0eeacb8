//! What a run does with one flow
//! ([industryDataRunActivity](https://learn.microsoft.com/graph/api/resources/industrydata-industrydatarunactivity)).

use crate::{
    model::{members::Members, open_enum::open_enum, public_error::PublicError},
    wire::body_error::BodyError,
};

open_enum! {
    /// How far an activity has come (`industryDataActivityStatus`). Where a run says `running`, an activity says
    /// `inProgress`.
    ActivityStatus {
        /// The activity goes on.
        InProgress = "inProgress",
        /// The run did not do it.
        Skipped = "skipped",
        /// It ended with an error that cannot be recovered from.
        Failed = "failed",
        /// It ended without errors and warnings.
        Completed = "completed",
        /// It ended; records were dropped.
        CompletedWithErrors = "completedWithErrors",
        /// It ended; optional values were dropped.
        CompletedWithWarnings = "completedWithWarnings",
        /// The service has a status it does not name to this client.
        UnknownFutureValue = "unknownFutureValue",
    }
}

/// What a run does with one flow. Text is kept as received, but for the request's own token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunActivity {
    id: Option<String>,
    odata_type: Option<String>,
    display_name: Option<String>,
    status: ActivityStatus,
    blocking_error: Option<PublicError>,
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
            status: ActivityStatus::of(members.text("status")),
            blocking_error: members
                .object("blockingError")
                .map(|error| PublicError::of(&error)),
        })
    }

    /// The activity's id.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The `@odata.type`: an inbound or an outbound flow's.
    #[must_use]
    pub fn odata_type(&self) -> Option<&str> {
        self.odata_type.as_deref()
    }

    /// Its name, for people.
    #[must_use]
    pub fn display_name(&self) -> Option<&str> {
        self.display_name.as_deref()
    }

    /// How far it has come.
    #[must_use]
    pub const fn status(&self) -> &ActivityStatus {
        &self.status
    }

    /// Why it failed, if it did.
    #[must_use]
    pub const fn blocking_error(&self) -> Option<&PublicError> {
        self.blocking_error.as_ref()
    }
}
