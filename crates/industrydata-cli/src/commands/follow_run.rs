//! `start --follow`: finds the run of an operation and polls it until it ends.

use industrydata_core::Timestamp;
use industrydata_core::lro::MayHaveStarted;
use industrydata_core::lro::ReadError;
use industrydata_core::model::Operation;
use industrydata_core::model::RunStatistics;
use industrydata_core::model::RunStatus;
use industrydata_core::reconcile::RunMatch;
use industrydata_core::wire::BaseUrl;
use industrydata_core::wire::escape_controls;

use crate::{
    commands::context::Context,
    error_report,
    flavour::{Client, OperationPoller},
    human::{self, WaitSpan},
    report::{Document, FollowReport, Outcome, RunReport},
    terminal::{self, StatusLine},
    tokens::Deadline,
};

/// Continues from an operation that has succeeded to the end of its run.
pub(super) fn poll_to_end(
    document: Document,
    client: &dyn Client,
    operation: &dyn OperationPoller,
    base: &BaseUrl,
    deadline: &Deadline,
    context: Context<'_>,
) -> Document {
    let known = document.with_run_keys(true);
    if known.outcome != Outcome::Succeeded {
        return known;
    }
    context.interrupt.set_fallback(failed(
        known.clone(),
        Document::interrupted(MayHaveStarted::Yes, None),
    ));
    let is_interrupted = || context.interrupt.is_interrupted();
    let accepted = operation.resume_token().accepted();
    let limited = client.time_limit(deadline.remaining());
    let found = match find(&*limited, operation.operation(), base, accepted) {
        Ok(Some(found)) => found,
        Ok(None) => {
            terminal::warn("the operation succeeded, but its run cannot be identified");
            return with_run(known, None, "unresolved", None);
        }
        Err(error) => {
            let error = error_report::read(&error, is_interrupted());
            let known = with_run(known, None, "unresolved", None);
            return failed(known, error_report::after_start(error));
        }
    };
    let found_by = found.by().as_str();
    let certainty = match (found.by().is_inferred(), found.is_ambiguous()) {
        (false, _) => "",
        (true, false) => ", identified by its start time",
        (true, true) => ", identified by its start time although other runs started then too",
    };
    context.progress(format!(
        "polling run {}{certainty}",
        escape_controls(found.id())
    ));
    let mut poller = client.time_limit(deadline.remaining()).follow(found.id());
    let wait = WaitSpan::new(deadline.remaining()).since(accepted);
    let line = StatusLine::new();
    let end = loop {
        match poller.progress() {
            Ok(Some(progress)) => line.set(human::run_progress(poller.run(), &progress, wait)),
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    drop(line);
    let last = poller.run().or(end.as_ref().and_then(|error| error.run()));
    let report = last.map_or_else(|| RunReport::unread(found.id()), RunReport::from);
    if let Some(error) = end {
        let known = with_run(known, Some(report), found_by, None);
        return failed(known, error_report::run_poll(&error, is_interrupted()));
    }
    match last.map(|run| run.status()) {
        Some(RunStatus::CompletedWithErrors) => {
            terminal::warn("the run completed with errors: it dropped records");
        }
        Some(RunStatus::CompletedWithWarnings) => {
            terminal::warn("the run completed with warnings: it dropped optional values");
        }
        _ => {}
    }
    let statistics = client
        .time_limit(deadline.remaining())
        .statistics(found.id())
        .map_err(|error| {
            terminal::warn(format!("no statistics: {}", error_report::message(&error)))
        })
        .ok();
    with_run(known, Some(report), found_by, statistics)
}

fn find(
    client: &dyn Client,
    operation: Option<&Operation>,
    base: &BaseUrl,
    accepted: Timestamp,
) -> Result<Option<RunMatch>, ReadError> {
    let named = operation.and_then(|operation| RunMatch::by_resource_location(base, operation));
    if named.is_some() {
        return Ok(named);
    }
    Ok(RunMatch::by_start_time(&client.runs()?, accepted))
}

fn with_run(
    document: Document,
    run: Option<RunReport>,
    found_by: &'static str,
    statistics: Option<RunStatistics>,
) -> Document {
    Document {
        followed: Some(FollowReport {
            run,
            run_found_by: Some(found_by),
            statistics,
        }),
        ..document
    }
}

/// The error, with what was known before it.
fn failed(known: Document, error: Document) -> Document {
    Document {
        outcome: error.outcome,
        error: error.error,
        ..known
    }
}
