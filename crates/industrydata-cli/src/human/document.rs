//! A document: its result for standard output, its error for standard error.

use std::fmt::Write as _;

use industrydata_core::wire::escape_controls;

use crate::{
    human::{
        failure::{details, found_in_data},
        quota::summary,
        statistics::statistics,
    },
    report::{Document, OperationReport, Outcome},
};

/// The result of a success, and what is known of data that has errors.
pub(crate) fn result(document: &Document) -> String {
    let mut text = String::new();
    match (&document.error, document.outcome) {
        (None, _) | (Some(_), Outcome::DataErrors) => {}
        (Some(_), _) => return text,
    }
    if let Some(operation) = &document.operation {
        text.push_str(&of_operation(operation, document));
    } else if document.outcome == Outcome::Accepted {
        text.push_str("accepted: the service named no operation to wait for\n");
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
            text.push_str(&statistics(known));
        }
    }
    // An error shows the quota itself.
    if let (Some(quota), None) = (&document.quota, &document.error) {
        text.push_str(&summary(quota));
    }
    text
}

fn of_operation(operation: &OperationReport, document: &Document) -> String {
    let mut text = String::new();
    let outcome = if document.outcome == Outcome::Started {
        "started"
    } else if document.outcome == Outcome::Accepted {
        "accepted"
    } else {
        "succeeded"
    };
    let _ = writeln!(text, "{outcome}: operation {}", operation.id);
    let _ = writeln!(text, "location: {}", operation.shown);
    if let Some(next) = &document.next {
        let _ = writeln!(
            text,
            "wait for it with: {}",
            escape_controls(&next.command_in_any_flavour())
        );
    }
    for (name, value) in [
        ("created", &operation.created),
        ("last action", &operation.last_action),
        ("detail", &operation.status_detail),
    ] {
        if let Some(value) = value.as_deref().filter(|value| !value.is_empty()) {
            let _ = writeln!(text, "{name}: {}", escape_controls(value));
        }
    }
    // Errors are listed with the error.
    if document.error.is_none() {
        text.push_str(&found_in_data(operation));
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
    if let Some(operation) = operation {
        text.push_str(&found_in_data(operation));
    }
    let _ = writeln!(text, "a run may have started: {}", error.may_have_started);
    if let Some(advice) = &error.advice {
        let _ = writeln!(text, "what to do: {}", escape_controls(advice));
    }
    if let Some(id) = &error.request_id {
        let _ = writeln!(text, "request id: {}", escape_controls(id));
    }
    if let Some(known) = &error.details {
        text.push_str(&details(known));
    }
    if let Some(quota) = &document.quota {
        text.push_str(&summary(quota));
    }
    if let Some(resume) = &error.resume {
        let _ = writeln!(text, "resume with: {}", escape_controls(&resume.command()));
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
    if let Some(next) = &document.next {
        let _ = writeln!(
            text,
            "wait for it with: {}",
            escape_controls(&next.command_in_any_flavour())
        );
    }
    text
}
