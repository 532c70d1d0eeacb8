//! Operation bodies (rule B): only the texts `succeeded` and `failed` of the single `status` member are terminal.

use industrydata_core::model::Operation;
use industrydata_core::wire::BodyError;

use crate::{
    Target,
    draw::{joined, parts},
    json::{Kind, scan},
    text::assert_plain,
    vectors,
};

pub(crate) const TARGET: Target = Target {
    name: "operation",
    about: "a body is read as an independent JSON reader reads it; only succeeded and failed are terminal",
    body,
    seeds,
    words: &[
        "\"status\"",
        "\"succeeded\"",
        "\"failed\"",
        "\"running\"",
        "\"\\u0073tatus\":",
        "null",
        "true",
        "1e400",
        "-0.0",
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\\ud800",
        "\u{feff}",
        "\"createdDateTime\":\"2024-09-11T05:54:35.400029Z\"",
        "\"0001-01-01T00:00:00Z\"",
        "\"errors\":[",
        "\"warnings\":[{\"code\":",
        "\"innerError\":{\"code\":\"a\",",
        "\"validatedFiles\":[\"a\"]",
        "application/json",
        "application/a+json",
        ";charset=utf-8",
        "[[[[[[[[[[[[[[[[",
    ],
};

const LABELS: [Option<&str>; 6] = [
    None,
    Some("application/json"),
    Some("Application/JSON; charset=utf-8"),
    Some("application/problem+json"),
    Some("text/html"),
    Some("application/+json"),
];

/// Input: a selector for the `Content-Type`, then the body. From selector 128 on, the first part is the `Content-Type`.
fn body(input: &[u8]) {
    let (selector, mut rest) = parts(input);
    let label = if selector < 128 {
        LABELS[usize::from(selector) % LABELS.len()].map(str::as_bytes)
    } else {
        Some(rest.remove(0))
    };
    let bytes = rest.join(&crate::draw::CUT);
    let result = Operation::decode(label, &bytes);
    // The core has one reader for flat bodies on one line. A line break after the body leaves it to the other.
    if !bytes.is_empty() {
        let broken = Operation::decode(label, &[&*bytes, b"\n"].concat());
        assert_eq!(result, broken, "two readers differ");
    }
    if let Ok(operation) = &result {
        let status = operation.status();
        let is_end = ["succeeded", "failed"]
            .iter()
            .any(|end| status.as_str().eq_ignore_ascii_case(end));
        assert_eq!(status.is_terminal(), is_end, "B10: {status:?}");
        assert_plain(&status.to_string());
        assert_plain(&format!("{operation:?}"));
        for error in operation.errors().iter().chain(operation.warnings()) {
            assert_plain(&error.to_string());
            assert!(error.inner_codes().len() <= 4, "B13: {error:?}");
        }
    }
    if let Err(error) = &result {
        assert_plain(&error.to_string());
    }
    let Some(expected) = expected(label, &bytes) else {
        return;
    };
    match (&result, expected) {
        (Ok(operation), Ok(status)) => {
            assert!(
                operation.status().as_str().eq_ignore_ascii_case(&status),
                "B9: {status:?}"
            );
            assert!(
                operation.status().is_known() || operation.status().as_str() == status,
                "B9: {status:?}"
            );
        }
        (Err(error), Err(expected)) => assert_eq!(*error, expected),
        (result, expected) => panic!("{result:?}, but the reference gives {expected:?}"),
    }
}

/// A second implementation of rules B1 to B8; `None` where RFC 8259 leaves the result open.
fn expected(label: Option<&[u8]>, bytes: &[u8]) -> Option<Result<String, BodyError>> {
    if !label.is_none_or(is_json) {
        return Some(Err(BodyError::WrongContentType));
    }
    if bytes.is_empty() {
        return Some(Err(BodyError::EmptyBody));
    }
    let Ok(text) = str::from_utf8(bytes) else {
        return Some(Err(BodyError::NotUtf8));
    };
    let Some(read) = scan(text.strip_prefix('\u{feff}').unwrap_or(text)) else {
        return Some(Err(BodyError::InvalidJson));
    };
    if read.is_open {
        return None;
    }
    if read.depth > 128 {
        return Some(Err(BodyError::TooDeep));
    }
    let Some(members) = read.members else {
        return Some(Err(BodyError::NotAnObject));
    };
    let mut statuses = members.into_iter().filter(|(name, _)| name == "status");
    let status = statuses.next();
    if statuses.next().is_some() {
        return Some(Err(BodyError::DuplicateKey));
    }
    Some(match status {
        Some((_, Kind::Text(status))) => Ok(status),
        Some((_, Kind::Null)) | None => Err(BodyError::MissingStatus),
        Some((_, Kind::Other)) => Err(BodyError::InvalidStatus),
    })
}

/// A second implementation of rule B1.
pub(crate) fn is_json(label: &[u8]) -> bool {
    let label = String::from_utf8_lossy(label).into_owned();
    let essence = label
        .split(';')
        .next()
        .unwrap_or_default()
        .trim_matches([' ', '\t'])
        .to_ascii_lowercase();
    let Some(subtype) = essence.strip_prefix("application/") else {
        return false;
    };
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    subtype == "json"
        || (subtype.len() > "+json".len()
            && subtype.ends_with("+json")
            && subtype.chars().all(is_token))
}

fn seeds() -> Vec<Vec<u8>> {
    vectors::kept(vectors::of("operation_body").iter().map(|vector| {
        let body = vectors::body(vector);
        match vector.get("content_type").and_then(|label| label.as_str()) {
            Some(label) => joined(128, &[label.as_bytes(), &body]),
            None => joined(0, &[&body]),
        }
    }))
}
