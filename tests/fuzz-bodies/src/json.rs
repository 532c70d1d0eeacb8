//! A second reader of JSON (RFC 8259), without recursion. It keeps only the members of the top level.

/// The top level of a JSON text.
#[derive(Debug)]
pub(crate) struct Scan {
    /// `None` unless the text is an object.
    pub(crate) members: Option<Vec<(String, Kind)>>,
    /// The nesting depth of arrays and objects.
    pub(crate) depth: usize,
    /// Whether RFC 8259 leaves the reading of the text open: it has a lone surrogate or a number that exceeds a double
    /// (sections 6 and 8.2).
    pub(crate) is_open: bool,
}

/// A value, as far as rule B8 distinguishes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    Text(String),
    Other,
}

/// Reads a JSON text; `None` if it is invalid.
pub(crate) fn scan(text: &str) -> Option<Scan> {
    let mut reader = Reader {
        rest: text,
        is_open: false,
    };
    let mut stack: Vec<u8> = Vec::new();
    let (mut depth, mut members, mut top_is_object) = (0, Vec::new(), false);
    let mut name = None;
    loop {
        // A value begins here.
        reader.blank();
        let begins = *reader.rest.as_bytes().first()?;
        let kind = match begins {
            b'{' | b'[' => {
                reader.skip(1);
                stack.push(begins);
                depth = depth.max(stack.len());
                top_is_object |= stack == [b'{'];
                reader.blank();
                let closes = if begins == b'{' { '}' } else { ']' };
                if !reader.rest.starts_with(closes) {
                    if begins == b'{' {
                        let member = reader.name()?;
                        name = (stack.len() == 1).then_some(member).or(name);
                    }
                    continue;
                }
                reader.skip(1);
                stack.pop();
                Kind::Other
            }
            b'"' => Kind::Text(reader.string()?),
            _ => reader.literal()?,
        };
        // The value has ended, and the arrays and objects around it may end as well.
        let mut kind = kind;
        loop {
            if stack.len() == 1
                && top_is_object
                && let Some(name) = name.take()
            {
                members.push((name, kind));
            }
            kind = Kind::Other;
            reader.blank();
            let Some(open) = stack.last() else {
                let members = top_is_object.then_some(members);
                return reader.rest.is_empty().then_some(Scan {
                    members,
                    depth,
                    is_open: reader.is_open,
                });
            };
            let next = *reader.rest.as_bytes().first()?;
            if !matches!(next, b',' | b'}' | b']') {
                return None;
            }
            reader.skip(1);
            match (open, next) {
                (b'{', b',') => {
                    reader.blank();
                    let member = reader.name()?;
                    if stack.len() == 1 {
                        name = Some(member);
                    }
                    break;
                }
                (b'[', b',') => break,
                (b'{', b'}') | (b'[', b']') => drop(stack.pop()),
                _ => return None,
            }
        }
    }
}

struct Reader<'a> {
    rest: &'a str,
    is_open: bool,
}

impl Reader<'_> {
    fn skip(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes..];
    }

    fn blank(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn name(&mut self) -> Option<String> {
        let name = self.string()?;
        self.blank();
        self.rest = self.rest.strip_prefix(':')?;
        Some(name)
    }

    fn string(&mut self) -> Option<String> {
        self.rest = self.rest.strip_prefix('"')?;
        let mut units: Vec<u16> = Vec::new();
        loop {
            let c = self.rest.chars().next()?;
            self.skip(c.len_utf8());
            let c = match c {
                '"' => break,
                '\\' => self.escape()?,
                c if (c as u32) < 0x20 => return None,
                c => {
                    units.extend(c.encode_utf16(&mut [0; 2]).iter());
                    continue;
                }
            };
            units.push(c);
        }
        let text = String::from_utf16(&units);
        self.is_open |= text.is_err();
        Some(text.unwrap_or_default())
    }

    fn escape(&mut self) -> Option<u16> {
        let c = self.rest.chars().next()?;
        self.skip(c.len_utf8());
        Some(match c {
            '"' | '\\' | '/' => c as u16,
            'b' => 8,
            'f' => 12,
            'n' => 10,
            'r' => 13,
            't' => 9,
            'u' => {
                let hex = self
                    .rest
                    .get(..4)
                    .filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()))?;
                let unit = u16::from_str_radix(hex, 16).ok()?;
                self.skip(4);
                unit
            }
            _ => return None,
        })
    }

    fn literal(&mut self) -> Option<Kind> {
        for (word, kind) in [
            ("null", Kind::Null),
            ("true", Kind::Other),
            ("false", Kind::Other),
        ] {
            if let Some(rest) = self.rest.strip_prefix(word) {
                self.rest = rest;
                return Some(kind);
            }
        }
        let end = self
            .rest
            .find(|c: char| !(c.is_ascii_digit() || "+-.eE".contains(c)));
        let (number, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        let (mantissa, exponent) = match number.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (
                mantissa,
                Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)),
            ),
            None => (number, None),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (mantissa, None),
        };
        let whole = whole.strip_prefix('-').unwrap_or(whole);
        let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let is_number = is_digits(whole)
            && (whole == "0" || !whole.starts_with('0'))
            && fraction.is_none_or(is_digits)
            && exponent.is_none_or(is_digits);
        self.is_open |= is_number && number.parse::<f64>().is_ok_and(f64::is_infinite);
        is_number.then_some(Kind::Other)
    }
}
