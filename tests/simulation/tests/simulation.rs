//! Plays a few hundred histories; `cargo xtask simulate` plays any number.
#![allow(clippy::panic, reason = "a test panics on failure")]

use simulation::{Plan, Planted, run};

#[test]
fn every_law_holds_in_400_histories() {
    let (tally, found) = run(Plan {
        from: 0,
        seeds: 400,
        threads: 2,
        planted: Planted::Nothing,
    });
    println!("{tally}");
    assert!(found.is_empty(), "{found:#?}");
}
