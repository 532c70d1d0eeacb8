//! Text with its escapes or its base64 decoded, and where each byte comes from.

use std::ops::Range;

/// Bytes, each with the bytes of the original text that stand for it.
#[derive(Debug, Default)]
pub(super) struct Decoded {
    bytes: Vec<u8>,
    places: Vec<Range<usize>>,
}

impl Decoded {
    /// The text as it is.
    pub(super) fn of(text: &str) -> Self {
        Self {
            bytes: text.as_bytes().to_vec(),
            places: (0..text.len()).map(|at| at..at + 1).collect(),
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes of the original text that stand for a range of these bytes.
    pub(super) fn place(&self, range: &Range<usize>) -> Option<Range<usize>> {
        let first = self.places.get(range.start)?;
        let last = self.places.get(range.end.checked_sub(1)?)?;
        Some(first.start..last.end)
    }

    fn push(&mut self, byte: u8, place: Range<usize>) {
        self.bytes.push(byte);
        self.places.push(place);
    }

    /// With percent-encoding, backslash escapes and character references decoded once. `None` if there are none.
    pub(super) fn without_escapes(&self) -> Option<Self> {
        let mut decoded = Self::default();
        let (mut at, mut is_changed) = (0, false);
        while let Some([byte, ..]) = self.bytes.get(at..) {
            let rest = self.bytes.get(at..).unwrap_or_default();
            let (escape, length) = escape(rest).unwrap_or((Escape::Byte(*byte), 1));
            is_changed |= length > 1;
            let place = self.place(&(at..at + length))?;
            match escape {
                Escape::Byte(byte) => decoded.push(byte, place),
                Escape::Char(char) => {
                    for byte in char.encode_utf8(&mut [0; 4]).bytes() {
                        decoded.push(byte, place.clone());
                    }
                }
            }
            at += length;
        }
        is_changed.then_some(decoded)
    }

    /// What the runs of base64 characters stand for, standard or url-safe, without the first `skipped` characters of each:
    /// a run may begin before the base64. A run of fewer than `shortest` characters is left out. Line breaks do not end it.
    pub(super) fn without_base64(&self, skipped: usize, shortest: usize) -> Self {
        let mut decoded = Self::default();
        let mut run = Vec::new();
        for (byte, place) in self.bytes.iter().zip(&self.places) {
            if let Some(value) = base64_value(*byte) {
                run.push((value, place));
            } else if !matches!(byte, b'\r' | b'\n') {
                decoded.push_base64(&run, skipped, shortest);
                run.clear();
            }
        }
        decoded.push_base64(&run, skipped, shortest);
        decoded
    }

    fn push_base64(&mut self, run: &[(u8, &Range<usize>)], skipped: usize, shortest: usize) {
        if run.len() < shortest {
            return;
        }
        let run = run.get(skipped..).unwrap_or_default();
        // Three bytes are four characters of six bits, and each byte has bits of two of them.
        for (at, pair) in run.windows(2).enumerate() {
            let [(high, first), (low, last)] = pair else {
                continue;
            };
            let byte = match at % 4 {
                0 => high << 2 | low >> 4,
                1 => high << 4 | low >> 2,
                2 => high << 6 | low,
                _ => continue,
            };
            // Every other byte of UTF-16 is zero.
            if byte != 0 {
                self.push(byte, first.start..last.end);
            }
        }
    }
}

/// What an escape stands for.
enum Escape {
    Byte(u8),
    Char(char),
}

/// The escape at the beginning of `text`, and its length.
fn escape(text: &[u8]) -> Option<(Escape, usize)> {
    match text {
        [b'%', b'u' | b'U', digits @ ..] => Some((code(digits.get(..4)?)?, 6)),
        [b'%', digits @ ..] => Some((Escape::Byte(byte(digits.get(..2)?)?), 3)),
        [b'\\', b'u' | b'U', b'{', rest @ ..] => {
            let end = rest.iter().take(8).position(|b| *b == b'}')?;
            Some((code(rest.get(..end)?)?, end + 4))
        }
        [b'\\', b'u' | b'U', b'0', b'0', b'0', b'0', digits @ ..]
            if digits.get(..4).and_then(code).is_some() =>
        {
            Some((code(digits.get(..4)?)?, 10))
        }
        [b'\\', b'u' | b'U', a, b, c, d, ..] => Some((code(&[*a, *b, *c, *d])?, 6)),
        [b'\\', b'x' | b'X', a, b, ..] => Some((Escape::Byte(byte(&[*a, *b])?), 4)),
        [b'\\', b'n' | b'r' | b't' | b'b' | b'f', ..] => Some((Escape::Byte(b'\n'), 2)),
        [b'\\', other, ..] => Some((Escape::Byte(*other), 2)),
        [b'&', rest @ ..] => {
            let end = rest.iter().take(12).position(|b| *b == b';')?;
            Some((reference(rest.get(..end)?)?, end + 2))
        }
        _ => None,
    }
}

/// A character reference of HTML or XML, without `&` and `;`. A name stands for a character that is not a letter.
fn reference(name: &[u8]) -> Option<Escape> {
    match name {
        [b'#', b'x' | b'X', digits @ ..] => code(digits),
        [b'#', digits @ ..] => {
            let digits = str::from_utf8(digits).ok()?;
            char::from_u32(digits.parse().ok()?).map(Escape::Char)
        }
        b"lt" => Some(Escape::Byte(b'<')),
        b"gt" => Some(Escape::Byte(b'>')),
        b"quot" => Some(Escape::Byte(b'"')),
        b"apos" => Some(Escape::Byte(b'\'')),
        b"plus" => Some(Escape::Byte(b'+')),
        b"equals" => Some(Escape::Byte(b'=')),
        b"sol" => Some(Escape::Byte(b'/')),
        name if !name.is_empty() && name.iter().all(u8::is_ascii_alphabetic) => {
            Some(Escape::Byte(b'&'))
        }
        _ => None,
    }
}

/// The character with this number in hexadecimal digits. Half of a surrogate pair is no letter.
fn code(digits: &[u8]) -> Option<Escape> {
    let number = hexadecimal(digits)?;
    Some(char::from_u32(number).map_or(Escape::Byte(b'?'), Escape::Char))
}

fn byte(digits: &[u8]) -> Option<u8> {
    u8::try_from(hexadecimal(digits)?).ok()
}

fn hexadecimal(digits: &[u8]) -> Option<u32> {
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit);
    let digits = str::from_utf8(digits).ok().filter(|_| is_number)?;
    u32::from_str_radix(digits, 16).ok()
}

fn base64_value(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}
