//! What `start` and `wait` have in common: the limits, the wait itself, and the warnings on the way.

use std::time::Duration;

use industrydata_core::Timestamp;
use industrydata_core::ledger::Schedule;
use industrydata_core::ledger::Store;
use industrydata_core::ledger::StoreError;
use industrydata_core::lro::MayHaveStarted;
use industrydata_core::model::Operation;
use industrydata_core::policy::PollingPolicy;
use industrydata_core::wire::escape_controls;
use industrydata_ledger::Ledger;

use crate::{
    args::LimitArgs,
    commands::Context,
    flavour::{Client, Run},
    human,
    report::{Document, OperationReport, Outcome, QuotaReport},
    verdict,
};

impl LimitArgs {
    /// The pauses between polls.
    pub(crate) fn polling(&self) -> PollingPolicy {
        self.poll_interval
            .map_or_else(PollingPolicy::default, PollingPolicy::every)
    }
}

/// The moment the time limit passes, for people.
pub(crate) fn until(timeout: Duration) -> Option<Timestamp> {
    Timestamp::now().checked_add(timeout).ok()
}

/// Waits until the operation has ended.
pub(crate) fn follow(
    run: &mut dyn Run,
    until: Option<Timestamp>,
    with_run: bool,
    context: Context<'_>,
) -> Document {
    let warned = run.ledger_warning().is_some();
    loop {
        context.interrupt.last_word(
            Document::cut_off(MayHaveStarted::Yes, Some(operation(run))).with_run(with_run),
        );
        match run.progress() {
            Ok(Some(progress)) => context.progress(human::progress(&progress, until)),
            Ok(None) => {
                booked_after_all(run, warned);
                warn_other_id(run);
                return Document::good(Outcome::Succeeded, operation(run), quota(run));
            }
            Err(error) => {
                booked_after_all(run, warned);
                let interrupted = context.interrupt.is_given();
                return verdict::watch_error(&error, operation(run), quota(run), interrupted);
            }
        }
    }
}

/// The operation as last seen.
pub(crate) fn operation(run: &dyn Run) -> OperationReport {
    OperationReport::new(run.url(), &run.resume_token(), run.operation())
}

/// The quota after the start, if this process made it, with what the start has done to the schedule.
pub(crate) fn quota(run: &dyn Run) -> Option<QuotaReport> {
    let accepted = run.accepted()?;
    let mut quota = QuotaReport::from(accepted.quota()?);
    if let (Some(report), Some(foreseen)) = (&mut quota.forecast, accepted.forecast()) {
        report.told = human::skipped(&foreseen);
    }
    Some(quota)
}

/// The schedule that the runs show. Without one the rest stands all the same; whoever asked for it is told.
pub(crate) fn inferred(client: &dyn Client, is_asked_for: bool) -> Option<Schedule> {
    match client.infer_schedule() {
        Ok(None) if is_asked_for => {
            human::tell("note: no forecast: the runs that are listed show no schedule");
            None
        }
        Ok(schedule) => schedule,
        Err(error) => {
            let told = verdict::told(&error);
            human::tell(format!("warning: no forecast: {}", escape_controls(&told)));
            None
        }
    }
}

/// Says that the books end with this process, if they do.
pub(crate) fn warn_if_forgetful(books: &Ledger) {
    if books.is_forgetful() {
        human::tell(
            "warning: the books end with this process: the next one will not know of its starts",
        );
    }
}

/// Says that an outcome could not be booked.
pub(crate) fn warn_unbooked(fault: Option<&StoreError>) {
    if let Some(fault) = fault {
        let fault = fault.to_string();
        let fault = escape_controls(&fault);
        human::tell(format!(
            "warning: the outcome is not in the books, its reservation goes on counting: {fault}"
        ));
    }
}

/// Says that the service calls the operation otherwise than its URL does; the URL's id is kept.
fn warn_other_id(run: &dyn Run) {
    let told = run.operation().and_then(Operation::id);
    if let Some(id) = told.filter(|id| *id != run.url().operation_id()) {
        let id = escape_controls(id);
        human::tell(format!(
            "note: the service calls this operation {id}; the id of its URL is kept"
        ));
    }
}

fn booked_after_all(run: &dyn Run, warned: bool) {
    if warned && run.ledger_warning().is_none() {
        human::tell("the outcome is in the books now");
    }
}
