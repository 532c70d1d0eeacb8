//! A reader of flat objects, which most bodies are.

use jiff::Timestamp;

use crate::wire::{eight::string_length, json::Node, rfc3339};

/// Reads an object whose members are strings without escapes, booleans and `null`, on one line.
///
/// `None` for any other text, also if it is valid JSON. Where there is a result, [`Node::read`] has the same with any depth
/// of at least 1.
pub(crate) fn read<'a>(json: &'a str, names: &'static [&'static str]) -> Option<Node<'a>> {
    // Enough for an operation, so that its members are not moved.
    let mut kept = Vec::with_capacity(8);
    let mut rest = Rest(json.as_bytes());
    rest.next(b'{')?;
    if rest.next(b'}').is_none() {
        loop {
            rest.next(b'"')?;
            let name = rest.until_quote()?;
            rest.next(b':')?;
            rest.spaces();
            let node = match rest.value()? {
                Scalar::Null => Node::Null,
                Scalar::Text(text) => Node::Text(str::from_utf8(text).ok()?.into()),
                Scalar::Other => Node::Other,
            };
            if let Some(name) = names.iter().find(|known| known.as_bytes() == name) {
                kept.push((*name, node));
            }
            if rest.next(b',').is_none() {
                break;
            }
        }
        rest.next(b'}')?;
    }
    are_spaces(rest.0).then_some(Node::Object(kept))
}

fn are_spaces(bytes: &[u8]) -> bool {
    bytes.iter().fold(0, |others, b| others | (b ^ b' ')) == 0
}

/// A value in a flat object.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scalar<'a> {
    Null,
    Text(&'a [u8]),
    /// A boolean.
    Other,
}

impl<'a> Scalar<'a> {
    /// The bytes of a string, which are UTF-8.
    pub(crate) const fn bytes(self) -> Option<&'a [u8]> {
        match self {
            Self::Text(text) => Some(text),
            Self::Null | Self::Other => None,
        }
    }

    /// The text of a string.
    pub(crate) fn text(self) -> Option<&'a str> {
        str::from_utf8(self.bytes()?).ok()
    }
}

/// The bytes that are still to be read.
pub(crate) struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    /// Passes over spaces.
    fn spaces(&mut self) {
        while let [b' ', rest @ ..] = self.0 {
            self.0 = rest;
        }
    }

    /// Passes over spaces and this character.
    fn next(&mut self, mark: u8) -> Option<()> {
        self.spaces();
        self.passes(&[mark]).then_some(())
    }

    /// Passes over this text, if it comes next.
    #[inline(always)]
    fn passes(&mut self, text: &[u8]) -> bool {
        let rest = self.0.strip_prefix(text);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    /// The rest of a string, of which the first quote was passed.
    fn until_quote(&mut self) -> Option<&'a [u8]> {
        let (length, is_ascii) = string_length(self.0)?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest.get(1..)?;
        (is_ascii || str::from_utf8(text).is_ok()).then_some(text)
    }

    /// What belongs to the string that comes next, if it is one of these.
    #[inline(always)]
    pub(crate) fn one_of<T>(
        &mut self,
        known: impl IntoIterator<Item = (&'static str, T)>,
    ) -> Option<T> {
        let rest = self.0.strip_prefix(b"\"")?;
        known.into_iter().find_map(|(text, of_text)| {
            let rest = rest.strip_prefix(text.as_bytes())?;
            self.0 = rest.strip_prefix(b"\"")?;
            Some(of_text)
        })
    }

    /// The time that comes next, as a string in the usual form.
    #[inline(always)]
    pub(crate) fn usual_time(&mut self) -> Option<Timestamp> {
        let (time, rest) = rfc3339::usual_at_start(self.0.strip_prefix(b"\"")?)?;
        self.0 = rest.strip_prefix(b"\"")?;
        Some(time)
    }

    /// The value that comes next.
    pub(crate) fn value(&mut self) -> Option<Scalar<'a>> {
        if self.passes(b"\"") {
            self.until_quote().map(Scalar::Text)
        } else if self.passes(b"null") {
            Some(Scalar::Null)
        } else {
            (self.passes(b"true") || self.passes(b"false")).then_some(Scalar::Other)
        }
    }
}

