//! What the manifests say: who knows whom, and each version once.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use super::{files, root};

/// Which of the workspace's crates a crate may use, and which its tests may also use. The command line and the packages of
/// the tests may use all of them; the checks use none, so that they start without a build of the core.
const EDGES: [(&str, &[&str], &[&str]); 7] = [
    // It knows nothing of the service, so that the emulator may know it.
    ("clock", &[], &[]),
    ("core", &[], &[]),
    ("emulator", &["clock"], &[]),
    ("ledger", &["clock", "core"], &[]),
    ("system", &["clock", "core"], &[]),
    (
        "async",
        &["clock", "core", "system"],
        &["emulator", "ledger"],
    ),
    (
        "blocking",
        &["clock", "core", "system"],
        &["emulator", "ledger"],
    ),
];

/// Those of this workspace. The shells of the fuzz targets are a workspace of their own, since they take nightly, and so are
/// the other clients of the bench, since they take hundreds of crates.
fn manifests() -> Vec<(String, String)> {
    let mut manifests = ["crates", "tests", "xtask"]
        .map(|folder| files(folder, "Cargo.toml"))
        .concat();
    let others = ["tests/bench-peers/Cargo.toml", "tests/fuzz/Cargo.toml"];
    manifests.retain(|(path, _)| !others.contains(&path.as_str()));
    manifests
}

/// The lines `name = ...` and `name.workspace = ...` of a manifest, each with the table it stands in.
fn entries(text: &str) -> Vec<(&str, &str, &str)> {
    let mut table = "";
    let mut entries = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('[') {
            table = name.trim_end_matches(']');
        } else if let Some((name, value)) = line.split_once('=')
            && !line.starts_with('#')
        {
            let name = name.trim();
            entries.push((table, name.split('.').next().unwrap(), value.trim()));
        }
    }
    entries
}

#[test]
fn edges_point_one_way() {
    for (name, uses, tests_use) in EDGES {
        let path = format!("crates/industrydata-{name}/Cargo.toml");
        let text = fs::read_to_string(root().join(&path)).unwrap();
        for (table, dependency, _) in entries(&text) {
            let Some(ours) = dependency.strip_prefix("industrydata-") else {
                continue;
            };
            if table.ends_with("dependencies") {
                let is_test = table.ends_with("dev-dependencies");
                let known = uses.contains(&ours) || is_test && tests_use.contains(&ours);
                assert!(known, "{path}: {name} must not know {ours}");
            }
        }
    }
    // No package is left out.
    let crates = fs::read_dir(root().join("crates")).unwrap().count();
    assert_eq!(
        crates,
        EDGES.len() + 2,
        "a crate with no line here, but the command line and the crate that joins the others"
    );
    let checks = fs::read_to_string(root().join("xtask/Cargo.toml")).unwrap();
    let uses_none = !checks.contains("industrydata-") && !checks.contains("path = ");
    assert!(
        uses_none,
        "the checks must start without a build of the core"
    );
}

