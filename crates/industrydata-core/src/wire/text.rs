//! Text from the wire: escaping, trimming, tokens and digits.

use std::fmt::{self, Write as _};

use crate::seed::hex_digits;

/// Displays `text` with every control character escaped, so that text from a server cannot forge log lines or control a
/// terminal.
///
/// The characters escaped are C0 and C1 controls and DEL, line and paragraph separators, bidirectional controls (UAX #9
/// section 2), the byte order mark, and the invisible tag characters. All others stay as they are.
///
/// ```
/// use industrydata_core::wire::escape_controls;
///
/// assert_eq!(escape_controls("a\r\nb\u{1b}[2J").to_string(), r"a\r\nb\u{1b}[2J");
/// assert_eq!(escape_controls("\u{202e}txt").to_string(), r"\u{202e}txt");
/// ```
pub fn escape_controls(text: &str) -> impl fmt::Display + '_ {
    Escaped(text)
}

struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| is_hidden(*c)) {
            let (shown, tail) = rest.split_at(at);
            f.write_str(shown)?;
            for escaped in c.escape_default() {
                f.write_char(escaped)?;
            }
            rest = tail.strip_prefix(c).unwrap_or_default();
        }
        f.write_str(rest)
    }
}

fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}'
                | '\u{200e}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
                | '\u{feff}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// The bytes as hexadecimal digits.
pub(crate) fn hex<const N: usize>(bytes: [u8; N]) -> String {
    // Digits are always UTF-8.
    String::from_utf8(hex_digits(bytes).as_flattened().to_vec()).unwrap_or_default()
}

/// The bytes without spaces and tabs around them (optional whitespace, RFC 9110 section 5.6.3).
pub(crate) fn trim_ows(value: &[u8]) -> &[u8] {
    let mut value = value;
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// Whether `c` may occur in a token (RFC 9110 section 5.6.2).
pub(crate) fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

/// The value of ASCII digits, if there is at least one and nothing else.
pub(crate) fn number(digits: &[u8]) -> Option<i16> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_i16, |value, digit| {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value.checked_mul(10)?.checked_add(i16::from(digit))
    })
}

/// The value of ASCII digits, if it is at most 127.
pub(crate) fn small_number(digits: &[u8]) -> Option<i8> {
    i8::try_from(number(digits)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_hides_and_nothing_else() {
        let shown = |text: &str| escape_controls(text).to_string();
        assert_eq!(shown("plain \\ \"é✅\""), "plain \\ \"é✅\"");
        assert_eq!(shown(""), "");
        assert_eq!(
            shown("\0\u{7}\u{7f}\u{85}\u{9b}"),
            r"\u{0}\u{7}\u{7f}\u{85}\u{9b}"
        );
        assert_eq!(
            shown("\u{2028}\u{2066}\u{2069}\u{200f}"),
            r"\u{2028}\u{2066}\u{2069}\u{200f}"
        );
        assert_eq!(shown("x\ny\n"), r"x\ny\n");
    }

    #[test]
    fn trims_only_space_and_tab() {
        assert_eq!(trim_ows(b" \t a b\t "), b"a b");
        assert_eq!(trim_ows(b"\r\n"), b"\r\n");
        assert_eq!(trim_ows(b" \t"), b"");
        assert_eq!(trim_ows("\u{a0}x".as_bytes()), "\u{a0}x".as_bytes());
    }

    #[test]
    fn numbers_are_ascii_digits() {
        assert_eq!(number(b"0026"), Some(26));
        assert_eq!(number(b""), None);
        assert_eq!(number(b"+1"), None);
        assert_eq!(number(b" 1"), None);
        assert_eq!(number(b"99999"), None);
    }

    #[test]
    fn invisible_tags_are_escaped() {
        assert_eq!(escape_controls("a\u{e0041}b").to_string(), r"a\u{e0041}b");
    }
}
