//! The guide as a book, and the links in it.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Component, Path, PathBuf},
};

use crate::{Failure, cargo, tools::MDBOOK};

/// Builds the book and checks the links between its pages. Links to other sites are not followed.
pub(crate) fn run() -> Result<(), Failure> {
    MDBOOK.need()?;
    let book = cargo::root().join("target/guide");
    let mut build = MDBOOK.program()?;
    build.arg("build").arg(cargo::root().join("guide"));
    cargo::show(build.arg("--dest-dir").arg(&book))?;
    let (links, broken) = check(&book)?;
    println!("{links} links between the pages of {}", book.display());
    if links == 0 {
        return Err("the book has no links".into());
    }
    if broken.is_empty() {
        return Ok(());
    }
    Err(broken.join("\n").into())
}

/// The number of links of a built book, and those that lead nowhere.
fn check(book: &Path) -> Result<(usize, Vec<String>), Failure> {
    let mut pages = BTreeMap::new();
    read(book, &mut pages)?;
    let (mut links, mut broken) = (0, Vec::new());
    for (page, html) in &pages {
        // It repeats all pages with their links as they are there, and the other has links from any place.
        if page.ends_with("print.html") || page.ends_with("404.html") {
            continue;
        }
        for link in attributes(html) {
            let is_elsewhere = link.contains("://") || link.starts_with("mailto:");
            if is_elsewhere || link.starts_with("javascript:") || link.starts_with("data:") {
                continue;
            }
            links += 1;
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() {
                page.clone()
            } else {
                within(&page.with_file_name(""), path)
            };
            let has_anchor = |html: &String| html.contains(&format!("id=\"{anchor}\""));
            let is_there = match pages.get(&target) {
                Some(html) => anchor.is_empty() || has_anchor(html),
                None => target.exists() && target.starts_with(book) && anchor.is_empty(),
            };
            if !is_there {
                broken.push(format!("{}: no {link}", page.display()));
            }
        }
    }
    Ok((links, broken))
}

/// Reads every page below a folder.
fn read(folder: &Path, pages: &mut BTreeMap<PathBuf, String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            read(&path, pages)?;
        } else if path.extension() == Some("html".as_ref()) {
            let html = fs::read_to_string(&path)?;
            pages.insert(path, html);
        }
    }
    Ok(())
}

/// The values of `href` and `src`.
fn attributes(html: &str) -> impl Iterator<Item = &str> {
    let values = |name| html.split(name).skip(1);
    let all = values(" href=\"").chain(values(" src=\""));
    all.filter_map(|rest| rest.split('"').next())
}

/// A path from a folder, without `..` in it.
fn within(folder: &Path, path: &str) -> PathBuf {
    let mut found = folder.to_owned();
    for part in Path::new(path).components() {
        match part {
            Component::ParentDir => _ = found.pop(),
            Component::CurDir => {}
            Component::Normal(name) => found.push(name),
            // No page of a book can name the root of its site.
            Component::RootDir | Component::Prefix(_) => found = PathBuf::from(part.as_os_str()),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(pages: &[(&str, &str)]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("css")).unwrap();
        fs::write(folder.path().join("css/a.css"), "").unwrap();
        for (name, html) in pages {
            fs::write(folder.path().join(name), html).unwrap();
        }
        let (_, broken) = check(folder.path()).unwrap();
        let name = |line: String| line.rsplit('/').next().unwrap_or_default().to_owned();
        broken.into_iter().map(name).collect()
    }

    #[test]
    fn links_between_pages_are_found() {
        let one = "<link href=\"css/a.css\"><a href=\"two.html#here\">2</a><a href=\"#top\">1</a><p id=\"top\">";
        let two = "<p id=\"here\"><a href=\"./one.html\">1</a><img src=\"https://x.example/y\">";
        assert_eq!(broken(&[("one.html", one), ("two.html", two)]), [""; 0]);
    }

    #[test]
    fn links_that_lead_nowhere_are_reported() {
        let one =
            "<a href=\"two.html#there\">2</a><a href=\"three.html\">3</a><a href=\"/etc\">4</a>";
        let two = "<p id=\"here\"><img src=\"css/b.png\">";
        let broken = broken(&[("one.html", one), ("two.html", two)]);
        assert_eq!(broken.len(), 4, "{broken:?}");
    }
}
