//! The flags of a check: `--name value`, in any order.

use std::ffi::OsString;

use crate::Failure;

/// The flags that were given.
#[derive(Debug)]
pub(crate) struct Flags {
    usage: &'static str,
    given: Vec<(String, String)>,
    /// The arguments that are not flags.
    pub(crate) rest: Vec<String>,
}

impl Flags {
    /// Reads the arguments. `usage` names the flags that there are: `[--name VALUE]`, and `[--name]` for one without a value.
    pub(crate) fn read(arguments: &[OsString], usage: &'static str) -> Result<Self, Failure> {
        let mut flags = Self {
            usage,
            given: Vec::new(),
            rest: Vec::new(),
        };
        let mut words = arguments
            .iter()
            .map(|word| word.to_string_lossy().into_owned());
        while let Some(word) = words.next() {
            if !word.starts_with("--") {
                flags.rest.push(word);
            } else if usage.contains(&format!("[{word}]")) {
                flags.given.push((word, String::new()));
            } else if usage.contains(&format!("[{word} ")) {
                let value = words.next().ok_or_else(|| flags.wrong())?;
                flags.given.push((word, value));
            } else {
                return Err(flags.wrong());
            }
        }
        if !flags.rest.is_empty() && !usage.ends_with("...]") {
            return Err(flags.wrong());
        }
        Ok(flags)
    }

    /// The value of a flag as it was given.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let mut given = self.given.iter().rev();
        given.find(|it| it.0 == name).map(|it| it.1.as_str())
    }

    /// The value of a flag as a number, or `default`.
    pub(crate) fn number<T: std::str::FromStr>(
        &self,
        name: &str,
        default: T,
    ) -> Result<T, Failure> {
        let Some(text) = self.text(name) else {
            return Ok(default);
        };
        text.parse().map_err(|_| self.wrong())
    }

    /// The error that shows the usage.
    pub(crate) fn wrong(&self) -> Failure {
        format!("usage: cargo xtask {}", self.usage).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USAGE: &str = "it [--seconds N] [--stable] [NAME...]";

    fn read(line: &str, usage: &'static str) -> Result<Flags, Failure> {
        let words: Vec<_> = line.split_whitespace().map(OsString::from).collect();
        Flags::read(&words, usage)
    }

    #[test]
    fn flags_are_read_in_any_order() {
        let flags = read("one --seconds 7 --stable two", USAGE).unwrap();
        assert_eq!(flags.number("--seconds", 1).unwrap(), 7);
        assert_eq!(flags.number("--seed", 1).unwrap(), 1);
        assert!(flags.text("--stable").is_some());
        assert_eq!(flags.rest, ["one", "two"]);
    }

    #[test]
    fn wrong_flags_are_refused() {
        for line in ["--other 1", "--seconds", "--second 1"] {
            assert!(read(line, USAGE).is_err(), "{line}");
        }
        assert!(read("one", "it [--seconds N]").is_err());
        let flags = read("--seconds x", USAGE).unwrap();
        assert!(flags.number("--seconds", 1).is_err());
    }
}
