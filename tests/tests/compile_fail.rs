//! Misuse that the types rule out does not compile, and fails with the intended error.
//!
//! Each file of `tests/compile_fail` begins with `//! CODE: MESSAGE`: the only error that it may have, as its code (or
//! lint) and the beginning of its message. The whole text of the compiler is not compared, because it changes with each
//! release. `compiles.rs` makes the same calls correctly. As long as it compiles, the other files fail because of their
//! mistakes, not because of the package that they are built in.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use std::{
    collections::BTreeMap,
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

const CRATES: [&str; 3] = ["core", "async", "blocking"];

#[test]
fn mistakes_do_not_compile() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let cases: BTreeMap<String, PathBuf> = fs::read_dir(here.join("compile_fail"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            (
                path.file_stem().unwrap().to_string_lossy().into_owned(),
                path,
            )
        })
        .collect();
    let found = ends(&project(here.parent().unwrap(), &cases));
    let mut wrong = Vec::new();
    for (name, path) in &cases {
        let ends = found.get(name).map(Vec::as_slice).unwrap_or_default();
        let text = fs::read_to_string(path).unwrap();
        let first = text.lines().next().unwrap();
        let expected = first.strip_prefix("//! ").unwrap();
        if !matches!(ends, [one] if one.starts_with(expected)) {
            wrong.push(format!("{name}: expected `{expected}`, got {ends:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(cases.len() > 12 && cases.contains_key("compiles"));
    println!("{} programs do not compile, as intended", cases.len() - 1);
}

/// Writes a package with one program for each case. It uses the workspace's lock file, so nothing is downloaded.
fn project(workspace: &Path, cases: &BTreeMap<String, PathBuf>) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compile_fail");
    fs::create_dir_all(&folder).unwrap();
    let lock = fs::read(workspace.join("Cargo.lock")).unwrap();
    fs::write(folder.join("Cargo.lock"), lock).unwrap();
    let mut manifest =
        "[workspace]\n[package]\nname = \"compile_fail\"\nedition = \"2024\"\n".to_owned();
    for (name, path) in cases {
        write!(manifest, "[[bin]]\nname = \"{name}\"\npath = {path:?}\n").unwrap();
    }
    manifest.push_str("[dependencies]\nhttp = \"1\"\nserde_json = \"1\"\n");
    for name in CRATES {
        let path = workspace.join(format!("crates/industrydata-{name}"));
        writeln!(
            manifest,
            "industrydata-{name} = {{ path = {path:?}, default-features = false, features = [\"serde\"] }}"
        )
        .unwrap();
    }
    fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    folder
}

/// The result of each program: its errors as `CODE: MESSAGE`, or `compiles`.
fn ends(project: &Path) -> BTreeMap<String, Vec<String>> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["check", "--offline", "--bins", "--keep-going", "--quiet"])
        .arg("--message-format=json")
        .current_dir(project)
        .env("CARGO_TARGET_DIR", project.join("target"))
        .env_remove("RUSTFLAGS")
        .output()
        .unwrap();
    let mut ends = BTreeMap::<String, Vec<String>>::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        let message = &event["message"];
        let end = if event["reason"] == "compiler-artifact" {
            "compiles".to_owned()
        } else if message["level"] == "error" && !message["code"].is_null() {
            let code = message["code"]["code"].as_str().unwrap();
            format!("{code}: {}", message["message"].as_str().unwrap())
        } else {
            // A warning, or the final error, which only counts the others.
            continue;
        };
        let program = event["target"]["name"].as_str().unwrap();
        ends.entry(program.to_owned()).or_default().push(end);
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!ends.is_empty(), "cargo built nothing: {stderr}");
    ends
}
