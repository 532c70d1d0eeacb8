//! What prose cannot hold: who may import whom, words that must not be said, links that lead somewhere. Each is a function of
//! the files of the workspace.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod documents;
mod imports;
mod layers;
mod manifests;
mod protocol;
mod terms;
mod words;

use std::{
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// Every file under a folder of the workspace.
fn paths(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap();
            // In a worktree `.git` is a file.
            if name == "target" || name == ".git" {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found
}

/// Every text file with this ending under a folder of the workspace, by its path from there.
fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for path in paths(folder) {
        if path.to_string_lossy().ends_with(ending)
            && let Ok(text) = String::from_utf8(fs::read(&path).unwrap())
        {
            let path = path.strip_prefix(root()).unwrap();
            found.push((path.to_string_lossy().replace('\\', "/"), text));
        }
    }
    assert!(!found.is_empty(), "no {ending} under {folder}");
    found.sort();
    found
}

/// Every Rust file but those of these tests, which name what they look for.
fn sources() -> Vec<(String, String)> {
    let all = ["crates", "tests", "xtask"].map(|folder| files(folder, ".rs"));
    let own = |path: &str| path.starts_with("tests/tests/tidy/");
    let mut found = all.concat();
    found.retain(|(path, _)| !own(path));
    found
}
