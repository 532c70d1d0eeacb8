//! The JSON of a ledger, as this project writes it.
//!
//! [`write`] is the only writer. [`read`] reads exactly what it writes, and nothing else: not one space more, no other
//! order, no escape, no member of a newer release. Such text goes to the reader of a library, which takes several times
//! as long. Where [`read`] reads a text, both read the same.

use std::io::Write;

use serde::Serialize;

use crate::ledger::{
    entry::{Entry, EntryState},
    key::Caller,
    value::Value,
};

pub(super) fn write(bytes: &mut Vec<u8>, value: &Value) {
    let mut writer = Writer {
        bytes,
        is_first: true,
    };
    writer.raw("{");
    writer.optional("not_before", value.not_before);
    writer.name("entries");
    writer.raw("[");
    for (at, entry) in value.entries.iter().enumerate() {
        writer.raw(if at > 0 { "," } else { "" });
        writer.entry(entry);
    }
    writer.raw("]");
    writer.is_first = false;
    writer.optional("quarantine_ended", value.quarantine_ended);
    writer.rest(&value.rest);
    writer.raw("}");
}

struct Writer<'b> {
    bytes: &'b mut Vec<u8>,
    is_first: bool,
}

impl Writer<'_> {
    fn entry(&mut self, entry: &Entry) {
        self.raw("{");
        self.is_first = true;
        self.text("id", &entry.id);
        self.text("state", entry.state.as_stored());
        self.optional("at", Some(entry.at));
        self.optional("made", entry.made);
        self.optional("until", Some(entry.until));
        self.optional("date", entry.date);
        self.optional("seen", entry.ahead_since);
        self.optional_text("operation", entry.operation.as_deref());
        self.optional_text("why", entry.why.as_deref());
        self.optional_text("evidence", entry.evidence.as_deref());
        if !entry.caller.is_empty() {
            self.name("who");
            self.raw("{");
            self.is_first = true;
            self.optional_text("host", entry.caller.host.as_deref());
            self.optional("process", entry.caller.process.map(i64::from));
            self.optional_text("label", entry.caller.label.as_deref());
            self.raw("}");
            self.is_first = false;
        }
        self.rest(&entry.rest);
        self.raw("}");
    }

    fn raw(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
    }

    fn name(&mut self, name: &str) {
        self.raw(if self.is_first { "\"" } else { ",\"" });
        self.raw(name);
        self.raw("\":");
        self.is_first = false;
    }

    fn optional(&mut self, name: &str, number: Option<i64>) {
        if let Some(number) = number {
            self.name(name);
            self.library(&number);
        }
    }

    fn optional_text(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    fn text(&mut self, name: &str, text: &str) {
        self.name(name);
        if is_plain(text) {
            self.raw("\"");
            self.raw(text);
            self.raw("\"");
        } else {
            self.library(text);
        }
    }

    fn rest(&mut self, rest: &serde_json::Map<String, serde_json::Value>) {
        for (name, value) in rest {
            self.raw(if self.is_first { "" } else { "," });
            self.library(name);
            self.raw(":");
            self.library(value);
            self.is_first = false;
        }
    }

    /// Strings, integers and JSON values with string keys: serialising them to a vector cannot fail.
    fn library<T: Serialize + ?Sized>(&mut self, value: &T) {
        drop(serde_json::to_writer(self.bytes.by_ref(), value));
    }
}

/// Whether a JSON string has the text as it is. It counts instead of searching, which lets the compiler use vectors.
fn is_plain(text: &str) -> bool {
    let is_escaped = |b: &u8| u8::from(*b < 0x20 || *b == b'"' || *b == b'\\');
    let escaped = |chunk: &[u8]| chunk.iter().map(is_escaped).sum::<u8>() > 0;
    !text.as_bytes().chunks(64).any(escaped)
}

