//! `cuts`: the program behind `cargo xtask cuts`.
//!
//! It prints `HELD of POINTS` for each family and adapter, and exits with 1 if any point failed.

use std::{process::ExitCode, time::Instant};

use conformance::{
    Flavour,
    cuts::{
        Report,
        drops::{self, Call},
        sockets::{self, Family},
    },
};

fn main() -> ExitCode {
    let began = Instant::now();
    let mut all = Vec::new();
    let mut add = |report: Report| {
        println!("{report}");
        all.push(report);
    };
    for family in Family::ALL {
        for flavour in Flavour::ALL {
            add(sockets::play(family, flavour));
        }
    }
    for call in Call::all() {
        add(drops::play(&call));
    }
    let points: usize = all.iter().map(|report| report.points).sum();
    let held: usize = all.iter().map(|report| report.held).sum();
    let overrun = all.iter().filter_map(|report| report.overrun).max();
    println!(
        "total: {held} of {points} points held, time limits exceeded by at most {} ms, {:.0} s",
        overrun.unwrap_or_default().as_millis(),
        began.elapsed().as_secs_f64()
    );
    if all.iter().all(Report::is_whole) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
