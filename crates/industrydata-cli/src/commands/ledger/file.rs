//! The document's file, or standard input and output.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    path::Path,
};

use serde_json::Value;

/// The largest document that is read.
const LARGEST: u64 = 256 * 1024 * 1024;
/// Standard input or output.
pub(super) const STANDARD: &str = "-";

/// A new file that its owner alone may read.
pub(super) fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all());
    if written.is_err() {
        // Half a document is refused by an import, but is no use to anybody.
        let _ = std::fs::remove_file(path);
    }
    written
}

/// The whole document.
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let read = if path == Path::new(STANDARD) {
        io::stdin().lock().take(LARGEST + 1).read_to_end(&mut text)
    } else {
        File::open(path)?.take(LARGEST + 1).read_to_end(&mut text)
    };
    if read? as u64 > LARGEST {
        return Err(io::Error::other("it is larger than any export"));
    }
    Ok(text)
}

/// The export in the answer of `ledger export - --output json`, or the text itself.
pub(super) fn inner(text: Vec<u8>) -> Vec<u8> {
    let Ok(value) = serde_json::from_slice::<Value>(&text) else {
        return text;
    };
    match value.pointer("/ledger/export") {
        Some(export) if value.get("format").is_none() => export.to_string().into_bytes(),
        _ => text,
    }
}
