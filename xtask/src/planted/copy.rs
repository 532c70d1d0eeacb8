//! A copy of the tree, to plant faults in.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::fault::TransportError;
use crate::Failure;

/// The copy, under `target/planted`.
#[derive(Debug)]
pub(crate) struct TreeCopy {
    source: PathBuf,
    folder: PathBuf,
}

/// What a patch has changed, to be taken out again.
#[derive(Debug)]
#[must_use = "the next fault would find this one"]
pub(crate) struct Planted(Vec<(PathBuf, Vec<u8>)>);

impl TreeCopy {
    /// Brings the copy up to date with every file of `source` that git knows or would take. What is as it was is not
    /// touched: it keeps its time, and so its build.
    pub(crate) fn of(source: &Path) -> Result<Self, Failure> {
        let folder = source.join("target/planted");
        let copy = Self {
            source: source.to_owned(),
            folder,
        };
        let names = copy.names()?;
        for name in &names {
            let bytes = fs::read(source.join(name))?;
            let path = copy.tree().join(name);
            if fs::read(&path).is_ok_and(|old| old == bytes) {
                continue;
            }
            fs::create_dir_all(path.parent().unwrap_or(&path))?;
            fs::write(&path, bytes)?;
        }
        remove_others(&copy.tree(), &names)?;
        Ok(copy)
    }

    /// The copied tree.
    pub(crate) fn tree(&self) -> PathBuf {
        self.folder.join("tree")
    }

    /// Where it is built.
    pub(crate) fn target(&self) -> PathBuf {
        self.folder.join("target")
    }

    /// Applies the patch of `fault`, or says why it cannot be.
    pub(crate) fn plant(&self, fault: &TransportError) -> Result<Result<Planted, String>, Failure> {
        let mut before = Vec::new();
        for file in &fault.files {
            let path = self.tree().join(file);
            before.push((path.clone(), fs::read(&path).unwrap_or_default()));
        }
        Ok(applies(&self.tree(), fault, &[])?.map(|()| Planted(before)))
    }

    /// The files to copy, from the folder of the workspace.
    fn names(&self) -> Result<HashSet<PathBuf>, Failure> {
        let listed = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others"])
            .arg("--exclude-standard")
            .current_dir(&self.source)
            .output()?;
        if !listed.status.success() {
            let why = String::from_utf8_lossy(&listed.stderr);
            return Err(format!("git does not tell the files of the tree: {why}").into());
        }
        let text = String::from_utf8(listed.stdout)?;
        let names = text.split_terminator('\0').map(PathBuf::from);
        // One that was removed and not yet committed is still listed.
        Ok(names
            .filter(|name| self.source.join(name).is_file())
            .collect())
    }
}

impl Planted {
    /// Puts every file back as it was before.
    pub(crate) fn take_out(self) -> Result<(), Failure> {
        for (path, bytes) in self.0 {
            fs::write(path, bytes)?;
        }
        Ok(())
    }
}

/// Applies the patch of `fault` to `tree`, to the letter, or says which file has gone on without it.
pub(crate) fn applies(
    tree: &Path,
    fault: &TransportError,
    arguments: &[&str],
) -> Result<Result<(), String>, Failure> {
    let applied = Command::new("git")
        .args(["apply", "--whitespace=nowarn"])
        .args(arguments)
        .arg(crate::cargo::root().join(fault.path()))
        .current_dir(tree)
        // The copy lies within another working tree, whose folder is not the one that is meant.
        .env("GIT_CEILING_DIRECTORIES", tree.parent().unwrap_or(tree))
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .output()?;
    if applied.status.success() {
        return Ok(Ok(()));
    }
    let why = String::from_utf8_lossy(&applied.stderr);
    let (patch, files) = (fault.path(), fault.files.join(", "));
    Ok(Err(format!(
        "{patch} does not apply any more: make it anew against {files}\n{why}"
    )))
}

fn remove_others(tree: &Path, names: &HashSet<PathBuf>) -> Result<(), Failure> {
    let mut folders = vec![tree.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if !names.contains(path.strip_prefix(tree)?) {
                fs::remove_file(&path)?;
            }
        }
    }
    Ok(())
}
