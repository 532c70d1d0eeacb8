//! What `start` and `wait` share: polling an operation until it ends, and the warnings on the way.

use industrydata_core::ledger::Schedule;
use industrydata_core::ledger::Store;
use industrydata_core::ledger::StoreError;
use industrydata_core::lro::MayHaveStarted;
use industrydata_core::model::Operation;
use industrydata_ledger::Ledger;

use crate::{
    commands::context::Context,
    error_report,
    flavour::{Client, OperationPoller},
    human::{self, WaitSpan},
    report::{Document, OperationReport, Outcome, QuotaReport},
    terminal::{self, StatusLine},
    tokens::Deadline,
};

/// Polls until the operation has ended.
pub(super) fn poll_to_end(
    poller: &mut dyn OperationPoller,
    deadline: &Deadline,
    follow: bool,
    context: Context<'_>,
) -> Document {
    let wait = WaitSpan::new(deadline.remaining()).since(poller.resume_token().accepted());
    let warned = poller.ledger_warning().is_some();
    let line = StatusLine::new();
    let end = loop {
        let fallback = Document::interrupted(MayHaveStarted::Yes, Some(operation(poller)));
        context
            .interrupt
            .set_fallback(fallback.with_run_keys(follow));
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
    let (operation, quota) = (operation(poller), quota(poller));
    if let Some(error) = end {
        let interrupted = context.interrupt.is_interrupted();
        return error_report::operation_poll(&error, operation, quota, interrupted);
    }
    note_other_id(poller);
    Document::success(Outcome::Succeeded, operation, quota)
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
