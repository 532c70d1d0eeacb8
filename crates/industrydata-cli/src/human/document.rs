//! A document: its result for standard output, its error for standard error.

use std::fmt::Write as _;

use industrydata_core::lro::MayHaveStarted;
use industrydata_core::wire::escape_controls;

use crate::{
    human::{
        failure::{details, found_in_data},
        quota::summary,
        statistics::statistics,
    },
    report::{Document, OperationReport, Outcome},
    terminal::{
        colour::{BAD, CAUTION, COMMAND, GOOD, HEADING, paint},
        times,
        width::Width,
    },
};

/// The result of a success, and what is known of data that has errors.
pub(crate) fn result(document: &Document) -> String {
    let width = Width::stdout();
    let mut text = String::new();
    match (&document.error, document.outcome) {
        (None, _) | (Some(_), Outcome::DataErrors) => {}
        (Some(_), _) => return text,
    }
    if let Some(operation) = &document.operation {
        text.push_str(&of_operation(operation, document, width));
    } else if document.outcome == Outcome::Accepted {
        let label = paint(GOOD, "accepted:");
        let _ = writeln!(text, "{label} the service named no operation to wait for");
    }
    if let Some(run) = document.followed.as_ref().and_then(|it| it.run.as_ref()) {
        let status = run.status.as_deref().unwrap_or("unknown");
        let style = if status == "completed" { GOOD } else { CAUTION };
        let status = escape_controls(status).to_string();
        let id = escape_controls(&run.id);
        let _ = writeln!(text, "run {id}: {}", paint(style, &status));
        let known = document.followed.as_ref();
        if let Some(known) = known.and_then(|it| it.statistics.as_ref()) {
            text.push_str(&statistics(known));
        }
    }
    // An error shows the quota itself.
    if let (Some(quota), None) = (&document.quota, &document.error) {
        text.push_str(&summary(quota, width));
    }
    text
}

fn of_operation(operation: &OperationReport, document: &Document, width: Width) -> String {
    let mut text = String::new();
    if let Some(start) = &document.attached_to {
        let _ = writeln!(text, "attached to the start of {}", escape_controls(start));
    }
    // A validation that found errors in the data has succeeded as an operation.
    let (outcome, style) = if document.outcome == Outcome::Started {
        ("started:", GOOD)
    } else if document.outcome == Outcome::Accepted {
        ("accepted:", GOOD)
    } else if document.outcome == Outcome::DataErrors {
        ("succeeded:", CAUTION)
    } else {
        ("succeeded:", GOOD)
    };
    let outcome = paint(style, outcome);
    let _ = writeln!(text, "{outcome} operation {}", operation.id);
    let _ = writeln!(text, "location: {}", operation.shown);
    if let Some(next) = &document.next {
        let command = escape_controls(&next.command_in_any_flavour()).to_string();
        let _ = writeln!(text, "wait for it with: {}", paint(COMMAND, &command));
    }
    let time = |text: &Option<String>| text.as_deref().map(times::of_text);
    for (name, value) in [
        ("created", time(&operation.created)),
        ("last action", time(&operation.last_action)),
        ("detail", operation.status_detail.clone()),
    ] {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            let line = format!("{name}: {}", escape_controls(&value));
            let _ = writeln!(text, "{}", width.wrap(&line, "  "));
        }
    }
    // Errors are listed with the error.
    if document.error.is_none() {
        text.push_str(&found_in_data(operation, width));
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
    let message = times::in_text(&escape_controls(&error.message).to_string());
    let message = format!("{label} {failed}{message}");
    let _ = writeln!(text, "{}", width.wrap(&message, "  "));
    if let Some(operation) = operation {
        text.push_str(&found_in_data(operation, width));
    }
    let mut lines = vec![format!(
        "a run may have started: {}",
        error.may_have_started
    )];
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
    if let Some(known) = &error.details {
        text.push_str(&details(known, width));
    }
    if let Some(quota) = &document.quota {
        text.push_str(&summary(quota, width));
    }
    if let Some(resume) = &error.resume {
        let command = escape_controls(&resume.command()).to_string();
        let _ = writeln!(text, "resume with: {}", paint(COMMAND, &command));
    }
    if let Some(inquiry) = &document.inquiry {
        let command = escape_controls(&inquiry.command.command()).to_string();
        let _ = writeln!(text, "{}: {}", inquiry.label, paint(COMMAND, &command));
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
        let command = escape_controls(&next.command_in_any_flavour()).to_string();
        let _ = writeln!(text, "wait for it with: {}", paint(COMMAND, &command));
    }
    text
}
