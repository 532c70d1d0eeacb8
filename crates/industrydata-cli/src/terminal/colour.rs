//! Styles by what a text means, and whether they are used.

use std::ffi::OsStr;

use anstream::ColorChoice;
use anstyle::{AnsiColor, Style};
use clap::ValueEnum;

/// It went well.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// It failed, or was refused.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
/// It may need attention.
pub(crate) const CAUTION: Style = AnsiColor::Yellow.on_default();
/// What can be copied and run.
pub(crate) const COMMAND: Style = AnsiColor::Cyan.on_default();
/// A heading.
pub(crate) const HEADING: Style = Style::new().bold();
/// Of less interest.
pub(crate) const FAINT: Style = Style::new().dimmed();

/// When output is coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colour {
    /// On a terminal, unless `NO_COLOR`, `CLICOLOR=0` or `TERM=dumb` is set; elsewhere with `CLICOLOR_FORCE`.
    #[default]
    Auto,
    Always,
    Never,
}

impl Colour {
    /// The value of `--color` as it was written. An invalid one is reported elsewhere.
    pub(crate) fn of(text: Option<&OsStr>) -> Self {
        match text.and_then(OsStr::to_str) {
            Some("always") => Self::Always,
            Some("never") => Self::Never,
            _ => Self::Auto,
        }
    }

    /// Uses this choice for all that the process writes from now on.
    pub(crate) fn set(self) {
        let choice = match self {
            Self::Auto => ColorChoice::Auto,
            Self::Always => ColorChoice::Always,
            Self::Never => ColorChoice::Never,
        };
        choice.write_global();
    }
}

/// The text in this style. The writer removes the style if the stream has no colours.
pub(crate) fn paint(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// The text as standard output may have it: without styles if it has no colours.
pub(crate) fn for_stdout(text: &str) -> String {
    match anstream::AutoStream::choice(&std::io::stdout()) {
        ColorChoice::Never => anstream::adapter::strip_str(text).to_string(),
        ColorChoice::Auto | ColorChoice::AlwaysAnsi | ColorChoice::Always => text.to_owned(),
    }
}

/// Whether standard error has colours.
pub(crate) fn has_error_colours() -> bool {
    anstream::AutoStream::choice(&std::io::stderr()) != ColorChoice::Never
}