/// Reads what [`write`] writes for a ledger without members of a newer release; `None` for any other text.
pub(super) fn read(text: &str) -> Option<Value> {
    let mut reader = Reader(text);
    let mut value = Value::default();
    reader.next("{")?;
    if reader.has(r#""not_before":"#) {
        value.not_before = Some(reader.number()?);
        reader.next(",")?;
    }
    reader.next(r#""entries":["#)?;
    if !reader.has("]") {
        loop {
            value.entries.push(reader.entry()?);
            if !reader.has(",") {
                break;
            }
        }
        reader.next("]")?;
    }
    if reader.has(r#","quarantine_ended":"#) {
        value.quarantine_ended = Some(reader.number()?);
    }
    (reader.0 == "}").then_some(value)
}

/// The text that is still to be read.
struct Reader<'a>(&'a str);

impl<'a> Reader<'a> {
    fn entry(&mut self) -> Option<Entry> {
        self.next(r#"{"id":"#)?;
        let id = self.text()?;
        self.next(r#","state":"#)?;
        let state = EntryState::from(self.text()?);
        self.next(r#","at":"#)?;
        let at = self.number()?;
        let made = self.optional(r#","made":"#)?;
        self.next(r#","until":"#)?;
        let until = self.number()?;
        let mut entry = Entry {
            made,
            ..Entry::new(id.to_owned(), state, at, until)
        };
        entry.date = self.optional(r#","date":"#)?;
        entry.ahead_since = self.optional(r#","seen":"#)?;
        entry.operation = self.optional_text(r#","operation":"#)?;
        entry.why = self.optional_text(r#","why":"#)?;
        entry.evidence = self.optional_text(r#","evidence":"#)?;
        if self.has(r#","who":{"#) {
            entry.caller = self.caller()?;
        }
        self.next("}")?;
        Some(entry)
    }

    /// The members of a caller, of which there is one at least.
    fn caller(&mut self) -> Option<Caller> {
        // Each member is written after a comma, but for the first.
        let mut comma = "";
        let mut member = |reader: &mut Self, name: &str| {
            let is_there = reader.0.strip_prefix(comma)?.strip_prefix(name);
            is_there.map(|rest| {
                reader.0 = rest;
                comma = ",";
            })
        };
        let mut caller = Caller::default();
        if member(self, r#""host":"#).is_some() {
            caller.host = Some(self.text()?.to_owned());
        }
        if member(self, r#""process":"#).is_some() {
            caller.process = Some(u32::try_from(self.number()?).ok()?);
        }
        if member(self, r#""label":"#).is_some() {
            caller.label = Some(self.text()?.to_owned());
        }
        self.next("}")?;
        Some(caller)
    }

    fn next(&mut self, text: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(text)?;
        Some(())
    }

    fn has(&mut self, text: &str) -> bool {
        self.next(text).is_some()
    }

    /// A number after this text, if the text is next.
    fn optional(&mut self, text: &str) -> Option<Option<i64>> {
        if self.has(text) {
            return self.number().map(Some);
        }
        Some(None)
    }

    fn optional_text(&mut self, text: &str) -> Option<Option<String>> {
        if self.has(text) {
            return self.text().map(|it| Some(it.to_owned()));
        }
        Some(None)
    }

    fn text(&mut self) -> Option<&'a str> {
        let rest = self.0.strip_prefix('"')?;
        let end = rest.as_bytes().iter().position(|b| *b == b'"')?;
        let (text, rest) = rest.split_at_checked(end)?;
        self.0 = rest.strip_prefix('"')?;
        is_plain(text).then_some(text)
    }

    /// An integer as a library writes it: at most 18 digits, no zero before others, no minus before zero.
    fn number(&mut self) -> Option<i64> {
        let is_negative = self.has("-");
        let mut number = 0_i64;
        let mut digits = 0;
        for byte in self.0.bytes() {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            digits += 1;
            if digits > 18 {
                return None;
            }
            number = number * 10 + i64::from(digit);
        }
        let is_zero = number == 0;
        let is_canonical = if is_zero {
            digits == 1 && !is_negative
        } else {
            !self.0.starts_with('0')
        };
        self.0 = self.0.get(digits..)?;
        is_canonical.then_some(if is_negative { -number } else { number })
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, option::of, prelude::*};

    use super::*;

    fn text() -> impl Strategy<Value = String> {
        prop_oneof![4 => "[ -~]{0,80}", 1 => ".{0,12}", 1 => "[\"\\\\\u{0}-\u{1f}é]{0,3}"]
    }

    fn rest() -> impl Strategy<Value = serde_json::Map<String, serde_json::Value>> {
        let value = prop_oneof![
            Just(serde_json::json!({"a": [1, 2.5e300, null]})),
            Just(serde_json::Value::Null),
            text().prop_map(serde_json::Value::String),
        ];
        let members = vec(("x[a-z\"]{1,3}", value), 0..3);
        prop_oneof![3 => Just(Vec::new()), 1 => members]
            .prop_map(|members| members.into_iter().collect())
    }

    fn number() -> impl Strategy<Value = i64> {
        prop_oneof![4 => 1_700_000_000_000..1_800_000_000_000_i64, 1 => any::<i64>(), 1 => Just(0)]
    }

    fn entry() -> impl Strategy<Value = Entry> {
        let states = ["reserved", "confirmed", "released", "unknown", "seen", "x"];
        let state = prop_oneof![
            (0..6_usize).prop_map(move |at| states[at].to_owned()),
            text()
        ];
        let numbers = (number(), of(number()), number(), of(number()), of(number()));
        let texts = (of(text()), of(text()), of(text()));
        let caller = (of(text()), of(any::<u32>()), of(text()));
        (text(), state, numbers, texts, caller, rest()).prop_map(
            |(id, state, numbers, texts, caller, rest)| Entry {
                made: numbers.1,
                date: numbers.3,
                ahead_since: numbers.4,
                operation: texts.0,
                why: texts.1,
                evidence: texts.2,
                caller: Caller {
                    host: caller.0,
                    process: caller.1,
                    label: caller.2,
                },
                rest,
                ..Entry::new(id, EntryState::from(state), numbers.0, numbers.2)
            },
        )
    }

    fn value() -> impl Strategy<Value = Value> {
        (of(number()), of(number()), vec(entry(), 0..4), rest()).prop_map(
            |(not_before, quarantine_ended, entries, rest)| Value {
                not_before,
                entries,
                quarantine_ended,
                rest,
                ..Value::default()
            },
        )
    }

    fn written(value: &Value) -> String {
        let mut bytes = Vec::new();
        write(&mut bytes, value);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_ledger_as_written_is_read_without_the_library() {
        let text = r#"{"not_before":-5,"entries":[{"id":"a","state":"seen","at":1,"made":0,"until":123456789012345678,"date":4,"seen":5,"operation":"b","why":"","evidence":"é","who":{"process":7}},{"id":"b","state":"new","at":1,"until":2}],"quarantine_ended":6}"#;
        let value = read(text).unwrap();
        assert_eq!(value, serde_json::from_str(text).unwrap());
        assert_eq!(written(&value), text);
    }

    proptest! {
        #[test]
        fn what_is_written_is_what_a_library_writes(value in value()) {
            prop_assert_eq!(written(&value), serde_json::to_string(&value).unwrap());
        }

        /// Of texts that are almost as written, those that are read give what the library reads.
        #[test]
        fn what_is_read_is_what_a_library_reads(
            value in value(),
            changes in vec((any::<prop::sample::Index>(), "[\\]\\[{}\",:\\\\ 0-9a-z-]{0,2}", 0..3_usize), 0..3),
        ) {
            let mut text = written(&value);
            for (at, new, old) in changes {
                let at = at.index(text.len());
                let end = (at + old).min(text.len());
                if text.is_char_boundary(at) && text.is_char_boundary(end) {
                    text.replace_range(at..end, &new);
                }
            }
            if let Some(read) = read(&text) {
                prop_assert_eq!(Some(read), serde_json::from_str(&text).ok(), "{}", text);
            }
        }
    }
}
