//! A run: what the service does with the data, on demand or by its schedule
//! ([industryDataRun](https://learn.microsoft.com/graph/api/resources/industrydata-industrydatarun)).

use jiff::Timestamp;

use crate::{
    model::{
        members::{Body, Members},
        open_enum::open_enum,
        public_error::PublicError,
    },
    wire::body_error::BodyError,
};

open_enum! {
    /// How far a run has come (`industryDataRunStatus`). Operations and activities have statuses of their own.
    RunStatus {
        /// The run goes on.
        Running = "running",
        /// The service cancelled the run; its blocking error says why.
        Failed = "failed",
        /// It ended without errors and warnings.
        Completed = "completed",
        /// It ended; records without valid required data were dropped.
        CompletedWithErrors = "completedWithErrors",
        /// It ended; optional values that were not valid were dropped.
        CompletedWithWarnings = "completedWithWarnings",
        /// The service has a status it does not name to this client.
        UnknownFutureValue = "unknownFutureValue",
    }
}

impl RunStatus {
    /// Whether the run is over, by a status that is known.
    #[must_use]
    pub const fn is_terminal(&self) -> bool {
        match self {
            Self::Failed
            | Self::Completed
            | Self::CompletedWithErrors
            | Self::CompletedWithWarnings => true,
            Self::Running | Self::UnknownFutureValue | Self::Other(_) => false,
        }
    }
}

/// A run, as the service tells of it.
///
/// Text is kept as received, but for the request's own token: show it through
/// [`escape_controls`](crate::escape_controls). Nothing in it tells whether it was scheduled or started on demand.
///
/// ```
/// use industrydata_core::{model::{IndustryDataRun, RunStatus}, wire::BodyError};
///
/// let body = br#"{"id":"r-1","displayName":"Run","status":"running","startDateTime":"2023-11-01T11:10:46.924769Z",
///     "endDateTime":null}"#;
/// let run = IndustryDataRun::decode(Some(b"application/json"), body)?;
/// assert_eq!((run.id(), run.status(), run.ended()), ("r-1", &RunStatus::Running, None));
/// # Ok::<(), BodyError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndustryDataRun {
    id: String,
    display_name: Option<String>,
    started: Option<Timestamp>,
    ended: Option<Timestamp>,
    status: RunStatus,
    blocking_error: Option<PublicError>,
}

impl IndustryDataRun {
    pub(crate) const NAMES: &'static [&'static str] = &[
        "value",
        "@odata.nextLink",
        "id",
        "displayName",
        "startDateTime",
        "endDateTime",
        "status",
        "blockingError",
        PublicError::NAMES[0],
        PublicError::NAMES[1],
        PublicError::NAMES[2],
        PublicError::NAMES[3],
        PublicError::NAMES[4],
        PublicError::NAMES[5],
    ];

    /// Reads the body of a 2xx answer to a GET of the run, given the value of its `Content-Type`.
    ///
    /// # Errors
    ///
    /// [`BodyError`] if it is no JSON object with an `id`. Everything else may be missing.
    pub fn decode(content_type: Option<&[u8]>, body: &[u8]) -> Result<Self, BodyError> {
        Body::new(content_type, body).object(Self::NAMES, |run| Self::of(&run))
    }

    pub(crate) fn of(members: &Members<'_, '_>) -> Result<Self, BodyError> {
        Ok(Self {
            id: members.key("id")?,
            display_name: members.text("displayName"),
            started: members.time("startDateTime"),
            ended: members.time("endDateTime"),
            status: RunStatus::of(members.text("status")),
            blocking_error: members
                .object("blockingError")
                .map(|error| PublicError::of(&error)),
        })
    }

    /// The run's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its name, for people.
    #[must_use]
    pub fn display_name(&self) -> Option<&str> {
        self.display_name.as_deref()
    }

    /// When it began (`startDateTime`, UTC).
    #[must_use]
    pub const fn started(&self) -> Option<Timestamp> {
        self.started
    }

    /// When it ended (`endDateTime`, UTC); `None` while it goes on.
    #[must_use]
    pub const fn ended(&self) -> Option<Timestamp> {
        self.ended
    }

    /// How far it has come.
    #[must_use]
    pub const fn status(&self) -> &RunStatus {
        &self.status
    }

    /// Why it was cancelled, if it was.
    #[must_use]
    pub const fn blocking_error(&self) -> Option<&PublicError> {
        self.blocking_error.as_ref()
    }
}
