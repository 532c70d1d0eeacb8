//! Who may import whom within a crate: no file and no folder in a circle, and in the core no layer an upper one.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    files,
    imports::{Import, imports},
};

/// The layers of the core, lowest first: a file or folder of its `src`, and its rank. None imports one of a higher rank.
const LAYERS: [(&str, usize); 16] = [
    ("policy.rs", 0),
    ("policy", 0),
    ("serial.rs", 0),
    ("now.rs", 1),
    ("seed.rs", 1),
    ("tenant.rs", 1),
    ("wire", 2),
    ("auth", 3),
    ("model", 4),
    ("endpoint", 5),
    ("ledger", 6),
    ("lro", 7),
    ("reconcile", 8),
    ("lib.rs", 9),
    ("serial_tests.rs", 9),
    ("words_tests.rs", 9),
];

/// The files of a crate under `crates/`, by their path below `src`.
fn sources(name: &str) -> BTreeMap<String, String> {
    let folder = format!("crates/{name}/src");
    let files = files(&folder, ".rs").into_iter();
    let below = |path: String| path[folder.len() + 1..].to_owned();
    files.map(|(path, text)| (below(path), text)).collect()
}

fn crates() -> Vec<String> {
    let manifests = files("crates", "Cargo.toml").into_iter();
    let names = manifests.filter_map(|(path, _)| Some(path.split('/').nth(1)?.to_owned()));
    names.collect()
}