/// The table has the dependencies of the packages that are published, and no others.
#[test]
fn each_dependency_has_its_reason() {
    let architecture = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let (_, section) = architecture.split_once("\n## Dependencies\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let mut told = BTreeSet::new();
    for row in rows {
        let [_, names, users, reason, _] = row.split('|').collect::<Vec<_>>()[..] else {
            panic!("{row}: not three columns");
        };
        assert!(users.trim().len() > 3 && reason.trim().len() > 2, "{row}");
        told.extend(names.split('`').skip(1).step_by(2).map(str::to_owned));
    }
    let mut used = BTreeSet::new();
    for (_, text) in files("crates", "Cargo.toml") {
        let is_use = |table: &str| table.ends_with("dependencies") && !table.contains("dev-");
        let entries = entries(&text).into_iter().filter(|it| is_use(it.0));
        used.extend(entries.map(|it| it.1.to_owned()));
    }
    used.retain(|name| !name.starts_with("industrydata-"));
    assert_eq!(told, used, "ARCHITECTURE.md, and what the manifests have");
}

/// The lock files of the other workspaces know what the crates need now, so that building them changes no file.
#[test]
fn other_lock_files_are_up_to_date() {
    let mut seen = 0;
    for (path, lock) in files("tests", "Cargo.lock") {
        let packages = lock.split("[[package]]").skip(1);
        for package in packages.filter(|it| !it.contains("\nsource = ")) {
            let name = package.split('"').nth(1).unwrap();
            let manifest = root().join("crates").join(name).join("Cargo.toml");
            let Ok(manifest) = fs::read_to_string(manifest) else {
                continue;
            };
            for (table, dependency, value) in entries(&manifest) {
                let is_needed = table == "dependencies" && !value.contains("optional = true");
                assert!(
                    !is_needed || package.contains(&format!("\"{dependency}")),
                    "{path}: {name} lacks {dependency}; build that workspace once"
                );
                seen += usize::from(is_needed);
            }
        }
    }
    assert!(seen > 0);
}

#[test]
fn packages_are_complete() {
    for (path, text) in files("crates", "Cargo.toml") {
        let folder = root().join(&path).parent().unwrap().to_owned();
        for name in ["README.md", "LICENSE-MIT", "LICENSE-APACHE"] {
            let size = fs::metadata(folder.join(name)).map_or(0, |file| file.len());
            assert!(size > 200, "{path}: the package lacks {name}");
        }
        for member in [
            "description",
            "documentation",
            "readme",
            "keywords",
            "categories",
        ] {
            let has = |it: &(&str, &str, &str)| it.0 == "package" && it.1 == member;
            assert!(
                entries(&text).iter().any(has),
                "{path}: the package has no {member}"
            );
        }
        let is_library = folder.join("src/lib.rs").exists();
        assert!(
            !is_library
                || text.contains(
                    "[package.metadata.docs.rs]\nall-features = true\nrustdoc-args = [\"--cfg\", \"docsrs\"]"
                ),
            "{path}: the documentation lacks features"
        );
        let front = fs::read_to_string(folder.join("src/lib.rs")).unwrap_or_default();
        assert!(
            !is_library || front.contains("#![cfg_attr(docsrs, feature(doc_cfg))]"),
            "{path}: the documentation does not show what takes a feature"
        );
    }
}

#[test]
fn versions_are_said_once() {
    let workspace = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let mut said = BTreeMap::<String, String>::new();
    for (path, text) in manifests() {
        for (table, name, value) in entries(&text) {
            let is_own =
                table == "package" && ["rust-version", "edition", "version"].contains(&name);
            assert!(!is_own || value == "true", "{path} says its own {name}");
            if table.ends_with("dependencies")
                && value != "true"
                && !value.contains("workspace = true")
            {
                let before = said.insert(name.to_owned(), path.clone());
                assert_eq!(before, None, "{path} says the version of {name} once more");
                let shared = entries(&workspace).iter().any(|entry| entry.1 == name);
                assert!(!shared, "{path}: the workspace says the version of {name}");
            }
        }
        assert!(
            text.contains("[lints]\nworkspace = true"),
            "{path} has lints of its own"
        );
    }
    let value = |name: &str| {
        let entries = entries(&workspace);
        let entry = entries
            .iter()
            .find(|it| it.0 == "workspace.package" && it.1 == name);
        entry.unwrap().2.trim_matches('"').to_owned()
    };
    let own = format!("version = \"{}\"", value("version"));
    for (_, name, line) in entries(&workspace) {
        assert!(
            !line.contains("path = ") || line.contains(&own),
            "{name} is of another release"
        );
    }
    let oldest = value("rust-version");
    for (path, text) in [files("", ".md"), files(".ci", ""), files("", ".toml")].concat() {
        let times = text.matches(&oldest).count();
        assert_eq!(
            times,
            usize::from(path == "Cargo.toml"),
            "{path} says the oldest Rust"
        );
    }
}

#[test]
fn the_lints_stand() {
    let text = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let lints = entries(&text);
    for (name, level) in [
        ("unsafe_code", "\"forbid\""),
        ("missing_docs", "\"warn\""),
        ("unused_must_use", "\"deny\""),
        ("allow_attributes_without_reason", "\"warn\""),
        ("wildcard_enum_match_arm", "\"warn\""),
        ("todo", "\"warn\""),
        ("unimplemented", "\"warn\""),
        ("dbg_macro", "\"warn\""),
        ("unwrap_used", "\"warn\""),
        ("indexing_slicing", "\"warn\""),
    ] {
        let stands = |it: &&(&str, &str, &str)| it.0.starts_with("workspace.lints") && it.1 == name;
        assert_eq!(
            lints.iter().find(stands).map(|it| it.2),
            Some(level),
            "{name}"
        );
    }
}
