//! A reader of flat objects, which most bodies are.

use crate::wire::json::Node;

/// A value in a flat object.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scalar<'a> {
    Null,
    Text(&'a str),
    /// A boolean.
    Other,
}

impl<'a> Scalar<'a> {
    /// The text of a string.
    pub(crate) const fn text(self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Null | Self::Other => None,
        }
    }
}

/// Reads an object whose members are strings without escapes, booleans and `null`, on one line.
///
/// `None` for any other text, also if it is valid JSON. Where there is a result, [`Node::read`] has the same with any depth
/// of at least 1.
pub(crate) fn read<'a>(json: &'a str, names: &'static [&'static str]) -> Option<Node<'a>> {
    // Enough for an operation, so that its members are not moved.
    let mut kept = Vec::with_capacity(8);
    members(json, Rest::string, |name, value| {
        if let Some(name) = names.iter().find(|known| known.as_bytes() == name) {
            let node = match value {
                Scalar::Null => Node::Null,
                Scalar::Text(text) => Node::Text(text.into()),
                Scalar::Other => Node::Other,
            };
            kept.push((*name, node));
        }
        Some(())
    })?;
    Some(Node::Object(kept))
}

/// Passes each member of such an object to `member`: its name, which `name` reads, and its value. `None` for any other
/// text, and as soon as one of the two returns it.
pub(crate) fn members<'a, N>(
    json: &'a str,
    mut name: impl FnMut(&mut Rest<'a>) -> Option<N>,
    mut member: impl FnMut(N, Scalar<'a>) -> Option<()>,
) -> Option<()> {
    // Controls are white space or errors. This looks at every byte, which lets the compiler use vectors.
    if json.bytes().fold(u8::MAX, u8::min) < 0x20 {
        return None;
    }
    let mut rest = Rest(json.as_bytes());
    rest.next(b'{')?;
    if rest.next(b'}').is_none() {
        loop {
            let name = name(&mut rest)?;
            rest.next(b':')?;
            member(name, rest.value(json)?)?;
            if rest.next(b',').is_none() {
                break;
            }
        }
        rest.next(b'}')?;
    }
    let others = rest.0.iter().fold(0, |others, b| others | (b ^ b' '));
    (others == 0).then_some(())
}

/// The bytes that are still to be read.
pub(crate) struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    /// Passes over spaces and this character.
    pub(crate) fn next(&mut self, mark: u8) -> Option<()> {
        loop {
            let (first, rest) = self.0.split_first()?;
            if *first != mark && *first != b' ' {
                return None;
            }
            self.0 = rest;
            if *first == mark {
                return Some(());
            }
        }
    }

    /// Passes over this text, if it comes next.
    pub(crate) fn passes(&mut self, text: &str) -> bool {
        let rest = self.0.strip_prefix(text.as_bytes());
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn string(&mut self) -> Option<&'a [u8]> {
        self.next(b'"')?;
        self.until_quote()
    }

    /// The rest of a string, of which the first quote was passed.
    pub(crate) fn until_quote(&mut self) -> Option<&'a [u8]> {
        // A backslash begins an escape.
        let end = memchr::memchr2(b'"', b'\\', self.0)?;
        let (text, [b'"', rest @ ..]) = self.0.split_at_checked(end)? else {
            return None;
        };
        self.0 = rest;
        Some(text)
    }

    /// A value in `json`, of which this is the rest.
    #[inline(always)]
    fn value(&mut self, json: &'a str) -> Option<Scalar<'a>> {
        while let [b' ', rest @ ..] = self.0 {
            self.0 = rest;
        }
        let (value, rest) = match self.0 {
            [b'"', rest @ ..] => {
                self.0 = rest;
                let start = json.len() - rest.len();
                let text = self.until_quote()?;
                return json.get(start..start + text.len()).map(Scalar::Text);
            }
            [b'n', b'u', b'l', b'l', rest @ ..] => (Scalar::Null, rest),
            [b't', b'r', b'u', b'e', rest @ ..] | [b'f', b'a', b'l', b's', b'e', rest @ ..] => {
                (Scalar::Other, rest)
            }
            _ => return None,
        };
        self.0 = rest;
        Some(value)
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
