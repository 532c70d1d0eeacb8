//! Rule numbers: each that is named anywhere has its line in docs/protocol.md.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    documents::{anchor, references},
    files, root, sources,
};

fn document() -> String {
    std::fs::read_to_string(root().join("docs/protocol.md")).unwrap()
}

/// The rules of the document by their names in lower case, each as often as it has an anchor.
fn anchors(document: &str) -> Vec<&str> {
    let parts = document.split("<a id=\"").skip(1);
    parts.filter_map(|rest| rest.split('"').next()).collect()
}

/// Whether a word is a rule's number, such as `L4a`.
fn is_rule(word: &str) -> bool {
    let number = word.strip_prefix(['L', 'R', 'B', 'E', 'S', 'P', 'T', 'I', 'G']);
    let digits = number.map(|number| number.trim_end_matches(['a', 'b', 'A', 'B']));
    digits.is_some_and(|digits| {
        (1..=2).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
    })
}

/// The rules that a text names: by number, in the name of a test (`t50_t51_…`), or all of a letter (`rule L`).
fn named(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let words: Vec<&str> = text.split(|c| !is_part(c)).collect();
    let numbers = words.iter().filter(|word| is_rule(word));
    let mut found: BTreeSet<String> = numbers.map(|word| (*word).to_owned()).collect();
    for word in words.iter().filter(|word| word.contains('_')) {
        // Rules are written in capitals; in a name they begin it, and are small.
        let parts = word
            .split('_')
            .take_while(|part| part.to_lowercase() == **part);
        let rules = parts.map(str::to_uppercase);
        found.extend(rules.take_while(|part| is_rule(part)));
    }
    for pair in words.windows(2) {
        let is_letter = pair[1].len() == 1 && pair[1].bytes().all(|b| b.is_ascii_uppercase());
        if is_letter && ["rule", "rules", "Rule", "Rules"].contains(&pair[0]) {
            found.insert(pair[1].to_owned());
        }
    }
    found
}

/// Every text that may name a rule, but for those of these tests, which make some up.
fn texts() -> Vec<(String, String)> {
    let mut texts = [sources(), files("", ".md"), files("", ".toml")].concat();
    for (path, lines) in files("tests/vectors", ".jsonl") {
        for line in lines.lines() {
            let vector: serde_json::Value = serde_json::from_str(line).unwrap();
            let (name, why) = (&vector["name"], &vector["why"]);
            texts.push((format!("{path}: {name}"), why.as_str().unwrap().to_owned()));
        }
    }
    texts
}

#[test]
fn every_rule_that_is_named_is_in_the_document() {
    let document = document();
    let anchors = anchors(&document);
    let mut missing = Vec::new();
    let mut met = BTreeSet::new();
    for (path, text) in texts() {
        for rule in named(&text) {
            let name = rule.to_lowercase();
            let is_there = match rule.len() {
                1 => anchors.iter().any(|it| it.starts_with(&name)),
                _ => anchors.contains(&name.as_str()),
            };
            if !is_there {
                missing.push(format!("{path} names {rule}"));
            }
            met.insert(rule);
        }
    }
    let missing = missing.join("\n");
    assert!(missing.is_empty(), "not in docs/protocol.md:\n{missing}");
    assert!(met.len() > 80, "only {} rules are named", met.len());
}

#[test]
fn no_anchor_of_the_document_is_used_twice() {
    let document = document();
    let headings = document.lines().filter(|line| line.starts_with('#'));
    let headings = headings.map(anchor);
    let mut times = BTreeMap::<String, usize>::new();
    for name in anchors(&document)
        .into_iter()
        .map(str::to_owned)
        .chain(headings)
    {
        *times.entry(name).or_default() += 1;
    }
    times.retain(|_, times| *times > 1);
    assert!(times.is_empty(), "{times:?}");
}

/// The anchor stands beside the number it is of.
#[test]
fn every_rule_of_the_document_has_its_own_anchor() {
    let document = document();
    let rows = document
        .lines()
        .filter_map(|line| line.strip_prefix("| <a id=\""));
    let mut count = 0;
    for row in rows {
        let (name, rest) = row.split_once("\"></a>**").unwrap();
        let (rule, cells) = rest.split_once("** |").unwrap();
        assert!(
            is_rule(rule) && rule.to_lowercase() == name,
            "{rule}: {name}"
        );
        let cells: Vec<&str> = cells.trim_end_matches('|').split('|').collect();
        let is_whole = cells.len() >= 3 && cells.iter().all(|cell| !cell.trim().is_empty());
        assert!(is_whole, "{rule} lacks its reason or its source");
        count += 1;
    }
    assert_eq!(
        count,
        anchors(&document).len(),
        "an anchor outside the tables"
    );
}

#[test]
fn sources_of_the_document_are_defined() {
    let document = document();
    let (used, defined) = references(&document);
    assert_eq!(used, defined);
}

#[test]
fn rules_are_found_wherever_they_are_named() {
    let found = |text: &str| named(text).into_iter().collect::<Vec<_>>().join(" ");
    assert_eq!(found("/// L4b and (R7), not rule P."), "L4b P R7");
    assert_eq!(found("fn t50_t51_killed_s2_again() {}"), "T50 T51");
    assert_eq!(found("\"T32 T33\", [\"I3\"], G1: x"), "G1 I3 T32 T33");
    assert_eq!(found("E0506 RFC3986 X1 T100 u8_l 0_i64 L L5x T_1 R2D2"), "");
    let found = anchors("| <a id=\"l1\"></a>**L1** | <a id=\"l2\"></a>");
    assert_eq!(found, ["l1", "l2"]);
}
