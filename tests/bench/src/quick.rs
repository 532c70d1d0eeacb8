//! The counts of instructions beside those in a file of the repository, so that a rise is seen when it happens.
//!
//! Counts depend on the compiler, on the C library and on what valgrind shows of the processor. Where all of these are as
//! recorded, the counts themselves are compared, and otherwise the ratios to the loop by hand of the same run.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use serde::{Deserialize, Serialize};

use crate::{
    Failure,
    compare::{SUBJECTS, Subject, counted},
    counter::{INSTRUCTIONS, valgrind},
    serve,
};

/// A count may rise by this factor, which is several times what it differs by from run to run.
const RISE: f64 = 1.03;
/// A ratio may rise by this factor in another environment, where a compiler may treat a loop better than the library.
const RISE_ELSEWHERE: f64 = 1.10;

/// What the file holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Record {
    environment: BTreeMap<String, String>,
    counts: BTreeMap<String, Count>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Count {
    /// Of an operation, or what else the bench repeats.
    instructions: u64,
    /// Beside the loop by hand, in thousandths.
    thousandths: u64,
}

/// Counts, and compares with the file or writes it.
pub(crate) fn run(file: &Path, is_recording: bool) -> Result<(), Failure> {
    let valgrind = match valgrind() {
        Ok(version) => version,
        Err(lacks) if is_recording => return Err(lacks.into()),
        Err(lacks) => {
            println!("not run: {lacks}");
            return Ok(());
        }
    };
    let environment = environment(valgrind)?;
    let now = count(environment)?;
    if is_recording {
        fs::write(file, serde_json::to_string_pretty(&now)? + "\n")?;
        println!("recorded in {}", file.display());
        return Ok(());
    }
    let text = fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
    let before: Record = serde_json::from_str(&text)?;
    let report = compare(&before, &now);
    report.lines.iter().for_each(|line| println!("{line}"));
    if report.risen.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{}; find the cause with `valgrind --tool=callgrind`, or record the counts with `cargo xtask bench --quick \
         --record` and give the reason in the commit",
        report.risen.join("; ")
    )
    .into())
}

/// What counts depend on beside the code.
fn environment(valgrind: String) -> Result<BTreeMap<String, String>, Failure> {
    let said = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output();
        let text = output.ok().and_then(|it| String::from_utf8(it.stdout).ok());
        text.and_then(|text| text.lines().next().map(str::to_owned))
    };
    let compiler = said("rustc", &["--version"]).ok_or("rustc does not tell its version")?;
    let libc = said("getconf", &["GNU_LIBC_VERSION"]).unwrap_or_else(|| "unknown".to_owned());
    let pairs = [
        ("compiler", compiler),
        ("libc", libc),
        ("processor", processor()),
        ("valgrind", valgrind),
    ];
    Ok(pairs.map(|(name, it)| (name.to_owned(), it)).into())
}

/// The architecture, and what makes the C library choose another way to copy memory under valgrind.
#[cfg(target_arch = "x86_64")]
fn processor() -> String {
    let avx2 = std::arch::is_x86_feature_detected!("avx2");
    format!("x86_64 {} avx2", if avx2 { "with" } else { "without" })
}

#[cfg(not(target_arch = "x86_64"))]
fn processor() -> String {
    std::env::consts::ARCH.to_owned()
}

fn is_counted(subject: &&Subject) -> bool {
    !subject.is_by_hand() || subject.bench == subject.beside
}

fn count(environment: BTreeMap<String, String>) -> Result<Record, Failure> {
    let url = serve::start()?;
    let mut found: Vec<(&str, f64)> = Vec::new();
    let mut counts = BTreeMap::new();
    for subject in SUBJECTS.iter().filter(is_counted) {
        let instructions = INSTRUCTIONS.operation(subject.bench, &url)?;
        found.push((subject.bench, instructions));
        let ratio = instructions / counted(&found, subject.beside);
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a cast of a float saturates, and counts are far below 2^53"
        )]
        let count = Count {
            instructions: instructions.round() as u64,
            thousandths: (ratio * 1000.0).round() as u64,
        };
        counts.insert(subject.bench.to_owned(), count);
    }
    Ok(Record {
        environment,
        counts,
    })
}

struct Report {
    lines: Vec<String>,
    risen: Vec<String>,
}

