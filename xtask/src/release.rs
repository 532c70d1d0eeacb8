//! What a release needs, tried in order without publishing anything.

use std::fs;

use crate::{Failure, cargo, checks, tools::SEMVER_CHECKS};

/// The list of a release.
#[derive(clap::Args)]
pub(crate) struct Release {
    /// Publish nothing. A person publishes, by the commands that this prints at its end
    #[arg(long, required = true)]
    dry_run: bool,
}

impl Release {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let version = version()?;
        clean_tree()?;
        changelog(&version)?;
        checks::doc()?;
        checks::features()?;
        compatible()?;
        // Builds each package from its archive, against the archives of those that it needs.
        cargo::run(["publish", "--workspace", "--dry-run", "--locked"])?;
        if let Some(missing) = missing_addresses()? {
            println!("warning: [workspace.package] has no {missing}: add it before you publish");
        }
        println!("{version} is ready. To publish it:");
        println!("  git tag v{version} && git push origin v{version}");
        println!("  cargo publish --workspace --locked");
        Ok(())
    }
}

fn version() -> Result<String, Failure> {
    let manifest = fs::read_to_string(cargo::root().join("Cargo.toml"))?;
    let version = manifest
        .lines()
        .find_map(|it| it.strip_prefix("version = "));
    Ok(version
        .ok_or("the workspace has no version")?
        .trim_matches('"')
        .to_owned())
}

/// What is published is what is committed.
fn clean_tree() -> Result<(), Failure> {
    let changes = cargo::read(cargo::git(["status", "--porcelain"]).arg("--untracked-files=all"))?;
    if changes.is_empty() {
        return Ok(());
    }
    Err(format!("commit or remove these changes first:\n{changes}").into())
}

/// The changelog names the version, or has what will be under its name.
fn changelog(version: &str) -> Result<(), Failure> {
    let text = fs::read_to_string(cargo::root().join("CHANGELOG.md"))?;
    let Some(section) = section(&text, version) else {
        return Err(
            format!("CHANGELOG.md has neither \"## {version}\" nor \"## Unreleased\"").into(),
        );
    };
    if section.heading == "Unreleased" {
        println!("note: rename \"## Unreleased\" in CHANGELOG.md to \"## {version}\" with the day");
    }
    if section.lines == 0 {
        return Err(format!("\"## {}\" in CHANGELOG.md is empty", section.heading).into());
    }
    Ok(())
}

#[derive(Debug, PartialEq)]
struct Section<'a> {
    heading: &'a str,
    /// Those that are not blank.
    lines: usize,
}

/// The section of a version, else that of what is not released.
fn section<'a>(text: &'a str, version: &str) -> Option<Section<'a>> {
    let named = |name: &str| {
        let sections = text.split("\n## ").skip(1);
        let mut found = sections.filter_map(|it| {
            let (heading, body) = it.split_once('\n').unwrap_or((it, ""));
            let lines = body.lines().filter(|line| !line.trim().is_empty()).count();
            Some(Section {
                heading: heading.split(' ').next()?,
                lines,
            })
        });
        found.find(|it| it.heading == name)
    };
    named(version).or_else(|| named("Unreleased"))
}

/// Compares the public items with those of the last release, if there is one.
fn compatible() -> Result<(), Failure> {
    let tags = cargo::read(&mut cargo::git([
        "tag",
        "--list",
        "v[0-9]*",
        "--sort=-version:refname",
        "--merged",
    ]))?;
    let Some(last) = tags.lines().next() else {
        println!("no release is tagged (v1.2.3): there is nothing to be compatible with");
        return Ok(());
    };
    SEMVER_CHECKS.need()?;
    cargo::run(["semver-checks", "--workspace", "--baseline-rev", last])
}

/// The addresses of the project that every package has to say.
fn missing_addresses() -> Result<Option<String>, Failure> {
    let manifest = fs::read_to_string(cargo::root().join("Cargo.toml"))?;
    let mut missing = vec!["repository", "homepage"];
    missing.retain(|it| {
        !manifest
            .lines()
            .any(|line| line.starts_with(&format!("{it} = ")))
    });
    Ok((!missing.is_empty()).then(|| missing.join(" and no ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_section_of_the_version_comes_before_what_is_unreleased() {
        let text =
            "# Changelog\n\n## Unreleased\n\n- new\n- more\n\n## 0.1.0 2026-01-01\n\n- first\n";
        let found = |version| section(text, version).map(|it| (it.heading, it.lines));
        assert_eq!(found("0.1.0"), Some(("0.1.0", 1)));
        assert_eq!(found("0.2.0"), Some(("Unreleased", 2)));
        assert_eq!(section("# Changelog\n", "0.1.0"), None);
        assert_eq!(section("\n## 0.1.0", "0.1.0").map(|it| it.lines), Some(0));
    }
}
