//! Searches for the secrets of the tests, in any encoding.
//!
//! A secret of the tests begins with `canary+` or `canary-`. One that a server may repeat has characters that every encoding
//! changes: `+`, `/`, `.` and, at its end, `=`.

/// The beginning of a secret: plain, in hexadecimal digits, and the characters that base64 always has for it, by the
/// number of bytes before it modulo three. Letter case is ignored.
const MARKS: [&str; 9] = [
    "canary+",
    "canary-",
    "63616e6172792b",
    "63616e6172792d",
    "Y2FuYXJ5K",
    "Y2FuYXJ5L",
    "NhbmFyeS",
    "jYW5hcnkr",
    "jYW5hcnkt",
];
/// How often escapes are decoded.
const LAYERS: u32 = 3;

/// How often a secret of the tests is in these bytes.
pub(crate) fn hits(bytes: &[u8]) -> u64 {
    let mut most = count(bytes);
    let mut layer = bytes.to_vec();
    for _ in 0..LAYERS {
        let decoded = unescaped(&layer);
        if decoded.len() == layer.len() {
            break;
        }
        layer = decoded;
        most = most.max(count(&layer));
    }
    most
}

fn count(bytes: &[u8]) -> u64 {
    let is_mark = |rest: &[u8]| {
        MARKS.iter().any(|mark| {
            let begin = rest.get(..mark.len());
            begin.is_some_and(|begin| begin.eq_ignore_ascii_case(mark.as_bytes()))
        })
    };
    let mut found = 0;
    for (at, byte) in bytes.iter().enumerate() {
        // The first characters of the marks, in lower case.
        if b"c6ynj".contains(&(byte | 0x20)) && is_mark(bytes.get(at..).unwrap_or_default()) {
            found += 1;
        }
    }
    found
}

/// The bytes with percent-encoding, the escapes of JSON and the numbers of HTML decoded once.
fn unescaped(bytes: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, after @ ..] = rest {
        let (byte, next) = escape(rest).unwrap_or((*first, after));
        decoded.push(byte);
        rest = next;
    }
    decoded
}

/// The ASCII character of an escape at the beginning, and what follows it.
fn escape(bytes: &[u8]) -> Option<(u8, &[u8])> {
    match bytes {
        [b'%', high, low, rest @ ..] => Some((number(&[*high, *low], 16)?, rest)),
        [b'\\', b'u' | b'U', b'0', b'0', high, low, rest @ ..] => {
            Some((number(&[*high, *low], 16)?, rest))
        }
        [b'\\', b'x' | b'X', high, low, rest @ ..] => Some((number(&[*high, *low], 16)?, rest)),
        [b'\\', other @ (b'/' | b'+' | b'\\'), rest @ ..] => Some((*other, rest)),
        [b'&', b'#', rest @ ..] => {
            let end = rest.iter().take(6).position(|b| *b == b';')?;
            let (digits, rest) = (rest.get(..end)?, rest.get(end + 1..)?);
            let byte = match digits {
                [b'x' | b'X', digits @ ..] => number(digits, 16),
                digits => number(digits, 10),
            };
            Some((byte?, rest))
        }
        _ => None,
    }
}

fn number(digits: &[u8], base: u32) -> Option<u8> {
    // The standard library reads a sign as well.
    let digits = str::from_utf8(digits)
        .ok()
        .filter(|it| !it.starts_with('+'))?;
    u8::from_str_radix(digits, base).ok()
}
