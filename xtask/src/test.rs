//! The tests: all of them, or the quick ones.

use std::{
    ffi::OsString,
    fs,
    io::{self, BufRead, BufReader, Read, Write},
    path::Path,
    process::{Command, Stdio},
    thread,
};

use crate::{
    Failure,
    canary::{self, Seeker},
    cargo,
    stores::Stores,
    tools::NEXTEST,
    vectors,
};

/// What was counted.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    passed: u64,
    failed: u64,
    /// How often a token of the tests was found in what they put out or left behind.
    leaks: u64,
}

/// Runs every test and prints the count in the last line.
pub(crate) fn run(_: &[OsString]) -> Result<(), Failure> {
    all()?.finish()
}

/// The unit tests of all crates, and all tests of the core.
pub(crate) fn quick(_: &[OsString]) -> Result<(), Failure> {
    let mut command = if is_nextest_there() {
        cargo::cargo(["nextest", "run"])
    } else {
        cargo::cargo(["test", "--quiet"])
    };
    command.args(cargo::WHOLE).args(["--lib", "--bins"]);
    let core = cargo::root().join("crates/industrydata-core/tests");
    for entry in fs::read_dir(core)? {
        let path = entry?.path();
        if let Some(name) = path
            .file_stem()
            .filter(|_| path.extension() == Some("rs".as_ref()))
        {
            command.arg("--test").arg(name);
        }
    }
    cargo::show(&mut command)
}

/// Every test of the workspace with the stores' servers up, the documentation's examples, and the vectors.
pub(crate) fn all() -> Result<Tally, Failure> {
    if cfg!(unix) {
        // Installs the database server and strace where they are missing and may be installed.
        let mut packages = Command::new(".ci/packages");
        cargo::show(packages.current_dir(cargo::root()))?;
    }
    let stores = Stores::start()?;
    let left = tempfile::Builder::new()
        .prefix("industrydata-tests-")
        .tempdir()?;
    let mut tally = Tally::default();
    if is_nextest_there() {
        // Where nextest writes its report.
        let reports = cargo::target()?.join("nextest/ci");
        if reports.exists() {
            fs::remove_dir_all(&reports)?;
        }
        let arguments = ["nextest", "run", "--profile", "ci"];
        tally.count(&mut tests(&arguments, &stores, left.path()), &[])?;
        tally.add_report(&fs::read_to_string(reports.join("junit.xml"))?)?;
        tally.leaks += canary::in_files(&reports)?.0;
        tally.count(
            &mut tests(&["test", "--doc", "--no-fail-fast"], &stores, left.path()),
            &[],
        )?;
    } else {
        // Tests that run a program must not have to build it within their time limits.
        cargo::show(cargo::cargo(["build", "--all-targets"]).args(cargo::WHOLE))?;
        let mut command = tests(&["test", "--no-fail-fast"], &stores, left.path());
        // What passing tests put out is looked through, too.
        tally.count(&mut command, &["--", "--show-output"])?;
    }
    let (leaks, files) = canary::in_files(left.path())?;
    tally.leaks += leaks;
    println!("stores that ran: memory, SQLite, {}", stores.about());
    println!(
        "tokens in the output of the tests and in the {files} files that they left: {}",
        tally.leaks
    );
    let vectors = vectors::run(None)?;
    tally.passed += u64::try_from(vectors.passed)?;
    tally.failed += u64::try_from(vectors.failed)?;
    Ok(tally)
}

fn is_nextest_there() -> bool {
    let there = NEXTEST.is_there();
    if !there {
        println!(
            "cargo-nextest is not installed: `cargo test` runs the tests; to have them faster, \
             `cargo install --locked {}`",
            NEXTEST.package()
        );
    }
    there
}

/// A command that runs tests, told of the servers and of the folder for temporary files.
fn tests(arguments: &[&str], stores: &Stores, left: &Path) -> Command {
    let mut command = cargo::cargo(arguments);
    command.args(cargo::WHOLE).env("TMPDIR", left);
    stores.tell(&mut command);
    command
}

