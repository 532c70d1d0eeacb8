//! What a validation found in the data, and the details of a failure.

use std::fmt::Write as _;

use industrydata_core::wire::escape_controls;

use crate::{
    human::statistics::statistics,
    report::{DetailsReport, OperationReport, PublicErrorReport},
};

/// How many errors, and how many warnings, are listed.
const MOST_LISTED: usize = 50;

/// The errors and the warnings of a validation by file, and the files that it has read.
pub(crate) fn found_in_data(operation: &OperationReport) -> String {
    let mut text = String::new();
    for (name, errors) in [
        ("error", &operation.errors),
        ("warning", &operation.warnings),
    ] {
        if errors.is_empty() {
            continue;
        }
        let _ = writeln!(text, "{} in the data:", counted(errors.len(), name));
        text.push_str(&by_file(errors));
    }
    if !operation.validated_files.is_empty() {
        let files = operation.validated_files.join(", ");
        let _ = writeln!(text, "validated files: {}", escape_controls(&files));
    }
    text
}

/// `1 error`, `2 errors`.
pub(crate) fn counted(number: usize, name: &str) -> String {
    match number {
        1 => format!("1 {name}"),
        _ => format!("{number} {name}s"),
    }
}

/// A line for each error under its file. Files are in the order of their first error.
fn by_file(errors: &[PublicErrorReport]) -> String {
    let file = |error: &PublicErrorReport| error.target.clone().unwrap_or_default();
    let shown = errors.get(..MOST_LISTED).unwrap_or(errors);
    let mut files: Vec<String> = Vec::new();
    for error in shown {
        let file = file(error);
        if !files.contains(&file) {
            files.push(file);
        }
    }
    let mut text = String::new();
    for name in &files {
        let shown_name = if name.is_empty() {
            "no file named"
        } else {
            name
        };
        let _ = writeln!(text, "  {}", escape_controls(shown_name));
        for error in shown.iter().filter(|error| file(error) == **name) {
            let _ = writeln!(text, "    {}", reason(error));
        }
    }
    if errors.len() > shown.len() {
        let more = errors.len() - shown.len();
        let _ = writeln!(text, "  and {more} more: see --output json");
    }
    text
}

/// Code, message and inner codes of an error.
pub(crate) fn reason(error: &PublicErrorReport) -> String {
    let parts = [&error.code, &error.message].into_iter().flatten();
    let parts: Vec<_> = parts
        .filter(|part| !part.is_empty())
        .map(String::as_str)
        .collect();
    let mut text = match parts.as_slice() {
        [] => "no reason given".to_owned(),
        parts => parts.join(": "),
    };
    if !error.inner_codes.is_empty() {
        let _ = write!(text, " (inner: {})", error.inner_codes.join(", "));
    }
    escape_controls(&text).to_string()
}

/// The details of a failure, each in its lines.
pub(super) fn details(details: &DetailsReport) -> String {
    let mut text = String::new();
    if let Some(id) = &details.run_id {
        let _ = writeln!(text, "run: {}", escape_controls(id));
    }
    if let Some(error) = &details.blocking_error {
        let _ = writeln!(text, "blocking error: {}", with_target(error));
    }
    for activity in &details.failed_activities {
        let name = activity.display_name.as_ref().or(activity.id.as_ref());
        let name = name.map_or("without a name", String::as_str);
        let error = activity.blocking_error.as_ref();
        let error = error.map_or_else(|| "no reason given".to_owned(), with_target);
        let _ = writeln!(text, "failed activity {}: {error}", escape_controls(name));
    }
    if let Some(read) = &details.statistics {
        text.push_str(&statistics(read));
    }
    if !details.request_ids.is_empty() {
        let ids = details.request_ids.join(", ");
        let _ = writeln!(text, "request ids: {}", escape_controls(&ids));
    }
    text
}

fn with_target(error: &PublicErrorReport) -> String {
    match error.target.as_deref().filter(|target| !target.is_empty()) {
        Some(target) => format!("{}: {}", escape_controls(target), reason(error)),
        None => reason(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(target: &str, code: &str) -> PublicErrorReport {
        PublicErrorReport {
            code: Some(code.to_owned()),
            message: None,
            target: (!target.is_empty()).then(|| target.to_owned()),
            details: Vec::new(),
            inner_codes: Vec::new(),
        }
    }

    #[test]
    fn errors_are_listed_under_their_file() {
        let errors = [
            error("b", "1"),
            error("a", "2"),
            error("b", "3\u{7}"),
            error("", "4"),
        ];
        let expected = "  b\n    1\n    3\\u{7}\n  a\n    2\n  no file named\n    4\n";
        assert_eq!(by_file(&errors), expected);
        let many: Vec<_> = (0..60).map(|n| error("a", &n.to_string())).collect();
        let text = by_file(&many);
        assert_eq!(text.lines().count(), 52);
        assert!(
            text.ends_with("  and 10 more: see --output json\n"),
            "{text}"
        );
    }

    #[test]
    fn a_reason_has_its_inner_codes() {
        let mut of = error("a", "outer");
        of.message = Some("why".to_owned());
        of.inner_codes = vec!["i1".to_owned(), "i2".to_owned()];
        assert_eq!(reason(&of), "outer: why (inner: i1, i2)");
        assert_eq!(with_target(&of), "a: outer: why (inner: i1, i2)");
        (of.code, of.message) = (None, None);
        of.inner_codes.clear();
        assert_eq!(reason(&of), "no reason given");
    }
}
