//! The tools that the checks call, beyond cargo's own.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{Failure, cargo};

/// A subcommand of cargo, or a program, that `cargo install` provides.
#[derive(Debug)]
pub(crate) struct Tool {
    command: &'static str,
    is_subcommand: bool,
    /// For `cargo install`.
    options: &'static [&'static str],
    /// The version to install if none is installed.
    version: &'static str,
}

/// Runs tests, each in a process.
pub(crate) const NEXTEST: Tool = Tool::new("nextest", "0.9.143");
/// Licences, sources and doubled dependencies.
pub(crate) const DENY: Tool = Tool::new("deny", "0.20.2");
/// Each feature alone.
pub(crate) const HACK: Tool = Tool::new("hack", "0.6.46");
/// The public items beside those of another release.
pub(crate) const SEMVER_CHECKS: Tool = Tool::new("semver-checks", "0.51.0");
/// Mutation testing.
pub(crate) const MUTANTS: Tool = Tool::new("mutants", "27.1.0");
/// Coverage by the compiler's instrumentation.
pub(crate) const LLVM_COV: Tool = Tool::new("llvm-cov", "0.9.1");
/// libFuzzer.
pub(crate) const FUZZ: Tool = Tool::new("fuzz", "0.13.2");
/// The guide as a book, without a server and a search.
pub(crate) const MDBOOK: Tool = Tool {
    command: "mdbook",
    is_subcommand: false,
    options: &["--no-default-features"],
    version: "0.5.4",
};

impl Tool {
    const fn new(command: &'static str, version: &'static str) -> Self {
        Self {
            command,
            is_subcommand: true,
            options: &[],
            version,
        }
    }

    /// Whether it is installed.
    pub(crate) fn is_there(&self) -> bool {
        if !self.is_subcommand {
            return self.program().is_ok();
        }
        cargo::works(&mut cargo::cargo([self.command, "--version"]))
    }

    /// The program, from the search path or from where cargo installs programs.
    pub(crate) fn program(&self) -> Result<Command, Failure> {
        let home = env::var_os("CARGO_HOME").map(PathBuf::from);
        let home = home.or_else(|| env::home_dir().map(|home| home.join(".cargo")));
        let installed = home.map(|home| home.join("bin").join(self.command));
        let mut places = [Some(PathBuf::from(self.command)), installed]
            .into_iter()
            .flatten();
        let found = places.find(|it| cargo::works(Command::new(it).arg("--version")));
        let program = found.ok_or_else(|| format!("{} is not installed", self.command))?;
        Ok(Command::new(program))
    }

    /// Installs it if it is missing.
    pub(crate) fn need(&self) -> Result<(), Failure> {
        if self.is_there() {
            return Ok(());
        }
        let mut install = cargo::cargo(["install", "--quiet", "--locked"]);
        install.args(self.options).arg(self.package());
        cargo::show(&mut install)
    }

    /// What `cargo install` takes.
    pub(crate) fn package(&self) -> String {
        let prefix = if self.is_subcommand { "cargo-" } else { "" };
        format!("{prefix}{}@{}", self.command, self.version)
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
