//! `start --follow`: from the operation to its run, and on to the run's own end.

use industrydata_core::Timestamp;
use industrydata_core::lro::ReadError;
use industrydata_core::model::Operation;
use industrydata_core::model::RunStatus;
use industrydata_core::reconcile::RunMatch;
use industrydata_core::wire::BaseUrl;
use industrydata_core::wire::escape_controls;

use crate::{
    commands::{Context, reads},
    flavour::{Client, Run},
    human,
    report::{Document, FollowReport, Outcome, RunReport},
    tokens::Patience,
    verdict,
};

/// Takes the document of an operation that has succeeded on to the end of its run.
pub(super) fn follow(
    document: Document,
    client: &dyn Client,
    run: &dyn Run,
    base: &BaseUrl,
    patience: &Patience,
    context: Context<'_>,
) -> Document {
    if document.outcome != Outcome::Succeeded {
        return document.with_run(true);
    }
    let known = document.with_run(true);
    context.interrupt.last_word(Document {
        outcome: Outcome::Interrupted,
        error: Document::cut_off(industrydata_core::lro::MayHaveStarted::Yes, None).error,
        ..known.clone()
    });
    let accepted = run.resume_token().accepted();
    let found = find(
        &*client.limited(patience.left()),
        run.operation(),
        base,
        accepted,
    );
    let is_given = || context.interrupt.is_given();
    let found = match found {
        Ok(Some(found)) => found,
        Ok(None) => {
            human::tell("warning: the operation succeeded, but its run cannot be told from others");
            return with(known, None, "unresolved", None);
        }
        Err(error) => {
            let failed = verdict::after_start(verdict::read_error(&error, is_given()));
            return ended_by(failed, with(known, None, "unresolved", None));
        }
    };
    let by = found.by().as_str();
    let id = escape_controls(found.id()).to_string();
    let inferred = match (found.by().is_inferred(), found.is_ambiguous()) {
        (false, _) => "",
        (true, false) => ", taken for it by its start time",
        (true, true) => ", taken for it by its start time, though others started then too",
    };
    context.progress(format!("following run {id}{inferred}"));
    let mut follow = client.limited(patience.left()).follow(found.id());
    let until = super::follow::until(patience.left());
    let end = loop {
        match follow.progress() {
            Ok(Some(progress)) => {
                context.progress(human::run_progress(follow.run(), &progress, until));
            }
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    let seen = follow.run().or(end.as_ref().and_then(|error| error.run()));
    let report = seen.map_or_else(|| RunReport::unseen(found.id()), RunReport::from);
    let status = seen.map(|run| run.status().clone());
    if let Some(error) = end {
        let failed = verdict::follow_error(&error, is_given());
        return ended_by(failed, with(known, Some(report), by, None));
    }
    match status {
        Some(RunStatus::CompletedWithErrors) => {
            human::tell("warning: the run completed with errors: records were dropped");
        }
        Some(RunStatus::CompletedWithWarnings) => {
            human::tell("warning: the run completed with warnings: optional values were dropped");
        }
        _ => {}
    }
    let statistics = match client.limited(patience.left()).statistics(found.id()) {
        Ok(statistics) => Some(reads::statistics_text(found.id(), &statistics)),
        Err(error) => {
            let told = verdict::told(&error);
            human::tell(format!(
                "warning: no statistics: {}",
                escape_controls(&told)
            ));
            None
        }
    };
    with(known, Some(report), by, statistics)
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

fn with(
    document: Document,
    run: Option<RunReport>,
    by: &'static str,
    statistics: Option<String>,
) -> Document {
    Document {
        followed: Some(FollowReport {
            run,
            run_found_by: Some(by),
            statistics,
        }),
        ..document
    }
}

/// What ended the follow, with all that was known before.
fn ended_by(failed: Document, known: Document) -> Document {
    Document {
        outcome: failed.outcome,
        error: failed.error,
        ..known
    }
}
