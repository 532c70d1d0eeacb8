//! Every test, counted.

use std::{
    ffi::OsString,
    io::{BufRead, BufReader},
    process::{Command, ExitCode, Stdio},
};

use crate::{Failure, cargo, stores::Stores, vectors};

/// The features beyond the default ones whose tests are run too.
pub(crate) const FEATURES: &str = "industrydata-ledger/postgres";

/// What was counted.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Tally {
    passed: u64,
    failed: u64,
    ignored: u64,
}

/// Runs the tests of the workspace and the vectors, and counts both. A run that counts none has failed.
pub(crate) fn run(arguments: &[OsString]) -> Result<ExitCode, Failure> {
    if !arguments.is_empty() {
        return Err("test takes no arguments: it runs everything".into());
    }
    // The database server that the tests start: installed where it is missing and may be installed.
    if cfg!(unix) {
        let status = Command::new(".ci/postgres")
            .current_dir(cargo::root())
            .status();
        if !status.is_ok_and(|status| status.success()) {
            println!("the programs of a PostgreSQL server could not be installed");
        }
    }
    // What the tests run must stand first: they would build it inside their own time limits.
    cargo::run(&[
        "build",
        "--locked",
        "--workspace",
        "--all-targets",
        "--features",
        FEATURES,
    ])?;
    let (mut tally, whole) = tests()?;
    let vectors = vectors::run(None)?;
    println!(
        "tests: {} passed, {} failed, {} ignored; vectors: {} passed, {} failed",
        tally.passed, tally.failed, tally.ignored, vectors.passed, vectors.failed
    );
    tally.passed += u64::try_from(vectors.passed)?;
    tally.failed += u64::try_from(vectors.failed)?;
    println!("{} passed, {} failed", tally.passed, tally.failed);
    let green = whole && tally.failed == 0 && tally.passed > 0;
    Ok(if green {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn tests() -> Result<(Tally, bool), Failure> {
    let arguments = [
        "test",
        "--locked",
        "--workspace",
        "--no-fail-fast",
        "--features",
        FEATURES,
    ];
    let stores = Stores::start()?;
    println!("+ cargo {}", arguments.join(" "));
    let mut command = cargo::cargo(&arguments);
    stores.tell(&mut command);
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let mut tally = Tally::default();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).split(b'\n') {
            let line = String::from_utf8_lossy(&line?).into_owned();
            println!("{line}");
            if let Some(counts) = line.strip_prefix("test result: ") {
                tally.add(counts);
            }
        }
    }
    let whole = child.wait()?.success();
    println!("stores that ran: memory, SQLite, {}", stores.about());
    Ok((tally, whole))
}

impl Tally {
    /// Adds a line of libtest's: `ok. 3 passed; 0 failed; 1 ignored; ...`.
    fn add(&mut self, counts: &str) {
        for part in counts.split([';', '.']) {
            let mut words = part.split_whitespace();
            let (Some(number), Some(what)) = (words.next(), words.next()) else {
                continue;
            };
            let Ok(number) = number.parse::<u64>() else {
                continue;
            };
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.ignored += number,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_lines_are_counted() {
        let mut tally = Tally::default();
        tally.add(
            "ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.05s",
        );
        tally.add(
            "FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s",
        );
        assert_eq!(
            tally,
            Tally {
                passed: 4,
                failed: 2,
                ignored: 1
            }
        );
    }
}
