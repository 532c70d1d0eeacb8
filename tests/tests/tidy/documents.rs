//! What the documents point to.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use super::{files, root, sources};

#[test]
fn links_lead_somewhere() {
    let mut links = 0;
    for (path, text) in files("", ".md") {
        let folder = root().join(&path).parent().unwrap().to_owned();
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            if link.starts_with("http") {
                continue;
            }
            links += 1;
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() {
                root().join(&path)
            } else {
                folder.join(file)
            };
            assert!(target.exists(), "{path} links to {link}");
            if !heading.is_empty() {
                let text = fs::read_to_string(target).unwrap();
                let found = text
                    .lines()
                    .any(|line| line.starts_with('#') && anchor(line) == heading)
                    || text.contains(&format!("<a id=\"{heading}\">"));
                assert!(found, "{path} links to {link}, and there is no such anchor");
            }
        }
    }
    assert!(links > 0);
}

/// A document of the guide with Rust in it is one of those whose examples are compiled.
#[test]
fn the_guides_examples_are_compiled() {
    let compiled = fs::read_to_string(root().join("tests/src/lib.rs")).unwrap();
    for (path, text) in files("guide/src", ".md") {
        let has_rust = text.lines().any(|line| line.starts_with("```rust"));
        assert_eq!(
            has_rust,
            compiled.contains(&format!("\"{path}\"")),
            "{path}: its examples, and the list in tests/src/lib.rs"
        );
    }
}

/// The anchor that a heading has where the documents are read.
pub(super) fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text
        .chars()
        .filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
    kept.collect::<String>().replace(' ', "-")
}

/// The names in square brackets that a document uses as links, and those it defines; code is no link.
pub(super) fn references(text: &str) -> (BTreeSet<&str>, BTreeSet<&str>) {
    let prose = text.split('`').step_by(2);
    let parts = prose.flat_map(|prose| prose.split('[').skip(1));
    let (mut used, mut defined) = (BTreeSet::new(), BTreeSet::new());
    for (name, after) in parts.filter_map(|part| part.split_once(']')) {
        match after.chars().next() {
            Some('(') => {}
            Some(':') => _ = defined.insert(name),
            _ => _ = used.insert(name),
        }
    }
    (used, defined)
}

/// The first words of a path in the documents, and what they stand for.
const FOLDERS: [(&str, &str); 7] = [
    ("ledger/", "crates/industrydata-ledger/"),
    ("core/", "crates/industrydata-core/"),
    ("cli/", "crates/industrydata-cli/"),
    ("emulator/", "crates/industrydata-emulator/"),
    ("async/", "crates/industrydata-async/"),
    ("blocking/", "crates/industrydata-blocking/"),
    ("system/", "crates/industrydata-system/"),
];

/// What is named as `` `file: test` `` must be there: a test's name, or what a scenario of the list is called. Names that
/// follow, each in its own quotes and with a comma before it, are of the same file.
#[test]
fn the_tests_that_are_named_exist() {
    let sources: BTreeMap<String, String> = sources().into_iter().collect();
    let mut named = 0;
    for (document, text) in files("docs", ".md") {
        let parts: Vec<&str> = text.split('`').collect();
        let mut last: Vec<&str> = Vec::new();
        for at in (1..parts.len()).step_by(2) {
            let (before, code) = (parts[at - 1], parts[at]);
            let (path, name) = match code.split_once(": ") {
                Some((path, name)) if path.ends_with(".rs") => (Some(path), Some(name)),
                Some(_) | None if code.ends_with(".rs") && code.contains('/') => (Some(code), None),
                Some(_) | None => (None, (before == ", ").then_some(code)),
            };
            if let Some(path) = path {
                let path = whole(path);
                let (file, _) = sources
                    .get_key_value(&path)
                    .unwrap_or_else(|| panic!("{document}: there is no {path}"));
                // "this file and that one" have the names that follow both.
                if before != " and " {
                    last.clear();
                }
                last.push(file);
            } else if before != ", " {
                last.clear();
            }
            let Some(name) = name.filter(|_| !last.is_empty()) else {
                continue;
            };
            for file in &last {
                let is_there = match name.strip_prefix('"') {
                    Some(_) => sources[*file].contains(name),
                    None => sources[*file].contains(&format!("fn {name}(")),
                };
                assert!(is_there, "{document}: {file} has no {name}");
                named += 1;
            }
        }
    }
    println!("{named} tests are named");
    assert!(named > 60, "only {named} tests are named");
}

fn whole(path: &str) -> String {
    let folder = FOLDERS.iter().find(|(short, _)| path.starts_with(short));
    match folder {
        Some((short, long)) => path.replacen(short, long, 1),
        None => path.to_owned(),
    }
}
