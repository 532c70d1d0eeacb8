//! The mark that every secret of the tests begins with, and the search for it in what the tests print and leave behind.

use std::{fs, io, path::Path};

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};

/// Every token of the tests begins with it, but the emulator's default token, which the emulator prints.
pub(crate) const MARK: &str = "canary-";

/// How often the mark is in these bytes: plain, percent-encoded, and in base64 wherever in the encoded text it was.
pub(crate) fn hits(bytes: &[u8]) -> u64 {
    let mut marks = vec![
        MARK.as_bytes().to_vec(),
        MARK.replace('-', "%2d").into_bytes(),
    ];
    marks.extend((0..3).map(in_base64));
    let count = |mark: &Vec<u8>| {
        bytes
            .windows(mark.len())
            .filter(|part| part.eq_ignore_ascii_case(mark))
            .count()
    };
    marks.iter().map(count).sum::<usize>() as u64
}

/// How often the mark is in the files of a folder and below, their names included, and how many files there are.
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

/// The part of the base64 that is the same for every text with the mark after so many bytes, modulo three.
fn in_base64(before: usize) -> Vec<u8> {
    let text = [vec![0; before].as_slice(), MARK.as_bytes()].concat();
    let encoded = STANDARD_NO_PAD.encode(&text);
    // The characters that the neighbours' bits are in.
    let first = (before * 8).div_ceil(6);
    let last = text.len() * 8 / 6;
    encoded
        .as_bytes()
        .get(first..last)
        .unwrap_or_default()
        .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

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
