//! Which lines of the core and the ledger their own tests and the scenarios reach.

use crate::{Failure, cargo, stores::Stores, tools};

/// The lowest accepted share of the lines, in percent. The others are mostly arms that no input reaches but the types do
/// not exclude.
const LEAST: &str = "97";

/// Sources outside the two crates.
const OTHERS: &str = "industrydata-(async|blocking|emulator|cli)/|/tests/|/xtask/|/tests\\.rs$";

pub(crate) fn run() -> Result<(), Failure> {
    tools::LLVM_COV.need()?;
    let servers = Stores::start()?;
    // Processes that tests kill leave unreadable files. Ignore them.
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
    command.args([
        "--features",
        "industrydata-ledger/postgres,industrydata-async/azure-identity,industrydata-core/serde",
    ]);
    command.args(["--ignore-filename-regex", OTHERS, "--show-missing-lines"]);
    command.args(["--fail-under-lines", LEAST]);
    servers.tell(&mut command);
    if let Some(llvm) = tools::llvm() {
        command.env("CARGO_LLVM_COV_SETUP", "no");
        command.env("LLVM_COV", llvm.join("llvm-cov"));
        command.env("LLVM_PROFDATA", llvm.join("llvm-profdata"));
    } else {
        println!(
            "LLVM's programs come from the toolchain's component llvm-tools; without it, install llvm-19"
        );
    }
    cargo::show(&mut command)
}
