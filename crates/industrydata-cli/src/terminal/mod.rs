//! Writes to standard output and standard error, in the width, the colours and the detail that the user wants.
//!
//! Text for people may hold styles. They are removed here where the stream has no colours.

pub(crate) mod colour;
mod status;
pub(crate) mod times;
pub(crate) mod width;

use std::{
    fmt::Display,
    io::{self, Write},
    sync::atomic::{AtomicU8, Ordering},
};

use anstream::AutoStream;
use industrydata_core::wire::escape_controls;

pub(crate) use self::status::{Status, StatusLine, end as end_status};
use self::{
    colour::{BAD, CAUTION, FAINT, paint},
    width::Width,
};

/// The result could not be written, which was reported.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unwritten;

impl Unwritten {
    /// The exit code where the output is the work: EX_IOERR of `sysexits.h`.
    pub(crate) const EXIT_CODE: u8 = 74;
}

/// How much is written to standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Detail {
    /// Warnings and errors.
    Quiet,
    /// Progress and notes too.
    #[default]
    Usual,
    /// Each poll, and where the settings come from.
    Verbose,
}

static DETAIL: AtomicU8 = AtomicU8::new(Detail::Usual as u8);

impl Detail {
    /// Sets the detail of the process.
    pub(crate) fn set(self) {
        DETAIL.store(self as u8, Ordering::Relaxed);
    }

    /// Whether the process writes what this detail has.
    pub(crate) fn is_shown(self) -> bool {
        DETAIL.load(Ordering::Relaxed) >= self as u8
    }
}

/// Writes the result to standard output, and returns whether that failed. A closed pipe is not a failure.
pub(crate) fn print(text: &str) -> Result<(), Unwritten> {
    status::suspend(|| {
        let mut stdout = AutoStream::auto(io::stdout().lock());
        let written = stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush());
        drop(stdout);
        if let Err(error) = written
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            let label = paint(BAD, "error:");
            write_error(&format!(
                "{label} cannot write the result to standard output: {error}\n"
            ));
            return Err(Unwritten);
        }
        Ok(())
    })
}

/// Writes text to standard error.
pub(crate) fn print_error(text: &str) {
    status::suspend(|| write_error(text));
}

/// Nothing can be done if this fails.
fn write_error(text: &str) {
    let _ = AutoStream::auto(io::stderr().lock()).write_all(text.as_bytes());
}

/// Writes a line to standard error.
pub(crate) fn line(line: impl Display) {
    print_error(&format!("{line}\n"));
}

/// Writes a line of progress, unless the user wants none.
pub(crate) fn progress(text: impl Display) {
    if Detail::Usual.is_shown() {
        line(text);
    }
}

/// Writes a line that only `--verbose` shows.
pub(crate) fn detail(message: impl AsRef<str>) {
    if Detail::Verbose.is_shown() {
        let text = escape_controls(message.as_ref()).to_string();
        line(paint(FAINT, &Width::stderr().wrap(&text, "  ")));
    }
}

/// Warns of something that may need attention.
pub(crate) fn warn(message: impl AsRef<str>) {
    let text = format!("warning: {}", escape_controls(message.as_ref()));
    line(labelled(&text, CAUTION));
}

/// Notes something that needs no attention.
pub(crate) fn note(message: impl AsRef<str>) {
    let text = format!("note: {}", escape_controls(message.as_ref()));
    progress(labelled(&text, FAINT));
}

/// Wraps a message, and styles it up to its first colon.
fn labelled(text: &str, style: anstyle::Style) -> String {
    let text = Width::stderr().wrap(text, "  ");
    match text.split_once(':') {
        Some((label, rest)) => format!("{}{rest}", paint(style, &format!("{label}:"))),
        None => text,
    }
}
