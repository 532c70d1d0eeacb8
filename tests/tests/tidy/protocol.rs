//! Rule numbers: each that is named anywhere has its line in docs/protocol.md.

use std::collections::{BTreeMap, BTreeSet};

use syn::visit::{self, Visit};

use super::{
    documents::{anchor, references},
    files,
    imports::is_test,
    root, sources,
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

/// The public documentation of one file, line by line.
#[derive(Default)]
struct PublicDocs {
    lines: Vec<String>,
}

impl PublicDocs {
    fn add(&mut self, attributes: &[syn::Attribute]) {
        for attribute in attributes {
            if let syn::Meta::NameValue(it) = &attribute.meta
                && it.path.is_ident("doc")
                && let syn::Expr::Lit(syn::ExprLit { lit, .. }) = &it.value
                && let syn::Lit::Str(text) = lit
            {
                self.lines.push(text.value());
            }
        }
    }

    fn add_if(&mut self, visibility: &syn::Visibility, attributes: &[syn::Attribute]) {
        // What is public can be reached: a lint sees to that.
        if matches!(visibility, syn::Visibility::Public(_)) {
            self.add(attributes);
        }
    }
}

impl<'ast> Visit<'ast> for PublicDocs {
    fn visit_file(&mut self, file: &'ast syn::File) {
        self.add(&file.attrs);
        visit::visit_file(self, file);
    }

    fn visit_item(&mut self, item: &'ast syn::Item) {
        use syn::Item::{Const, Enum, Fn, Macro, Mod, Static, Struct, Trait, Type};
        if is_test(item) {
            return;
        }
        #[allow(clippy::wildcard_enum_match_arm, reason = "syn may add kinds of items")]
        match item {
            Const(it) => self.add_if(&it.vis, &it.attrs),
            Enum(it) => {
                self.add_if(&it.vis, &it.attrs);
                for variant in &it.variants {
                    self.add_if(&it.vis, &variant.attrs);
                    variant
                        .fields
                        .iter()
                        .for_each(|field| self.add_if(&it.vis, &field.attrs));
                }
            }
            Fn(it) => self.add_if(&it.vis, &it.attrs),
            // Its tokens hold the documentation of what it makes.
            Macro(it) => self.lines.push(it.mac.tokens.to_string()),
            Mod(it) => self.add_if(&it.vis, &it.attrs),
            Static(it) => self.add_if(&it.vis, &it.attrs),
            Struct(it) => {
                self.add_if(&it.vis, &it.attrs);
                it.fields
                    .iter()
                    .for_each(|field| self.add_if(&field.vis, &field.attrs));
            }
            Trait(it) => {
                self.add_if(&it.vis, &it.attrs);
                for item in &it.items {
                    if let syn::TraitItem::Fn(item) = item {
                        self.add_if(&it.vis, &item.attrs);
                    }
                }
            }
            Type(it) => self.add_if(&it.vis, &it.attrs),
            _ => {}
        }
        visit::visit_item(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.add_if(&item.vis, &item.attrs);
    }

    fn visit_impl_item_const(&mut self, item: &'ast syn::ImplItemConst) {
        self.add_if(&item.vis, &item.attrs);
    }
}

/// The rules that the public documentation of a file names.
fn documented(text: &str) -> BTreeSet<String> {
    let mut docs = PublicDocs::default();
    docs.visit_file(&syn::parse_file(text).unwrap());
    docs.lines.iter().flat_map(|line| named(line)).collect()
}

/// A reader of the documentation has no list of numbers: it says the rule in words, or links to its anchor.
#[test]
fn public_documentation_names_no_rule() {
    let mut wrong = Vec::new();
    for (path, text) in files("crates", ".rs") {
        if path.contains("/src/") && !path.ends_with("tests.rs") {
            let rules = documented(&text).into_iter().collect::<Vec<_>>();
            wrong.extend((!rules.is_empty()).then(|| format!("{path}: {}", rules.join(", "))));
        }
    }
    let wrong = wrong.join("\n");
    assert!(
        wrong.is_empty(),
        "say these in words, or link to docs/protocol.md#…:\n{wrong}"
    );
}

#[test]
fn public_documentation_is_told_from_the_rest() {
    let found = |text: &str| documented(text).into_iter().collect::<Vec<_>>().join(" ");
    assert_eq!(
        found("//! Rule L.\n/// R1 to\n/// R2.\npub fn f() {}"),
        "L R1 R2"
    );
    assert_eq!(
        found("/// L1\npub enum E { /** L2 */ A { /// L3\n b: u8 } }"),
        "L1 L2 L3"
    );
    assert_eq!(
        found("pub struct S { /// P1\n pub a: u8, /// P2\n b: u8 }"),
        "P1"
    );
    assert_eq!(
        found("pub trait T { /// S1\n fn f(); } impl S { /// S2\n pub fn g() {} }"),
        "S1 S2"
    );
    assert_eq!(found("open! { /// B9\n Status { A = \"a\" } }"), "B9");
    assert_eq!(
        found("/// L1\nfn f() {}\n/// L2\npub(crate) struct S; // L3"),
        ""
    );
    assert_eq!(
        found("/// See [rules](../docs/protocol.md#l4a).\npub fn f() {}"),
        ""
    );
    assert_eq!(
        found("#[cfg(test)]\nmod tests { /// L1\n pub fn f() {} }"),
        ""
    );
}
