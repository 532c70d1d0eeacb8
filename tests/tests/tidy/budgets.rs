//! How long files may be.

use std::fs;

use super::{files, root};

/// The most lines of a module, its tests left out.
const MODULE: usize = 250;
/// The most lines of a driver: both loops and the one `send`.
const DRIVER: usize = 150;

/// What is longer, and why. One that has come to fit is taken off the list.
const LONGER: [(&str, &str); 21] = [
    (
        "crates/industrydata-core/src/machine/start.rs",
        "every transition of a start stands in one file",
    ),
    (
        "crates/industrydata-core/src/machine/watch.rs",
        "every transition of a wait stands in one file",
    ),
    (
        "crates/industrydata-core/src/machine/fetch.rs",
        "every transition of a read stands in one file",
    ),
    (
        "crates/industrydata-core/src/machine/follow.rs",
        "every transition of a wait for a run stands in one file",
    ),
    (
        "crates/industrydata-core/src/machine/start_error.rs",
        "what each end of a start says, advises and means for the run, side by side",
    ),
    (
        "crates/industrydata-core/src/machine/watch_error.rs",
        "what each end of a wait says and advises, side by side",
    ),
    (
        "crates/industrydata-core/src/books/reconcile/search.rs",
        "one pass over both lists, from the surest evidence to the least",
    ),
    (
        "crates/industrydata-core/src/oauth.rs",
        "one request and its one answer",
    ),
    (
        "crates/industrydata-cli/src/args.rs",
        "the whole command line is defined in one place",
    ),
    (
        "crates/industrydata-cli/src/human.rs",
        "what people are shown, one function a result",
    ),
    (
        "crates/industrydata-cli/src/report.rs",
        "the keys of every JSON document, which are promised together",
    ),
    (
        "crates/industrydata-cli/src/verdict.rs",
        "one exit code for each end there is",
    ),
    (
        "crates/industrydata-cli/src/commands/reads.rs",
        "the six reads, which share how they are shown",
    ),
    (
        "crates/industrydata-core/src/books/change.rs",
        "each change as it is made and as it is applied",
    ),
    (
        "tests/src/connection.rs",
        "all that one connection of a misbehaving server can do",
    ),
    (
        "tests/src/flavour.rs",
        "both drivers in one macro, so that they cannot drift apart",
    ),
    (
        "tests/src/scenario.rs",
        "a builder: one short method for each thing a scenario may say",
    ),
    ("tests/src/scenarios/location.rs", "tables of Locations"),
    (
        "tests/src/soak/mod.rs",
        "a round from its first process to its judgement",
    ),
    (
        "xtask/src/postgres.rs",
        "stands by itself: tests of the ledger have it too",
    ),
    (
        "xtask/src/vectors/subjects.rs",
        "one subject for each kind of vector",
    ),
];

#[test]
fn modules_are_short() {
    let mut wrong = Vec::new();
    let mut met = 0;
    let modules = ["crates", "tests/src", "xtask/src"].map(|folder| files(folder, ".rs"));
    for (path, text) in modules.concat() {
        if !path.contains("/src/") || path.ends_with("/tests.rs") {
            continue;
        }
        let lines = without_tests(&text);
        let is_listed = LONGER.iter().any(|(listed, _)| *listed == path);
        met += usize::from(is_listed);
        match (lines > MODULE, is_listed) {
            (true, false) => wrong.push(format!("{path} has {lines} lines, more than {MODULE}")),
            (false, true) => wrong.push(format!("{path} has come to fit: take it off the list")),
            (true, true) | (false, false) => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(
        met,
        LONGER.len(),
        "a file of the list is gone, or twice on it"
    );
    assert!(LONGER.iter().all(|(_, why)| why.len() > 10));
}

/// The lines of a file without those of its module of tests.
fn without_tests(text: &str) -> usize {
    let Some((code, tests)) = text.split_once("#[cfg(test)]\nmod tests {") else {
        return text.lines().count();
    };
    let after = tests.split_once("\n}\n").map_or("", |(_, after)| after);
    code.lines().count() + after.lines().count()
}

#[test]
fn a_driver_is_short_and_decides_nothing() {
    for flavour in ["async", "blocking"] {
        let path = format!("crates/industrydata-{flavour}/src/driver.rs");
        let text = fs::read_to_string(root().join(&path)).unwrap();
        let lines = text.lines().count();
        assert!(
            lines <= DRIVER,
            "{path} has {lines} lines, more than {DRIVER}"
        );
        for word in [
            "StatusCode::",
            "header",
            "retry",
            "Duration::",
            "RETRY",
            "status()",
        ] {
            assert!(!text.contains(word), "{path} knows of `{word}`");
        }
        assert_eq!(text.matches("fn send(").count(), 1, "{path}");
    }
}

#[test]
fn no_file_is_large() {
    for path in crate::paths("") {
        let length = path.metadata().unwrap().len();
        assert!(length < 128 * 1024, "{} has {length} bytes", path.display());
    }
}