#[test]
fn no_file_and_no_folder_imports_in_a_circle() {
    let mut wrong = Vec::new();
    for name in crates() {
        let sources = sources(&name);
        let imports = imports(&sources);
        let has_imports = !imports.is_empty() || sources.len() == 1;
        assert!(has_imports, "{name} imports nothing of its own");
        let circles = circles(&imports).into_iter();
        wrong.extend(circles.map(|circle| format!("{name}: {circle}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_layer_of_the_core_imports_an_upper_one() {
    let sources = sources("industrydata-core");
    let mut wrong = unlisted(&sources, &LAYERS);
    for (name, _) in LAYERS {
        if !sources.keys().any(|path| layer(path) == name) {
            wrong.push(format!("{name} is a layer without a file"));
        }
    }
    wrong.extend(upward(&imports(&sources), &LAYERS));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The first folder of a file's path, or the file itself.
fn layer(name: &str) -> &str {
    name.split('/').next().unwrap()
}

fn rank(name: &str, layers: &[(&str, usize)]) -> Option<usize> {
    let found = layers.iter().find(|(it, _)| *it == layer(name));
    found.map(|(_, rank)| *rank)
}

/// What has no rank.
fn unlisted(sources: &BTreeMap<String, String>, layers: &[(&str, usize)]) -> Vec<String> {
    let unknown = sources.keys().filter(|name| rank(name, layers).is_none());
    let names: BTreeSet<&str> = unknown.map(|name| layer(name)).collect();
    let line = |name: &str| format!("{name} is in no layer");
    names.into_iter().map(line).collect()
}

/// The imports of an upper layer, by the file named and by the one that defines the item.
fn upward(imports: &[Import], layers: &[(&str, usize)]) -> Vec<String> {
    let is_upward = |it: &&Import| {
        let mut ends = [Some(&it.through), it.to.as_ref()].into_iter().flatten();
        let own = rank(&it.from, layers);
        own.is_some() && ends.any(|to| rank(to, layers) > own)
    };
    let line = |it: &Import| format!("{} imports {} of an upper layer", it.from, it.path);
    imports.iter().filter(is_upward).map(line).collect()
}

/// The circles of a crate. At each folder its files and folders are looked at as one unit each, so that a circle between
/// files shows where their paths part, as does one between a folder and its neighbours.
fn circles(imports: &[Import]) -> Vec<String> {
    let names = imports.iter().flat_map(|it| [&it.from, &it.through]);
    let folders: BTreeSet<&str> = names
        .filter_map(|name| Some(name.rsplit_once('/')?.0))
        .collect();
    let mut places: BTreeMap<Vec<String>, Graph<'_>> = BTreeMap::new();
    for import in imports {
        let Some(to) = &import.to else { continue };
        let (from, to) = (units(&import.from, &folders), units(to, &folders));
        let same = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
        if let (Some(a), Some(b)) = (from.get(same), to.get(same)) {
            let graph = places.entry(from[..same].to_vec()).or_default();
            let edges = graph.entry(a.clone()).or_default();
            edges.entry(b.clone()).or_default().push(import);
        }
    }
    let mut found = Vec::new();
    for (place, graph) in &places {
        for knot in knots(graph) {
            let names: Vec<_> = knot.iter().map(|unit| unit.as_str()).collect();
            let place = if place.is_empty() {
                "src".to_owned()
            } else {
                place.join("/")
            };
            let mut text = format!("in {place}: {} import each other", names.join(", "));
            for (from, edges) in graph.iter().filter(|(from, _)| knot.contains(from)) {
                for (to, imports) in edges.iter().filter(|(to, _)| knot.contains(to)) {
                    text += &format!("\n    {from} -> {to}:");
                    for it in imports {
                        text += &format!("\n        {} imports {}", it.from, it.path);
                    }
                }
            }
            found.push(text);
        }
    }
    found
}

/// The folders and the file of a path. `a/mod.rs` is in the folder `a`, and so is `a.rs` where there is such a folder.
fn units(name: &str, folders: &BTreeSet<&str>) -> Vec<String> {
    let mut units: Vec<String> = name.split('/').map(str::to_owned).collect();
    if let Some(folder) = name.strip_suffix(".rs").filter(|it| folders.contains(it)) {
        let own = units.pop().unwrap();
        units.extend([folder.rsplit('/').next().unwrap().to_owned(), own]);
    }
    units
}

/// From each unit to those it imports, and by which imports.
type Graph<'i> = BTreeMap<String, BTreeMap<String, Vec<&'i Import>>>;

/// The sets of units that all reach each other.
fn knots<'g>(graph: &'g Graph<'_>) -> BTreeSet<BTreeSet<&'g String>> {
    let reached: BTreeMap<&String, BTreeSet<&String>> = graph
        .keys()
        .map(|unit| (unit, reachable(graph, unit)))
        .collect();
    let mut found = BTreeSet::new();
    for (unit, others) in &reached {
        let back = |other: &&&String| reached.get(**other).is_some_and(|it| it.contains(unit));
        let knot: BTreeSet<&String> = others.iter().filter(back).copied().collect();
        if knot.contains(unit) {
            found.insert(knot);
        }
    }
    found
}

fn reachable<'g>(graph: &'g Graph<'_>, from: &String) -> BTreeSet<&'g String> {
    let mut found = BTreeSet::new();
    let mut next: Vec<&String> = graph
        .get(from)
        .into_iter()
        .flat_map(BTreeMap::keys)
        .collect();
    while let Some(unit) = next.pop() {
        if found.insert(unit) {
            next.extend(graph.get(unit).into_iter().flat_map(BTreeMap::keys));
        }
    }
    found
}

/// A made-up crate.
fn tree(files: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
    files.iter().map(owned).collect()
}

/// The imports of a made-up crate, as `from -> to`, where both are known.
fn edges(files: &[(&str, &str)]) -> Vec<String> {
    let imports = imports(&tree(files)).into_iter();
    let edges = imports.filter_map(|it| Some(format!("{} -> {}", it.from, it.to?)));
    edges.collect::<BTreeSet<_>>().into_iter().collect()
}

fn circles_of(files: &[(&str, &str)]) -> Vec<String> {
    let lines = circles(&imports(&tree(files))).into_iter();
    lines
        .map(|it| it.lines().next().unwrap().to_owned())
        .collect()
}

#[test]
fn a_circle_between_files_is_found() {
    let found = circles_of(&[
        ("lib.rs", "mod a; mod b; mod c; pub use a::A;"),
        ("a.rs", "use crate::b::B; pub struct A(B);"),
        ("b.rs", "pub struct B(Box<crate::c::C>);"),
        ("c.rs", "use super::a::A; pub struct C(A);"),
    ]);
    assert_eq!(found, ["in src: a.rs, b.rs, c.rs import each other"]);
    let found = circles_of(&[
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "use crate::b::B; pub struct A(B);"),
        ("b.rs", "pub struct B;"),
    ]);
    assert_eq!(found, [""; 0]);
}

#[test]
fn a_circle_between_folders_is_found() {
    let found = circles_of(&[
        ("lib.rs", "mod a; mod b;"),
        ("a/mod.rs", "mod one; mod two;"),
        ("a/one.rs", "use crate::b::one::X;"),
        ("a/two.rs", "pub struct Y;"),
        ("b/mod.rs", "pub mod one; pub mod two;"),
        ("b/one.rs", "pub struct X;"),
        ("b/two.rs", "use crate::a::two::Y;"),
    ]);
    assert_eq!(found, ["in src: a, b import each other"]);
    // A folder and a file beside it, and the file that heads a folder from outside.
    let found = circles_of(&[
        ("lib.rs", "mod a;"),
        ("a/mod.rs", "mod b; mod c;"),
        ("a/b.rs", "mod d;"),
        ("a/b/d.rs", "use super::super::c::C;"),
        ("a/c.rs", "use super::b::B; pub struct C(B);"),
    ]);
    assert_eq!(found, ["in a: b, c.rs import each other"]);
}

#[test]
fn a_layer_that_imports_an_upper_one_is_found() {
    let layers = [("low.rs", 0), ("mid", 1), ("lib.rs", 2)];
    let files = tree(&[
        ("lib.rs", "mod low; mod mid; mod other; pub use mid::M;"),
        ("low.rs", "use crate::mid::M;"),
        ("mid/mod.rs", "mod m; pub use self::m::M;"),
        ("mid/m.rs", "use crate::{low::L, M as Same};"),
        ("other.rs", ""),
    ]);
    let found = upward(&imports(&files), &layers);
    let low = "low.rs imports mid::M of an upper layer";
    // Through the root, whose re-export it is.
    let mid = "mid/m.rs imports M of an upper layer";
    assert_eq!(found, [low, mid]);
    assert_eq!(unlisted(&files, &layers), ["other.rs is in no layer"]);
}

#[test]
fn every_way_to_write_a_path_is_read() {
    let read = |text: &str| {
        let files = [
            ("lib.rs", "mod a; mod b;"),
            ("a/mod.rs", "mod c;"),
            ("a/c.rs", text),
            ("b/mod.rs", "pub mod d; pub mod e;"),
            ("b/d.rs", "pub struct D; pub fn f() {}"),
            ("b/e.rs", "pub struct E;"),
        ];
        edges(&files).join(", ").replace("a/c.rs -> ", "")
    };
    assert_eq!(read("use super::super::b::d::D;"), "b/d.rs");
    assert_eq!(
        read("use crate::b::{d::{self, D}, e::E as Other};"),
        "b/d.rs, b/e.rs"
    );
    assert_eq!(read("use crate::b::d::*;"), "b/d.rs");
    assert_eq!(
        read("use crate::b as renamed; fn g() { renamed::d::f() }"),
        "b/d.rs"
    );
    assert_eq!(read("fn g(_: &crate::b::e::E) {}"), "b/e.rs");
    assert_eq!(
        read("fn g() { assert!(crate::b::e::E == 0, \"{}\", 1) }"),
        "b/e.rs"
    );
    assert_eq!(
        read("mod inner { use super::super::super::b::e::E; }"),
        "b/e.rs"
    );
    assert_eq!(
        read("macro_rules! m { () => { $crate::b::e::E } }"),
        "b/e.rs"
    );
    for nothing in [
        "// crate::b::d::D\n/// [`crate::b::d::D`]\npub(in crate::a) struct S;",
        "#[cfg(test)] use crate::b::d::D;",
        "#[cfg(test)] mod tests { use crate::b::d::D; }",
        "struct S; impl S { #[cfg(test)] fn g(_: crate::b::d::D) {} }",
        "use std::fmt; use ::b::d::D; fn g() { fmt::b() }",
        "fn g() -> &'static str { \"crate::b::d::D\" }",
    ] {
        assert_eq!(read(nothing), "", "{nothing}");
    }
}

#[test]
fn files_of_tests_are_left_out() {
    let found = edges(&[
        ("lib.rs", "mod a; mod b; #[cfg(test)] mod world;"),
        ("a.rs", "#[cfg(test)] mod tests;"),
        ("a/tests.rs", "use crate::b::B;"),
        ("b.rs", "pub struct B; mod more_tests;"),
        ("b/more_tests.rs", "use crate::a::A;"),
        ("world.rs", "use crate::a::A;"),
    ]);
    assert_eq!(found, [""; 0]);
}

#[test]
fn re_exports_are_followed_to_the_file_that_defines_the_item() {
    let files = [
        ("lib.rs", "mod a; mod b;"),
        (
            "a/mod.rs",
            "mod one; mod two; pub use self::{one::One, two::*}; pub struct Own;",
        ),
        ("a/one.rs", "pub struct One;"),
        ("a/two.rs", "use super::One; pub struct Two(One);"),
        ("b.rs", "use crate::a::{One, Own, Two};"),
    ];
    let head = [
        "a/mod.rs -> a/one.rs",
        "a/mod.rs -> a/two.rs",
        "a/two.rs -> a/one.rs",
    ];
    let from_b = ["b.rs -> a/mod.rs", "b.rs -> a/one.rs", "b.rs -> a/two.rs"];
    assert_eq!(edges(&files), [head, from_b].concat());
    // A sibling by way of the parent is no circle.
    assert_eq!(circles_of(&files), [""; 0]);
    // What the parent defines itself is one.
    let own = ("a/two.rs", "use super::Own; pub struct Two(Own);");
    let files = [files[0], files[1], files[2], own, files[4]];
    assert_eq!(
        circles_of(&files),
        ["in a: mod.rs, two.rs import each other"]
    );
}
