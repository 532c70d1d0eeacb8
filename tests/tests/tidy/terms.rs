//! Words that readers from outside would have to learn, and what to write instead.

use super::{files, sources};

/// What not to write in prose, names and paths, and what to write instead. A row of several words is a phrase.
const TERMS: &[(&str, &str)] = &[
    ("books", "ledger"),
    ("booked", "recorded"),
    ("doubtful", "in doubt"),
    ("taken for", "treated as"),
    ("survey", "service snapshot"),
    ("holdings", "snapshot, or reset"),
    ("miss", "transient error"),
    ("misses", "transient errors"),
    ("missed", "failed"),
    ("foreseen", "forecast"),
    ("foresee", "forecast"),
    ("mend", "fix"),
    ("mended", "fixed"),
    ("take up the wait", "resume"),
    ("taken up", "resumed"),
    ("somebody", "the one who acts: the caller, the user"),
    ("told", "reported, shown"),
    ("nobody but", "only"),
    ("of ours", "the owner's name, or nothing"),
    ("of its own", "the owner's name, or nothing"),
    ("of the caller s own", "the caller's"),
    ("comes of", "comes from, or is caused by"),
    ("came of", "came from, or the noun: the result"),
    ("goes on at", "continues at"),
    ("ends the matter", "the effect: resolves it, stops it"),
];

/// What is stored or printed and may not change, and why it has such a word.
const KEPT: &[(&str, &str)] = &[
    (
        "const TABLE: &str = \"books\"",
        "a table of the stores, which the bench fills",
    ),
    ("industrydata-books", "a stored value begins with it"),
    (
        "rename = \"books\"",
        "a key in the scripts of the simulation",
    ),
];

/// Where a term is the name of a table of the stores.
const TABLES: (&str, &str) = ("crates/industrydata-ledger/", "books");

/// The words of a text in small letters, each with its line. A name is taken apart at `_` and where its case changes.
/// A mark that ends a phrase is an empty word.
fn words(text: &str) -> Vec<(String, usize)> {
    let mut found: Vec<(String, usize)> = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let mut last = ' ';
        for letter in line.chars() {
            let begins = !last.is_alphanumeric() || last.is_lowercase() && letter.is_uppercase();
            last = letter;
            let ends = ",.;:()".contains(letter);
            if !letter.is_alphanumeric() && !ends {
                continue;
            }
            if begins || ends {
                found.push((String::new(), at + 1));
            }
            if !ends {
                let (word, _) = found.last_mut().unwrap();
                word.extend(letter.to_lowercase());
            }
        }
    }
    found
}

/// Where a text has one of the terms: its line, the term and what to write instead.
fn wrong(text: &str) -> Vec<(usize, &'static str, &'static str)> {
    let text = KEPT
        .iter()
        .fold(text.to_owned(), |text, (kept, _)| text.replace(kept, ""));
    let words = words(&text);
    let mut found = Vec::new();
    for (term, instead) in TERMS {
        let parts: Vec<&str> = term.split(' ').collect();
        let places = words.windows(parts.len());
        let places = places.filter(|place| place.iter().map(|(word, _)| word).eq(&parts));
        found.extend(places.map(|place| (place[0].1, *term, *instead)));
    }
    found.sort_unstable();
    found
}

#[test]
fn words_are_those_that_others_know() {
    let texts = [sources(), files("", ".md"), files("", ".toml")].concat();
    for (kept, why) in KEPT {
        let is_there = texts.iter().any(|(_, text)| text.contains(kept));
        assert!(is_there, "`{kept}` ({why}) is gone: take it off the list");
    }
    let mut lines = Vec::new();
    for (path, text) in &texts {
        for (_, term, instead) in wrong(path) {
            lines.push(format!("{path}: its name has \"{term}\"; use: {instead}"));
        }
        for (line, term, instead) in wrong(text) {
            if path.starts_with(TABLES.0) && term == TABLES.1 {
                continue;
            }
            lines.push(format!("{path}:{line}: \"{term}\"; write: {instead}"));
        }
    }
    assert!(
        lines.is_empty(),
        "{} places\n{}",
        lines.len(),
        lines.join("\n")
    );
}

#[test]
fn terms_are_found_in_prose_names_and_across_lines() {
    let found = |text: &str| {
        let found = wrong(text).into_iter();
        let found = found.map(|(line, term, _)| format!("{line} {term}"));
        found.collect::<Vec<_>>().join(", ")
    };
    assert_eq!(found("/// The books."), "1 books");
    assert_eq!(
        found("struct StoredBooks;\nfn no_books_no_start() {}"),
        "1 books, 2 books"
    );
    assert_eq!(
        found("// It is told\n// as doubt, by nobody\n/// but us"),
        "1 told, 2 nobody but"
    );
    assert_eq!(found("one of the caller's own"), "1 of the caller s own");
    assert_eq!(found("a bookshop, a booking, MISSING, untold, retold"), "");
    assert_eq!(found("\"industrydata-books 1\""), "");
    assert_eq!(found("src/survey.rs"), "1 survey");
}
