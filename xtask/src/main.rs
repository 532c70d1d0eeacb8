//! The project's checks: `cargo xtask <command>`. Tools of the ecosystem do the work; what they lack is here.

mod bench;
mod canary;
mod cargo;
mod checks;
mod coverage;
mod flags;
mod fuzz;
mod mutants;
mod postgres;
mod programs;
mod stores;
mod test;
mod tiers;
mod tools;
mod vectors;

use std::{env, ffi::OsString, path::Path, process::ExitCode};

/// What a command does with its arguments.
type Check = fn(&[OsString]) -> Result<(), Failure>;

/// Why a check did not pass, or could not be done.
type Failure = Box<dyn std::error::Error>;

/// The commands: name and arguments, what it does, and the function.
const COMMANDS: &[(&str, &str, Check)] = &[
    (
        "check",
        "the quick half, for every change: format, lints, unit tests and the core's tests",
        tiers::check,
    ),
    (
        "test",
        "every test: code, vectors, conformance, stores, documentation",
        test::run,
    ),
    (
        "ci",
        "what continuous integration runs: `check`, `test`, documentation, dependencies, demo, simulation",
        tiers::ci,
    ),
    (
        "nightly",
        "what takes hours: a million histories, fuzzing, mutants, soak, cuts, coverage, features",
        tiers::nightly,
    ),
    (
        "tools",
        "install the tools that `ci` calls, where they are missing",
        checks::tools,
    ),
    (
        "stores COMMAND...",
        "run a command with the database servers of the tests up, and their addresses in its environment",
        stores::run,
    ),
    (
        "vectors [DIR]",
        "run the vectors of every *.jsonl in DIR (tests/vectors) against the core",
        run_vectors,
    ),
    (
        programs::SIMULATE,
        "play histories of many clients in virtual time and check the laws; 20,000 unless told otherwise",
        programs::simulate,
    ),
    (
        programs::SOAK,
        "kill processes while they start runs, and compare what was accepted with the ledger; 60 s in all",
        programs::soak,
    ),
    (
        "cuts",
        "break exchanges at every byte and drop futures at every await point, in each adapter",
        programs::cuts,
    ),
    (
        fuzz::USAGE,
        "each fuzz target for 30 s: by libFuzzer on nightly, or else the same bodies on stable",
        fuzz::run,
    ),
    (
        mutants::USAGE,
        "change the code of the core and the ledger in small ways; each time a test has to fail",
        mutants::run,
    ),
    (
        "coverage",
        "the lines of the core and the ledger that their tests reach",
        coverage::run,
    ),
    (
        "bench",
        "count instructions and allocations of an operation, beside loops written by hand",
        bench::run,
    ),
    ("fmt", "the format of the code", checks::fmt),
    ("clippy", "the lints, as errors", checks::clippy),
    ("doc", "the documentation and its links", checks::doc),
    (
        "features",
        "each crate with each of its features alone",
        checks::features,
    ),
    (
        "trees",
        "the crates that each of ours must not depend on",
        checks::trees,
    ),
    (
        "deny",
        "licences, sources and doubled crates of the dependencies",
        checks::deny,
    ),
    (
        "demo",
        "the demo of the README, in a bounded time",
        checks::demo,
    ),
];

fn main() -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let (name, rest) = match arguments.split_first() {
        Some((name, rest)) => (name.to_string_lossy().into_owned(), rest),
        None => (String::new(), [].as_slice()),
    };
    let named = |it: &&(&str, &str, Check)| it.0.split(' ').next() == Some(name.as_str());
    let Some((usage, _, run)) = COMMANDS.iter().find(named) else {
        print_commands(&name);
        return ExitCode::from(2);
    };
    if !rest.is_empty() && !usage.contains(' ') {
        eprintln!("error: {usage} takes no arguments");
        return ExitCode::from(2);
    }
    match run(rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run_vectors(arguments: &[OsString]) -> Result<(), Failure> {
    let folder = match arguments {
        [] => None,
        [folder] => Some(Path::new(folder)),
        _ => return Err("vectors takes one folder at most".into()),
    };
    let tally = vectors::run(folder)?;
    if tally.failed > 0 {
        return Err(format!("{} vectors failed", tally.failed).into());
    }
    Ok(())
}

fn print_commands(asked: &str) {
    if !asked.is_empty() {
        eprintln!("there is no command `{asked}`");
    }
    eprintln!("usage: cargo xtask <command>");
    for (usage, about, _) in COMMANDS {
        eprintln!("  {usage:10} {about}");
    }
}
