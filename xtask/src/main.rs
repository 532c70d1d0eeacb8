//! The project's checks: `cargo xtask <command>`, one documented function a check.

mod bench;
mod canary;
mod cargo;
mod checks;
mod coverage;
mod cuts;
mod fuzz;
mod mutants;
mod planted;
mod postgres;
mod simulate;
mod soak;
mod stores;
mod test;
mod tools;
mod vectors;

use std::{env, ffi::OsString, path::Path, process::ExitCode};

/// A check by its name on the command line.
struct Command {
    name: &'static str,
    arguments: &'static str,
    about: &'static str,
    run: Check,
}

/// What a check does with its arguments.
type Check = fn(&[OsString]) -> Result<ExitCode, Failure>;

/// What a check ends with when it could not be done.
type Failure = Box<dyn std::error::Error>;

const COMMANDS: &[Command] = &[
    Command {
        name: "ci",
        arguments: "",
        about: "every check, in the order of what fails soonest",
        run: checks::ci,
    },
    Command {
        name: "test",
        arguments: "",
        about: "every test: beside the code, vectors, conformance, documentation",
        run: test::run,
    },
    Command {
        name: "stores",
        arguments: "COMMAND...",
        about: "run a command with the servers up that stores are tested on, and told to it as to the tests",
        run: stores::run,
    },
    Command {
        name: "soak",
        arguments: "[--seconds N] [--store sqlite|postgres|all] [--kills N] [--seed N]",
        about: "kill processes while they start runs, and hold what was accepted against the books; 60 s in all",
        run: soak::run,
    },
    Command {
        name: "coverage",
        arguments: "",
        about: "which lines and regions of the core and the ledger their tests reach",
        run: coverage::run,
    },
    Command {
        name: "mutants",
        arguments: "[--package core|ledger|all] [--shard K/N] [--changed REV|recorded] [--most N] [--jobs N]",
        about: "change the code in every small way that a tool knows, and demand that a test fails",
        run: mutants::run,
    },
    Command {
        name: "fuzz",
        arguments: "[--seconds N] [--seed N] [--stable] [TARGET...]",
        about: "each fuzz target for 30 s: by libFuzzer on nightly, else the same bodies on stable",
        run: fuzz::run,
    },
    Command {
        name: "planted",
        arguments: "[NAME...]",
        about: "plant the faults of tests/planted in a copy of the tree, each to be caught by the test it names",
        run: planted::run,
    },
    Command {
        name: "simulate",
        arguments: "[--seeds N] [--from SEED] [--threads N] | --seed SEED | --script FILE",
        about: "play histories of many clients in virtual time, and hold them against the laws; 20,000 unless told otherwise",
        run: simulate::run,
    },
    Command {
        name: "cuts",
        arguments: "",
        about: "break exchanges at every byte and drop futures at every await point: n of n for each adapter",
        run: cuts::run,
    },
    Command {
        name: "bench",
        arguments: "",
        about: "count what an operation costs, in instructions and allocations, beside loops written by hand",
        run: bench::run,
    },
    Command {
        name: "vectors",
        arguments: "[DIR]",
        about: "run the vectors of every *.jsonl in DIR (tests/vectors) against the core",
        run: run_vectors,
    },
    Command {
        name: "fmt",
        arguments: "",
        about: "the layout of the code",
        run: checks::fmt,
    },
    Command {
        name: "clippy",
        arguments: "",
        about: "the lints, as errors",
        run: checks::clippy,
    },
    Command {
        name: "doc",
        arguments: "",
        about: "the documentation, with its links",
        run: checks::doc,
    },
    Command {
        name: "features",
        arguments: "",
        about: "each crate with each of its features alone",
        run: checks::features,
    },
    Command {
        name: "trees",
        arguments: "",
        about: "what each crate may depend on, and what it must not",
        run: checks::trees,
    },
    Command {
        name: "deny",
        arguments: "",
        about: "licences, sources and doubled crates of the dependencies",
        run: checks::deny,
    },
    Command {
        name: "demo",
        arguments: "",
        about: "the README's main job, in a bounded time",
        run: checks::demo,
    },
];

fn main() -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let (name, rest) = match arguments.split_first() {
        Some((name, rest)) => (name.to_string_lossy().into_owned(), rest),
        None => (String::new(), [].as_slice()),
    };
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        print_commands(&name);
        return ExitCode::from(2);
    };
    match (command.run)(rest) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run_vectors(arguments: &[OsString]) -> Result<ExitCode, Failure> {
    let folder = match arguments {
        [] => None,
        [folder] => Some(Path::new(folder)),
        _ => return Err("vectors takes one folder at most".into()),
    };
    let tally = vectors::run(folder)?;
    Ok(if tally.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn print_commands(asked: &str) {
    if !asked.is_empty() {
        eprintln!("no command is named `{asked}`");
    }
    eprintln!("usage: cargo xtask <command>");
    for command in COMMANDS {
        let usage = format!("{} {}", command.name, command.arguments);
        eprintln!("  {usage:16} {}", command.about);
    }
}
