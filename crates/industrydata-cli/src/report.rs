//! The document that a command prints: outcome, operation, quota and error.
//!
//! Every key is always present; `null` means that the value is not known.

use industrydata_core::Timestamp;
use industrydata_core::ledger::Forecast;
use industrydata_core::ledger::Quota;
use industrydata_core::ledger::Skip;
use industrydata_core::lro::MayHaveStarted;
use industrydata_core::lro::ResumeToken;
use industrydata_core::model::IndustryDataRun;
use industrydata_core::model::Operation;
use industrydata_core::model::PublicError;
use industrydata_core::model::RunStatistics;
use industrydata_core::wire::BaseUrl;
use industrydata_core::wire::OperationUrl;
use serde::Serialize;

/// The result of a command.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Document {
    pub(crate) outcome: Outcome,
    pub(crate) operation: Option<OperationReport>,
    pub(crate) quota: Option<QuotaReport>,
    pub(crate) error: Option<ErrorReport>,
    /// The run of the operation, with `--follow`.
    #[serde(flatten)]
    pub(crate) followed: Option<FollowReport>,
}

/// The run, and how it was found.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct FollowReport {
    pub(crate) run: Option<RunReport>,
    /// `resource_location`, `start_time` or `unresolved`; `null` before the search.
    pub(crate) run_found_by: Option<&'static str>,
    /// For human output.
    #[serde(skip)]
    pub(crate) statistics: Option<RunStatistics>,
}

/// A run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RunReport {
    pub(crate) id: String,
    pub(crate) display_name: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) started: Option<String>,
    pub(crate) ended: Option<String>,
    pub(crate) blocking_error: Option<BlockingErrorReport>,
}

/// The error that stopped a run or an activity.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct BlockingErrorReport {
    pub(crate) code: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) target: Option<String>,
}

impl From<&PublicError> for BlockingErrorReport {
    fn from(error: &PublicError) -> Self {
        Self {
            code: error.code().map(str::to_owned),
            message: error.message().map(str::to_owned),
            target: error.target().map(str::to_owned),
        }
    }
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
            blocking_error: run.blocking_error().map(BlockingErrorReport::from),
        }
    }
}

/// The outcome, which decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    Started,
    Succeeded,
    Failed,
    Throttled,
    Unauthorized,
    Unexpected,
    Unreachable,
    TimedOut,
    InDoubt,
    Ledger,
    Usage,
    Interrupted,
}

impl Outcome {
    /// The exit code, a contract with scripts.
    pub(crate) const fn exit_code(self) -> u8 {
        match self {
            Self::Started | Self::Succeeded => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Throttled => 3,
            Self::Unauthorized => 4,
            Self::Unexpected => 5,
            Self::Unreachable => 6,
            Self::TimedOut => 7,
            Self::InDoubt => 8,
            Self::Ledger => 9,
            Self::Interrupted => 130,
        }
    }
}

/// The kind of error, in more detail than the outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Usage,
    #[serde(rename = "base")]
    BaseUrl,
    Location,
    Token,
    Unauthorized,
    Forbidden,
    Quota,
    Throttled,
    Refused,
    Unreachable,
    Unexpected,
    NotFollowable,
    Gone,
    NotFound,
    LostTrack,
    Failed,
    TimedOut,
    InDoubt,
    Ledger,
    Interrupted,
}

/// An operation.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct OperationReport {
    pub(crate) id: String,
    /// A checked URL of the base.
    pub(crate) location: Option<String>,
    /// The location without its query, for human output.
    #[serde(skip)]
    pub(crate) shown: String,
    pub(crate) status: Option<String>,
    pub(crate) status_detail: Option<String>,
    pub(crate) created: Option<String>,
    pub(crate) last_action: Option<String>,
    pub(crate) resume_token: Option<String>,
}

impl OperationReport {
    /// An operation that the service returned. It has a location only if its id is valid in a URL.
    pub(crate) fn listed(base: &BaseUrl, operation: &Operation) -> Self {
        let id = operation.id().unwrap_or_default();
        if let Ok(url) = OperationUrl::from_id(base, id) {
            let created = operation.created().unwrap_or_else(Timestamp::now);
            return Self::new(
                &url,
                &ResumeToken::new(base, &url, created),
                Some(operation),
            );
        }
        Self {
            id: id.to_owned(),
            location: None,
            shown: String::new(),
            status: Some(operation.status().as_str().to_owned()),
            status_detail: operation.status_detail().map(str::to_owned),
            created: operation.created().map(|time| time.to_string()),
            last_action: operation.last_action().map(|time| time.to_string()),
            resume_token: None,
        }
    }

    pub(crate) fn new(url: &OperationUrl, token: &ResumeToken, seen: Option<&Operation>) -> Self {
        let time = |time: Option<Timestamp>| time.map(|time| time.to_string());
        Self {
            id: url.operation_id().to_owned(),
            location: Some(url.as_str().to_owned()),
            shown: url.to_string(),
            status: seen.map(|seen| seen.status().as_str().to_owned()),
            status_detail: seen.and_then(Operation::status_detail).map(str::to_owned),
            created: time(seen.and_then(Operation::created)),
            last_action: time(seen.and_then(Operation::last_action)),
            resume_token: Some(token.to_string()),
        }
    }
}

/// The quota of the ledger.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct QuotaReport {
    pub(crate) limit: u32,
    pub(crate) window_seconds: u64,
    pub(crate) used: u32,
    pub(crate) in_doubt: u32,
    pub(crate) available: u32,
    pub(crate) next_slot_at: Option<String>,
    /// `null` unless the ledger is in quarantine.
    pub(crate) quarantined_until: Option<String>,
    /// `null` if the schedule is not known.
    pub(crate) forecast: Option<ForecastReport>,
}

