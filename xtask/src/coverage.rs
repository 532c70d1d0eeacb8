//! Which lines and regions of the core and the ledger their own tests reach.

use std::{collections::BTreeMap, ffi::OsString, fs, path::Path, process::ExitCode};

use serde_json::Value;

use crate::{Failure, cargo, stores::Stores, tools};

const PACKAGES: [&str; 2] = ["industrydata-core", "industrydata-ledger"];

/// What was reached, of all.
#[derive(Clone, Copy, Default)]
struct Share {
    reached: u64,
    all: u64,
}

/// Runs the tests of the core, the ledger and the scenarios, and prints what they reach. Ends with 1 if a place that no
/// test reaches is not named in `tests/uncovered.txt`, with its reason.
pub(crate) fn run(arguments: &[OsString]) -> Result<ExitCode, Failure> {
    if !arguments.is_empty() {
        return Err("coverage takes no arguments".into());
    }
    tools::LLVM_COV.need()?;
    let report = measure()?;
    let reasons = reasons(&fs::read_to_string(
        cargo::root().join("tests/uncovered.txt"),
    )?)?;
    let mut open = 0;
    for package in PACKAGES {
        open += judge(package, &report, &reasons)?;
    }
    println!("{open} places that no test reaches have no reason in tests/uncovered.txt");
    Ok(if open == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The tool's report, as it is.
fn measure() -> Result<Value, Failure> {
    let folder = cargo::root().join("target/coverage");
    fs::create_dir_all(&folder)?;
    let json = folder.join("report.json");
    let servers = Stores::start()?;
    // Processes that tests kill leave files that cannot be read: the others are what counts.
    let mut command = cargo::cargo(&["llvm-cov", "--locked", "--failure-mode=all"]);
    command.args(["--json", "--output-path"]);
    command.arg(&json);
    for package in PACKAGES.iter().chain(&["conformance"]) {
        command.args(["--package", package]);
    }
    command.args([
        "--features",
        "industrydata-ledger/postgres",
        "--lib",
        "--tests",
    ]);
    servers.tell(&mut command);
    if let Some(llvm) = tools::llvm() {
        command
            .env("CARGO_LLVM_COV_SETUP", "no")
            .env("LLVM_COV", llvm.join("llvm-cov"))
            .env("LLVM_PROFDATA", llvm.join("llvm-profdata"));
    }
    let status = command.status()?;
    drop(servers);
    if !status.success() {
        return Err(format!(
            "cargo llvm-cov ended with {status}; it needs LLVM's own programs: the toolchain's component llvm-tools, or \
             the distribution's llvm-19"
        )
        .into());
    }
    Ok(serde_json::from_slice(&fs::read(json)?)?)
}

/// Prints a package's share and its places without a reason; gives how many these are.
fn judge(
    package: &str,
    report: &Value,
    reasons: &BTreeMap<String, String>,
) -> Result<usize, Failure> {
    let folder = cargo::root().join("crates").join(package).join("src");
    let files = report.pointer("/data/0/files").and_then(Value::as_array);
    let files = files.ok_or("the report has no files")?;
    let (mut lines, mut regions) = (Share::default(), Share::default());
    let (mut open, mut named) = (Vec::new(), 0);
    for file in files {
        let Some(path) = file.get("filename").and_then(Value::as_str).map(Path::new) else {
            continue;
        };
        let Ok(inside) = path.strip_prefix(&folder) else {
            continue;
        };
        if inside.ends_with("tests.rs") {
            continue;
        }
        lines.add(file, "lines");
        regions.add(file, "regions");
        for (line, text) in unreached(file, &fs::read_to_string(path)?) {
            let place = format!("{package}/src/{}: {text}", inside.display());
            if reasons.contains_key(&place) {
                named += 1;
            } else {
                open.push(format!("{place}    (line {line})"));
            }
        }
    }
    println!(
        "{package}: lines {lines}, regions {regions}; places not reached: {named} with a reason, {} without",
        open.len()
    );
    for place in &open {
        println!("  {place}");
    }
    Ok(open.len())
}

/// The first line of each run of lines that nothing reached, with its number. A place is known by its text, since lines
/// move.
fn unreached(file: &Value, text: &str) -> Vec<(u64, String)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut counts: BTreeMap<u64, bool> = BTreeMap::new();
    let segments = file.get("segments").and_then(Value::as_array);
    let mut open: Option<(u64, u64)> = None;
    for segment in segments.into_iter().flatten() {
        let number = |at: usize| segment.get(at).and_then(Value::as_u64).unwrap_or(0);
        let (line, count) = (number(0), number(2));
        let counted = segment.get(3).and_then(Value::as_bool) == Some(true);
        if let Some((from, reached)) = open {
            for line in from..=line {
                *counts.entry(line).or_default() |= reached > 0;
            }
        }
        open = counted.then_some((line, count));
    }
    let tests = lines.iter().position(|line| line.trim() == "#[cfg(test)]");
    let end = tests.map_or(u64::MAX, |at| u64::try_from(at).unwrap_or(u64::MAX));
    let mut places = Vec::new();
    let mut before = None;
    for (line, reached) in counts {
        if reached || line > end {
            continue;
        }
        let text = usize::try_from(line)
            .ok()
            .and_then(|at| lines.get(at.checked_sub(1)?));
        let text = text.map_or("", |text| text.trim());
        let goes_on = before.is_some_and(|before| before + 1 == line);
        before = Some(line);
        if !goes_on && text.chars().any(char::is_alphanumeric) {
            places.push((line, text.to_owned()));
        }
    }
    places
}

impl Share {
    fn add(&mut self, file: &Value, what: &str) {
        let number = |key: &str| {
            let pointer = format!("/summary/{what}/{key}");
            file.pointer(&pointer).and_then(Value::as_u64).unwrap_or(0)
        };
        self.reached += number("covered");
        self.all += number("count");
    }
}

impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tenths = (self.reached * 1000).checked_div(self.all).unwrap_or(0);
        write!(
            f,
            "{}.{} % ({} of {})",
            tenths / 10,
            tenths % 10,
            self.reached,
            self.all
        )
    }
}

/// `place | reason`, a line each.
fn reasons(text: &str) -> Result<BTreeMap<String, String>, Failure> {
    let mut reasons = BTreeMap::new();
    for line in text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let (place, reason) = line
            .rsplit_once(" | ")
            .ok_or_else(|| format!("no reason is given: {line}"))?;
        reasons.insert(place.to_owned(), reason.to_owned());
    }
    Ok(reasons)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_run_of_lines_is_one_place_and_a_line_that_is_reached_in_part_is_none() {
        let text = "fn a() {\n    one();\n    two();\n}\nfn b() { three() }\n";
        let file = json!({"segments": [
            [1, 1, 4, true, true, false], [2, 5, 0, true, true, false], [4, 1, 4, true, false, false],
            [4, 2, 0, false, false, false], [5, 1, 1, true, true, false], [5, 10, 0, true, true, false],
            [5, 19, 0, false, false, false],
        ]});
        assert_eq!(unreached(&file, text), [(3, "two();".to_owned())]);
    }

    #[test]
    fn a_place_without_a_reason_is_refused() {
        assert!(reasons("# a comment\n\na/src/b.rs: x() | why\n").is_ok());
        assert!(reasons("a/src/b.rs: x()").is_err());
    }
}
