//! What `start`, `validate`, `flows reset` and `wait` share: polling an operation until it ends, and the warnings on the way.

use industrydata_core::ledger::Schedule;
use industrydata_core::ledger::Store;
use industrydata_core::ledger::StoreError;
use industrydata_core::lro::MayHaveStarted;
use industrydata_core::model::Operation;
use industrydata_core::model::RunStatistics;
use industrydata_core::reconcile::FailureDetails;
use industrydata_ledger::Ledger;

use crate::{
    commands::context::Context,
    error_report,
    flavour::{Client, OperationPoller},
    human::{self, WaitSpan},
    report::{
        ActivityReport, DetailsReport, Document, Inquiry, OperationReport, Outcome,
        PublicErrorReport, QuotaReport, StatisticsReport,
    },
    resume::{Resume, ResumePlan},
    terminal::{self, StatusLine},
    tokens::Deadline,
};

/// Polls until the operation has ended.
pub(super) fn poll_to_end(
    poller: &mut dyn OperationPoller,
    deadline: &Deadline,
    plan: &ResumePlan,
    context: Context<'_>,
) -> Document {
    let wait = WaitSpan::new(deadline.remaining()).since(poller.resume_token().accepted());
    let warned = poller.ledger_warning().is_some();
    let line = StatusLine::new();
    // What was started here is first polled after a pause.
    if let Some(progress) = poller.pause() {
        line.set(human::operation_progress(&progress, wait));
    }
    let quota = quota(poller);
    let end = loop {
        let known = Some(operation(poller));
        let fallback = Document::interrupted(may_have_started(poller), known);
        let fallback = fallback.with_resume(Some(resume(poller, plan)));
        context.interrupt.set_fallback(fallback.with_keys_of(plan));
        match poller.progress() {
            Ok(Some(progress)) => line.set(human::operation_progress(&progress, wait)),
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    drop(line);
    if warned && poller.ledger_warning().is_none() {
        terminal::note("the outcome of the start is now recorded in the ledger");
    }
    let operation = operation(poller);
    if let Some(error) = end {
        let interrupted = context.interrupt.is_interrupted();
        let document = error_report::operation_poll(&error, operation, quota, interrupted);
        if document.outcome != Outcome::Failed {
            let goes_on = error.resume_token().is_some();
            return document.with_resume(goes_on.then(|| resume(poller, plan)));
        }
        // The failure is known: an interrupt from here on only leaves details out.
        let fallback = document.clone().with_keys_of(plan);
        context.interrupt.set_fallback(fallback);
        let found = poller.failure_details();
        let ids = error.request_ids().map(str::to_owned);
        let detail = error.operation().and_then(Operation::status_detail);
        return document.with_details(details(&found, detail, ids.collect()));
    }
    note_other_id(poller);
    Document::success(Outcome::Succeeded, operation, quota)
}

/// A success whose operation has found errors in the data is none.
pub(super) fn with_data_errors(document: Document, poller: &dyn OperationPoller) -> Document {
    match document.operation {
        Some(operation)
            if document.outcome == Outcome::Succeeded && !operation.errors.is_empty() =>
        {
            let may_have_started = may_have_started(poller);
            let error = error_report::data_errors(operation, document.quota, may_have_started);
            Document {
                followed: document.followed,
                ..error
            }
        }
        operation => Document {
            operation,
            ..document
        },
    }
}

/// The details of a failure for the output.
pub(super) fn details(
    found: &FailureDetails,
    status_detail: Option<&str>,
    request_ids: Vec<String>,
) -> DetailsReport {
    let run = found.run();
    let run_id = found.run_match().map(|it| it.id());
    let run_id = run.map(|run| run.id()).or(run_id);
    let error = run.and_then(|run| run.blocking_error());
    let activities = found.failed_activities().iter();
    let statistics =
        |it: &RunStatistics| StatisticsReport::new(run_id.unwrap_or_default(), it.clone());
    DetailsReport {
        status_detail: status_detail.map(str::to_owned),
        run_id: run_id.map(str::to_owned),
        blocking_error: error.map(PublicErrorReport::from),
        failed_activities: activities.map(ActivityReport::from).collect(),
        statistics: found.statistics().map(statistics),
        request_ids,
    }
}

/// Notes that `--strict` is about the run, which is not waited for.
pub(super) fn note_strict(plan: &ResumePlan) {
    if plan.strict && !plan.follow {
        terminal::note(
            "--strict has an effect only with --follow: a run that drops records shows it at its end",
        );
    }
}

/// The command that shows the outcome of a start without an operation, if one may have been made.
pub(super) fn inquiry_of_start(document: &Document, plan: &ResumePlan) -> Option<Inquiry> {
    let error = document.error.as_ref()?;
    match error.may_have_started {
        MayHaveStarted::No => None,
        MayHaveStarted::Unknown if plan.has_ledger => Some(Inquiry {
            label: "resolve it with",
            command: plan.reconcile(),
        }),
        MayHaveStarted::Unknown | MayHaveStarted::Yes => Some(Inquiry {
            label: "look at the runs with",
            command: plan.list("runs"),
        }),
    }
}

/// The command that goes on with the poll of an operation.
pub(super) fn resume(poller: &dyn OperationPoller, plan: &ResumePlan) -> Resume {
    plan.operation(&poller.resume_token().to_string())
}

/// Whether a run has started, given that the operation exists.
pub(super) fn may_have_started(poller: &dyn OperationPoller) -> MayHaveStarted {
    match poller.resume_token().origin().has_run() {
        true => MayHaveStarted::Yes,
        false => MayHaveStarted::No,
    }
}

/// The operation as of the last poll.
pub(super) fn operation(poller: &dyn OperationPoller) -> OperationReport {
    OperationReport::new(poller.url(), &poller.resume_token(), poller.operation())
}

/// The quota after the start, with its effect on the schedule; `None` if this process did not make the start.
pub(super) fn quota(poller: &dyn OperationPoller) -> Option<QuotaReport> {
    let accepted = poller.accepted()?;
    let mut quota = QuotaReport::from(accepted.quota()?);
    if let Some(report) = &mut quota.forecast {
        report.at_start = accepted.forecast();
    }
    Some(quota)
}

/// Infers the schedule from the runs. A failure is a warning: the forecast is an extra.
pub(super) fn inferred_schedule(client: &dyn Client, is_requested: bool) -> Option<Schedule> {
    match client.infer_schedule() {
        Ok(None) if is_requested => {
            terminal::note("no forecast: the listed runs show no schedule");
            None
        }
        Ok(schedule) => schedule,
        Err(error) => {
            terminal::warn(format!("no forecast: {}", error_report::message(&error)));
            None
        }
    }
}

/// Warns if the ledger is not stored.
pub(super) fn warn_if_not_stored(ledger: &Ledger) {
    if ledger.is_forgetful() {
        terminal::warn(
            "the ledger is not stored: other processes, and later ones, do not count these starts",
        );
    }
}

/// Warns that the outcome of a start could not be recorded.
pub(super) fn warn_not_recorded(error: Option<&StoreError>) {
    if let Some(error) = error {
        terminal::warn(format!(
            "the outcome of the start is not recorded in the ledger, so its slot stays reserved: {error}"
        ));
    }
}

/// Notes that the service returned another id than that of the URL.
fn note_other_id(poller: &dyn OperationPoller) {
    let id = poller.operation().and_then(Operation::id);
    if let Some(id) = id.filter(|id| !id.eq_ignore_ascii_case(poller.url().operation_id())) {
        terminal::note(format!(
            "the service calls this operation {id}; this program uses the id in its URL"
        ));
    }
}