/// Reads the members of a flat object that has no space within.
///
/// Pass the names that are read to [`member`](Self::member), in the order in which they usually come and each with the reader
/// of its value, until [`other_member`](Self::other_member) returns false.
pub(crate) struct Compact<'a> {
    rest: Rest<'a>,
    /// How many bytes were left when a member of another name was last looked for.
    left: usize,
    /// What follows the object, once that has ended. Nothing else is left then.
    after: Option<&'a [u8]>,
}

impl<'a> Compact<'a> {
    /// `None` unless an object begins.
    pub(crate) fn new(json: &'a [u8]) -> Option<Self> {
        let rest = json.strip_prefix(b"{")?;
        Some(Self {
            rest: Rest(rest),
            left: rest.len(),
            after: None,
        })
    }

    /// Puts the value of the next member in its place, if the member begins with `name`: the name in quotes, and the colon.
    /// `None` if the place is taken, or if the text cannot be read.
    #[inline(always)]
    pub(crate) fn member<T>(
        &mut self,
        name: &str,
        place: &mut Option<T>,
        read: impl FnOnce(&mut Rest<'a>) -> Option<T>,
    ) -> Option<()> {
        if !self.rest.passes(name.as_bytes()) {
            return Some(());
        }
        if place.is_some() {
            return None;
        }
        *place = Some(read(&mut self.rest)?);
        self.end()
    }

    /// Goes on if the object has not ended, past a member of another name if no name was found since the last call. `None`
    /// if the text cannot be read.
    pub(crate) fn other_member(&mut self) -> Option<bool> {
        if let Some(after) = self.after {
            return are_spaces(after).then_some(false);
        }
        if self.rest.0.len() == self.left {
            self.rest.passes(b"\"").then_some(())?;
            self.rest.until_quote()?;
            // With a space before the colon, it may be one of the names.
            self.rest.passes(b":").then_some(())?;
            self.rest.value()?;
            self.end()?;
        }
        self.left = self.rest.0.len();
        Some(true)
    }

    /// Passes over the comma or the bracket after a value.
    #[inline(always)]
    fn end(&mut self) -> Option<()> {
        if !self.rest.passes(b",") {
            let after = self.rest.0.strip_prefix(b"}")?;
            (self.after, self.rest.0) = (Some(after), &[]);
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::json::is_too_deep;

    const NAMES: &[&str] = &["a", "b"];

    /// Members as services write them, and texts that are almost such.
    fn almost_flat() -> impl Strategy<Value = String> {
        let name = prop_oneof!["\"[ab]\"", "\"[a-c@.\u{e9}]{0,3}\"", "[\"a]{0,3}"];
        let value = prop_oneof![
            6 => "\"[ -!#-\\[\\]-~\u{e9}\u{7f}]{0,9}\"",
            2 => "null|true|false",
            1 => "-?[0-9]{1,3}|nul|\"\\\\\"\"|\"\t\"|\\[\\]|\\{\\}|",
        ];
        let member = (name, " {0,1}: {0,1}", value).prop_map(|(a, b, c)| [a, b, c].concat());
        let members = proptest::collection::vec(member, 0..5);
        (
            members,
            " {0,2}[{]? ?",
            " ?,? ?",
            "[}]? {0,3}[x\n]?",
            0..9_u8,
        )
            .prop_map(|(members, start, comma, end, odd)| {
                let (start, end) = if odd > 0 {
                    ("{", "}  ")
                } else {
                    (&*start, &*end)
                };
                let comma = if odd > 1 { "," } else { &*comma };
                [start, &members.join(comma), end].concat()
            })
    }

    #[test]
    fn an_operation_is_read_as_a_flat_object() {
        let json = r#"{"a":"t", "x" : null,"b":true ,"a":""}   "#;
        let node = read(json, NAMES).unwrap();
        assert_eq!(Some(&node), Node::read(json, NAMES, 1).as_ref());
        for json in [
            "{}x",
            r#"{"a":1}"#,
            r#"{"a":[]}"#,
            "{\n}",
            r#"{"a":"\u0061"}"#,
            "[]",
            "",
        ] {
            assert!(read(json, NAMES).is_none(), "{json}");
        }
    }

    proptest! {
        #[test]
        fn a_flat_object_is_what_the_library_reads(json in almost_flat(), depth in 1..4_usize) {
            if let Some(node) = read(&json, NAMES) {
                prop_assert!(!is_too_deep(&json));
                prop_assert_eq!(Some(node), Node::read(&json, NAMES, depth), "{}", json);
            }
        }
    }
}
