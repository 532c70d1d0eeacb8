//! The fuzz targets, each for a bounded time: by libFuzzer on nightly, or else the same bodies on stable.

use std::{
    ffi::OsString,
    fs,
    path::Path,
    process::Command,
    time::{SystemTime, UNIX_EPOCH},
};

use crate::{Failure, cargo, flags::Flags, tools};

pub(crate) const USAGE: &str = "fuzz [--seconds N] [--seed N] [--stable] [TARGET...]";

/// What libFuzzer treats as a crash, besides a panic: MiB of memory, and seconds for one input.
const LIMITS: [&str; 3] = ["-rss_limit_mb=2048", "-timeout=20", "-max_len=16384"];

/// Runs each target for so many seconds. A crash in one fails the check after all of them have run.
pub(crate) fn run(arguments: &[OsString]) -> Result<(), Failure> {
    let flags = Flags::read(arguments, USAGE)?;
    let seconds: u64 = flags.number("--seconds", 30)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    // libFuzzer's seed has 32 bits, and 0 asks for a random one.
    let seed: u32 = flags.number("--seed", now.subsec_nanos().max(1))?;
    // Seeds, corpora, artefacts and libFuzzer's build.
    let folder = cargo::root().join("target/fuzz");
    fs::create_dir_all(&folder)?;
    let known = cargo::read(cargo::program(&["fuzz-bodies"], None)?.arg("list"))?;
    let known: Vec<&str> = known
        .lines()
        .filter_map(|it| it.split(' ').next())
        .collect();
    if let Some(other) = flags.rest.iter().find(|it| !known.contains(&it.as_str())) {
        return Err(format!("there is no target {other}; there are {}", known.join(", ")).into());
    }
    let mut prepare = cargo::program(&["fuzz-bodies"], None)?;
    cargo::show(prepare.arg("prepare").arg(&folder))?;
    let by_libfuzzer = flags.text("--stable").is_none() && cargo::works(nightly().arg("--version"));
    if by_libfuzzer {
        tools::FUZZ.need()?;
    } else {
        println!(
            "without libFuzzer, which needs a nightly toolchain: no coverage guides the inputs"
        );
    }
    let asked = |name: &&str| flags.rest.is_empty() || flags.rest.iter().any(|it| it == name);
    let mut crashed = Vec::new();
    for name in known.iter().copied().filter(asked) {
        println!("{name}, {seconds} s, seed {seed}");
        let artefacts = folder.join("artifacts").join(name);
        fs::create_dir_all(&artefacts)?;
        let mut command = if by_libfuzzer {
            libfuzzer(&folder, name, seconds, seed)?
        } else {
            let mut command = cargo::program(&["fuzz-bodies"], None)?;
            command.args(["run", name, &seconds.to_string(), &seed.to_string()]);
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
        "crashed: {}; the inputs are in {}/artifacts; play one again with `cargo run --package fuzz-bodies -- replay \
         TARGET FILE`, and keep it in tests/fuzz-bodies/regressions/TARGET/ when it is fixed",
        crashed.join(", "),
        folder.display()
    )
    .into())
}

/// cargo-fuzz for one target, without a sanitizer: no code here is unsafe. Its corpus stays for the next run.
fn libfuzzer(folder: &Path, name: &str, seconds: u64, seed: u32) -> Result<Command, Failure> {
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

/// cargo of the nightly toolchain, whichever one runs this program.
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
