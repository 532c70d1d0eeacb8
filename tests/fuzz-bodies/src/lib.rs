//! The bodies of the fuzz targets: properties that hold for any bytes, as ordinary functions.
//!
//! libFuzzer calls them from `tests/fuzz`, which needs a nightly toolchain. On stable, the tests of this package and
//! `cargo xtask fuzz` call them with inputs mutated from the same seeds. A body panics if its property does not hold. The
//! reference implementations that the bodies compare with share no code with the product.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "this package is a test: it panics on failure"
)]

mod draw;
mod echo;
mod exchange;
mod json;
mod ledger;
mod ledger_bytes;
mod location;
mod mutate;
mod operation;
mod reads;
mod resume;
mod retry_after;
mod service_error;
mod text;
mod times;
mod tokens;
mod uri;
mod vectors;

pub use mutate::Mutator;

/// One fuzz target.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The name on the command line and of the file in `tests/fuzz/fuzz_targets`.
    pub name: &'static str,
    /// The property, in a few words.
    pub about: &'static str,
    /// Panics if the property does not hold for these bytes.
    pub body: fn(&[u8]),
    /// The initial inputs, made from `tests/vectors` where it has suitable vectors.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Words that the mutator inserts into inputs.
    pub words: &'static [&'static str],
}

/// Every target.
pub const TARGETS: &[Target] = &[
    location::TARGET,
    uri::TARGET,
    retry_after::TARGET,
    operation::TARGET,
    service_error::TARGET,
    resume::TARGET,
    ledger_bytes::TARGET,
    ledger::TARGET,
    exchange::TARGET,
    reads::TARGET,
    times::TARGET,
    tokens::TARGET,
];

/// The target with this name.
#[must_use]
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// Runs one input through the target with this name.
///
/// # Panics
///
/// If the property does not hold, or there is no such target.
pub fn run(name: &str, bytes: &[u8]) {
    let target = target(name).expect("a target");
    (target.body)(bytes);
}
