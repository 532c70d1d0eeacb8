//! The document that a command prints: outcome, operation, quota and error.
//!
//! Every key is always present; `null` means that the value is not known.

mod run;

use std::{sync::OnceLock, time::Instant};

use industrydata_core::Timestamp;
use industrydata_core::ledger::Forecast;
use industrydata_core::ledger::Quota;
use industrydata_core::ledger::Skip;
use industrydata_core::lro::MayHaveStarted;
use industrydata_core::lro::ResumeToken;
use industrydata_core::model::Operation;
use industrydata_core::model::OperationOrigin;
use industrydata_core::model::PublicError;
use industrydata_core::wire::BaseUrl;
use industrydata_core::wire::OperationUrl;
use serde::Serialize;

pub(crate) use self::run::{ActivityReport, PublicErrorReport, RunReport, StatisticsReport};
use crate::resume::{Resume, ResumePlan};

/// The version of the contract that all documents keep. Keys are only ever added to a version.
pub(crate) const SCHEMA_VERSION: u32 = 1;

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
    /// Whether the start went on with an earlier one that has its key; only for a start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) attached: Option<bool>,
    /// The start that this one went on with, for human output.
    #[serde(skip)]
    pub(crate) attached_to: Option<String>,
    /// How to wait for what was started or accepted, for human output.
    #[serde(skip)]
    pub(crate) next: Option<Resume>,
    /// How to find out what happened, for human output.
    #[serde(skip)]
    pub(crate) inquiry: Option<Inquiry>,
}

/// A command that shows what happened, where the error itself cannot.
#[derive(Clone, Debug)]
pub(crate) struct Inquiry {
    /// What the command is for, such as `resolve it with`.
    pub(crate) label: &'static str,
    pub(crate) command: Resume,
}

/// The run, and how it was found.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct FollowReport {
    pub(crate) run: Option<RunReport>,
    /// `resource_location`, `start_time` or `unresolved`; `null` before the search.
    pub(crate) run_found_by: Option<&'static str>,
    pub(crate) statistics: Option<StatisticsReport>,
}

/// The outcome, which decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    Started,
    Accepted,
    Succeeded,
    DataErrors,
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
            Self::Started | Self::Accepted | Self::Succeeded => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Throttled => 3,
            Self::Unauthorized => 4,
            Self::Unexpected => 5,
            Self::Unreachable => 6,
            Self::TimedOut => 7,
            Self::InDoubt => 8,
            Self::Ledger => 9,
            Self::DataErrors => 10,
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
    DataErrors,
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
    /// What a validation found.
    pub(crate) errors: Vec<PublicErrorReport>,
    pub(crate) warnings: Vec<PublicErrorReport>,
    pub(crate) validated_files: Vec<String>,
}

impl OperationReport {
    /// An operation that the service returned. It has a location only if its id is valid in a URL.
    pub(crate) fn listed(base: &BaseUrl, operation: &Operation) -> Self {
        let id = operation.id().unwrap_or_default();
        if let Ok(url) = OperationUrl::from_id(base, id) {
            let created = operation.created().unwrap_or_else(Timestamp::now);
            let mut token = ResumeToken::new(base, &url, created);
            if operation.is_validation() {
                token = token.with_origin(OperationOrigin::Validation);
            }
            return Self::new(&url, &token, Some(operation));
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
            errors: public_errors(operation.errors()),
            warnings: public_errors(operation.warnings()),
            validated_files: operation.validated_files().to_vec(),
        }
    }

    pub(crate) fn new(url: &OperationUrl, token: &ResumeToken, seen: Option<&Operation>) -> Self {
        let time = |time: Option<Timestamp>| time.map(|time| time.to_string());
        Self {
            id: url.operation_id().to_owned(),
            location: Some(url.text()),
            shown: url.to_string(),
            status: seen.map(|seen| seen.status().as_str().to_owned()),
            status_detail: seen.and_then(Operation::status_detail).map(str::to_owned),
            created: time(seen.and_then(Operation::created)),
            last_action: time(seen.and_then(Operation::last_action)),
            resume_token: Some(token.to_string()),
            errors: public_errors(seen.map(Operation::errors).unwrap_or_default()),
            warnings: public_errors(seen.map(Operation::warnings).unwrap_or_default()),
            validated_files: seen
                .map(Operation::validated_files)
                .unwrap_or_default()
                .to_vec(),
        }
    }
}

fn public_errors(errors: &[PublicError]) -> Vec<PublicErrorReport> {
    errors.iter().map(PublicErrorReport::from).collect()
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
    /// For human output.
    #[serde(skip)]
    pub(crate) clock: ServiceClock,
}

/// The service's clock, as far as the ledger knows it, from when the quota was read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServiceClock {
    as_of: Timestamp,
    read: Instant,
}

impl ServiceClock {
    /// The time now.
    pub(crate) fn now(self) -> Timestamp {
        let now = self.as_of.checked_add(self.read.elapsed());
        now.unwrap_or(self.as_of)
    }
}

impl From<&Quota> for ServiceClock {
    /// The quota was read just now.
    fn from(quota: &Quota) -> Self {
        Self {
            as_of: quota.by_service_clock(quota.as_of()),
            read: Instant::now(),
        }
    }
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
            clock: ServiceClock::from(quota),
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
    /// The command that goes on with the wait.
    pub(crate) resume: Option<Resume>,
    /// `null` unless an operation or a run has failed.
    pub(crate) details: Option<DetailsReport>,
}

