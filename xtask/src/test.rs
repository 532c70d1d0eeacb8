//! The tests: all of them, or the quick ones.

use std::{
    fs,
    io::{self, BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use crate::{Failure, canary, cargo, marks, stores::Stores, tools::NEXTEST};

/// How libtest's lines with counts begin.
const LIBTEST: &str = "test result: ";
/// What a test prints if this machine lacks what it needs, followed by what that is.
const NOT_RUN: &str = "not run: ";

/// The counts of a test run.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Tests that ended well, with those that did not run.
    ended: u64,
    failed: u64,
    /// Tests that said that they did not run.
    not_run: u64,
    /// How often a token of the tests was found in their output or in files that they left.
    leaks: u64,
}

/// The unit tests of all crates, and all tests of the core.
pub(crate) fn quick() -> Result<(), Failure> {
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
        let reports = cargo::target()?.join("nextest/ci");
        if reports.exists() {
            fs::remove_dir_all(&reports)?;
        }
        let status = tests("nextest run --profile ci", &stores, left.path()).status()?;
        // 100: tests failed, which the report counts.
        if ![Some(0), Some(100)].contains(&status.code()) {
            return Err(format!("cargo nextest ended with {status}").into());
        }
        tally.add_report(&fs::read_to_string(reports.join("junit.xml"))?)?;
        tally.leaks += canary::in_files(&reports)?.0;
        let mut command = tests("test --doc --no-fail-fast", &stores, left.path());
        tally.count(&mut command, LIBTEST)?;
    } else {
        // Otherwise tests that run a program would build it within their time limits.
        cargo::show(cargo::cargo(["build", "--all-targets"]).args(cargo::WHOLE))?;
        let mut command = tests("test --no-fail-fast", &stores, left.path());
        // Their output is searched, too.
        tally.count(command.args(["--", "--show-output"]), LIBTEST)?;
    }
    let (leaks, files) = canary::in_files(left.path())?;
    tally.leaks += leaks;
    println!("stores that ran: memory, SQLite, {}", stores.about());
    println!(
        "tokens in the output of the tests and in the {files} files that they left: {}",
        tally.leaks
    );
    tally.count(&mut cargo::program(&["vectors"], None)?, "")?;
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

/// A command that runs tests, with the servers' addresses and the folder for temporary files in its environment.
fn tests(words: &str, stores: &Stores, left: &Path) -> Command {
    let mut command = cargo::cargo(words.split(' '));
    command.args(cargo::WHOLE).env("TMPDIR", left);
    stores.tell(&mut command);
    command
}

impl Tally {
    /// Prints the count in the last line. A run without tests has failed.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        let passed = self.passed();
        println!(
            "{passed} passed, {} failed, {} not run",
            self.failed, self.not_run
        );
        if self.leaks > 0 {
            return Err("a token of the tests was printed or left in a file".into());
        }
        if self.failed > 0 || passed == 0 {
            return Err("the tests did not pass".into());
        }
        Ok(())
    }

    /// Runs tests, prints their output, and adds the counts of the lines that begin so.
    fn count(&mut self, command: &mut Command, begin: &str) -> Result<(), Failure> {
        let before = self.failed;
        let mut said = false;
        let (output, writer) = io::pipe()?;
        let mut child = command.stdout(writer.try_clone()?).stderr(writer).spawn()?;
        // Closes the writers of this process. Otherwise the output would not end with the tests.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        for line in BufReader::new(output).split(b'\n') {
            let line = line?;
            self.leaks += marks::hits(&line);
            let line = String::from_utf8_lossy(&line);
            show(&line);
            // The output of each test has a heading.
            said &= !line.starts_with("---- ");
            if why_not_run(&line).is_some() && !said {
                said = true;
                self.not_run += 1;
            }
            if let Some(counts) = line.strip_prefix(begin) {
                self.add(counts);
            }
        }
        if !child.wait()?.success() && self.failed == before {
            return Err("the tests did not build, or did not end".into());
        }
        Ok(())
    }

    /// Adds a line of libtest or of the vectors: `ok. 3 passed; 0 failed; 1 ignored; ...`, `3 passed, 0 failed`.
    fn add(&mut self, counts: &str) {
        for part in counts.split([';', '.', ',']) {
            let mut words = part.split_whitespace();
            let (Some(number), what) = (words.next(), words.next()) else {
                continue;
            };
            let number = number.parse().unwrap_or(0);
            match what {
                Some("passed") => self.ended += number,
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
        self.ended += number("tests")?.saturating_sub(failed);
        for case in report.split("<testcase ").skip(1) {
            if let Some(why) = case.lines().find_map(why_not_run)
                && !case.contains("<failure")
            {
                let name = case.split("name=\"").nth(1);
                let name = name.and_then(|rest| rest.split('"').next());
                show(&format!("{NOT_RUN}{}: {why}", name.unwrap_or_default()));
                self.not_run += 1;
            }
        }
        Ok(())
    }

    fn passed(&self) -> u64 {
        self.ended.saturating_sub(self.not_run)
    }
}

/// What a test lacked, by a line of its output.
fn why_not_run(line: &str) -> Option<&str> {
    let line = line.rsplit_once("... ").map_or(line, |(_, rest)| rest);
    let line = line
        .rsplit_once("<system-out>")
        .map_or(line, |(_, rest)| rest);
    line.strip_prefix(NOT_RUN)
}

/// Prints a line, but not in the tests of this program: what they play must not be counted.
fn show(line: &str) {
    if !cfg!(test) {
        println!("{line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_counted() {
        let mut tally = Tally::default();
        tally.add(
            "ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.05s",
        );
        tally.add("2 passed, 1 failed");
        tally.add("FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; finished in 1.00s");
        let report = "<?xml?>\n<testsuites name=\"nextest-run\" tests=\"9\" failures=\"2\" errors=\"1\" uuid=\"x\">\n<testsuite tests=\"1\">";
        tally.add_report(report).unwrap();
        assert_eq!((tally.passed(), tally.failed), (12, 6));
        assert!(tally.add_report("<testsuites tests=\"9\">").is_err());
        assert!(tally.add_report("").is_err());
    }

    #[test]
    fn a_test_that_did_not_run_has_not_passed() {
        let said = "<system-out>\nrunning 1 test\nnot run: no strace\nnot run: no strace\ntest a ... ok</system-out>";
        let report = format!(
            "<testsuites name=\"x\" tests=\"5\" failures=\"1\" errors=\"0\">\n<testcase name=\"a\">{said}</testcase>\n\
            <testcase name=\"b\"><system-out>test b ... not run: no server</system-out></testcase>\n\
            <testcase name=\"c\"><system-out>it has not run: yes</system-out></testcase>\n\
            <testcase name=\"d\"><failure/>{said}</testcase>\n<testcase name=\"e\"/>"
        );
        let mut tally = Tally::default();
        tally.add_report(&report).unwrap();
        assert_eq!((tally.passed(), tally.failed, tally.not_run), (2, 1, 2));

        let mut tally = Tally::default();
        let lines = "---- a stdout ----\nnot run: no strace\nnot run: no strace\n\n---- b stdout ----\n\
            not run: no server\n\ntest result: ok. 3 passed; 0 failed; 1 ignored";
        let mut echo = Command::new("printf");
        tally.count(echo.args(["%s", lines]), LIBTEST).unwrap();
        assert_eq!((tally.passed(), tally.failed, tally.not_run), (1, 0, 2));
    }
}
