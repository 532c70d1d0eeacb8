//! Mutation testing of the core and the ledger: each mutant has to make a test fail, or to stand in `tests/mutants.txt`
//! with the reason why no test can tell it from the code.

mod list;

use std::{
    ffi::OsString,
    fs,
    path::Path,
    process::{Command, ExitCode},
};

use self::list::{List, kind};
use crate::{Failure, cargo, stores::Stores, tools};

const USAGE: &str = "mutants [--package core|ledger|all] [--shard K/N] [--changed REV|recorded] [--most N] [--jobs N]";
/// Ledger tests that take minutes on purpose (every byte, every system call, kills): too slow to run for each mutant, and
/// none of them is the only one that checks what it checks.
const SLOW: [&str; 9] = [
    "t50_killed",
    "t51_threads_race_to",
    "t52_cut_at_every",
    "t52_every_byte",
    "t53_t54_every",
    "t56_holders_killed",
    "t59_backends",
    "t59_cut_at_every",
    "t61_a_server",
];

/// What is asked for.
struct Asked {
    packages: Vec<&'static str>,
    shard: Option<String>,
    changed: Option<String>,
    most: Option<usize>,
    jobs: String,
}

pub(crate) fn run(arguments: &[OsString]) -> Result<ExitCode, Failure> {
    let mut asked = Asked::read(arguments)?;
    tools::MUTANTS.need()?;
    let list = List::read(&cargo::root().join("tests/mutants.txt"))?;
    if asked.changed.as_deref() == Some("recorded") {
        let Some(commit) = &list.commit else {
            println!(
                "left out: mutants of what has changed since all were run, since tests/mutants.txt names no such commit yet"
            );
            return Ok(ExitCode::SUCCESS);
        };
        asked.changed = known(commit);
    }
    let mut open = 0;
    for package in asked.packages.clone() {
        open += judge(package, &asked, &list)?;
    }
    Ok(if open == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

impl Asked {
    fn read(arguments: &[OsString]) -> Result<Self, Failure> {
        let mut asked = Self {
            packages: vec!["industrydata-core", "industrydata-ledger"],
            shard: None,
            changed: None,
            most: None,
            jobs: "2".to_owned(),
        };
        let mut words = arguments.iter().map(|word| word.to_string_lossy());
        while let Some(word) = words.next() {
            let value = words.next().ok_or(USAGE)?.into_owned();
            match (word.as_ref(), value.as_str()) {
                ("--package", "core") => asked.packages = vec!["industrydata-core"],
                ("--package", "ledger") => asked.packages = vec!["industrydata-ledger"],
                ("--package", "all") => {}
                ("--shard", _) => asked.shard = Some(value),
                ("--changed", _) => asked.changed = Some(value),
                ("--most", _) => asked.most = Some(value.parse()?),
                ("--jobs", _) => asked.jobs = value,
                _ => return Err(USAGE.into()),
            }
        }
        Ok(asked)
    }
}

/// The commit, if this clone's history has it.
fn known(commit: &str) -> Option<String> {
    let found = Command::new("git")
        .args(["cat-file", "-e", &format!("{commit}^{{commit}}")])
        .current_dir(cargo::root())
        .status();
    if found.is_ok_and(|status| status.success()) {
        return Some(commit.to_owned());
    }
    println!(
        "the commit at which all mutants were run is not in this clone's history: a part of all is run instead"
    );
    None
}

/// Runs one package's mutants; gives how many survived that the list does not name.
fn judge(package: &str, asked: &Asked, list: &List) -> Result<usize, Failure> {
    let out = cargo::root().join("target/mutants-run").join(package);
    fs::create_dir_all(&out)?;
    let mut chosen = vec!["mutants".to_owned(), "--package".into(), package.into()];
    if let Some(rev) = &asked.changed {
        let diff = out.join("changed.diff");
        if !write_diff(rev, package, &diff)? {
            println!("{package}: nothing of it has changed since {rev}");
            return Ok(0);
        }
        chosen.extend(["--in-diff".to_owned(), diff.to_string_lossy().into_owned()]);
    }
    let words: Vec<&str> = chosen.iter().map(String::as_str).collect();
    let count = cargo::read(&[words.as_slice(), &["--list"]].concat())?
        .lines()
        .count();
    if count == 0 {
        println!("{package}: no mutant to run");
        return Ok(0);
    }
    let shard = asked.shard.clone().or_else(|| part(count, asked.most));
    if let Some(shard) = &shard {
        println!("{package}: {count} mutants, of which part {shard} is run");
        chosen.extend(["--shard".to_owned(), shard.clone()]);
    }
    execute(package, &chosen, asked, &out)?;
    report(
        package,
        &out.join("mutants.out"),
        list,
        shard.is_none() && asked.changed.is_none(),
    )
}

/// The first of as many parts as bring `count` down to `most`.
fn part(count: usize, most: Option<usize>) -> Option<String> {
    let parts = count.div_ceil(most?.max(1));
    (parts > 1).then(|| format!("0/{parts}"))
}

/// The package's sources as they changed since `rev`; false if they did not.
fn write_diff(rev: &str, package: &str, to: &Path) -> Result<bool, Failure> {
    let diff = Command::new("git")
        .args(["diff", rev, "--", &format!("crates/{package}/src")])
        .current_dir(cargo::root())
        .output()?;
    if !diff.status.success() {
        return Err(format!(
            "git knows no {rev}: {}",
            String::from_utf8_lossy(&diff.stderr)
        )
        .into());
    }
    fs::write(to, &diff.stdout)?;
    Ok(!diff.stdout.is_empty())
}

fn execute(package: &str, chosen: &[String], asked: &Asked, out: &Path) -> Result<(), Failure> {
    let words: Vec<&str> = chosen.iter().map(String::as_str).collect();
    let mut command = cargo::cargo(&words);
    // The faster of the two, where it is there: it ends at the first test that fails.
    let nextest = cargo::cargo(&["nextest", "--version"]).output()?;
    let runner = if nextest.status.success() {
        "nextest"
    } else {
        "cargo"
    };
    command
        .args([
            "--test-tool",
            runner,
            "--profile",
            "mutants",
            "--cap-lints",
            "true",
            "--no-shuffle",
        ])
        .args([
            "--minimum-test-timeout",
            "30",
            // A constant that a mutant makes go round for ever keeps the compiler for as long.
            "--build-timeout",
            "600",
            "--jobs",
            &asked.jobs,
            "--output",
        ])
        .arg(out)
        .args(["--cargo-arg=--lib", "--cargo-arg=--tests"]);
    let mut servers = None;
    if package == "industrydata-ledger" {
        let started = Stores::start()?;
        started.tell(&mut command);
        servers = Some(started);
        command.args(["--features", "postgres", "--", "--"]);
        command.args(SLOW.iter().flat_map(|name| ["--skip", name]));
    }
    let status = command.status()?;
    drop(servers);
    // 0: all caught; 2: some survived; 3: some ran into the limit of time. The rest means that nothing was shown.
    match status.code() {
        Some(0 | 2 | 3) => Ok(()),
        _ => Err(format!("cargo mutants ended with {status}: {}", out.display()).into()),
    }
}

/// Holds the survivors against the list.
fn report(package: &str, out: &Path, list: &List, whole: bool) -> Result<usize, Failure> {
    let lines = |name: &str| -> Vec<String> {
        let text = fs::read_to_string(out.join(name)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    };
    let (caught, unviable, timeouts) = (
        lines("caught.txt"),
        lines("unviable.txt"),
        lines("timeout.txt"),
    );
    let missed = lines("missed.txt");
    let (known, open): (Vec<_>, Vec<_>) = missed.iter().partition(|line| list.allows(&kind(line)));
    println!(
        "{package}: {} caught, {} ran into the limit of time, {} do not build, {} survived with a reason, {} survived without",
        caught.len(),
        timeouts.len(),
        unviable.len(),
        known.len(),
        open.len()
    );
    for line in &open {
        println!("  survived: {line}");
    }
    if !whole {
        return Ok(open.len());
    }
    let stale: Vec<&str> = list.stale(package, &missed);
    for line in &stale {
        println!("  in tests/mutants.txt, but caught or gone: {line}");
    }
    Ok(open.len() + stale.len())
}
