//! cargo-fuzz on the nightly toolchain, and what libFuzzer says at the end.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::Report;
use crate::{Failure, cargo, tools};

/// The most memory a target may take, in MiB; an input that takes more is a crash.
const MEMORY: u32 = 2048;
/// The most time one input may take, in seconds; one that takes more is a crash.
const ONE_INPUT: u32 = 20;
const MAX_INPUT: u32 = 16 * 1024;

/// Whether there is a nightly toolchain; cargo-fuzz is installed for it where it is missing.
pub(super) fn is_there() -> Result<bool, Failure> {
    let version = nightly()
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if !version.is_ok_and(|status| status.success()) {
        return Ok(false);
    }
    tools::FUZZ.need()?;
    Ok(true)
}

/// Builds all targets. Without a sanitizer: there is no unsafe code of ours for one to watch.
pub(super) fn build(folder: &Path) -> Result<(), Failure> {
    println!("+ cargo fuzz build");
    let mut command = fuzz("build", folder);
    let output = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?
        .wait_with_output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!(
        "the targets do not build: {}",
        String::from_utf8_lossy(&output.stderr)
    )
    .into())
}

/// Runs one target. Its corpus stays for the next run.
pub(super) fn run(folder: &Path, name: &str, seconds: u64, seed: u32) -> Result<Report, Failure> {
    let corpus = folder.join("corpus").join(name);
    let artefacts = folder.join("artifacts").join(name);
    fs::create_dir_all(&corpus)?;
    fs::create_dir_all(&artefacts)?;
    let mut command = fuzz("run", folder);
    command
        .arg(name)
        .arg(&corpus)
        .arg(folder.join("seeds").join(name));
    let regressions = cargo::root()
        .join("tests/fuzz-bodies/regressions")
        .join(name);
    if regressions.is_dir() {
        command.arg(regressions);
    }
    command
        .arg("--")
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-seed={seed}"));
    command.arg(format!("-artifact_prefix={}/", artefacts.display()));
    let dictionary = folder.join(format!("{name}.dict"));
    if fs::metadata(&dictionary)?.len() > 0 {
        command.arg(format!("-dict={}", dictionary.display()));
    }
    command.args([
        format!("-rss_limit_mb={MEMORY}"),
        format!("-timeout={ONE_INPUT}"),
        format!("-max_len={MAX_INPUT}"),
        "-print_final_stats=1".to_owned(),
    ]);
    let output = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?
        .wait_with_output()?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    fs::write(folder.join(format!("{name}.log")), &text)?;
    let report = read(&text);
    if !output.status.success() && report.artefact.is_none() {
        return Err(format!("{name} ended with {} and no input: {text}", output.status).into());
    }
    Ok(report)
}

/// Reads libFuzzer's own words.
fn read(text: &str) -> Report {
    let after = |line: &str, word: &str| {
        line.split_once(word)
            .map(|(_, rest)| rest.trim().to_owned())
    };
    let executions = text
        .lines()
        .rev()
        .find_map(|line| after(line, "stat::number_of_executed_units:"));
    let artefact = text
        .lines()
        .find_map(|line| after(line, "Test unit written to "));
    let last = text
        .lines()
        .rev()
        .find(|line| line.starts_with('#') && line.contains(" cov: "));
    let coverage = last.and_then(|line| {
        let (_, figures) = line.split_once(" cov: ")?;
        let (figures, _) = figures.split_once(" exec/s").unwrap_or((figures, ""));
        let corpus = figures.split(" lim:").next().unwrap_or(figures);
        Some(format!("cov: {}", corpus.trim()))
    });
    // A crash leaves no final figures: the last line of progress has the count so far.
    let so_far = last.and_then(|line| line.trim_start_matches('#').split_whitespace().next());
    let executions = executions
        .as_deref()
        .or(so_far)
        .and_then(|number| number.parse().ok());
    Report {
        executions: executions.unwrap_or_default(),
        coverage,
        artefact: artefact.map(PathBuf::from),
    }
}

fn fuzz(what: &str, folder: &Path) -> Command {
    let mut command = nightly();
    command.args([
        "fuzz",
        what,
        "--sanitizer",
        "none",
        "--fuzz-dir",
        "tests/fuzz",
        "--target-dir",
    ]);
    command.arg(folder.join("build"));
    command
}

/// cargo of the nightly toolchain, whatever toolchain runs this.
fn nightly() -> Command {
    let mut command = Command::new("rustup");
    command
        .args(["run", "nightly", "cargo"])
        .current_dir(cargo::root());
    for name in [
        "CARGO",
        "RUSTC",
        "RUSTDOC",
        "RUSTUP_TOOLCHAIN",
        "CARGO_MANIFEST_DIR",
        "CARGO_PKG_NAME",
    ] {
        command.env_remove(name);
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_and_crashes_are_read() {
        let text = "#2\tINITED cov: 9 ft: 10 corp: 1/1b exec/s: 0 rss: 30Mb\n\
                    #4096\tpulse  cov: 41 ft: 77 corp: 12/300b lim: 4 exec/s: 99 rss: 31Mb\n\
                    #5000\tDONE   cov: 42 ft: 78 corp: 13/310b lim: 8 exec/s: 99 rss: 31Mb\n\
                    stat::number_of_executed_units: 5000\n";
        let report = read(text);
        assert_eq!(report.executions, 5000);
        assert_eq!(
            report.coverage.as_deref(),
            Some("cov: 42 ft: 78 corp: 13/310b")
        );
        assert_eq!(report.artefact, None);
        let crash = "#7\tNEW    cov: 9 ft: 10 corp: 2/1b exec/s: 0 rss: 30Mb\n\
                     artifact_prefix='/x/'; Test unit written to /x/crash-1\n";
        let report = read(crash);
        assert_eq!(
            (report.executions, report.artefact),
            (7, Some(PathBuf::from("/x/crash-1")))
        );
    }
}
