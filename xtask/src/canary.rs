//! Searches for the tests' secrets in what the tests print and leave behind.

use std::{fs, io, path::Path};

/// What every token of the tests begins with, except the emulator's default token, which the emulator prints: plain,
/// percent-encoded, and the characters that base64 always has for it, by the bytes before it modulo three.
const MARKS: [&str; 5] = ["canary-", "canary%2d", "Y2FuYXJ5L", "NhbmFyeS", "jYW5hcnkt"];

/// How often a mark is in these bytes.
pub(crate) fn hits(bytes: &[u8]) -> u64 {
    let count = |mark: &&str| {
        let parts = bytes.windows(mark.len());
        let found = parts.filter(|part| part.eq_ignore_ascii_case(mark.as_bytes()));
        found.count() as u64
    };
    MARKS.iter().map(count).sum()
}

/// How often a mark is in the files and the file names under a folder, and the number of files.
pub(crate) fn in_files(folder: &Path) -> io::Result<(u64, u64)> {
    let (mut found, mut files) = (0, 0);
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let (path, kind) = entry.and_then(|entry| Ok((entry.path(), entry.file_type()?)))?;
            found += hits(path.as_os_str().as_encoded_bytes());
            if kind.is_file() {
                files += 1;
                found += hits(&fs::read(path)?);
            } else if kind.is_dir() {
                folders.push(path);
            }
        }
    }
    Ok((found, files))
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};

    use super::*;

    const MARK: &str = "canary-";

    #[test]
    fn an_encoded_mark_is_found() {
        assert_eq!(hits(b"token=canary%2Dx&y"), 1);
        for before in ["", "a", "ab", "abc", "user:", "{\"token\":\""] {
            let text = STANDARD_NO_PAD.encode(format!("{before}{MARK}secret"));
            assert_eq!(hits(text.as_bytes()), 1, "{before}");
        }
    }

    #[test]
    fn what_is_no_mark_is_not_found() {
        let nothing = "test a_canary_sings ... ok\ncanary_\ncanary\n-";
        assert_eq!(hits(nothing.as_bytes()), 0);
    }

    #[test]
    fn a_planted_file_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("below");
        fs::create_dir(&below).unwrap();
        fs::write(folder.path().join("clean"), "nothing").unwrap();
        fs::write(below.join("planted"), format!("Bearer {MARK}x")).unwrap();
        assert_eq!(in_files(folder.path()).unwrap(), (1, 2));
        fs::write(below.join(format!("{MARK}name")), "").unwrap();
        assert_eq!(in_files(folder.path()).unwrap(), (2, 3));
    }
}
