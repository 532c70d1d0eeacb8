//! The JSON of a ledger, as this project writes it.
//!
//! [`write`] is the only writer. [`read`] reads nothing but what it writes: not one space more, no other order, no escape,
//! no member of a newer release. Such text goes to the reader of a library, which takes several times
//! as long. Where [`read`] reads a text, both read the same.

use serde::Serialize;

use crate::ledger::{
    entry::{Entry, EntryState},
    key::Caller,
    value::Value,
};

pub(super) fn write(bytes: &mut Vec<u8>, value: &Value) {
    let mut writer = Writer(bytes);
    writer.raw("{");
    if let Some(not_before) = value.not_before {
        writer.number(r#""not_before":"#, not_before);
        writer.raw(",");
    }
    writer.entries(r#""entries":["#, &value.entries);
    writer.optional(r#","quarantine_ended":"#, value.quarantine_ended);
    if let Some(clock) = &value.clock {
        writer.raw(r#","clock":"#);
        writer.library(clock);
    }
    if !value.past.is_empty() {
        writer.entries(r#","past":["#, &value.past);
    }
    writer.rest(&value.rest);
    writer.raw("}");
}

/// Writes members: the text before a value, with its comma and its name, and the value.
struct Writer<'b>(&'b mut Vec<u8>);

impl Writer<'_> {
    fn entries(&mut self, before: &str, entries: &[Entry]) {
        self.raw(before);
        for (at, entry) in entries.iter().enumerate() {
            if at > 0 {
                self.raw(",");
            }
            self.entry(entry);
        }
        self.raw("]");
    }

    fn entry(&mut self, entry: &Entry) {
        self.text(r#"{"id":"#, &entry.id);
        self.text(r#","state":"#, entry.state.as_stored());
        self.number(r#","at":"#, entry.at);
        self.optional(r#","made":"#, entry.made);
        self.number(r#","until":"#, entry.until);
        self.optional(r#","date":"#, entry.date);
        self.optional(r#","seen":"#, entry.ahead_since);
        self.optional(r#","ahead":"#, entry.clock_ahead);
        self.optional(r#","seen_ahead":"#, entry.seen_ahead);
        self.optional_text(r#","operation":"#, entry.operation.as_deref());
        self.optional_text(r#","other_id":"#, entry.other_id.as_deref());
        self.optional_text(r#","why":"#, entry.why.as_deref());
        self.optional_text(r#","evidence":"#, entry.evidence.as_deref());
        if !entry.caller.is_empty() {
            self.caller(&entry.caller);
        }
        self.optional_text(r#","key":"#, entry.key.as_deref());
        self.rest(&entry.rest);
        self.raw("}");
    }

    fn caller(&mut self, caller: &Caller) {
        self.raw(r#","who":{"#);
        let start = self.0.len();
        self.optional_text(r#","host":"#, caller.host.as_deref());
        self.optional(r#","process":"#, caller.process.map(i64::from));
        self.optional_text(r#","label":"#, caller.label.as_deref());
        // The first member has no comma before it.
        self.0.remove(start);
        self.raw("}");
    }

    fn raw(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

    fn number(&mut self, before: &str, number: i64) {
        self.raw(before);
        self.library(&number);
    }

    fn optional(&mut self, before: &str, number: Option<i64>) {
        if let Some(number) = number {
            self.number(before, number);
        }
    }

    fn text(&mut self, before: &str, text: &str) {
        self.raw(before);
        if has_escape(text, b'"') {
            self.library(text);
        } else {
            self.raw("\"");
            self.raw(text);
            self.raw("\"");
        }
    }

    fn optional_text(&mut self, before: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(before, text);
        }
    }

    fn rest(&mut self, rest: &serde_json::Map<String, serde_json::Value>) {
        for (name, value) in rest {
            self.raw(",");
            self.library(name);
            self.raw(":");
            self.library(value);
        }
    }

    /// Strings, integers and JSON values with string keys: serialising them to a vector cannot fail.
    fn library<T: Serialize + ?Sized>(&mut self, value: &T) {
        drop(serde_json::to_writer(&mut *self.0, value));
    }
}

/// Whether the text has a control, a backslash or this byte. It looks at every byte, which lets the compiler use vectors.
fn has_escape(text: &str, other: u8) -> bool {
    let is_escape = |b: u8| u8::from(b < 0x20) | u8::from(b == b'\\') | u8::from(b == other);
    text.bytes().fold(0, |has, b| has | is_escape(b)) != 0
}

/// Reads what [`write`] writes for a ledger whose clock agrees with the service's, without members of a newer release;
/// `None` for any other text.
pub(super) fn read(text: &str) -> Option<Value> {
    if has_escape(text, b'\\') {
        return None;
    }
    let mut reader = Reader(text);
    let mut value = Value::default();
    reader.next("{")?;
    if let Some(not_before) = reader.optional(r#""not_before":"#)? {
        value.not_before = Some(not_before);
        reader.next(",")?;
    }
    reader.next(r#""entries":["#)?;
    if !reader.has("]") {
        // All that count, in a ledger with the service's throttle.
        value.entries.reserve(8);
        loop {
            value.entries.push(reader.entry()?);
            if !reader.has(",") {
                break;
            }
        }
        reader.next("]")?;
    }
    value.quarantine_ended = reader.optional(r#","quarantine_ended":"#)?;
    (reader.0 == "}").then_some(value)
}

/// The text that is still to be read. It has no escape.
struct Reader<'a>(&'a str);

impl<'a> Reader<'a> {
    fn entry(&mut self) -> Option<Entry> {
        Some(Entry {
            id: self.text(r#"{"id":""#)?.to_owned(),
            state: EntryState::from(self.text(r#","state":""#)?),
            at: self.optional(r#","at":"#)??,
            made: self.optional(r#","made":"#)?,
            until: self.optional(r#","until":"#)??,
            date: self.optional(r#","date":"#)?,
            ahead_since: self.optional(r#","seen":"#)?,
            clock_ahead: self.optional(r#","ahead":"#)?,
            seen_ahead: self.optional(r#","seen_ahead":"#)?,
            operation: self.optional_text(r#","operation":""#)?,
            other_id: self.optional_text(r#","other_id":""#)?,
            why: self.optional_text(r#","why":""#)?,
            evidence: self.optional_text(r#","evidence":""#)?,
            caller: self.caller()?,
            key: self.optional_text(r#","key":""#)?,
            rest: {
                self.next("}")?;
                serde_json::Map::new()
            },
            hold: None,
        })
    }

    fn caller(&mut self) -> Option<Caller> {
        let mut caller = Caller::default();
        if !self.has(r#","who":{"#) {
            return Some(caller);
        }
        // The first member has no comma before it.
        caller.host = self.optional_text(r#""host":""#)?;
        let is_first = caller.host.is_none();
        let process = self.optional(r#","process":"#.get(usize::from(is_first)..)?)?;
        caller.process = process.map(u32::try_from).transpose().ok()?;
        let is_first = is_first && process.is_none();
        caller.label = self.optional_text(r#","label":""#.get(usize::from(is_first)..)?)?;
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

    /// The string after this text, which ends with the string's first quote.
    fn text(&mut self, before: &str) -> Option<&'a str> {
        self.next(before)?;
        let end = memchr::memchr(b'"', self.0.as_bytes())?;
        let (text, rest) = self.0.split_at_checked(end)?;
        self.0 = rest.get(1..)?;
        Some(text)
    }

    /// The string after this text, if the text is next.
    fn optional_text(&mut self, before: &str) -> Option<Option<String>> {
        if !self.0.starts_with(before) {
            return Some(None);
        }
        self.text(before).map(|text| Some(text.to_owned()))
    }

    /// The number after this text, if the text is next: an integer as a library writes it, with 18 digits at most, no
    /// zero before others, and no minus before zero.
    fn optional(&mut self, before: &str) -> Option<Option<i64>> {
        if !self.has(before) {
            return Some(None);
        }
        let is_negative = self.has("-");
        let mut number = 0_i64;
        let mut length = 0;
        let digit = |at: usize| self.0.as_bytes().get(at).map(|b| b.wrapping_sub(b'0'));
        while let Some(digit @ 0..=9) = digit(length) {
            number = number.wrapping_mul(10).wrapping_add(i64::from(digit));
            length += 1;
        }
        let is_zero = self.0.starts_with('0');
        let is_canonical = length < 19 && length > 0 && !(is_zero && (is_negative || length > 1));
        self.0 = self.0.get(length..)?;
        is_canonical.then_some(Some(if is_negative { -number } else { number }))
    }
}

#[cfg(test)]
pub(super) mod tests {
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

    pub(in crate::ledger) fn entry() -> impl Strategy<Value = Entry> {
        let states = ["reserved", "confirmed", "released", "unknown", "seen", "x"];
        let state = prop_oneof![
            (0..6_usize).prop_map(move |at| states[at].to_owned()),
            text()
        ];
        let numbers = (number(), of(number()), number(), of(number()), of(number()));
        let ahead = (of(number()), of(number()));
        let texts = (of(text()), of(text()), of(text()), of(text()), of(text()));
        let caller = (of(text()), of(any::<u32>()), of(text()));
        (text(), state, numbers, ahead, texts, caller, rest()).prop_map(
            |(id, state, numbers, ahead, texts, caller, rest)| Entry {
                made: numbers.1,
                date: numbers.3,
                ahead_since: numbers.4,
                clock_ahead: ahead.0,
                seen_ahead: ahead.1,
                operation: texts.0,
                why: texts.1,
                evidence: texts.2,
                other_id: texts.3,
                key: texts.4,
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
        let clock = (number(), number(), number())
            .prop_map(|(a, b, c)| format!(r#"{{"ahead":{a},"date":{b},"since":{c}}}"#));
        let entries = || vec(entry(), 0..4);
        let past = prop_oneof![2 => Just(Vec::new()), 1 => entries()];
        (
            of(number()),
            of(number()),
            entries(),
            of(clock),
            past,
            rest(),
        )
            .prop_map(
                |(not_before, quarantine_ended, entries, clock, past, rest)| Value {
                    not_before,
                    entries,
                    quarantine_ended,
                    clock: clock.map(|clock| serde_json::from_str(&clock).unwrap()),
                    past,
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

    /// An older release keeps the key as a member that it does not know, and writes it last.
    #[test]
    fn a_key_is_the_last_member() {
        let text = r#"{"entries":[{"id":"a","state":"reserved","at":1,"until":2,"who":{"process":7},"key":"k é"},{"id":"b","state":"seen","at":1,"until":2,"key":"a\"b"}]}"#;
        let value: Value = serde_json::from_str(text).unwrap();
        let keys: Vec<_> = value.entries.iter().map(Entry::key).collect();
        assert_eq!(keys, [Some("k é"), Some("a\"b")]);
        assert!(value.entries.iter().all(|entry| entry.rest.is_empty()));
        assert_eq!(written(&value), text);
        let plain = text.replace("a\\\"b", "c");
        assert_eq!(read(&plain).unwrap(), serde_json::from_str(&plain).unwrap());
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
