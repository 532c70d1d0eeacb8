//! A run: one import of the data, on demand or by the schedule
//! ([industryDataRun](https://learn.microsoft.com/graph/api/resources/industrydata-industrydatarun)).

use jiff::Timestamp;

use crate::policy::MAX_BODY_DEPTH;
use crate::{
    model::{
        members::{Body, Members},
        open_enum::open_enum,
        others::Others,
        public_error::PublicError,
    },
    wire::body_error::BodyError,
};

open_enum! {
    /// The status of a run (`industryDataRunStatus`). Operations and activities have other statuses.
    RunStatus {
        /// The run is running.
        Running = "running",
        /// The service cancelled the run; the blocking error says why.
        Failed = "failed",
        /// The run ended without errors or warnings.
        Completed = "completed",
        /// The run ended; records that lacked valid required data were dropped.
        CompletedWithErrors = "completedWithErrors",
        /// The run ended; invalid optional values were dropped.
        CompletedWithWarnings = "completedWithWarnings",
        /// The service has a newer status that it does not send to this client.
        UnknownFutureValue = "unknownFutureValue",
    }
}

impl RunStatus {
    /// Whether the run has ended. An unknown status is never terminal.
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

/// A run as the service reports it. It does not say whether it was scheduled or started on demand.
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
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "camelCase")
)]
pub struct IndustryDataRun {
    id: String,
    display_name: Option<String>,
    #[cfg_attr(feature = "serde", serde(rename = "startDateTime"))]
    started: Option<Timestamp>,
    #[cfg_attr(feature = "serde", serde(rename = "endDateTime"))]
    ended: Option<Timestamp>,
    status: RunStatus,
    blocking_error: Option<PublicError>,
    #[cfg_attr(feature = "serde", serde(flatten))]
    others: Others,
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
    /// [`BodyError`] if the body is not a JSON object with an `id`. Everything else may be absent.
    pub fn decode(content_type: Option<&[u8]>, body: &[u8]) -> Result<Self, BodyError> {
        Body::new(content_type, body, None)
            .object(Self::NAMES, MAX_BODY_DEPTH, |run| Self::of(&run))
    }

    pub(crate) fn of(members: &Members<'_, '_>) -> Result<Self, BodyError> {
        Ok(Self {
            id: members.key("id")?,
            display_name: members.text("displayName"),
            started: members.time("startDateTime"),
            ended: members.time("endDateTime"),
            status: RunStatus::read(members, "status"),
            blocking_error: members
                .object("blockingError")
                .map(|error| PublicError::of(&error)),
            others: members.others(&[
                "id",
                "displayName",
                "startDateTime",
                "endDateTime",
                "status",
                "blockingError",
            ]),
        })
    }

    /// The run's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The run's name, for people.
    #[must_use]
    pub fn display_name(&self) -> Option<&str> {
        self.display_name.as_deref()
    }

    /// When the run started (`startDateTime`, UTC).
    #[must_use]
    pub const fn started(&self) -> Option<Timestamp> {
        self.started
    }

    /// When the run ended (`endDateTime`, UTC). `None` while it is running.
    #[must_use]
    pub const fn ended(&self) -> Option<Timestamp> {
        self.ended
    }

    /// The status of the run.
    #[must_use]
    pub const fn status(&self) -> &RunStatus {
        &self.status
    }

    /// Why the service cancelled the run, if it did.
    #[must_use]
    pub const fn blocking_error(&self) -> Option<&PublicError> {
        self.blocking_error.as_ref()
    }
}
