//! Runs every body with its seeds, with inputs that once crashed it, and with a few thousand mutated inputs.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "a test may panic"
)]

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use fuzz_bodies::{Mutator, TARGETS, Target, target};

/// A slow machine runs fewer inputs than `INPUTS` in this time, and the output says how many.
const TIME: Duration = Duration::from_secs(3);
const INPUTS: u32 = 4000;

macro_rules! bodies {
    ($($name:ident),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                check(target(stringify!($name)).unwrap());
            }
        )*

        #[test]
        fn every_target_is_tested_and_has_its_file() {
            let tested = [$(stringify!($name)),*];
            let targets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/fuzz_targets");
            for target in TARGETS {
                assert!(tested.contains(&target.name), "{} is not tested", target.name);
                let file = targets.join(format!("{}.rs", target.name));
                assert!(file.is_file(), "{} is missing", file.display());
            }
            assert_eq!(fs::read_dir(targets).unwrap().count(), TARGETS.len());
        }
    };
}

bodies!(
    location,
    uri,
    retry_after,
    operation,
    service_error,
    resume,
    ledger_bytes,
    ledger,
    exchange,
    reads,
    times,
    tokens
);

fn check(target: &Target) {
    let seeds = (target.seeds)();
    assert!(!seeds.is_empty());
    for seed in &seeds {
        (target.body)(seed);
    }
    let mut regressions = 0;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("regressions")
        .join(target.name);
    if folder.is_dir() {
        for file in fs::read_dir(folder).unwrap() {
            (target.body)(&fs::read(file.unwrap().path()).unwrap());
            regressions += 1;
        }
    }
    let began = Instant::now();
    let mut mutator = Mutator::new(target, 1);
    let mut inputs = 0;
    while inputs < INPUTS && began.elapsed() < TIME {
        let input = mutator.next_input();
        let shown = String::from_utf8_lossy(&input).into_owned();
        if std::panic::catch_unwind(|| (target.body)(&input)).is_err() {
            panic!("{} does not hold for {input:?} ({shown:?})", target.name);
        }
        inputs += 1;
    }
    println!(
        "{}: {} seeds, {regressions} regressions, {inputs} mutated inputs",
        target.name,
        seeds.len()
    );
}
