//! Histories by the thousand in virtual time, held against the laws.

use std::{ffi::OsString, process::ExitCode};

use crate::{Failure, cargo};

/// Builds the simulation with optimisation and hands it the arguments.
pub(crate) fn run(arguments: &[OsString]) -> Result<ExitCode, Failure> {
    let mut command = cargo::cargo(&["run", "--quiet", "--locked", "--package", "simulation"]);
    command.args(["--profile", "simulate", "--bin", "simulate", "--"]);
    Ok(if command.args(arguments).status()?.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
