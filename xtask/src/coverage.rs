//! Which lines of the core and the ledger their own tests and the scenarios reach.

use crate::{Failure, cargo, stores::Stores, tools};

/// The share of the lines, in percent, below which the check fails. What is left are mostly arms that the types cannot
/// exclude and nothing reaches.
const LEAST: &str = "97";

/// Everything but the sources of the two crates.
const OTHERS: &str = "industrydata-(async|blocking|emulator|cli)/|/tests/|/xtask/|/tests\\.rs$";

pub(crate) fn run() -> Result<(), Failure> {
    tools::LLVM_COV.need()?;
    let servers = Stores::start()?;
    // Processes that tests kill leave files that cannot be read: the others count.
    let mut command = cargo::cargo([
        "llvm-cov",
        "--locked",
        "--failure-mode=all",
        "--lib",
        "--tests",
    ]);
    for package in ["industrydata-core", "industrydata-ledger", "conformance"] {
        command.args(["--package", package]);
    }
    command.args(["--features", "industrydata-ledger/postgres"]);
    command.args(["--ignore-filename-regex", OTHERS, "--show-missing-lines"]);
    command.args(["--fail-under-lines", LEAST]);
    servers.tell(&mut command);
    if let Some(llvm) = tools::llvm() {
        command.env("CARGO_LLVM_COV_SETUP", "no");
        command.env("LLVM_COV", llvm.join("llvm-cov"));
        command.env("LLVM_PROFDATA", llvm.join("llvm-profdata"));
    } else {
        println!(
            "LLVM's programs are those of the toolchain's component llvm-tools, or install llvm-19"
        );
    }
    cargo::show(&mut command)
}
