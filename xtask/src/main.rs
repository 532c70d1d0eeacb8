//! The project's checks: `cargo xtask <command>`. Tools of the ecosystem do the work; what they lack is here.

mod bench;
mod canary;
mod cargo;
mod checks;
mod coverage;
mod docs;
mod fuzz;
#[path = "../../tests/support/canary.rs"]
mod marks;
mod mutants;
#[path = "../../tests/support/postgres.rs"]
#[allow(dead_code, reason = "tests stop and resume a server, too")]
mod postgres;
mod programs;
mod release;
mod stores;
mod test;
mod tiers;
mod tools;

use std::{ffi::OsString, path::PathBuf, process::ExitCode};

use clap::Parser;

/// Why a check did not pass, or could not be done.
type Failure = Box<dyn std::error::Error>;

/// The project's checks.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Command {
    /// The tier for every change: format, lints, unit tests, and all tests of the core
    Check,
    /// Every test: code, vectors, conformance, stores, examples of the documentation
    Test,
    /// The tier for every push: lints, documentation, dependencies, demo, simulation, every test
    Ci,
    /// The tier of some hours: a million histories, fuzzing, mutants, soak, cuts, coverage, features
    Nightly,
    /// Install the tools that `ci` calls, where they are missing
    Tools,
    /// Run the vectors of every *.jsonl in DIR against the core
    Vectors {
        /// tests/vectors unless given
        dir: Option<PathBuf>,
    },
    /// Play histories of many clients in virtual time, and check the laws
    Simulate {
        /// [--seeds N] [--from SEED] [--threads N], or --seed SEED, or --script FILE; 20,000 seeds unless given
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Kill processes while they start runs, and compare what was accepted with the ledger
    Soak(programs::Soak),
    /// Break exchanges at every byte and drop futures at every await point, in each adapter
    Cuts,
    /// Use the emulator's status page in a headless Chromium
    Page {
        /// Keep a picture of the page
        #[arg(long, value_name = "FILE")]
        screenshot: Option<PathBuf>,
    },
    /// Run the fuzz targets: by libFuzzer on nightly, or else the same bodies on stable
    Fuzz(fuzz::Fuzz),
    /// Change the core and the ledger in small ways: each time a test has to fail
    Mutants(mutants::Mutants),
    /// Measure which lines of the core and the ledger their tests reach
    Coverage,
    /// Measure what the library costs, beside loops written by hand
    Bench(bench::Bench),
    /// Run a command with the tests' database servers up and their addresses in its environment
    Stores {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        command: Vec<OsString>,
    },
    /// Check the format of the code
    Fmt,
    /// Check the lints
    Clippy,
    /// Build the documentation and check its links
    Doc,
    /// Build the guide as a book and check its links
    Docs,
    /// Check each crate with each of its features alone, and with each two
    Features,
    /// Check the lints of the code for Windows, where the target is installed
    Windows,
    /// Check that no crate depends on one that it must not
    Trees,
    /// Check licences, sources and doubled crates of the dependencies
    Deny,
    /// Run the demo of the README in a bounded time
    Demo,
    /// Try what a release needs: changelog, features, compatibility, packages
    Release(release::Release),
}

impl Command {
    fn run(&self) -> Result<(), Failure> {
        match self {
            Self::Check => tiers::check(),
            Self::Test => test::all()?.finish(),
            Self::Ci => tiers::ci(),
            Self::Nightly => tiers::nightly(),
            Self::Tools => checks::tools(),
            Self::Vectors { dir } => programs::vectors(dir.as_deref()),
            Self::Simulate { arguments } => programs::simulate(arguments),
            Self::Soak(soak) => soak.run(),
            Self::Cuts => programs::cuts(),
            Self::Page { screenshot } => programs::page(screenshot.as_deref()),
            Self::Fuzz(fuzz) => fuzz.run(),
            Self::Mutants(mutants) => mutants.run(),
            Self::Coverage => coverage::run(),
            Self::Bench(bench) => bench.run(),
            Self::Stores { command } => stores::run(command),
            Self::Fmt => checks::fmt(),
            Self::Clippy => checks::clippy(),
            Self::Doc => checks::doc(),
            Self::Docs => docs::run(),
            Self::Features => checks::features(),
            Self::Windows => checks::windows(),
            Self::Trees => checks::trees(),
            Self::Deny => checks::deny(),
            Self::Demo => checks::demo(),
            Self::Release(release) => release.run(),
        }
    }
}

fn main() -> ExitCode {
    match Command::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}
