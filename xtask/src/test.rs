//! Every test, counted.

use std::{
    ffi::OsString,
    io::{self, BufRead, BufReader, Read, Write},
    process::{Command, ExitCode, Stdio},
    thread,
};

use crate::{
    Failure,
    canary::{self, Seeker},
    cargo,
    stores::Stores,
    vectors,
};

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
        // What tests that pass have put out is looked through, too.
        "--",
        "--show-output",
    ];
    let stores = Stores::start()?;
    println!("+ cargo {}", arguments.join(" "));
    let mut command = cargo::cargo(&arguments);
    stores.tell(&mut command);
    // What the tests leave behind is looked through in the end.
    let left = tempfile::Builder::new()
        .prefix("industrydata-tests-")
        .tempdir()?;
    command.env("TMPDIR", left.path());
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let stderr = child.stderr.take();
    let errors =
        thread::spawn(move || stderr.map_or(Ok(0), |stderr| pass_on(stderr, io::stderr())));
    let mut tally = Tally::default();
    let mut seeker = Seeker::new();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).split(b'\n') {
            let bytes = line?;
            seeker.see(&bytes);
            seeker.see(b"\n");
            let line = String::from_utf8_lossy(&bytes).into_owned();
            println!("{line}");
            if let Some(counts) = line.strip_prefix("test result: ") {
                tally.add(counts);
            }
        }
    }
    let whole = child.wait()?.success();
    let errors = errors.join().map_err(|_| "stderr was not read")??;
    let (in_files, files) = canary::in_files(left.path())?;
    let hits = seeker.hits() + errors + in_files;
    println!("tokens of the tests in their output and in the {files} files they left: {hits}");
    println!("stores that ran: memory, SQLite, {}", stores.about());
    Ok((tally, whole && hits == 0))
}

/// Passes on what is put out on stderr, and says how often the mark of the tests' tokens is in it.
fn pass_on(mut stderr: impl Read, mut to: impl Write) -> io::Result<u64> {
    let mut seeker = Seeker::new();
    let mut piece = [0; 8192];
    loop {
        let count = stderr.read(&mut piece)?;
        let Some(read @ [_, ..]) = piece.get(..count) else {
            return Ok(seeker.hits());
        };
        seeker.see(read);
        to.write_all(read)?;
    }
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
    fn what_stderr_has_is_passed_on_and_looked_through() {
        let planted = format!("{}{}\n", " ".repeat(8188), canary::MARK);
        let mut passed = Vec::new();
        assert_eq!(pass_on(planted.as_bytes(), &mut passed).unwrap(), 1);
        assert_eq!(passed, planted.as_bytes());
        assert_eq!(pass_on(&b"nothing\n"[..], io::sink()).unwrap(), 0);
    }

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
