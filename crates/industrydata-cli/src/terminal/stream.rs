//! The streams, with styles where they have colours.

use std::io::{self, Write};

use anstream::AutoStream;

use super::colour::for_stdout;

/// Writes the whole text to standard output. Without colours it is one write, not one for each piece between two styles.
pub(super) fn write_output(text: &str) -> io::Result<()> {
    let mut stdout = AutoStream::auto(io::stdout().lock());
    stdout.write_all(for_stdout(text).as_bytes())?;
    stdout.flush()
}

/// Writes text to standard error. Nothing can be done if that fails.
pub(super) fn write_error(text: &str) {
    let _ = AutoStream::auto(io::stderr().lock()).write_all(text.as_bytes());
}
