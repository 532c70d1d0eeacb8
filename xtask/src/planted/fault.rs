//! A fault as its patch describes it: `What:`, `Test:`, `Says:` and perhaps `Needs:`, then a unified diff.

use std::{fmt, fs, path::Path};

use crate::{Failure, cargo};

/// Where the patches are, from the folder of the workspace.
const FOLDER: &str = "tests/planted";

/// A mistake, and what must notice it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TransportError {
    /// The patch's file name without its ending.
    pub(crate) name: String,
    /// What is wrong, in a sentence.
    pub(crate) what: String,
    /// The test that must fail.
    pub(crate) test: Test,
    /// Words of that failure: another reason to fail does not count.
    pub(crate) says: String,
    /// Whether the test needs the server of the PostgreSQL store.
    pub(crate) needs_postgres: bool,
    /// The files that the patch changes, from the folder of the workspace.
    pub(crate) files: Vec<String>,
}

/// One test of the workspace: `package / target / name`, the target `lib` for those beside the code.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Test {
    pub(crate) package: String,
    pub(crate) target: String,
    pub(crate) name: String,
}

impl TransportError {
    /// Its patch, from the folder of the workspace.
    pub(crate) fn path(&self) -> String {
        format!("{FOLDER}/{}.patch", self.name)
    }

    /// Whether its words are in what the test has printed, however they are broken into lines.
    pub(crate) fn is_told_by(&self, output: &str) -> bool {
        let words: Vec<&str> = output.split_whitespace().collect();
        words.join(" ").contains(&self.says)
    }

    fn read(name: &str, text: &str) -> Result<Self, String> {
        let (head, diff) = text
            .split_once("diff --git ")
            .ok_or("it has no `diff --git`")?;
        let line = |key: &str| head.lines().find_map(|line| line.strip_prefix(key));
        let needed = |key: &str| {
            let value = line(key).map(str::trim).filter(|value| !value.is_empty());
            value.ok_or_else(|| format!("it has no line `{key} ...` before its diff"))
        };
        let words: Vec<&str> = needed("Test:")?.split(" / ").collect();
        let [package, target, test] = words.as_slice() else {
            return Err("`Test:` is not `package / target / name`".to_owned());
        };
        let needs_postgres = match line("Needs:").map(str::trim) {
            None => false,
            Some("postgres") => true,
            Some(other) => return Err(format!("nobody knows what `Needs: {other}` is")),
        };
        let files = diff.lines().filter_map(|line| line.strip_prefix("+++ b/"));
        Ok(Self {
            name: name.to_owned(),
            what: needed("What:")?.to_owned(),
            test: Test {
                package: (*package).to_owned(),
                target: (*target).to_owned(),
                name: (*test).to_owned(),
            },
            says: needed("Says:")?.to_owned(),
            needs_postgres,
            files: files.map(str::to_owned).collect(),
        })
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} / {} / {}", self.package, self.target, self.name)
    }
}

/// Every fault, those with a test in the same target together.
pub(crate) fn all() -> Result<Vec<TransportError>, Failure> {
    let mut faults = Vec::new();
    for entry in fs::read_dir(cargo::root().join(FOLDER))? {
        let path = entry?.path();
        let Some(name) = path.file_stem().and_then(|name| name.to_str()) else {
            continue;
        };
        if path.extension() != Some("patch".as_ref()) {
            return Err(format!("{} is no patch", path.display()).into());
        }
        faults.push(TransportError::read(name, &fs::read_to_string(&path)?).map_err(at(&path))?);
    }
    faults.sort_by(|a, b| (&a.test, &a.name).cmp(&(&b.test, &b.name)));
    Ok(faults)
}

fn at(path: &Path) -> impl Fn(String) -> String + '_ {
    move |why| format!("{}: {why}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planted::copy;

    const PATCH: &str =
        "What: a\nTest: p / lib / t::u\nSays: no\n\ndiff --git a/x b/x\n--- a/x\n+++ b/x\n";

    #[test]
    fn a_patch_says_what_it_is() {
        let fault = TransportError::read("n", PATCH).unwrap();
        assert_eq!(fault.test.to_string(), "p / lib / t::u");
        assert_eq!((fault.says.as_str(), fault.needs_postgres), ("no", false));
        assert_eq!(fault.files, ["x"]);
        assert!(fault.is_told_by("so\n\n  no  way") && !fault.is_told_by("n o"));
        for (line, why) in [
            ("What: a\n", "What"),
            ("Test: p", "Test"),
            ("Says: no\n", "Says"),
        ] {
            let error = TransportError::read("n", &PATCH.replace(line, "")).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
        assert!(TransportError::read("n", &PATCH.replace("Says", "Needs: sun\nSays")).is_err());
    }

    #[test]
    fn every_fault_can_still_be_planted() {
        let faults = all().unwrap();
        assert!(faults.len() >= 24, "{} faults", faults.len());
        for fault in &faults {
            let applies = copy::applies(&cargo::root(), fault, &["--check"]).unwrap();
            assert_eq!(applies, Ok(()), "{}", fault.name);
        }
    }
}
