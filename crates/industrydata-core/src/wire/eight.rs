//! Texts read eight bytes at a time.

/// Eight bytes of a text, the first one lowest.
#[derive(Clone, Copy)]
pub(crate) struct Eight(pub(crate) u64);

impl Eight {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * Self::ONES;

    pub(crate) const fn of(text: [u8; 8]) -> Self {
        Self(u64::from_le_bytes(text))
    }

    /// The place of the first byte that a string has only as an escape: a control, a backslash or a quote.
    fn quote(self) -> Option<usize> {
        // A quote becomes 0x20, and a control stays below it. A byte that is not below borrows from none after it.
        let below = (self.0 ^ (0x02 * Self::ONES)).wrapping_sub(0x21 * Self::ONES);
        let backslash = (self.0 ^ (0x5c * Self::ONES)).wrapping_sub(Self::ONES);
        let found = (below | backslash) & !self.0 & Self::HIGH;
        (found != 0).then(|| found.trailing_zeros() as usize / 8)
    }

    /// The values of the digits. Other bytes are ten or more.
    pub(crate) const fn digits(self) -> Self {
        Self(self.0 ^ (0x30 * Self::ONES))
    }

    /// How many digits the bytes begin with.
    pub(crate) const fn count(self) -> u32 {
        self.others().trailing_zeros() / 8
    }

    /// The highest bit of each byte that is no digit.
    const fn others(self) -> u64 {
        (((self.0 & !Self::HIGH) + 0x76 * Self::ONES) | self.0) & Self::HIGH
    }

    /// The numbers of two digits that begin at these places, if the bytes have this form: `_` is any digit, and every
    /// other byte is itself.
    #[inline(always)]
    pub(crate) fn numbers<const N: usize>(self, form: [u8; 8], at: [u32; N]) -> Option<[i64; N]> {
        let others = form.map(|b| if b == b'_' { 0 } else { u8::MAX });
        let form = form.map(|b| if b == b'_' { b'0' } else { b });
        let digits = Self(self.0 ^ Self::of(form).0);
        let is_form = digits.others() | (digits.0 & Self::of(others).0) == 0;
        let pairs = digits.0.wrapping_mul(10).wrapping_add(digits.0 >> 8);
        is_form.then(|| at.map(|at| (pairs >> (8 * at) & 0xff).cast_signed()))
    }

    /// The number of eight digits. Each step joins neighbours: to pairs, to fours, to eight.
    pub(crate) const fn number(self) -> u64 {
        let pairs = (self.0.wrapping_mul(10).wrapping_add(self.0 >> 8)) & 0x00ff_00ff_00ff_00ff;
        let fours = (pairs.wrapping_mul(100).wrapping_add(pairs >> 16)) & 0x0000_ffff_0000_ffff;
        fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xffff_ffff
    }
}

/// Whether a string with these bytes needs an escape. It looks at every byte, which lets the compiler use vectors.
#[inline(always)]
pub(crate) fn has_escape(text: &[u8]) -> bool {
    let is_escape = |b: u8| u8::from(b < 0x20) | u8::from(b == b'\\') | u8::from(b == b'"');
    text.iter().fold(0, |has, b| has | is_escape(*b)) != 0
}

/// The length of the string at the beginning of `text`, of which the first quote was passed, and whether it is ASCII for
/// certain. `None` if it does not end before the first byte that needs an escape.
#[inline(never)]
pub(crate) fn string_length(text: &[u8]) -> Option<(usize, bool)> {
    let (words, rest) = text.as_chunks();
    let (mut length, mut high) = (0, 0);
    for word in words {
        let eight = Eight::of(*word);
        high |= eight.0;
        if let Some(at) = eight.quote() {
            let is_end = word.get(at) == Some(&b'"');
            return is_end.then_some((length + at, high & Eight::HIGH == 0));
        }
        length += 8;
    }
    let at = rest.iter().position(|b| has_escape(&[*b]))?;
    (rest.get(at) == Some(&b'"')).then_some((length + at, false))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_string_ends_at_its_first_quote(text in "[ -~\u{e9}\u{7f}]{0,20}(\"|\\\\|\n|)[ -~\u{e9}]{0,12}") {
            let escape = text.find(|c: char| c < ' ' || matches!(c, '"' | '\\'));
            let end = escape.filter(|at| text.as_bytes()[*at] == b'"');
            let found = string_length(text.as_bytes());
            prop_assert_eq!(found.map(|it| it.0), end);
            prop_assert!(found.is_none_or(|(end, is_ascii)| !is_ascii || text[..end].is_ascii()));
        }

        #[test]
        fn numbers_are_those_of_the_form(text in "[0-9/:]{2}[T:/-][0-9/:]{2}-[0-9]{2}", bytes: [u8; 8]) {
            for text in [text.as_bytes().try_into().unwrap(), bytes] {
                let number = |at: usize| -> Option<i64> {
                    let two = &text[at..at + 2];
                    two.iter().all(u8::is_ascii_digit).then(|| str::from_utf8(two).unwrap().parse().unwrap())
                };
                let is_form = text[2] == b'T' && text[5] == b'-';
                let expected = || Some([number(0)?, number(3)?, number(6)?]);
                let found = Eight::of(text).numbers(*b"__T__-__", [0, 3, 6]);
                prop_assert_eq!(found, is_form.then(expected).flatten());
            }
        }
    }
}