/// The scheduled runs to come, as of when the quota was read.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ForecastReport {
    pub(crate) next_scheduled: String,
    pub(crate) uncertainty_seconds: u64,
    pub(crate) inferred: bool,
    pub(crate) skipped_already: &'static str,
    pub(crate) start_now_skips: &'static str,
    pub(crate) following: String,
    /// For human output.
    #[serde(skip)]
    pub(crate) current: Forecast,
    /// The forecast that the start of this command was made under, for human output.
    #[serde(skip)]
    pub(crate) at_start: Option<Forecast>,
}

impl From<&Forecast> for ForecastReport {
    fn from(forecast: &Forecast) -> Self {
        let skip = |skip: Skip| match skip {
            Skip::Yes => "yes",
            Skip::No => "no",
            Skip::Uncertain => "uncertain",
        };
        Self {
            next_scheduled: forecast.next_scheduled().to_string(),
            uncertainty_seconds: forecast.uncertainty().as_secs(),
            inferred: forecast.is_inferred(),
            skipped_already: skip(forecast.is_skipped_already()),
            start_now_skips: skip(forecast.start_now_skips()),
            following: forecast.following().to_string(),
            current: *forecast,
            at_start: None,
        }
    }
}

impl From<&Quota> for QuotaReport {
    fn from(quota: &Quota) -> Self {
        let shown = |at: Timestamp| quota.by_service_clock(at).to_string();
        Self {
            limit: quota.throttle().limit,
            window_seconds: quota.throttle().window.as_secs(),
            used: quota.used(),
            in_doubt: quota.in_doubt(),
            available: quota.available(),
            next_slot_at: quota.next_slot_at().map(shown),
            quarantined_until: quota.quarantine().map(|it| shown(it.until())),
            forecast: quota.forecast().as_ref().map(ForecastReport::from),
        }
    }
}

/// What happened, and what to do next.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ErrorReport {
    pub(crate) kind: Kind,
    pub(crate) message: String,
    #[serde(serialize_with = "as_text")]
    pub(crate) may_have_started: MayHaveStarted,
    pub(crate) request_id: Option<String>,
    pub(crate) advice: Option<String>,
}

impl Document {
    /// A success.
    pub(crate) const fn success(
        outcome: Outcome,
        operation: OperationReport,
        quota: Option<QuotaReport>,
    ) -> Self {
        Self {
            outcome,
            operation: Some(operation),
            quota,
            error: None,
            followed: None,
        }
    }

    /// An error that started no run.
    pub(crate) fn error(outcome: Outcome, kind: Kind, message: impl Into<String>) -> Self {
        Self {
            outcome,
            operation: None,
            quota: None,
            error: Some(ErrorReport {
                kind,
                message: message.into(),
                may_have_started: MayHaveStarted::No,
                request_id: None,
                advice: None,
            }),
            followed: None,
        }
    }

    /// An invalid command line or setting.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::error(Outcome::Usage, Kind::Usage, message)
            .advise("run `industrydata --help` to see the options")
    }

    /// Adds what to do next.
    pub(crate) fn advise(mut self, advice: &str) -> Self {
        if let Some(error) = &mut self.error {
            error.advice = Some(advice.to_owned());
        }
        self
    }

    /// Adds the service's id of the failed request.
    pub(crate) fn with_request_id(mut self, request_id: Option<&str>) -> Self {
        if let Some(error) = &mut self.error {
            error.request_id = request_id.map(str::to_owned);
        }
        self
    }

    /// Reports the error as an interrupt if one has come: it may be the cause of the error.
    pub(crate) fn interrupted_if(mut self, interrupted: bool) -> Self {
        if interrupted && let Some(error) = &mut self.error {
            self.outcome = Outcome::Interrupted;
            error.kind = Kind::Interrupted;
            error.message = format!("interrupted: {}", error.message);
        }
        self
    }

    /// Adds the keys of the run, with `--follow`.
    pub(crate) fn with_run_keys(mut self, follow: bool) -> Self {
        if follow && self.followed.is_none() {
            self.followed = Some(FollowReport::default());
        }
        self
    }

    /// Sets whether a run may have started.
    pub(crate) const fn may_have_started(mut self, may_have_started: MayHaveStarted) -> Self {
        if let Some(error) = &mut self.error {
            error.may_have_started = may_have_started;
        }
        self
    }

    /// Printed if an interrupt comes now and the work does not stop in time.
    pub(crate) fn interrupted(
        may_have_started: MayHaveStarted,
        operation: Option<OperationReport>,
    ) -> Self {
        let advice = match may_have_started {
            MayHaveStarted::Yes => {
                "resume with the resume token; do not start again: the run goes on"
            }
            MayHaveStarted::Unknown => {
                "check the tenant's runs before you start again; this start counts against the quota"
            }
            MayHaveStarted::No => "run the command again",
        };
        let document = Self::error(Outcome::Interrupted, Kind::Interrupted, "interrupted");
        Self {
            operation,
            ..document.may_have_started(may_have_started).advise(advice)
        }
    }
}

fn as_text<S: serde::Serializer>(may: &MayHaveStarted, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(may.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_present() {
        let document = Document::usage("x");
        let json = serde_json::to_string(&document).unwrap();
        assert_eq!(
            json,
            "{\"outcome\":\"usage\",\"operation\":null,\"quota\":null,\"error\":{\"kind\":\"usage\",\"message\":\"x\",\
             \"may_have_started\":\"no\",\"request_id\":null,\
             \"advice\":\"run `industrydata --help` to see the options\"}}"
        );
    }
}
