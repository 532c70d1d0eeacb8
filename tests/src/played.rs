//! The results of a scenario, in a form common to both flavours.

use std::{
    error::Error,
    fmt::{Debug, Display},
    time::Duration,
};

use industrydata_core::ledger::Quota;
use industrydata_core::lro::ActionError;
use industrydata_core::lro::ActionErrorKind;
use industrydata_core::lro::MayHaveStarted;
use industrydata_core::lro::OperationPollError;
use industrydata_core::lro::OperationPollErrorKind;
use industrydata_core::lro::Progress;
use industrydata_core::lro::ResumeError;
use industrydata_core::lro::ResumeToken;
use industrydata_core::lro::StartError;
use industrydata_core::lro::StartErrorKind;
use industrydata_core::model::Operation;
use industrydata_core::wire::OperationUrl;

/// The quota that the ledger reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quotas {
    /// Starts that the service accepted.
    pub confirmed: u32,
    /// Starts that the service may have accepted.
    pub in_doubt: u32,
    /// Starts that are being made.
    pub in_flight: u32,
    /// Free slots.
    pub available: u32,
    /// Whether a 429 of the service holds back further starts.
    pub throttled: bool,
}

/// Everything that the caller received.
#[derive(Clone, Debug, Default)]
pub struct Played {
    /// How each step ended, in the notation of [`Scenario::step`](crate::Scenario::step).
    pub ends: Vec<String>,
    /// Violations noticed while playing.
    pub violations: Vec<String>,
    /// The `Debug` and `Display` text of every value that the caller received.
    pub texts: Vec<String>,
    /// The operation statuses that were reported.
    pub statuses: Vec<String>,
    /// How long each step took.
    pub took: Vec<Duration>,
    /// The quota after the last step.
    pub quota: Option<Quotas>,
    /// How many actions other than a start were asked for.
    pub actions: usize,
    /// Whether a result carried the warning that an outcome is not in the ledger.
    pub ledger_warning: bool,
}

impl Played {
    pub(crate) fn note(&mut self, shown: &dyn Debug) {
        self.texts.push(format!("{shown:?}"));
        self.texts.push(format!("{shown:#?}"));
    }

    pub(crate) fn say(&mut self, shown: &dyn Display) {
        self.texts.push(shown.to_string());
    }

    pub(crate) fn url(&mut self, url: &OperationUrl) {
        self.note(url);
        self.say(url);
        self.texts.push(url.text());
    }

    pub(crate) fn token(&mut self, token: &ResumeToken) {
        self.note(token);
        self.say(token);
        if token.to_string().parse::<ResumeToken>().ok().as_ref() != Some(token) {
            self.violations
                .push("a resume token cannot be parsed again".to_owned());
        }
    }

    pub(crate) fn progress(&mut self, progress: &Progress) {
        self.note(progress);
        self.say(progress.reason());
        if let Some(operation) = progress.operation() {
            self.operation(operation);
        }
    }

    pub(crate) fn operation(&mut self, operation: &Operation) {
        self.note(operation);
        for text in [
            operation.id(),
            operation.status_detail(),
            operation.resource_location(),
        ] {
            self.texts.extend(text.map(str::to_owned));
        }
        for error in operation.errors().iter().chain(operation.warnings()) {
            self.note(error);
            self.say(error);
        }
        self.texts.extend_from_slice(operation.validated_files());
        self.statuses.push(operation.status().as_str().to_owned());
    }

    pub(crate) fn action_error(&mut self, error: &ActionError) -> String {
        self.error(error);
        self.texts.extend(error.request_id().map(str::to_owned));
        let mut kind = variant(error.kind());
        if let ActionErrorKind::NotFollowable {
            error, location, ..
        } = error.kind()
        {
            kind = format!("{kind} {}", variant(error));
            self.texts.extend(location.iter().cloned());
        }
        if error.may_have_started() != MayHaveStarted::No {
            self.violations
                .push(format!("{kind}: an action has no run"));
        }
        let in_doubt = ["AmbiguousAnswer", "AnswerLost", "Dropped"].contains(&kind.as_str());
        if error.is_in_doubt() != in_doubt {
            self.violations.push(format!("{kind}: in doubt or not"));
        }
        format!("action {kind}")
    }

    pub(crate) fn start_error(&mut self, error: &StartError) -> String {
        self.error(error);
        self.texts.extend(error.request_id().map(str::to_owned));
        self.ledger_warning |= error.ledger_warning().is_some();
        let mut kind = variant(error.kind());
        if let StartErrorKind::NotFollowable {
            error, location, ..
        } = error.kind()
        {
            kind = format!("{kind} {}", variant(error));
            self.texts.extend(location.iter().cloned());
        }
        let expected = match kind.as_str() {
            "AmbiguousAnswer" | "AnswerLost" | "Dropped" | "KeyInUse" | "KeyInDoubt" => {
                MayHaveStarted::Unknown
            }
            "KeyNotFollowable" => MayHaveStarted::Yes,
            followable if followable.starts_with("NotFollowable") => MayHaveStarted::Yes,
            _ => MayHaveStarted::No,
        };
        if error.may_have_started() != expected {
            self.violations.push(format!(
                "{kind} reports that a run may have started: {}",
                error.may_have_started()
            ));
        }
        format!("start {kind}")
    }

    pub(crate) fn poll_error(&mut self, error: &OperationPollError) -> String {
        self.error(error);
        self.texts.extend(error.request_id().map(str::to_owned));
        self.ledger_warning |= error.ledger_warning().is_some();
        if let Some(operation) = error.operation() {
            self.operation(operation);
        }
        match error.resume_token() {
            Some(token) => self.token(token),
            None if matches!(
                error.kind(),
                OperationPollErrorKind::Failed | OperationPollErrorKind::NotFound(_)
            ) => {}
            None => self
                .violations
                .push("the error of a resumable poll has no resume token".to_owned()),
        }
        let is_unknown = matches!(error.kind(), OperationPollErrorKind::NotFound(_));
        let expected = if !error.origin().has_run() {
            MayHaveStarted::No
        } else if is_unknown {
            MayHaveStarted::Unknown
        } else {
            MayHaveStarted::Yes
        };
        if error.may_have_started() != expected {
            self.violations
                .push("the error of a poll denies that a run was started".to_owned());
        }
        format!("poll {}", variant(error.kind()))
    }

    pub(crate) fn resume_error(&mut self, error: &ResumeError) -> String {
        self.error(error);
        format!("resume {}", variant(error))
    }

    pub(crate) fn quota(&mut self, quota: &Quota) {
        self.note(quota);
        self.quota = Some(Quotas {
            confirmed: quota.confirmed(),
            in_doubt: quota.in_doubt(),
            in_flight: quota.in_flight(),
            available: quota.available(),
            throttled: quota.not_before().is_some(),
        });
    }

    fn error(&mut self, error: &dyn Error) {
        self.note(&error);
        let mut next = Some(error);
        while let Some(error) = next {
            self.say(&error);
            next = error.source();
        }
    }
}

/// The name of an enum's variant.
fn variant(value: &dyn Debug) -> String {
    let text = format!("{value:?}");
    text.chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect()
}
