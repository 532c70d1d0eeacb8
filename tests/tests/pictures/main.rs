//! The pictures of the documents, drawn from what the machines of the core do.
//!
//! Each test plays the machines, draws what happened, and compares the drawing with the file in `docs/`. After a change
//! of the machines, `UPDATE_PICTURES=1 cargo test -p conformance --test pictures` writes the files; look at them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod drawing;
mod exchange;
mod machines;
mod play;

use std::{fs, path::Path};

/// Compares a drawing with its file, or writes the file.
fn check(name: &str, drawn: &str) {
    roxmltree::Document::parse(drawn).expect("the drawing is XML");
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../docs")
        .join(name);
    if std::env::var_os("UPDATE_PICTURES").is_some() {
        fs::write(&path, drawn).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == drawn,
        "docs/{name} is not what the machines do: run this test with UPDATE_PICTURES=1 and look at the difference"
    );
}