fn compare(before: &Record, now: &Record) -> Report {
    let mut lines = Vec::new();
    let is_same = before.environment == now.environment;
    for (name, there) in &before.environment {
        let here = now.environment.get(name).map_or("unknown", String::as_str);
        if here != there {
            lines.push(format!("{name}: {here}; recorded with {there}"));
        }
    }
    let (what, bound) = if is_same {
        ("instructions", RISE)
    } else {
        lines.push(
            "counts of another environment cannot be compared: ratios to the loops by hand are, \
             with a wider bound"
                .to_owned(),
        );
        ("thousandths", RISE_ELSEWHERE)
    };
    let percent = (bound - 1.0) * 100.0;
    lines.push(format!(
        "{:16}{:>12}{:>12}{:>10}   a rise of {percent:.0} % fails",
        what, "recorded", "counted", "change"
    ));
    let mut risen = Vec::new();
    for subject in SUBJECTS.iter().filter(is_counted) {
        let name = subject.bench;
        let (Some(was), Some(is)) = (before.counts.get(name), now.counts.get(name)) else {
            risen.push(format!("{name} is not recorded"));
            continue;
        };
        let of = |count: &Count| {
            if is_same {
                count.instructions
            } else {
                count.thousandths
            }
        };
        let (was, is) = (of(was), of(is));
        #[allow(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
        let factor = is as f64 / was as f64;
        let change = (factor - 1.0) * 100.0;
        // A client may become dearer. Then the library's count rises as well.
        let verdict = if subject.is_by_hand() {
            ""
        } else if factor > bound || !factor.is_finite() {
            risen.push(format!("{name} has risen by {change:.1} %"));
            "RISEN"
        } else if factor < 2.0 - bound {
            "fallen: record it"
        } else {
            ""
        };
        let line = format!("{name:16}{was:>12}{is:>12}{change:>+9.1} %   {verdict}");
        lines.push(line.trim_end().to_owned());
    }
    Report { lines, risen }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(compiler: &str) -> Record {
        let count = Count {
            instructions: 10_000,
            thousandths: 1000,
        };
        let counted = SUBJECTS.iter().filter(is_counted);
        Record {
            environment: [("compiler".to_owned(), compiler.to_owned())].into(),
            counts: counted.map(|it| (it.bench.to_owned(), count)).collect(),
        }
    }

    fn risen(compiler: &str, bench: &str, instructions: u64, thousandths: u64) -> usize {
        let mut now = record(compiler);
        let count = Count {
            instructions,
            thousandths,
        };
        now.counts.insert(bench.to_owned(), count);
        compare(&record("a"), &now).risen.len()
    }

    #[test]
    fn a_rise_of_more_than_three_percent_is_a_failure() {
        assert_eq!(risen("a", "core", 10_300, 1000), 0);
        assert_eq!(risen("a", "core", 10_301, 1000), 1);
        assert_eq!(risen("a", "core", 10_000, 9999), 0);
        assert_eq!(risen("a", "core", 5_000, 1000), 0);
        assert_eq!(risen("a", "reqwest", 99_999, 1000), 0);
    }

    #[test]
    fn elsewhere_the_ratio_is_compared() {
        assert_eq!(risen("b", "async", 99_999, 1100), 0);
        assert_eq!(risen("b", "async", 10_000, 1101), 1);
        let lines = compare(&record("a"), &record("b")).lines;
        assert_eq!(
            lines.first().map(String::as_str),
            Some("compiler: b; recorded with a")
        );
    }

    #[test]
    fn a_subject_without_a_record_or_a_count_is_a_failure() {
        let mut lacking = record("a");
        lacking.counts.remove("blocking");
        assert_eq!(compare(&lacking, &record("a")).risen.len(), 1);
        assert_eq!(compare(&record("a"), &lacking).risen.len(), 1);
    }

    #[test]
    fn the_file_has_every_subject() {
        let text = include_str!("../counts.json");
        let recorded: Record = serde_json::from_str(text).unwrap_or_else(|_| record(""));
        assert_ne!(recorded, record(""), "counts.json cannot be read");
        let names: Vec<&str> = recorded.counts.keys().map(String::as_str).collect();
        let known = record("");
        assert_eq!(names, known.counts.keys().collect::<Vec<_>>());
    }
}
