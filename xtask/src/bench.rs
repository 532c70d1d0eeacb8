//! What the library costs: the table of all figures, or the counts beside those of a file.

use crate::{Failure, cargo};

/// The counts that a rise is measured from.
const COUNTS: &str = "tests/bench/counts.json";

#[derive(clap::Args)]
pub(crate) struct Bench {
    /// Count instructions alone, and compare them with those in tests/bench/counts.json
    #[arg(long)]
    quick: bool,
    /// Write the counts to that file
    #[arg(long, requires = "quick")]
    record: bool,
}

impl Bench {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let words: &[&str] = match (self.quick, self.record) {
            (false, _) => &["compare"],
            (true, false) => &["quick", COUNTS],
            (true, true) => &["record", COUNTS],
        };
        // Built alone, since other packages would turn on TLS for both sides of the comparison.
        let mut command =
            cargo::cargo(["run", "--release", "--locked", "--package", "bench", "--"]);
        cargo::show(command.args(words))
    }
}
