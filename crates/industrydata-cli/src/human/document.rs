//! A document: its result for standard output, its error for standard error.

use std::fmt::Write as _;

use industrydata_core::wire::escape_controls;

use crate::{
    human::{quota::summary, statistics::statistics},
    report::{Document, OperationReport, Outcome},
};

/// The result of a success.
pub(crate) fn result(document: &Document) -> String {
    let mut text = String::new();
    let (Some(operation), None) = (&document.operation, &document.error) else {
        return text;
    };
    if document.outcome == Outcome::Started {
        let _ = writeln!(text, "started: operation {}", operation.id);
        let _ = writeln!(text, "location: {}", operation.shown);
        let _ = writeln!(text, "wait for it with: {}", wait_command(operation));
    } else {
        let _ = writeln!(text, "succeeded: operation {}", operation.id);
        let _ = writeln!(text, "location: {}", operation.shown);
        for (name, value) in [
            ("created", &operation.created),
            ("last action", &operation.last_action),
            ("detail", &operation.status_detail),
        ] {
            if let Some(value) = value.as_deref().filter(|value| !value.is_empty()) {
                let _ = writeln!(text, "{name}: {}", escape_controls(value));
            }
        }
    }
    if let Some(run) = document.followed.as_ref().and_then(|it| it.run.as_ref()) {
        let status = run.status.as_deref().unwrap_or("unknown");
        let _ = writeln!(
            text,
            "run {}: {}",
            escape_controls(&run.id),
            escape_controls(status)
        );
        let known = document.followed.as_ref();
        if let Some(known) = known.and_then(|it| it.statistics.as_ref()) {
            text.push_str(&statistics(&run.id, known));
        }
    }
    if let Some(quota) = &document.quota {
        text.push_str(&summary(quota));
    }
    text
}

/// The error: what happened, whether a run may have started, and what to do next.
pub(crate) fn error(document: &Document) -> String {
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
    let _ = writeln!(text, "error: {failed}{}", escape_controls(&error.message));
    let _ = writeln!(text, "a run may have started: {}", error.may_have_started);
    if let Some(advice) = &error.advice {
        let _ = writeln!(text, "what to do: {}", escape_controls(advice));
    }
    if let Some(id) = &error.request_id {
        let _ = writeln!(text, "request id: {}", escape_controls(id));
    }
    if let Some(quota) = &document.quota {
        text.push_str(&summary(quota));
    }
    if let Some(operation) = operation
        && operation.resume_token.is_some()
        && !matches!(status, Some("succeeded" | "failed"))
    {
        let _ = writeln!(text, "resume with: {}", wait_command(operation));
    }
    if let Some(run) = document.followed.as_ref().and_then(|it| it.run.as_ref()) {
        let id = escape_controls(&run.id);
        let _ = writeln!(text, "check the run with: industrydata runs show {id}");
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
    format!("industrydata wait {target}")
}
