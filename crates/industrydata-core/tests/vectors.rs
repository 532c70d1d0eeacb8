//! The vectors as one of the core's own tests, so that what they decide is tested beside the code that decides it. The
//! runner is the one of `cargo xtask vectors`.

#![allow(
    dead_code,
    missing_docs,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test reads its files, and the runner serves another program too"
)]

use std::path::Path;

#[path = "../../../xtask/src/vectors/mod.rs"]
mod vectors;

type Failure = Box<dyn std::error::Error>;

#[test]
fn every_vector_passes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors");
    let tally = vectors::run(Some(&folder)).unwrap();
    assert!(tally.passed > 0);
    assert_eq!(tally.failed, 0);
}
