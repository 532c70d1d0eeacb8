//! Mutation testing of the core and the ledger by cargo-mutants. Its configuration is `.cargo/mutants.toml`, with the
//! mutants that no test can tell from the code.

use std::{ffi::OsString, fs, process::Command};

use crate::{
    Failure, cargo,
    flags::Flags,
    stores::Stores,
    tools::{MUTANTS, NEXTEST},
};

pub(crate) const USAGE: &str = "mutants [--package core|ledger|all] [--shard K/N] [--changed REV|recorded] [--most N] [--jobs N]";

pub(crate) fn run(arguments: &[OsString]) -> Result<(), Failure> {
    let flags = Flags::read(arguments, USAGE)?;
    let packages: &[&str] = match flags.text("--package").unwrap_or("all") {
        "core" => &["industrydata-core"],
        "ledger" => &["industrydata-ledger"],
        "all" => &["industrydata-core", "industrydata-ledger"],
        _ => return Err(flags.wrong()),
    };
    NEXTEST.need()?;
    MUTANTS.need()?;
    let mut survived = Vec::new();
    for package in packages {
        if !are_caught(package, &flags)? {
            survived.push(*package);
        }
    }
    if survived.is_empty() {
        return Ok(());
    }
    Err(format!(
        "mutants survived in {}: add a test, or an entry with its reason to .cargo/mutants.toml",
        survived.join(" and ")
    )
    .into())
}

/// Whether every mutant of a package makes a test fail, of those that the flags choose.
fn are_caught(package: &str, flags: &Flags) -> Result<bool, Failure> {
    let out = cargo::root().join("target/mutants-run").join(package);
    fs::create_dir_all(&out)?;
    let mut chosen = vec!["mutants".to_owned(), "--package".into(), package.into()];
    if let Some(since) = flags.text("--changed") {
        let changes = changes(package, since)?;
        if changes.is_empty() {
            println!("{package}: nothing has changed since {since}");
            return Ok(true);
        }
        let diff = out.join("changed.diff");
        fs::write(&diff, changes)?;
        chosen.extend(["--in-diff".to_owned(), diff.to_string_lossy().into_owned()]);
    }
    if let Some(shard) = flags.text("--shard") {
        chosen.extend(["--shard".to_owned(), shard.to_owned()]);
    } else if let most @ 1.. = flags.number("--most", 0)? {
        let listed = cargo::read(cargo::cargo(&chosen).arg("--list"))?;
        let shards = listed.lines().count().div_ceil(most).max(1);
        chosen.extend(["--shard".to_owned(), format!("0/{shards}")]);
    }
    let mut command = cargo::cargo(&chosen);
    command.args(["--jobs", flags.text("--jobs").unwrap_or("2"), "--output"]);
    command.arg(&out).env("NEXTEST_PROFILE", "mutants");
    let mut servers = None;
    if package == "industrydata-ledger" {
        let started = Stores::start()?;
        started.tell(command.args(["--features", "postgres"]));
        servers = Some(started);
    }
    let status = command.status()?;
    drop(servers);
    // 2: some survived; 3: some ran into the time limit, which is a failed test. Other codes mean that nothing was shown.
    match status.code() {
        Some(0 | 3) => Ok(true),
        Some(2) => Ok(false),
        _ => Err(format!("cargo mutants ended with {status}: see {}", out.display()).into()),
    }
}

/// The changes of a package's sources since a commit, or since the one that the configuration names.
fn changes(package: &str, since: &str) -> Result<String, Failure> {
    let configuration = fs::read_to_string(cargo::root().join(".cargo/mutants.toml"))?;
    let mut lines = configuration.lines();
    let recorded = lines.find_map(|line| line.strip_prefix("# all were run at "));
    let since = match since {
        "recorded" => {
            recorded.ok_or(".cargo/mutants.toml does not say at which commit all were run")?
        }
        rev => rev,
    };
    let mut diff = Command::new("git");
    diff.args(["diff", since, "--", &format!("crates/{package}/src")]);
    cargo::read(diff.current_dir(cargo::root()))
}
