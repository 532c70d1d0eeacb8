//! The width of the terminal.

use std::{env, io};

use terminal_size::terminal_size_of;
use textwrap::Options;

/// The narrowest width for which output is laid out.
const NARROWEST: usize = 20;
/// The width of help where nothing gives one.
const USUAL: usize = 80;
/// Help is no wider: long lines are hard to read.
const WIDEST_HELP: usize = 100;

/// How many columns a line may have; `None` where no limit is known, as in a file or a pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Width(pub(crate) Option<usize>);

impl Width {
    /// The width of standard output: of its terminal, else `COLUMNS`.
    pub(crate) fn stdout() -> Self {
        Self::of(terminal_size_of(io::stdout()))
    }

    /// The width of standard error.
    pub(crate) fn stderr() -> Self {
        Self::of(terminal_size_of(io::stderr()))
    }

    fn of(size: Option<(terminal_size::Width, terminal_size::Height)>) -> Self {
        let columns = || env::var("COLUMNS").ok()?.trim().parse().ok();
        let width = size.map(|(width, _)| usize::from(width.0));
        // A terminal that does not know its size says 0.
        let width = width.filter(|width| *width > 0).or_else(columns);
        Self(width.map(|width: usize| width.max(NARROWEST)))
    }

    /// The width of help.
    pub(crate) fn help(self) -> usize {
        self.0.unwrap_or(USUAL).min(WIDEST_HELP)
    }

    /// Whether a text of this many columns fits in a line.
    pub(crate) fn fits(self, columns: usize) -> bool {
        self.0.is_none_or(|width| columns <= width)
    }

    /// Breaks lines that are too long between words, and begins what follows with the indent. A word is never broken, so
    /// that a command or an id can be copied.
    pub(crate) fn wrap(self, text: &str, indent: &str) -> String {
        let Some(width) = self.0 else {
            return text.to_owned();
        };
        let options = Options::new(width)
            .break_words(false)
            .word_splitter(textwrap::WordSplitter::NoHyphenation)
            .subsequent_indent(indent);
        let lines: Vec<_> = text
            .split('\n')
            .map(|line| textwrap::fill(line, &options))
            .collect();
        lines.join("\n")
    }
}

/// How many columns a text has on a terminal. Styles have none.
pub(crate) fn columns(text: &str) -> usize {
    textwrap::core::display_width(text)
}

/// The text, cut to this many columns with an ellipsis.
pub(crate) fn cut(text: &str, most: usize) -> String {
    if columns(text) <= most {
        return text.to_owned();
    }
    let mut kept = String::new();
    for c in text.chars() {
        kept.push(c);
        if columns(&kept) >= most {
            kept.pop();
            break;
        }
    }
    kept.push('…');
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_words_never() {
        let narrow = Width(Some(20));
        let text = "what to do: industrydata wait idr1:AGnbGQ9SBVW9wLTHVhG60 now";
        assert_eq!(
            narrow.wrap(text, "  "),
            "what to do:\n  industrydata wait\n  idr1:AGnbGQ9SBVW9wLTHVhG60\n  now"
        );
        assert_eq!(Width(None).wrap(text, "  "), text);
        assert_eq!(narrow.wrap("a\nb\n", "  "), "a\nb\n");
    }

    #[test]
    fn a_cut_text_fits() {
        for (text, most, cut_text) in [
            ("abcdef", 6, "abcdef"),
            ("abcdef", 5, "abcd…"),
            ("日本語", 6, "日本語"),
            ("日本語", 5, "日本…"),
            ("日本語", 4, "日…"),
        ] {
            assert_eq!(cut(text, most), cut_text);
            assert!(columns(&cut(text, most)) <= most);
        }
    }
}
