//! The fuzz targets, each for a bounded time: by libFuzzer on nightly, or else the same bodies on stable.

mod libfuzzer;

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    time::{SystemTime, UNIX_EPOCH},
};

use crate::{Failure, cargo};

const USAGE: &str = "fuzz [--seconds N] [--seed N] [--stable] [TARGET...]";
/// Where seeds, corpora, artefacts and the build are kept, under the workspace's `target`.
const FOLDER: &str = "target/fuzz";

/// What one target came to.
struct Report {
    executions: u64,
    /// Coverage, features and corpus, as libFuzzer counts them; `None` without it.
    coverage: Option<String>,
    /// The input that broke the property.
    artefact: Option<PathBuf>,
}

/// Runs each target for so many seconds, and says what each came to. Any crash fails.
pub(crate) fn run(arguments: &[OsString]) -> Result<ExitCode, Failure> {
    let (mut seconds, mut on_stable, mut asked) = (30_u64, false, Vec::new());
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    // libFuzzer's own is of 32 bits, and 0 asks it for one by chance.
    let mut seed = now.subsec_nanos().max(1);
    let mut words = arguments.iter().map(|word| word.to_string_lossy());
    while let Some(word) = words.next() {
        match word.as_ref() {
            "--seconds" => seconds = words.next().ok_or(USAGE)?.parse()?,
            "--seed" => seed = words.next().ok_or(USAGE)?.parse()?,
            "--stable" => on_stable = true,
            flag if flag.starts_with('-') => return Err(USAGE.into()),
            target => asked.push(target.to_owned()),
        }
    }
    let folder = cargo::root().join(FOLDER);
    let known = bodies(&["list".as_ref()])?;
    let known: Vec<&str> = known
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    if let Some(other) = asked.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(format!("there is no target {other}; there are {}", known.join(", ")).into());
    }
    let names = known
        .into_iter()
        .filter(|name| asked.is_empty() || asked.iter().any(|it| it == name));
    bodies(&["prepare".as_ref(), folder.as_os_str()])?;
    let by_libfuzzer = !on_stable && libfuzzer::is_there()?;
    if by_libfuzzer {
        libfuzzer::build(&folder)?;
    } else {
        println!(
            "without libFuzzer (it takes a nightly toolchain): the same bodies run on stable as properties, \
             on inputs mutated from the seeds, with no coverage to guide them"
        );
    }
    let mut crashes = 0;
    for name in names {
        let report = if by_libfuzzer {
            libfuzzer::run(&folder, name, seconds, seed)?
        } else {
            properties(&folder, name, seconds, seed)?
        };
        let coverage = report.coverage.as_deref().unwrap_or("coverage unknown");
        crashes += usize::from(report.artefact.is_some());
        let found = if report.artefact.is_some() {
            "1 crash"
        } else {
            "0 crashes"
        };
        println!(
            "{name}: {} executions in {seconds} s, {coverage}, {found}",
            report.executions
        );
        if let Some(artefact) = report.artefact {
            println!("  the input: {}", artefact.display());
            println!(
                "  once more: cargo run --package fuzz-bodies -- replay {name} {}",
                artefact.display()
            );
            println!("  mended, it becomes a file of tests/fuzz-bodies/regressions/{name}/");
        }
    }
    println!("{crashes} targets crashed");
    Ok(if crashes == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The same body on stable.
fn properties(folder: &Path, name: &str, seconds: u64, seed: u32) -> Result<Report, Failure> {
    let artefacts = folder.join("artifacts").join(name);
    let (seconds, seed) = (seconds.to_string(), seed.to_string());
    let output = command(&[
        "run".as_ref(),
        name.as_ref(),
        seconds.as_ref(),
        seed.as_ref(),
        artefacts.as_os_str(),
    ])
    .stdout(Stdio::piped())
    .spawn()?
    .wait_with_output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let after = |word: &str| {
        text.split_once(word)
            .map(|(_, rest)| rest.trim().to_owned())
    };
    let executions = after("executions ").and_then(|rest| rest.split(' ').next()?.parse().ok());
    let artefact = after(" artefact ").map(PathBuf::from);
    if !output.status.success() && artefact.is_none() {
        return Err(format!("{name} ended with {}", output.status).into());
    }
    Ok(Report {
        executions: executions.ok_or("no executions told")?,
        coverage: None,
        artefact,
    })
}

/// The standard output of the bodies' own program.
fn bodies(arguments: &[&std::ffi::OsStr]) -> Result<String, Failure> {
    fs::create_dir_all(cargo::root().join(FOLDER))?;
    let output = command(arguments).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("the bodies' program ended with {}", output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn command(arguments: &[&std::ffi::OsStr]) -> Command {
    let mut command = cargo::cargo(&[
        "run",
        "--quiet",
        "--locked",
        "--package",
        "fuzz-bodies",
        "--",
    ]);
    command.args(arguments);
    command
}
