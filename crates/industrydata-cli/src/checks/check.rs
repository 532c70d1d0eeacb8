//! One check, and which of them decides.

use serde::{Serialize, Serializer};

use crate::report::Document;

/// When a start meets what a check is about. A start ends at the first problem, so this order decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// The options and variables are read.
    Settings,
    /// The credential is looked up.
    Credential,
    /// The place of the ledger is looked at.
    LedgerPlace,
    /// A token is obtained, since it names the tenant.
    Tenant,
    /// The client is built.
    Client,
    /// The ledger is read.
    Ledger,
    /// A slot is reserved.
    Slot,
    /// A token is obtained for the tenant that was named.
    Token,
    /// The request is sent.
    Request,
    /// The answer is read.
    Answer,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CheckResult {
    Ok,
    /// A start is possible, and something needs attention.
    Warning,
    /// A start would end with an error.
    Problem,
}

impl CheckResult {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

/// One check.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Check {
    #[serde(skip)]
    pub(crate) step: Step,
    pub(crate) name: &'static str,
    pub(crate) result: CheckResult,
    pub(crate) message: String,
    #[serde(serialize_with = "advice")]
    pub(crate) advice: Option<Advice>,
    /// What a start would end with, for a problem.
    #[serde(skip)]
    pub(crate) document: Option<Box<Document>>,
}

/// What to do: a sentence, and the commands that do it, each in a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Advice {
    pub(crate) text: String,
    pub(crate) commands: Vec<String>,
}

impl Advice {
    /// The whole advice as one line that a shell takes from its first command on.
    pub(crate) fn line(&self) -> String {
        if self.commands.is_empty() {
            return self.text.clone();
        }
        format!("{}: {}", self.text, self.commands.join("; "))
    }
}

impl From<&str> for Advice {
    fn from(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            commands: Vec::new(),
        }
    }
}

impl Check {
    pub(crate) fn ok(step: Step, name: &'static str, message: impl Into<String>) -> Self {
        Self {
            step,
            name,
            result: CheckResult::Ok,
            message: message.into(),
            advice: None,
            document: None,
        }
    }

    pub(crate) fn warning(
        step: Step,
        name: &'static str,
        message: impl Into<String>,
        advice: impl Into<Advice>,
    ) -> Self {
        Self {
            result: CheckResult::Warning,
            advice: Some(advice.into()),
            ..Self::ok(step, name, message)
        }
    }

    /// A problem in the words of the error that a start would end with.
    pub(crate) fn problem(
        step: Step,
        name: &'static str,
        document: impl Into<Box<Document>>,
    ) -> Self {
        let document = document.into();
        let error = document.error.as_ref();
        let message = error.map(|error| error.message.clone());
        let advice = error.and_then(|error| error.advice.as_deref());
        Self {
            result: CheckResult::Problem,
            advice: advice.map(Advice::from),
            document: Some(document),
            ..Self::ok(step, name, message.unwrap_or_default())
        }
    }

    /// The same check with this advice; the error of a problem gets it too.
    pub(crate) fn advise(mut self, advice: Advice) -> Self {
        let line = advice.line();
        self.document = self.document.map(|it| it.advise(&line).into());
        self.advice = Some(advice);
        self
    }
}

/// Puts the checks into the order in which a start meets them.
pub(crate) fn in_order(mut checks: Vec<Check>) -> Vec<Check> {
    checks.sort_by_key(|check| check.step);
    checks
}

/// The first problem: what a start would end with.
pub(crate) fn first_problem(checks: &[Check]) -> Option<&Document> {
    checks.iter().find_map(|check| check.document.as_deref())
}

fn advice<S: Serializer>(advice: &Option<Advice>, serializer: S) -> Result<S::Ok, S::Error> {
    advice.as_ref().map(Advice::line).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Kind, Outcome};

    #[test]
    fn the_first_problem_in_the_order_of_a_start_decides() {
        let problem = |step, outcome| {
            let document = Document::error(outcome, Kind::Unexpected, "m").advise("a");
            Check::problem(step, "x", document)
        };
        let checks = in_order(vec![
            problem(Step::Answer, Outcome::Unauthorized),
            Check::warning(Step::Settings, "w", "m", "a"),
            problem(Step::Slot, Outcome::Throttled),
            problem(Step::Ledger, Outcome::Ledger),
            problem(Step::Token, Outcome::Unauthorized),
        ]);
        let outcome = first_problem(&checks).map(|document| document.outcome);
        assert_eq!(outcome, Some(Outcome::Ledger));
        let steps: Vec<_> = checks.iter().map(|check| check.step).collect();
        assert!(steps.is_sorted(), "{steps:?}");
        assert!(first_problem(&checks[..1]).is_none());
    }

    #[test]
    fn a_check_has_four_keys_and_advice_in_one_line() {
        let advice = Advice {
            text: "run this".to_owned(),
            commands: vec!["a".to_owned(), "b".to_owned()],
        };
        let document = Document::error(Outcome::Unauthorized, Kind::Forbidden, "m");
        let check = Check::problem(Step::Answer, "x", document).advise(advice);
        let error = check.document.as_ref().and_then(|it| it.error.as_ref());
        let advice = error.and_then(|error| error.advice.as_deref());
        assert_eq!(advice, Some("run this: a; b"));
        assert_eq!(
            serde_json::to_string(&check).unwrap(),
            r#"{"name":"x","result":"problem","message":"m","advice":"run this: a; b"}"#
        );
        assert_eq!(
            serde_json::to_string(&Check::ok(Step::Answer, "x", "m")).unwrap(),
            r#"{"name":"x","result":"ok","message":"m","advice":null}"#
        );
    }
}
