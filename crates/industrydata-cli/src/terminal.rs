//! Writes to standard output and standard error.

use std::{
    fmt::Display,
    io::{self, BufRead, IsTerminal, Write},
};

use industrydata_core::wire::escape_controls;

/// The result could not be written, which was reported.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unwritten;

impl Unwritten {
    /// The exit code where the output is the work: EX_IOERR of `sysexits.h`.
    pub(crate) const EXIT_CODE: u8 = 74;
}

/// Writes the result to standard output, and returns whether that failed. A closed pipe is not a failure.
pub(crate) fn print(text: &str) -> Result<(), Unwritten> {
    let mut stdout = io::stdout().lock();
    let written = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
    if let Err(error) = written
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        line(format!(
            "error: cannot write the result to standard output: {error}"
        ));
        return Err(Unwritten);
    }
    Ok(())
}

/// Writes text to standard error. Nothing can be done if that fails.
pub(crate) fn print_error(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Writes a line to standard error.
pub(crate) fn line(line: impl Display) {
    print_error(&format!("{line}\n"));
}

/// Asks for confirmation of a reset. The error says why there is none.
pub(crate) fn confirm(question: &str) -> Result<(), &'static str> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        return Err("without a terminal to ask for confirmation, a reset needs --yes");
    }
    line(format!("{question}: type yes to continue"));
    let mut answer = String::new();
    let read = stdin.lock().read_line(&mut answer);
    if read.is_err() || answer.trim() != "yes" {
        return Err("the reset was not confirmed, nothing was changed");
    }
    Ok(())
}

/// Warns of something that may need attention.
pub(crate) fn warn(message: impl AsRef<str>) {
    line(format!("warning: {}", escape_controls(message.as_ref())));
}

/// Notes something that needs no attention.
pub(crate) fn note(message: impl AsRef<str>) {
    line(format!("note: {}", escape_controls(message.as_ref())));
}
