//! A document: its result for standard output, its error for standard error.

use std::fmt::Write as _;

use industrydata_core::lro::MayHaveStarted;
use industrydata_core::wire::escape_controls;

use crate::{
    human::{quota::summary, statistics::statistics},
    report::{Document, OperationReport, Outcome},
    terminal::{
        colour::{BAD, CAUTION, COMMAND, GOOD, HEADING, paint},
        times,
        width::Width,
    },
};

/// The result of a success.
pub(crate) fn result(document: &Document) -> String {
    let width = Width::stdout();
    let mut text = String::new();
    let (Some(operation), None) = (&document.operation, &document.error) else {
        return text;
    };
    if document.outcome == Outcome::Started {
        let _ = writeln!(
            text,
            "{} operation {}",
            paint(GOOD, "started:"),
            operation.id
        );
        let _ = writeln!(text, "location: {}", operation.shown);
        let _ = writeln!(text, "wait for it with: {}", wait_command(operation));
    } else {
        let _ = writeln!(
            text,
            "{} operation {}",
            paint(GOOD, "succeeded:"),
            operation.id
        );
        let _ = writeln!(text, "location: {}", operation.shown);
        for (name, value) in [
            ("created", operation.created.as_deref().map(times::of_text)),
            (
                "last action",
                operation.last_action.as_deref().map(times::of_text),
            ),
            ("detail", operation.status_detail.clone()),
        ] {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                let line = format!("{name}: {}", escape_controls(&value));
                let _ = writeln!(text, "{}", width.wrap(&line, "  "));
            }
        }
    }
    if let Some(run) = document.followed.as_ref().and_then(|it| it.run.as_ref()) {
        let status = run.status.as_deref().unwrap_or("unknown");
        let style = if status == "completed" { GOOD } else { CAUTION };
        let status = escape_controls(status).to_string();
        let id = escape_controls(&run.id);
        let _ = writeln!(text, "run {id}: {}", paint(style, &status));
        let known = document.followed.as_ref();
        if let Some(known) = known.and_then(|it| it.statistics.as_ref()) {
            text.push_str(&statistics(&run.id, known));
        }
    }
    if let Some(quota) = &document.quota {
        text.push_str(&summary(quota, width));
    }
    text
}

/// The error: what happened, whether a run may have started, and what to do next.
pub(crate) fn error(document: &Document) -> String {
    let width = Width::stderr();
    let mut text = String::new();
    let Some(error) = &document.error else {
        return text;
    };
    let operation = document.operation.as_ref();
    let status = operation.and_then(|operation| operation.status.as_deref());
    let failed = match status {
        Some("failed") => "the operation failed: ",
        _ => "",
    };
    let style = match error.may_have_started {
        MayHaveStarted::Unknown => CAUTION,
        MayHaveStarted::Yes | MayHaveStarted::No => BAD,
    };
    let label = paint(style, "error:");
    let may = error.may_have_started;
    let mut lines = vec![
        format!(
            "{label} {failed}{}",
            times::in_text(&escape_controls(&error.message).to_string())
        ),
        format!("a run may have started: {may}"),
    ];
    if let Some(advice) = &error.advice {
        let label = paint(HEADING, "what to do:");
        lines.push(format!("{label} {}", escape_controls(advice)));
    }
    if let Some(id) = &error.request_id {
        lines.push(format!("request id: {}", escape_controls(id)));
    }
    for line in lines {
        let _ = writeln!(text, "{}", width.wrap(&line, "  "));
    }
    if let Some(quota) = &document.quota {
        text.push_str(&summary(quota, width));
    }
    if let Some(operation) = operation
        && operation.resume_token.is_some()
        && !matches!(status, Some("succeeded" | "failed"))
    {
        let _ = writeln!(text, "resume with: {}", wait_command(operation));
    }
    if let Some(run) = document.followed.as_ref().and_then(|it| it.run.as_ref()) {
        let id = escape_controls(&run.id);
        let command = paint(COMMAND, &format!("industrydata runs show {id}"));
        let _ = writeln!(text, "check the run with: {command}");
    }
    text
}

/// The operation of a result that could not be written.
pub(crate) fn operation(document: &Document) -> String {
    let Some(operation) = &document.operation else {
        return String::new();
    };
    let mut text = format!("operation: {}\n", operation.id);
    if document.outcome == Outcome::Started {
        let _ = writeln!(text, "wait for it with: {}", wait_command(operation));
    }
    text
}

fn wait_command(operation: &OperationReport) -> String {
    let target = operation.resume_token.as_deref().unwrap_or(&operation.id);
    paint(COMMAND, &format!("industrydata wait {target}"))
}
