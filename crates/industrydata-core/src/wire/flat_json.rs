//! A reader of flat objects, which most bodies are.

use crate::wire::json::Node;

/// Reads an object whose members are strings without escapes, booleans and `null`, on one line.
///
/// `None` for any other text, also if it is valid JSON. Where there is a result, [`Node::read`] has the same with any depth
/// of at least 1.
pub(crate) fn read<'a>(json: &'a str, names: &'static [&'static str]) -> Option<Node<'a>> {
    // Controls are white space or errors. This looks at every byte, which lets the compiler use vectors.
    if json.bytes().fold(u8::MAX, u8::min) < 0x20 {
        return None;
    }
    let mut rest = Rest(json);
    rest.next("{")?;
    // Enough for an operation, so that its members are not moved.
    let mut members = Vec::with_capacity(8);
    if rest.next("}").is_none() {
        loop {
            let name = rest.string()?;
            rest.next(":")?;
            let node = rest.value()?;
            if let Some(name) = names.iter().find(|known| **known == name) {
                members.push((*name, node));
            }
            if rest.next(",").is_none() {
                break;
            }
        }
        rest.next("}")?;
    }
    rest.skip_spaces();
    rest.0.is_empty().then_some(Node::Object(members))
}

/// The text that is still to be read.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn skip_spaces(&mut self) {
        let spaces = self.0.bytes().take_while(|b| *b == b' ').count();
        self.0 = self.0.get(spaces..).unwrap_or_default();
    }

    /// Passes over spaces and this text.
    fn next(&mut self, text: &str) -> Option<()> {
        self.skip_spaces();
        self.0 = self.0.strip_prefix(text)?;
        Some(())
    }

    fn string(&mut self) -> Option<&'a str> {
        self.next("\"")?;
        // A backslash begins an escape.
        let end = memchr::memchr2(b'"', b'\\', self.0.as_bytes())?;
        let (text, rest) = self.0.split_at_checked(end)?;
        self.0 = rest.strip_prefix('"')?;
        Some(text)
    }

    fn value(&mut self) -> Option<Node<'a>> {
        self.skip_spaces();
        match self.0.as_bytes().first()? {
            b'"' => self.string().map(|text| Node::Text(text.into())),
            b'n' => self.next("null").map(|()| Node::Null),
            b't' => self.next("true").map(|()| Node::Other),
            b'f' => self.next("false").map(|()| Node::Other),
            _ => None,
        }
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
