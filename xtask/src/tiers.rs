//! The tiers: which checks run when. Each prints the time that its steps took.

use std::time::{Duration, Instant};

use clap::Parser;

use crate::{Command, Failure, test};

/// A command with its arguments, separated by spaces.
type Step = &'static str;

/// For every push: the steps before the tests, ordered by how soon they fail.
const CI: &[Step] = &[
    "fmt",
    "deny",
    "trees",
    "clippy",
    "doc",
    "demo",
    "simulate --seeds 5000",
    "bench --quick",
];

/// Steps that take long and rarely find something new.
const NIGHTLY: &[Step] = &[
    "features",
    "windows",
    "docs",
    "page",
    "simulate --seeds 1000000",
    "cuts",
    "soak --seconds 600",
    "fuzz --seconds 300",
    "coverage",
    "mutants",
    "bench --peers",
];

/// The times that the steps took.
#[derive(Debug, Default)]
struct Times(Vec<(Step, Duration)>);

/// For every change.
pub(crate) fn check() -> Result<(), Failure> {
    let mut times = Times::default();
    times.all(&["fmt", "clippy"])?;
    let result = times.take("unit and core tests", test::quick);
    times.print();
    result
}

/// For every push.
pub(crate) fn ci() -> Result<(), Failure> {
    let mut times = Times::default();
    times.all(CI)?;
    let tally = times.take("test", test::all);
    times.print();
    // The last line counts the tests.
    tally?.finish()
}

/// Continues after a step that fails: the others may find something else.
pub(crate) fn nightly() -> Result<(), Failure> {
    let mut times = Times::default();
    let mut failed = Vec::new();
    for step in NIGHTLY {
        if let Err(failure) = times.step(step) {
            eprintln!("error: {failure}");
            failed.push(*step);
        }
    }
    times.print();
    if failed.is_empty() {
        return Ok(());
    }
    Err(format!("failed: {}", failed.join(", ")).into())
}

impl Times {
    /// Runs steps until one fails.
    fn all(&mut self, steps: &[Step]) -> Result<(), Failure> {
        for step in steps {
            if let Err(failure) = self.step(step) {
                self.print();
                return Err(format!("cargo xtask {step}: {failure}").into());
            }
        }
        Ok(())
    }

    fn step(&mut self, step: Step) -> Result<(), Failure> {
        let words = ["xtask"].into_iter().chain(step.split(' '));
        let command = Command::try_parse_from(words)?;
        self.take(step, || command.run())
    }

    fn take<T>(
        &mut self,
        step: Step,
        check: impl FnOnce() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        println!("== {step}");
        let began = Instant::now();
        let result = check();
        self.0.push((step, began.elapsed()));
        result
    }

    fn print(&self) {
        println!("== times");
        for (step, took) in &self.0 {
            println!("{:6} s  {step}", took.as_secs());
        }
        let all: Duration = self.0.iter().map(|it| it.1).sum();
        println!("{:6} s  in all", all.as_secs());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_is_a_command() {
        for step in CI.iter().chain(NIGHTLY) {
            let words = ["xtask"].into_iter().chain(step.split(' '));
            assert!(Command::try_parse_from(words).is_ok(), "{step}");
        }
    }
}
