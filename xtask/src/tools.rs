//! Programs that some checks need beyond cargo itself.

use std::path::Path;

use crate::{Failure, cargo};

/// A program that cargo installs, at the version that the checks were written for.
pub(crate) struct Tool {
    /// The subcommand: `mutants` of `cargo mutants`.
    command: &'static str,
    version: &'static str,
}

/// Mutation testing.
pub(crate) const MUTANTS: Tool = Tool {
    command: "mutants",
    version: "27.1.0",
};

/// Coverage by the compiler's instrumentation.
pub(crate) const LLVM_COV: Tool = Tool {
    command: "llvm-cov",
    version: "0.9.1",
};

/// libFuzzer, driven by cargo.
pub(crate) const FUZZ: Tool = Tool {
    command: "fuzz",
    version: "0.13.2",
};

impl Tool {
    /// Installs the program unless this version of it is there.
    pub(crate) fn need(&self) -> Result<(), Failure> {
        let version = cargo::cargo(&[self.command, "--version"]).output()?;
        let said = String::from_utf8_lossy(&version.stdout);
        if version.status.success() && said.split_whitespace().any(|word| word == self.version) {
            return Ok(());
        }
        let package = format!("cargo-{}@{}", self.command, self.version);
        cargo::run(&["install", "--quiet", "--locked", &package])
    }
}

/// The folder of LLVM's programs that read what this compiler's instrumentation writes, if the distribution has it.
pub(crate) fn llvm() -> Option<&'static Path> {
    const FOLDERS: [&str; 3] = [
        "/usr/lib/llvm-21/bin",
        "/usr/lib/llvm-20/bin",
        "/usr/lib/llvm-19/bin",
    ];
    let mut folders = FOLDERS.iter().map(Path::new);
    folders.find(|folder| folder.join("llvm-cov").exists())
}