/// What the service says of a failure besides its status. Each part is absent if it could not be read.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct DetailsReport {
    pub(crate) status_detail: Option<String>,
    pub(crate) run_id: Option<String>,
    pub(crate) blocking_error: Option<PublicErrorReport>,
    pub(crate) failed_activities: Vec<ActivityReport>,
    pub(crate) statistics: Option<StatisticsReport>,
    pub(crate) request_ids: Vec<String>,
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
            attached: None,
            attached_to: None,
            next: None,
            inquiry: None,
        }
    }

    /// Adds how to wait for what was started or accepted.
    pub(crate) fn with_next(mut self, next: Option<Resume>) -> Self {
        self.next = next;
        self
    }

    /// A success without an operation.
    pub(crate) const fn found(outcome: Outcome) -> Self {
        Self {
            outcome,
            operation: None,
            quota: None,
            error: None,
            followed: None,
            attached: None,
            attached_to: None,
            next: None,
            inquiry: None,
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
                resume: None,
                details: None,
            }),
            followed: None,
            attached: None,
            attached_to: None,
            next: None,
            inquiry: None,
        }
    }

    /// An invalid command line or setting.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::error(Outcome::Usage, Kind::Usage, message).advise(&help_advice())
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

    /// Adds the command that goes on with the wait.
    pub(crate) fn with_resume(mut self, resume: Option<Resume>) -> Self {
        if let Some(error) = &mut self.error {
            error.resume = resume;
        }
        self
    }

    /// Adds the command that finds out what happened.
    pub(crate) fn with_inquiry(mut self, inquiry: Option<Inquiry>) -> Self {
        self.inquiry = inquiry;
        self
    }

    /// Adds the details of a failure.
    pub(crate) fn with_details(mut self, details: DetailsReport) -> Self {
        if let Some(error) = &mut self.error {
            error.details = Some(details);
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

    /// Adds the start that this one went on with, if there is one.
    pub(crate) fn with_attached(mut self, attached_to: Option<String>) -> Self {
        self.attached = Some(attached_to.is_some());
        self.attached_to = attached_to;
        self
    }

    /// Adds the keys that the options and the kind of the command ask for.
    pub(crate) fn with_keys_of(mut self, plan: &ResumePlan) -> Self {
        self.attached = plan.attached;
        self.with_run_keys(plan.follow)
    }

    /// Adds the keys of a start.
    pub(crate) fn with_start_keys(mut self, follow: bool) -> Self {
        self.attached = Some(self.attached.unwrap_or_default());
        self.with_run_keys(follow)
    }

    /// Sets whether a run may have started.
    pub(crate) const fn may_have_started(mut self, may_have_started: MayHaveStarted) -> Self {
        if let Some(error) = &mut self.error {
            error.may_have_started = may_have_started;
        }
        self
    }

    /// Printed if an interrupt comes while a run is polled and the work does not stop in time.
    pub(crate) fn interrupted_run() -> Self {
        // In the words of a poll that was stopped in time.
        Self::interrupted(MayHaveStarted::Yes, None)
            .advise("poll the run again by its id; do not start again: it continues")
    }

    /// Printed if an interrupt comes now and the work does not stop in time.
    pub(crate) fn interrupted(
        may_have_started: MayHaveStarted,
        operation: Option<OperationReport>,
    ) -> Self {
        let advice = match may_have_started {
            MayHaveStarted::No if operation.is_some() => {
                "resume with the resume token: the operation goes on"
            }
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

/// The command that runs, by the words that call it, once that is known.
static CALLED: OnceLock<String> = OnceLock::new();

/// Names the command whose help the usage errors are about.
pub(crate) fn set_called(command: impl Into<String>) {
    // It is one command only.
    let _ = CALLED.set(command.into());
}

/// The words that call the command.
pub(crate) fn called() -> &'static str {
    CALLED.get().map_or("industrydata", String::as_str)
}

/// Where the options of the command are explained.
pub(crate) fn help_advice() -> String {
    format!("run `{} --help` to see the options", called())
}

fn as_text<S: serde::Serializer>(may: &MayHaveStarted, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(may.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupt_never_advises_to_repeat_what_was_accepted() {
        let url = OperationUrl::from_id(&BaseUrl::graph(), "op-1").unwrap();
        let token = ResumeToken::new(&BaseUrl::graph(), &url, Timestamp::UNIX_EPOCH);
        let advice = |may, operation| {
            let error = Document::interrupted(may, operation).error;
            error.and_then(|error| error.advice).unwrap_or_default()
        };
        let operation = || Some(OperationReport::new(&url, &token, None));
        for may in [MayHaveStarted::Yes, MayHaveStarted::No] {
            let advice = advice(may, operation());
            assert!(
                advice.starts_with("resume with the resume token"),
                "{advice}"
            );
        }
        assert_eq!(advice(MayHaveStarted::No, None), "run the command again");
        // In the words of a poll that was stopped in time.
        let error = Document::interrupted_run().error;
        assert_eq!(
            error.and_then(|error| error.advice).as_deref(),
            Some("poll the run again by its id; do not start again: it continues")
        );
    }

    #[test]
    fn every_key_is_present() {
        let document = Document::usage("x");
        let json = serde_json::to_string(&document).unwrap();
        assert_eq!(
            json,
            "{\"outcome\":\"usage\",\"operation\":null,\"quota\":null,\"error\":{\"kind\":\"usage\",\"message\":\"x\",\
             \"may_have_started\":\"no\",\"request_id\":null,\
             \"advice\":\"run `industrydata --help` to see the options\",\"resume\":null,\"details\":null}}"
        );
    }
}
