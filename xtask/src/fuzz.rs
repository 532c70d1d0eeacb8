//! Runs each fuzz target for a bounded time: with libFuzzer on nightly, otherwise the same bodies on stable.

use std::{fs, path::Path, process::Command};

use crate::{Failure, cargo, programs::seed, tools};

/// What libFuzzer treats as a crash besides a panic, in MiB of memory and seconds for one input; the longest input.
const LIMITS: [&str; 3] = ["-rss_limit_mb=2048", "-timeout=20", "-max_len=16384"];

#[derive(clap::Args)]
pub(crate) struct Fuzz {
    /// Seconds for each target
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// By default from the clock
    #[arg(long)]
    seed: Option<u32>,
    /// Do not use libFuzzer, even if a nightly toolchain is installed
    #[arg(long)]
    stable: bool,
    /// By default all
    targets: Vec<String>,
}

impl Fuzz {
    /// Runs the targets one after the other. A crash in one fails the check after all of them have run.
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let seconds = self.seconds.to_string();
        let seed = self
            .seed
            .map_or_else(seed, |seed| Ok(seed.into()))?
            .to_string();
        // Seeds, corpora, artefacts and libFuzzer's build.
        let folder = cargo::root().join("target/fuzz");
        fs::create_dir_all(&folder)?;
        let mut bodies = cargo::program(&["fuzz-bodies"], None)?;
        let known = cargo::read(bodies.arg("list"))?;
        let known: Vec<&str> = known
            .lines()
            .filter_map(|it| it.split(' ').next())
            .collect();
        if let Some(other) = self.targets.iter().find(|it| !known.contains(&it.as_str())) {
            return Err(
                format!("there is no target {other}; there are {}", known.join(", ")).into(),
            );
        }
        let mut prepare = cargo::built("fuzz-bodies", "debug")?;
        cargo::show(prepare.arg("prepare").arg(&folder))?;
        let by_libfuzzer = !self.stable && cargo::works(nightly().arg("--version"));
        if by_libfuzzer {
            tools::FUZZ.need()?;
        } else {
            println!(
                "without libFuzzer, which needs a nightly toolchain: no coverage guides the inputs"
            );
        }
        let is_chosen =
            |name: &&str| self.targets.is_empty() || self.targets.iter().any(|it| it == name);
        let mut crashed = Vec::new();
        for name in known.iter().copied().filter(is_chosen) {
            println!("{name}, {seconds} s, seed {seed}");
            let artefacts = folder.join("artifacts").join(name);
            fs::create_dir_all(&artefacts)?;
            let mut command = if by_libfuzzer {
                libfuzzer(&folder, name, &seconds, &seed)?
            } else {
                let mut command = cargo::built("fuzz-bodies", "debug")?;
                command.args(["run", name, &seconds, &seed]);
                command.arg(artefacts);
                command
            };
            if let Err(failure) = cargo::show(&mut command) {
                println!("{failure}");
                crashed.push(name);
            }
        }
        if crashed.is_empty() {
            return Ok(());
        }
        Err(format!(
            "crashed: {}; the inputs are in {}/artifacts; play one again with `cargo run --package fuzz-bodies -- \
             replay TARGET FILE`, and keep it in tests/fuzz-bodies/regressions/TARGET/ when it is fixed",
            crashed.join(", "),
            folder.display()
        )
        .into())
    }
}

/// cargo-fuzz for one target, without a sanitizer: no code here is unsafe. Its corpus stays for the next run.
fn libfuzzer(folder: &Path, name: &str, seconds: &str, seed: &str) -> Result<Command, Failure> {
    let corpus = folder.join("corpus").join(name);
    fs::create_dir_all(&corpus)?;
    let mut command = nightly();
    command.args(["fuzz", "run", "--sanitizer", "none"]);
    command.args(["--fuzz-dir", "tests/fuzz", "--target-dir"]);
    command.arg(folder.join("build")).arg(name).arg(corpus);
    command.arg(folder.join("seeds").join(name));
    let regressions = cargo::root().join("tests/fuzz-bodies/regressions");
    if regressions.join(name).is_dir() {
        command.arg(regressions.join(name));
    }
    let artefacts = folder.join("artifacts").join(name);
    command.args(["--", "-verbosity=0", "-print_final_stats=1"]);
    command.args(LIMITS);
    command.arg(format!("-max_total_time={seconds}"));
    command.arg(format!("-seed={seed}"));
    command.arg(format!("-artifact_prefix={}/", artefacts.display()));
    let dictionary = folder.join(format!("{name}.dict"));
    if fs::metadata(&dictionary)?.len() > 0 {
        command.arg(format!("-dict={}", dictionary.display()));
    }
    Ok(command)
}

/// The nightly toolchain's cargo, whichever toolchain runs this program.
fn nightly() -> Command {
    let mut command = Command::new("rustup");
    command
        .args(["run", "nightly", "cargo"])
        .current_dir(cargo::root());
    cargo::without_own(&mut command);
    for name in ["CARGO", "RUSTC", "RUSTDOC", "RUSTUP_TOOLCHAIN"] {
        command.env_remove(name);
    }
    command
}
