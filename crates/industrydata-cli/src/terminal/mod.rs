//! Writes to standard output and standard error, in the width, the colours and the detail that the user wants.
//!
//! Text for people may hold styles. They are removed here where the stream has no colours.

pub(crate) mod colour;
mod detail;
mod requests;
mod status;
mod stream;
pub(crate) mod times;
pub(crate) mod width;

use std::{
    fmt::Display,
    io::{self, BufRead, IsTerminal},
};

use industrydata_core::wire::escape_controls;

pub(crate) use self::detail::Detail;
pub(crate) use self::requests::show as show_requests;
pub(crate) use self::status::{Status, StatusLine, end as end_status};
use self::{
    colour::{BAD, CAUTION, FAINT, paint},
    stream::{write_error, write_output},
    width::Width,
};

/// The result could not be written, which was reported.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unwritten;

impl Unwritten {
    /// The exit code where the output is the work: EX_IOERR of `sysexits.h`.
    pub(crate) const EXIT_CODE: u8 = 74;
}

/// Writes the result to standard output, and returns whether that failed. A closed pipe is not a failure.
pub(crate) fn print(text: &str) -> Result<(), Unwritten> {
    print_on(text).map(drop)
}

/// The same, and returns whether a reader may read more.
pub(crate) fn print_on(text: &str) -> Result<bool, Unwritten> {
    status::suspend(|| match write_output(text) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => {
            let label = paint(BAD, "error:");
            write_error(&format!(
                "{label} cannot write the result to standard output: {error}\n"
            ));
            Err(Unwritten)
        }
    })
}

/// Writes text to standard error.
pub(crate) fn print_error(text: &str) {
    status::suspend(|| write_error(text));
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

/// Why a question was not answered with yes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unconfirmed {
    NoTerminal,
    Refused,
}

/// Asks for confirmation.
pub(crate) fn confirm(question: &str) -> Result<(), Unconfirmed> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        return Err(Unconfirmed::NoTerminal);
    }
    let question = format!("{question}: type yes to continue");
    line(Width::stderr().wrap(&question, "  "));
    let mut answer = String::new();
    let read = stdin.lock().read_line(&mut answer);
    if read.is_err() || answer.trim() != "yes" {
        return Err(Unconfirmed::Refused);
    }
    Ok(())
}

/// Warns of something that may need attention.
pub(crate) fn warn(message: impl AsRef<str>) {
    let message = times::in_text(&escape_controls(message.as_ref()).to_string());
    let text = format!("warning: {message}");
    line(labelled(&text, CAUTION));
}

/// Notes something that needs no attention.
pub(crate) fn note(message: impl AsRef<str>) {
    let message = times::in_text(&escape_controls(message.as_ref()).to_string());
    let text = format!("note: {message}");
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
