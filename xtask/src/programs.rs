//! The programs of the workspace that are checks themselves.

use std::{
    ffi::OsString,
    time::{SystemTime, UNIX_EPOCH},
};

use crate::{Failure, cargo, flags::Flags, stores::Stores};

pub(crate) const SIMULATE: &str =
    "simulate [--seeds N] [--from SEED] [--threads N] [--seed SEED] [--script FILE]";
pub(crate) const SOAK: &str =
    "soak [--seconds N] [--store sqlite|postgres|all] [--kills N] [--seed N]";

/// From so many histories on, building with optimisation takes less time than it saves.
const MANY: u64 = 50_000;

/// Histories in virtual time, checked against the laws.
pub(crate) fn simulate(arguments: &[OsString]) -> Result<(), Failure> {
    let seeds: u64 = Flags::read(arguments, SIMULATE)?.number("--seeds", 0)?;
    let profile = (seeds >= MANY).then_some("simulate");
    let mut command = cargo::program(&["simulate"], profile)?;
    cargo::show(command.args(arguments))
}

/// Every point at which an exchange can break or a future be dropped.
pub(crate) fn cuts(_: &[OsString]) -> Result<(), Failure> {
    cargo::show(&mut cargo::program(&["cuts"], None)?)
}

/// Processes that are killed while they start runs.
pub(crate) fn soak(arguments: &[OsString]) -> Result<(), Failure> {
    let flags = Flags::read(arguments, SOAK)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let seconds = flags.number("--seconds", 60.0)?;
    let store = flags.text("--store").unwrap_or("all");
    if !(0.0..=1e9).contains(&seconds) || !["sqlite", "postgres", "all"].contains(&store) {
        return Err(flags.wrong());
    }
    let mut command = cargo::program(&["soak", "starter"], None)?;
    command.args([seconds.to_string(), store.to_owned()]);
    command.arg(flags.number("--kills", u64::MAX)?.to_string());
    let seed = flags.number("--seed", u64::from(now.subsec_nanos()))?;
    command.arg(seed.to_string());
    if store == "sqlite" {
        return cargo::show(&mut command);
    }
    let servers = Stores::start()?;
    println!("{}", servers.about());
    servers.tell(&mut command);
    cargo::show(&mut command)
}
