//! Runs vectors against the core: JSON Lines, one case a line. The keys of a line give its kind.
//!
//! A line passes if the core's result equals its `expect` or its `alt`, or if the core's error is one of its
//! `also_acceptable`. Only the listed keys are compared. A malformed line, a line of an unknown kind and a repeated name
//! fail.

mod kinds;

use std::{
    collections::HashSet,
    fs,
    panic::catch_unwind,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};

use self::kinds::Shown;

/// How many lines passed and failed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Lines with an accepted result.
    pub passed: usize,
    /// All other lines.
    pub failed: usize,
}

/// Runs every `*.jsonl` of `folder`, by default the workspace's `tests/vectors`. Prints each failure to stdout, and the
/// counts in the last line.
///
/// # Errors
///
/// The folder or one of its files cannot be read, or the folder has no such file.
pub fn run(folder: Option<&Path>) -> Result<Tally, String> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors");
    let folder = folder.unwrap_or(&default);
    let mut tally = Tally::default();
    let mut names = HashSet::new();
    for path in files(folder)? {
        let bytes =
            fs::read(&path).map_err(|e| format!("{} cannot be read: {e}", path.display()))?;
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        for (at, line) in bytes.split(|b| *b == b'\n').enumerate() {
            if line.trim_ascii().is_empty() {
                continue;
            }
            let report = check(line, &mut names);
            match report.problem {
                None => tally.passed += 1,
                Some(problem) => {
                    tally.failed += 1;
                    println!("FAIL {file}:{} {}", at + 1, report.name);
                    println!("  rule:     {}", report.why);
                    println!("  {problem}");
                }
            }
        }
    }
    println!("{} passed, {} failed", tally.passed, tally.failed);
    Ok(tally)
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let unreadable = |e| format!("the folder {} cannot be read: {e}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "jsonl")
        {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(format!("there is no *.jsonl file in {}", folder.display()));
    }
    files.sort();
    Ok(files)
}

struct Report {
    name: String,
    why: String,
    problem: Option<String>,
}

fn check(line: &[u8], names: &mut HashSet<String>) -> Report {
    let mut report = Report {
        name: "(no name)".to_owned(),
        why: "Format".to_owned(),
        problem: None,
    };
    let vector: Map<String, Value> = match serde_json::from_slice(line) {
        Ok(vector) => vector,
        Err(e) => {
            report.problem = Some(format!("malformed: not a JSON object: {e}"));
            return report;
        }
    };
    if let Some(why) = vector.get("why").and_then(Value::as_str) {
        why.clone_into(&mut report.why);
    }
    let Some(name) = vector.get("name").and_then(Value::as_str) else {
        report.problem = Some("malformed: it has no name".to_owned());
        return report;
    };
    name.clone_into(&mut report.name);
    report.problem = if names.insert(name.to_owned()) {
        // If the core panics, this line fails and the run continues.
        catch_unwind(|| judge(&vector))
            .unwrap_or_else(|_| Err("got:      a panic".to_owned()))
            .err()
    } else {
        Some("malformed: the name was seen before".to_owned())
    };
    report
}

fn judge(vector: &Map<String, Value>) -> Result<(), String> {
    let expected = vector.get("expect").and_then(Value::as_object);
    let Some(expected) = expected.filter(|expected| !expected.is_empty()) else {
        return Err("malformed: expect is not an object with members".to_owned());
    };
    let run = kinds::of(vector).ok_or("malformed: its keys are those of no kind")?;
    let shown = run(vector).map_err(|e| format!("malformed: {e}"))?;
    let alternative = vector.get("alt").and_then(Value::as_object);
    let fits = |accepted: &Map<String, Value>| {
        !accepted.is_empty() && fits(accepted, &shown, kinds::ignored(vector))
    };
    let error = shown.got.get("err");
    let also = vector.get("also_acceptable").and_then(Value::as_array);
    let passes = fits(expected)
        || alternative.is_some_and(fits)
        || error.is_some_and(|error| also.is_some_and(|also| also.contains(error)));
    if passes {
        return Ok(());
    }
    let mut problem = format!("expected: {}", Value::Object(expected.clone()));
    if let Some(alternative) = alternative {
        problem.push_str(&format!(
            "\n  or:       {}",
            Value::Object(alternative.clone())
        ));
    }
    problem.push_str(&format!("\n  got:      {}", shown.got));
    for text in &shown.texts {
        problem.push_str(&format!("\n  shown:    {text:?}"));
    }
    Err(problem)
}

