//! One mark that every secret of the tests begins with, looked for in all that a run of the tests puts out and leaves.

use std::{
    fs,
    io::{self, Read},
    path::Path,
};

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};

/// What the tokens of the tests begin with. The emulator's own default token, which it prints for its users, does not.
pub(crate) const MARK: &str = "canary-";

/// Looks for the mark in bytes that come piece by piece: plain, percent-encoded, and in base64 wherever in the encoded
/// text it stood.
#[derive(Debug)]
pub(crate) struct Seeker {
    marks: Vec<Vec<u8>>,
    /// The end of what was seen, which may be the beginning of a hit.
    tail: Vec<u8>,
    hits: u64,
}

impl Seeker {
    pub(crate) fn new() -> Self {
        let mut marks = vec![
            MARK.as_bytes().to_vec(),
            MARK.replace('-', "%2d").into_bytes(),
        ];
        marks.extend((0..3).map(in_base64));
        for mark in &mut marks {
            mark.make_ascii_lowercase();
        }
        Self {
            marks,
            tail: Vec::new(),
            hits: 0,
        }
    }

    /// Looks through the next piece.
    pub(crate) fn see(&mut self, piece: &[u8]) {
        let from = self.tail.len();
        self.tail.extend(piece.iter().map(u8::to_ascii_lowercase));
        for mark in &self.marks {
            let ends = self.tail.windows(mark.len()).enumerate();
            // What ends in the tail was counted with the piece before.
            let new = ends.filter(|(at, part)| at + mark.len() > from && part == mark);
            self.hits += u64::try_from(new.count()).unwrap_or(u64::MAX);
        }
        let longest = self.marks.iter().map(Vec::len).max().unwrap_or(1);
        let keep = self.tail.len().min(longest - 1);
        self.tail.drain(..self.tail.len() - keep);
    }

    /// How often the mark was seen.
    pub(crate) const fn hits(&self) -> u64 {
        self.hits
    }
}

/// How often the mark stands in the files of a folder and below, their names included, and how many files there are.
pub(crate) fn in_files(folder: &Path) -> io::Result<(u64, u64)> {
    let (mut hits, mut files) = (0, 0);
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let (path, kind) = entry.and_then(|entry| Ok((entry.path(), entry.file_type()?)))?;
            let mut seeker = Seeker::new();
            seeker.see(path.as_os_str().as_encoded_bytes());
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() {
                files += 1;
                seeker.see(b"\n");
                let mut file = fs::File::open(path)?;
                let mut piece = [0; 8192];
                loop {
                    let count = file.read(&mut piece)?;
                    let Some(read @ [_, ..]) = piece.get(..count) else {
                        break;
                    };
                    seeker.see(read);
                }
            }
            hits += seeker.hits();
        }
    }
    Ok((hits, files))
}

/// What stands in base64 of any text that has the mark after a multiple of three bytes and so many more.
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

    fn hits(pieces: &[&[u8]]) -> u64 {
        let mut seeker = Seeker::new();
        pieces.iter().for_each(|piece| seeker.see(piece));
        seeker.hits()
    }

    #[test]
    fn a_planted_mark_is_found_across_every_border() {
        let planted = format!("one\nBearer {MARK}abc\ntwo {MARK}def").into_bytes();
        for at in 0..=planted.len() {
            let (one, two) = planted.split_at(at);
            assert_eq!(hits(&[one, two]), 2, "{at}");
        }
        let bytes: Vec<_> = planted.chunks(1).collect();
        assert_eq!(hits(&bytes), 2);
    }

    #[test]
    fn an_encoded_mark_is_found() {
        assert_eq!(hits(&[b"token=canary%2Dx&y"]), 1);
        for before in ["", "a", "ab", "abc", "user:", "{\"token\":\""] {
            let text = STANDARD_NO_PAD.encode(format!("{before}{MARK}secret"));
            assert_eq!(hits(&[text.as_bytes()]), 1, "{before}");
        }
    }

    #[test]
    fn what_is_no_mark_is_not_found() {
        let nothing = "test a_canary_sings ... ok\ncanary_\ncanary\n-";
        assert_eq!(hits(&[nothing.as_bytes()]), 0);
    }

    #[test]
    fn a_planted_file_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("below");
        fs::create_dir(&below).unwrap();
        fs::write(folder.path().join("clean"), "nothing").unwrap();
        // Across the border of two reads.
        let long = format!("{}{MARK}", " ".repeat(8190));
        fs::write(below.join("planted"), long).unwrap();
        assert_eq!(in_files(folder.path()).unwrap(), (1, 2));
        fs::write(below.join(format!("{MARK}name")), "").unwrap();
        assert_eq!(in_files(folder.path()).unwrap(), (2, 3));
    }
}
