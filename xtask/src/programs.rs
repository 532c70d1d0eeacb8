//! Checks that are programs of the workspace.

use std::{
    env,
    ffi::OsString,
    path::Path,
    process,
    time::{SystemTime, UNIX_EPOCH},
};

use crate::{Failure, cargo, stores::Stores};

/// From this number of histories on, an optimised build takes less time than it saves.
const MANY: u64 = 50_000;

/// Histories in virtual time, checked against the laws.
pub(crate) fn simulate(arguments: &[OsString]) -> Result<(), Failure> {
    let mut words = arguments.iter().skip_while(|word| *word != "--seeds");
    let seeds = words.nth(1).and_then(|seeds| seeds.to_str()?.parse().ok());
    let profile = seeds.is_some_and(|seeds: u64| seeds >= MANY);
    let mut command = cargo::program(&["simulate"], profile.then_some("simulate"))?;
    cargo::show(command.args(arguments))
}

/// Every point at which an exchange can break or a future be dropped.
pub(crate) fn cuts() -> Result<(), Failure> {
    cargo::show(&mut cargo::program(&["cuts"], None)?)
}

/// The emulator's status page in a browser. The picture's path is relative to the user's folder.
pub(crate) fn page(screenshot: Option<&Path>) -> Result<(), Failure> {
    let mut command = cargo::program(&["status_page"], None)?;
    if let Some(file) = screenshot {
        command
            .arg("--screenshot")
            .arg(env::current_dir()?.join(file));
    }
    cargo::show(&mut command)
}

/// The vectors of a folder, whose path is relative to the user's folder. The program reports failures itself.
pub(crate) fn vectors(folder: Option<&Path>) -> Result<(), Failure> {
    let mut command = cargo::program(&["vectors"], None)?;
    command.args(folder).current_dir(env::current_dir()?);
    if !command.status()?.success() {
        process::exit(1);
    }
    Ok(())
}

#[derive(clap::Args)]
pub(crate) struct Soak {
    /// Seconds in all
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    #[arg(long, default_value = "all", value_parser = ["sqlite", "postgres", "all"])]
    store: String,
    /// End after this number of kills for each store
    #[arg(long, default_value_t = u64::MAX, hide_default_value = true)]
    kills: u64,
    /// By default from the clock
    #[arg(long)]
    seed: Option<u64>,
}

impl Soak {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let mut command = cargo::program(&["soak", "starter"], None)?;
        let seed = self.seed.map_or_else(seed, Ok)?;
        command.args([self.seconds.to_string(), self.store.clone()]);
        command.args([self.kills.to_string(), seed.to_string()]);
        if self.store == "sqlite" {
            return cargo::show(&mut command);
        }
        let servers = Stores::start()?;
        println!("{}", servers.about());
        servers.tell(&mut command);
        cargo::show(&mut command)
    }
}

/// A seed from the clock. It fits libFuzzer's 32 bits and is not 0, which asks libFuzzer for a random one.
pub(crate) fn seed() -> Result<u64, Failure> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(u64::from(now.subsec_nanos().max(1)))
}
