//! The tiers: which checks run at which time. Each prints what its steps took.

use std::{
    ffi::OsString,
    time::{Duration, Instant},
};

use crate::{Check, Failure, checks, coverage, fuzz, mutants, programs, test};

/// A check with its arguments.
type Step = (&'static str, Check, &'static [&'static str]);

/// For every change.
const CHECK: &[Step] = &[
    ("fmt", checks::fmt, &[]),
    ("clippy", checks::clippy, &[]),
    ("test", test::quick, &[]),
];

/// For every push, in the order of what fails soonest. All tests come after these.
const CI: &[Step] = &[
    ("fmt", checks::fmt, &[]),
    ("deny", checks::deny, &[]),
    ("trees", checks::trees, &[]),
    ("clippy", checks::clippy, &[]),
    ("doc", checks::doc, &[]),
    ("demo", checks::demo, &[]),
    ("simulate", programs::simulate, &["--seeds", "5000"]),
];

/// For the night: what takes long and seldom finds something new.
const NIGHTLY: &[Step] = &[
    ("features", checks::features, &[]),
    ("simulate", programs::simulate, &["--seeds", "1000000"]),
    ("cuts", programs::cuts, &[]),
    ("soak", programs::soak, &["--seconds", "600"]),
    ("fuzz", fuzz::run, &["--seconds", "300"]),
    ("coverage", coverage::run, &[]),
    ("mutants", mutants::run, &[]),
];

/// What the steps took.
#[derive(Debug, Default)]
struct Times(Vec<(&'static str, Duration)>);

pub(crate) fn check(_: &[OsString]) -> Result<(), Failure> {
    until_one_fails(CHECK, &mut Times::default())
}

pub(crate) fn ci(_: &[OsString]) -> Result<(), Failure> {
    let mut times = Times::default();
    until_one_fails(CI, &mut times)?;
    let tally = times.take("test", test::all);
    times.print();
    // The last line counts the tests.
    tally?.finish()
}

/// Goes on after a step that fails: the others may find something else.
pub(crate) fn nightly(_: &[OsString]) -> Result<(), Failure> {
    let mut times = Times::default();
    let mut failed = Vec::new();
    for step in NIGHTLY {
        if let Err(failure) = times.step(step) {
            eprintln!("error: {failure}");
            failed.push(step.0);
        }
    }
    times.print();
    if failed.is_empty() {
        return Ok(());
    }
    Err(format!("failed: {}", failed.join(", ")).into())
}

fn until_one_fails(steps: &[Step], times: &mut Times) -> Result<(), Failure> {
    for step in steps {
        if let Err(failure) = times.step(step) {
            times.print();
            return Err(format!("cargo xtask {}: {failure}", step.0).into());
        }
    }
    times.print();
    Ok(())
}

impl Times {
    fn step(&mut self, (name, check, arguments): &Step) -> Result<(), Failure> {
        let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        self.take(name, || check(&arguments))
    }

    fn take<T>(
        &mut self,
        name: &'static str,
        check: impl FnOnce() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        println!("== {name}");
        let began = Instant::now();
        let result = check();
        self.0.push((name, began.elapsed()));
        result
    }

    fn print(&self) {
        println!("== times");
        for (name, took) in &self.0 {
            println!("{name:10}{:6} s", took.as_secs());
        }
        let all: Duration = self.0.iter().map(|it| it.1).sum();
        println!("{:10}{:6} s", "in all", all.as_secs());
    }
}