/// Whether the result has every accepted member, except the ignored one.
fn fits(accepted: &Map<String, Value>, shown: &Shown, ignored: Option<&str>) -> bool {
    accepted.iter().all(|(key, value)| match key.as_str() {
        "display_forbidden" => value.as_array().is_some_and(|forbidden| {
            forbidden.iter().all(|part| {
                part.as_str()
                    .is_some_and(|part| shown.texts.iter().all(|text| !text.contains(part)))
            })
        }),
        key if Some(key) == ignored => true,
        key => shown
            .got
            .get(key)
            .is_some_and(|got| equals(key, value, got)),
    })
}

/// Objects are equal if every listed member is. URLs are compared in their normalised form.
fn equals(key: &str, expected: &Value, got: &Value) -> bool {
    match (expected, got) {
        (Value::Object(expected), Value::Object(got)) => expected
            .iter()
            .all(|(key, value)| got.get(key).is_some_and(|got| equals(key, value, got))),
        (Value::Array(expected), Value::Array(got)) => {
            expected.len() == got.len()
                && expected
                    .iter()
                    .zip(got)
                    .all(|(expected, got)| equals("", expected, got))
        }
        (Value::String(expected), Value::String(got)) if key == "url" => {
            normalised(expected) == normalised(got)
        }
        (expected, got) => expected == got,
    }
}

/// A URL with its percent-encoded octets in upper case, and the unreserved among them decoded
/// (RFC 3986 sections 6.2.2.1 and 6.2.2.2).
fn normalised(url: &str) -> String {
    let mut parts = url.split('%');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (hex, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        let octet = u8::from_str_radix(hex, 16).ok().map(char::from);
        match octet.filter(|c| c.is_ascii_alphanumeric() || "-._~".contains(*c)) {
            Some(unreserved) => text.push(unreserved),
            None => {
                text.push('%');
                text.push_str(&hex.to_ascii_uppercase());
            }
        }
        text.push_str(rest);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(line: &str) -> Option<String> {
        check(line.as_bytes(), &mut HashSet::new()).problem
    }

    #[test]
    fn what_cannot_be_read_fails() {
        for line in [
            "{",
            "[]",
            "1",
            "{}",
            r#"{"name":"a"}"#,
            r#"{"name":"a","expect":{"none":true}}"#,
            r#"{"name":"a","value":"1","now":"x","expect":{"none":true}}"#,
            r#"{"name":"a","value":1,"now":"2026-03-10T12:00:00Z","expect":{"none":true}}"#,
            r#"{"name":"a","value":"x","now":"2026-03-10T12:00:00Z","expect":{}}"#,
            r#"{"name":"a","value":"x","now":"2026-03-10T12:00:00Z"}"#,
            r#"{"value":"x","now":"2026-03-10T12:00:00Z","expect":{"none":true}}"#,
        ] {
            assert!(
                problem(line).is_some_and(|problem| problem.starts_with("malformed")),
                "{line}"
            );
        }
    }

    #[test]
    fn what_differs_fails() {
        let vector = |expect: &str| {
            problem(&format!(
                r#"{{"name":"a","value":"10","now":"2026-03-10T12:00:00Z",{expect}}}"#
            ))
        };
        assert_eq!(vector(r#""expect":{"delay_ms":10000}"#), None);
        assert_eq!(
            vector(r#""expect":{"none":true},"alt":{"delay_ms":10000}"#),
            None
        );
        assert!(vector(r#""expect":{"none":true}"#).is_some());
        assert!(vector(r#""expect":{"delay_ms":10000,"other":null}"#).is_some());
        assert!(vector(r#""expect":{"delay_ms":1},"also_acceptable":["delay_ms"]"#).is_some());
    }

    #[test]
    fn a_name_is_for_one_line() {
        let mut names = HashSet::new();
        let line =
            br#"{"name":"a","value":"1","now":"2026-03-10T12:00:00Z","expect":{"delay_ms":1000}}"#;
        assert!(check(line, &mut names).problem.is_none());
        assert!(check(line, &mut names).problem.is_some());
    }

    #[test]
    fn urls_are_compared_normalised() {
        assert_eq!(
            normalised("https://a/%2d%2f%C3%a9?%7E"),
            "https://a/-%2F%C3%A9?~"
        );
        assert_ne!(normalised("https://a/B"), normalised("https://a/b"));
        assert_eq!(normalised("%"), "%");
    }
}