impl Tally {
    /// Prints the count in the last line. A run without tests has failed.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        println!("{} passed, {} failed", self.passed, self.failed);
        if self.leaks > 0 {
            return Err("a token of the tests was printed or left in a file".into());
        }
        if self.failed > 0 || self.passed == 0 {
            return Err("the tests did not pass".into());
        }
        Ok(())
    }

    /// Runs tests, passes on what they put out, and counts.
    fn count(&mut self, command: &mut Command, more: &[&str]) -> Result<(), Failure> {
        let failed = self.failed;
        let mut child = command
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let stderr = child.stderr.take();
        let errors =
            thread::spawn(move || stderr.map_or(Ok(0), |stderr| pass_on(stderr, io::stderr())));
        let mut seeker = Seeker::new();
        if let Some(stdout) = child.stdout.take() {
            for line in BufReader::new(stdout).split(b'\n') {
                let bytes = line?;
                seeker.see(&bytes);
                seeker.see(b"\n");
                let line = String::from_utf8_lossy(&bytes).into_owned();
                println!("{line}");
                if let Some(counts) = line.strip_prefix("test result: ") {
                    self.add(counts);
                }
            }
        }
        let status = child.wait()?;
        self.leaks += seeker.hits() + errors.join().map_err(|_| "stderr was not read")??;
        if !status.success() && self.failed == failed {
            // nextest's failures are counted from its report, and 100 is its code for them. All else counts as one.
            self.failed += u64::from(status.code() != Some(100));
        }
        Ok(())
    }

    /// Adds a line of libtest's: `ok. 3 passed; 0 failed; 1 ignored; ...`.
    fn add(&mut self, counts: &str) {
        for part in counts.split([';', '.']) {
            let mut words = part.split_whitespace();
            let (Some(number), what) = (words.next(), words.next()) else {
                continue;
            };
            let number = number.parse().unwrap_or(0);
            match what {
                Some("passed") => self.passed += number,
                Some("failed") => self.failed += number,
                _ => {}
            }
        }
    }

    /// Adds the counts of a JUnit report: `<testsuites ... tests="3" failures="1" errors="0" ...>`.
    fn add_report(&mut self, report: &str) -> Result<(), Failure> {
        let head = report.split_once("<testsuites ").map(|(_, rest)| rest);
        let head = head.and_then(|rest| rest.split('>').next());
        let head = head.ok_or("nextest wrote a report without a count")?;
        let number = |name: &str| -> Result<u64, Failure> {
            let (_, value) = head
                .split_once(&format!(" {name}=\""))
                .ok_or("nextest left a count out")?;
            let digits = value.split('"').next().unwrap_or_default();
            Ok(digits.parse()?)
        };
        let failed = number("failures")? + number("errors")?;
        self.failed += failed;
        self.passed += number("tests")?.saturating_sub(failed);
        Ok(())
    }
}

/// Passes on what is put out on stderr, and returns how often the mark of the tests' tokens is in it.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stderr_is_passed_on_and_looked_through() {
        let planted = format!("{}{}\n", " ".repeat(8188), canary::MARK);
        let mut passed = Vec::new();
        assert_eq!(pass_on(planted.as_bytes(), &mut passed).unwrap(), 1);
        assert_eq!(passed, planted.as_bytes());
        assert_eq!(pass_on(&b"nothing\n"[..], io::sink()).unwrap(), 0);
    }

    #[test]
    fn results_are_counted() {
        let mut tally = Tally::default();
        tally.add(
            "ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.05s",
        );
        tally.add("FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; finished in 1.00s");
        let report = "<?xml?>\n<testsuites name=\"nextest-run\" tests=\"9\" failures=\"2\" errors=\"1\" uuid=\"x\">\n<testsuite tests=\"1\">";
        tally.add_report(report).unwrap();
        assert_eq!((tally.passed, tally.failed), (10, 5));
        assert!(tally.add_report("<testsuites tests=\"9\">").is_err());
        assert!(tally.add_report("").is_err());
    }
}
