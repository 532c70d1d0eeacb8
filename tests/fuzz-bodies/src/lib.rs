//! The bodies of the fuzz targets: what must hold for any bytes, as ordinary functions.
//!
//! libFuzzer calls them from `tests/fuzz` (nightly); this package's own tests, and `cargo xtask fuzz` where there is no
//! nightly toolchain, call them on stable with inputs that are mutated from the same seeds. A body panics if its
//! property is broken. The references they compare with share no code with the product.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "this package is a test: what must not happen ends it"
)]

mod books;
mod draw;
mod exchange;
mod json;
mod ledger;
mod location;
mod mutate;
mod operation;
mod reads;
mod resume;
mod retry_after;
mod service_error;
mod text;
mod tokens;
mod uri;
mod vectors;

pub use mutate::Mutator;

/// One fuzz target.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, on the command line and as the name of its file in `tests/fuzz/fuzz_targets`.
    pub name: &'static str,
    /// What it holds true, in a few words.
    pub about: &'static str,
    /// Panics if the property does not hold for these bytes.
    pub body: fn(&[u8]),
    /// The inputs it begins with, made from `tests/vectors` where there are any for it.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Words worth putting into an input.
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
    books::TARGET,
    ledger::TARGET,
    exchange::TARGET,
    reads::TARGET,
    tokens::TARGET,
];

/// The target of this name.
#[must_use]
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// Runs one input through the target of this name.
///
/// # Panics
///
/// If its property does not hold, or there is no such target.
pub fn run(name: &str, bytes: &[u8]) {
    let target = target(name).expect("a target");
    (target.body)(bytes);
}
