//! Running cargo, and what else a check runs.

use std::{
    env,
    path::PathBuf,
    process::{Command, Output},
};

use crate::Failure;

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.parent().map_or(here.clone(), PathBuf::from)
}

/// cargo in the workspace's folder, with the lock file as it is.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    // What `cargo run` sets for this program is not meant for its children.
    command
        .env_remove("CARGO_MANIFEST_DIR")
        .env_remove("CARGO_PKG_NAME");
    command
}

/// Runs cargo with its output shown.
pub(crate) fn run(arguments: &[&str]) -> Result<(), Failure> {
    println!("+ cargo {}", arguments.join(" "));
    let status = cargo(arguments).status()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("`cargo {}` ended with {status}", arguments.join(" ")).into())
    }
}

/// Runs cargo and takes its output.
pub(crate) fn read(arguments: &[&str]) -> Result<String, Failure> {
    let Output {
        status,
        stdout,
        stderr,
    } = cargo(arguments).output()?;
    if status.success() {
        return Ok(String::from_utf8(stdout)?);
    }
    let stderr = String::from_utf8_lossy(&stderr);
    Err(format!(
        "`cargo {}` ended with {status}: {stderr}",
        arguments.join(" ")
    )
    .into())
}
