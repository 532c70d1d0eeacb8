//! The list of mutants that no test can tell from the code.

use std::{collections::BTreeMap, fs, path::Path};

use crate::Failure;

/// `tests/mutants.txt`: a line each, the mutant as its tool words it without line and column, ` | `, and the reason.
#[derive(Debug, Default)]
pub(crate) struct List {
    /// The commit at which all mutants were run last.
    pub(crate) commit: Option<String>,
    reasons: BTreeMap<String, String>,
}

impl List {
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let text = fs::read_to_string(path)
            .map_err(|e| format!("{} cannot be read: {e}", path.display()))?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self, Failure> {
        let mut list = Self::default();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if let Some(rest) = line.strip_prefix('#') {
                if let Some(commit) = rest.trim().strip_prefix("all were run at ") {
                    list.commit = Some(commit.to_owned());
                }
                continue;
            }
            let (mutant, reason) = line
                .rsplit_once(" | ")
                .ok_or_else(|| format!("no reason is given: {line}"))?;
            if reason.trim().len() < 10 {
                return Err(format!("no reason is given: {line}").into());
            }
            let before = list
                .reasons
                .insert(mutant.trim().to_owned(), reason.trim().to_owned());
            if before.is_some() {
                return Err(format!("listed twice: {mutant}").into());
            }
        }
        Ok(list)
    }

    pub(crate) fn allows(&self, mutant: &str) -> bool {
        self.reasons.contains_key(mutant)
    }

    /// The lines of a package that name no survivor.
    pub(crate) fn stale(&self, package: &str, missed: &[String]) -> Vec<&str> {
        let folder = format!("crates/{package}/");
        let survivors: Vec<String> = missed.iter().map(|line| kind(line)).collect();
        let mine = self
            .reasons
            .keys()
            .filter(|mutant| mutant.starts_with(&folder));
        mine.filter(|mutant| !survivors.contains(mutant))
            .map(String::as_str)
            .collect()
    }
}

/// `path:line:column: what` as `path: what`: lines move, mutants stay.
pub(crate) fn kind(line: &str) -> String {
    let mut parts = line.splitn(4, ':');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(path), Some(_), Some(_), Some(what)) => format!("{path}:{what}"),
        _ => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "crates/industrydata-core/src/a.rs:7:9: replace f -> bool with true";

    #[test]
    fn a_mutant_is_known_wherever_its_line_has_gone() {
        let list = List::parse(
            "# all were run at abc\ncrates/industrydata-core/src/a.rs: replace f -> bool with true | f is only a hint for speed",
        );
        let list = list.unwrap();
        assert_eq!(list.commit.as_deref(), Some("abc"));
        assert!(list.allows(&kind(LINE)));
        assert!(!list.allows(&kind(
            "crates/industrydata-core/src/a.rs:7:9: replace f -> bool with false"
        )));
        assert!(
            list.stale("industrydata-core", &[LINE.to_owned()])
                .is_empty()
        );
        assert_eq!(list.stale("industrydata-core", &[]).len(), 1);
        assert!(list.stale("industrydata-ledger", &[]).is_empty());
    }

    #[test]
    fn a_line_without_a_reason_or_twice_is_refused() {
        assert!(List::parse("a.rs: replace f with g").is_err());
        assert!(List::parse("a.rs: replace f with g | so").is_err());
        assert!(List::parse("a.rs: x | a long reason\na.rs: x | a long reason").is_err());
    }
}
