//! What prose cannot hold: line budgets, words the core must not know, versions said once, links that lead somewhere.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

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

/// Every file with this ending under a folder of the workspace.
fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                if name != "target" && !name.starts_with('.') {
                    folders.push(path);
                }
            } else if name.ends_with(ending) {
                let text = fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(root()).unwrap();
                found.push((path.to_string_lossy().replace('\\', "/"), text));
            }
        }
    }
    assert!(!found.is_empty(), "no {ending} under {folder}");
    found
}

#[test]
fn a_driver_is_short_and_decides_nothing() {
    for flavour in ["async", "blocking"] {
        let path = format!("crates/industrydata-{flavour}/src/driver.rs");
        let text = fs::read_to_string(root().join(&path)).unwrap();
        assert!(
            text.lines().count() <= 150,
            "{path} has more than 150 lines"
        );
        for word in ["StatusCode::", "header", "retry", "Duration::from", "RETRY"] {
            assert!(!text.contains(word), "{path} knows of `{word}`");
        }
    }
}

#[test]
fn the_core_has_no_clock_no_dice_and_no_io() {
    for (path, text) in files("crates/industrydata-core/src", ".rs") {
        for word in [
            "Instant::now",
            "SystemTime",
            "Timestamp::now",
            "std::net::Tcp",
            "std::fs",
            "std::thread",
            "std::env::var",
            "getrandom",
            "RandomState",
        ] {
            assert!(!text.contains(word), "{path} has `{word}`");
        }
    }
}

#[test]
fn nothing_is_left_to_do_and_nothing_is_unsafe() {
    for folder in ["crates", "tests", "xtask"] {
        for (path, text) in files(folder, ".rs") {
            if path.ends_with("tidy.rs") {
                continue;
            }
            for word in [
                "todo!(",
                "unimplemented!(",
                "unsafe {",
                "unsafe fn",
                "dbg!(",
            ] {
                assert!(!text.contains(word), "{path} has `{word}`");
            }
        }
    }
}

#[test]
fn versions_are_said_once() {
    for (path, text) in files("crates", "Cargo.toml")
        .iter()
        .chain(&files("xtask", "Cargo.toml"))
    {
        for key in ["rust-version", "edition", "version"] {
            let own = text.lines().any(|line| {
                line.strip_prefix(key)
                    .is_some_and(|rest| rest.trim_start().starts_with('='))
            });
            assert!(!own, "{path} says its own {key}");
        }
        assert!(
            text.contains("[lints]\nworkspace = true"),
            "{path} has lints of its own"
        );
    }
}

#[test]
fn links_in_documents_lead_somewhere() {
    for (path, text) in files("", ".md") {
        let folder = root().join(&path).parent().unwrap().to_owned();
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            if link.starts_with("http") || link.starts_with('#') {
                continue;
            }
            let file = link.split('#').next().unwrap();
            assert!(folder.join(file).exists(), "{path} links to {link}");
        }
    }
}
