//! Processes killed while they start runs, for as long as one likes.

use std::{
    ffi::OsString,
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};

use crate::{Failure, cargo, stores::Stores};

const USAGE: &str = "soak [--seconds N] [--store sqlite|postgres|all] [--kills N] [--seed N]";

pub(crate) fn run(arguments: &[OsString]) -> Result<ExitCode, Failure> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let (mut seconds, mut store, mut kills) = (60.0, "all".to_owned(), u64::MAX);
    let mut seed = u64::from(now.subsec_nanos());
    let mut words = arguments.iter().map(|word| word.to_string_lossy());
    while let Some(word) = words.next() {
        let value = words.next().ok_or(USAGE)?.into_owned();
        match word.as_ref() {
            "--seconds" => seconds = value.parse::<f64>()?,
            "--kills" => kills = value.parse()?,
            "--seed" => seed = value.parse()?,
            "--store" if ["sqlite", "postgres", "all"].contains(&value.as_str()) => store = value,
            _ => return Err(USAGE.into()),
        }
    }
    if !(0.0..=1e9).contains(&seconds) {
        return Err(USAGE.into());
    }
    cargo::run(&["build", "--locked", "--package", "conformance", "--bins"])?;
    let told = [
        seconds.to_string(),
        store.clone(),
        kills.to_string(),
        seed.to_string(),
    ];
    let mut command = cargo::cargo(&["run", "--quiet", "--locked", "--package", "conformance"]);
    command.args(["--bin", "soak", "--"]).args(told);
    let servers = if store == "sqlite" {
        None
    } else {
        Some(Stores::start()?)
    };
    if let Some(servers) = &servers {
        println!("{}", servers.about());
        servers.tell(&mut command);
    }
    Ok(if command.status()?.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
