//! The tools that the checks call, beyond cargo's own.

use std::path::Path;

use crate::{Failure, cargo};

/// A subcommand of cargo that `cargo install` provides.
#[derive(Debug)]
pub(crate) struct Tool {
    command: &'static str,
    /// The version to install if none is installed.
    version: &'static str,
}

/// Runs tests, each in a process.
pub(crate) const NEXTEST: Tool = Tool::new("nextest", "0.9.143");
/// Licences, sources and doubled dependencies.
pub(crate) const DENY: Tool = Tool::new("deny", "0.20.2");
/// Each feature alone.
pub(crate) const HACK: Tool = Tool::new("hack", "0.6.46");
/// Mutation testing.
pub(crate) const MUTANTS: Tool = Tool::new("mutants", "27.1.0");
/// Coverage by the compiler's instrumentation.
pub(crate) const LLVM_COV: Tool = Tool::new("llvm-cov", "0.9.1");
/// libFuzzer.
pub(crate) const FUZZ: Tool = Tool::new("fuzz", "0.13.2");

impl Tool {
    const fn new(command: &'static str, version: &'static str) -> Self {
        Self { command, version }
    }

    /// Whether it is installed.
    pub(crate) fn is_there(&self) -> bool {
        cargo::works(&mut cargo::cargo([self.command, "--version"]))
    }

    /// Installs it if it is missing.
    pub(crate) fn need(&self) -> Result<(), Failure> {
        if self.is_there() {
            return Ok(());
        }
        cargo::run(["install", "--quiet", "--locked", &self.package()])
    }

    /// What `cargo install` takes.
    pub(crate) fn package(&self) -> String {
        format!("cargo-{}@{}", self.command, self.version)
    }
}

/// The folder of LLVM's programs that read what this compiler's instrumentation writes, if the distribution has one.
pub(crate) fn llvm() -> Option<&'static Path> {
    const FOLDERS: [&str; 4] = [
        "/usr/lib/llvm-22/bin",
        "/usr/lib/llvm-21/bin",
        "/usr/lib/llvm-20/bin",
        "/usr/lib/llvm-19/bin",
    ];
    let mut folders = FOLDERS.iter().map(Path::new);
    folders.find(|folder| folder.join("llvm-cov").exists())
}
