//! A reader of flat objects, which most bodies are.

use crate::wire::json::Node;

/// Reads an object whose members are strings without escapes, booleans and `null`, on one line.
///
/// `None` for any other text, also if it is valid JSON. Where there is a result, [`Node::read`] has the same with any depth
/// of at least 1.
pub(super) fn read<'a>(json: &'a str, names: &'static [&'static str]) -> Option<Node<'a>> {
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
