//! `cuts`: what `cargo xtask cuts` runs. Prints `n of n` for each family and adapter; ends with 1 if any point missed.

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
    let mut told = |report: Report| {
        println!("{report}");
        all.push(report);
    };
    for family in Family::ALL {
        for flavour in Flavour::ALL {
            told(sockets::play(family, flavour));
        }
    }
    for call in Call::all() {
        told(drops::play(&call));
    }
    let points: usize = all.iter().map(|report| report.points).sum();
    let held: usize = all.iter().map(|report| report.held).sum();
    let overrun = all.iter().filter_map(|report| report.overrun).max();
    println!(
        "in all: {held} of {points}, limits overrun by at most {} ms, {:.0} s",
        overrun.unwrap_or_default().as_millis(),
        began.elapsed().as_secs_f64()
    );
    if all.iter().all(Report::is_whole) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
