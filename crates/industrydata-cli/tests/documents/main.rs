//! What the documents and the files under `deploy/` say of the command, tried on the command.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod commands;
#[cfg(unix)]
mod first_start;
mod manifests;

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The program under test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_industrydata");

/// The folder of the workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A file by its path in the workspace.
fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The paths of all files below a folder of the workspace, from there.
fn files(folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root().join(folder)).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The documents that users read.
fn documents() -> Vec<String> {
    let mut found = files("guide/src");
    found.extend(["README.md", "crates/industrydata-cli/README.md"].map(str::to_owned));
    found
}

/// A block of code in a document.
struct Block {
    language: String,
    lines: Vec<String>,
}

/// The fenced blocks of a document, also those within a list.
fn blocks(document: &str) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let mut is_open = false;
    for line in text(document).lines() {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            is_open = !is_open;
            if is_open {
                let language = language.to_owned();
                let lines = Vec::new();
                found.push(Block { language, lines });
            }
        } else if is_open {
            found.last_mut().unwrap().lines.push(line.to_owned());
        }
    }
    assert!(!is_open, "{document}: a block of code is not closed");
    found
}
