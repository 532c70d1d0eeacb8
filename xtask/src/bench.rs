//! What the library costs: the table of all figures, or the counts beside those of a file.

use std::process::Command;

use crate::{Failure, cargo, stores::Stores};

/// The counts that a rise is measured from.
const COUNTS: &str = "tests/bench/counts.json";
/// Other clients of the registry.
const PEERS: &str = "tests/bench-peers/Cargo.toml";

#[derive(clap::Args)]
pub(crate) struct Bench {
    /// Count instructions alone, and compare them with those in tests/bench/counts.json
    #[arg(long)]
    quick: bool,
    /// Write the counts to that file
    #[arg(long, requires = "quick")]
    record: bool,
    /// Count other clients of the registry as well, whose build takes long
    #[arg(long, conflicts_with = "quick")]
    peers: bool,
    /// Words of the titles of the parts to measure; all unless given
    #[arg(conflicts_with = "quick")]
    parts: Vec<String>,
}

impl Bench {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        if !self.quick {
            return self.whole();
        }
        let word = if self.record { "record" } else { "quick" };
        cargo::show(program(&["--no-default-features"]).args([word, COUNTS]))
    }

    /// The whole table. What takes a server or another program gets its place from the environment.
    fn whole(&self) -> Result<(), Failure> {
        cargo::run([
            "build",
            "--release",
            "--locked",
            "--package",
            "industrydata-cli",
        ])?;
        let target = cargo::target()?;
        let mut bench = program(&[]);
        bench.arg("compare").args(&self.parts);
        bench.env(
            "INDUSTRYDATA_BENCH_CLI",
            target.join("release/industrydata"),
        );
        if self.peers {
            let folder = target.join("peers");
            let mut build = cargo::cargo(["build", "--release", "--locked", "--manifest-path"]);
            build.arg(PEERS).arg("--target-dir").arg(&folder);
            cargo::show(&mut build)?;
            bench.env(
                "INDUSTRYDATA_BENCH_PEERS",
                folder.join("release/bench-peers"),
            );
        }
        cargo::show(program(&[]).args(["pace", "docs/pace.svg"]))?;
        let stores = Stores::start()?;
        stores.tell(&mut bench);
        cargo::show(&mut bench)
    }
}

/// The program, built alone, since other packages would turn on TLS for both sides of a comparison.
fn program(features: &[&str]) -> Command {
    let mut program = cargo::cargo(["run", "--release", "--locked", "--package", "bench"]);
    program.args(features).arg("--");
    program
}
