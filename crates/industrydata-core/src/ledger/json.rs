//! The JSON of a ledger, as this project writes it.
//!
//! [`write`] is the only writer. [`read`] reads nothing but what it writes: not one space more, no other order, no escape,
//! no member of a newer release. Such text goes to the reader of a library, which takes several times
//! as long. Where [`read`] reads a text, both read the same, and [`write`] writes that text: it copies the text of each entry
//! that was not changed.

use std::sync::Arc;

use serde::Serialize;

use crate::ledger::{
    entry::{Entry, EntryState, Kept},
    key::KeptCaller,
    rest::Rest,
    text::Text,
    value::Value,
};
use crate::wire::eight::{Eight, has_escape, string_length};

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
    writer.took(&value.took);
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
            match entry.text() {
                Some(text) => self.raw(text),
                None => self.entry(entry.kept()),
            }
        }
        self.raw("]");
    }

    fn entry(&mut self, entry: &Kept) {
        self.text(r#"{"id":""#, &entry.id);
        self.text(r#","state":""#, entry.state.as_stored());
        self.number(r#","at":"#, entry.at);
        self.optional(r#","made":"#, entry.made);
        self.number(r#","until":"#, entry.until);
        self.optional(r#","date":"#, entry.date);
        self.optional(r#","seen":"#, entry.ahead_since);
        self.optional(r#","ahead":"#, entry.clock_ahead);
        self.optional(r#","seen_ahead":"#, entry.seen_ahead);
        self.optional_text(r#","operation":""#, entry.operation.as_deref());
        self.optional_text(r#","other_id":""#, entry.other_id.as_deref());
        self.optional_text(r#","why":""#, entry.why.as_deref());
        self.optional_text(r#","evidence":""#, entry.evidence.as_deref());
        if !entry.caller.is_empty() {
            self.caller(&entry.caller);
        }
        self.optional_text(r#","key":""#, entry.key.as_deref());
        self.rest(&entry.rest);
        self.raw("}");
    }

    fn took(&mut self, took: &[(i64, i64)]) {
        let mut before = r#","took":[["#;
        for (accepted, seconds) in took {
            self.number(before, *accepted);
            self.number(",", *seconds);
            before = "],[";
        }
        self.raw(if took.is_empty() { "" } else { "]]" });
    }

    fn caller(&mut self, caller: &KeptCaller) {
        self.raw(r#","who":{"#);
        let start = self.0.len();
        self.optional_text(r#","host":""#, caller.host.as_deref());
        self.optional(r#","process":"#, caller.process.map(i64::from));
        self.optional_text(r#","label":""#, caller.label.as_deref());
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

    /// `before` ends with the quote before the text.
    fn text(&mut self, before: &str, text: &str) {
        self.raw(before);
        if has_escape(text.as_bytes()) {
            // It writes both quotes.
            self.0.pop();
            self.library(text);
        } else {
            self.raw(text);
            self.raw("\"");
        }
    }

    fn optional_text(&mut self, before: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(before, text);
        }
    }

    fn rest(&mut self, rest: &Rest) {
        for (name, value) in rest.members() {
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

/// Fewer bytes than an entry has once its start was accepted.
const LEAST_ENTRY: usize = 128;

/// Reads what [`write`] writes for a ledger whose clock agrees with the service's, without members of a newer release;
/// `None` for any other text. The entries share the text.
pub(super) fn read(text: &str) -> Option<Value> {
    let mut reader = Reader {
        text: &text.into(),
        left: text.as_bytes(),
    };
    let mut value = Value::default();
    reader.next("{")?;
    if let Some(not_before) = reader.optional(r#""not_before":"#)? {
        value.not_before = Some(not_before);
        reader.next(",")?;
    }
    reader.next(r#""entries":["#)?;
    reader.entries(&mut value.entries)?;
    value.quarantine_ended = reader.optional(r#","quarantine_ended":"#)?;
    value.took = reader.took()?;
    (reader.left == b"}").then_some(value)
}

/// A text, and the end of it that is still to be read.
struct Reader<'a> {
    text: &'a Arc<str>,
    left: &'a [u8],
}

impl Reader<'_> {
    /// Entries, and the bracket after them.
    fn entries(&mut self, entries: &mut Vec<Entry>) -> Option<()> {
        if self.has("]") {
            return Some(());
        }
        // About as many as there are, and one more for a reservation, so that none is moved.
        *entries = Vec::with_capacity(1 + self.left.len() / LEAST_ENTRY);
        loop {
            let start = self.at();
            self.next(r#"{"id":""#)?;
            let id = self.string()?;
            let state = self.state()?;
            let at = self.optional(r#","at":"#)??;
            let made = self.optional(r#","made":"#)?;
            let until = self.optional(r#","until":"#)??;
            let date = self.optional(r#","date":"#)?;
            let ahead_since = self.optional(r#","seen":"#)?;
            let clock_ahead = self.optional(r#","ahead":"#)?;
            let seen_ahead = self.optional(r#","seen_ahead":"#)?;
            let operation = self.optional_string(r#","operation":""#)?;
            let other_id = self.optional_string(r#","other_id":""#)?;
            let why = self.optional_string(r#","why":""#)?;
            let evidence = self.optional_string(r#","evidence":""#)?;
            let caller = self.caller()?;
            let key = self.optional_string(r#","key":""#)?;
            self.next("}")?;
            let text = self.part(start, self.at())?;
            let kept = Kept {
                id,
                state,
                at,
                made,
                until,
                date,
                ahead_since,
                clock_ahead,
                seen_ahead,
                operation,
                other_id,
                why,
                evidence,
                caller,
                key,
                rest: Rest::default(),
                hold: None,
            };
            entries.push(Entry::as_read(kept, text));
            if !self.has(",") {
                return self.next("]");
            }
        }
    }

    fn state(&mut self) -> Option<EntryState> {
        self.next(r#","state":""#)?;
        if self.has(r#"confirmed""#) {
            return Some(EntryState::Confirmed);
        }
        Some(EntryState::from(&*self.string()?))
    }

    fn took(&mut self) -> Option<Vec<(i64, i64)>> {
        let mut took = Vec::new();
        let mut before = r#","took":[["#;
        while let Some(accepted) = self.optional(before)? {
            took.push((accepted, self.optional(",")??));
            before = "],[";
        }
        if !took.is_empty() {
            self.next("]]")?;
        }
        Some(took)
    }

    fn caller(&mut self) -> Option<KeptCaller> {
        let mut caller = KeptCaller::default();
        if !self.has(r#","who":{"#) {
            return Some(caller);
        }
        // The first member has no comma before it.
        caller.host = self.optional_string(r#""host":""#)?;
        let is_first = caller.host.is_none();
        let process = self.optional(r#","process":"#.get(usize::from(is_first)..)?)?;
        caller.process = process.map(u32::try_from).transpose().ok()?;
        let is_first = is_first && process.is_none();
        caller.label = self.optional_string(r#","label":""#.get(usize::from(is_first)..)?)?;
        self.next("}")?;
        // A caller without a member is not written.
        (!caller.is_empty()).then_some(caller)
    }

    /// How much of the text was read.
    fn at(&self) -> usize {
        self.text.len() - self.left.len()
    }

    fn part(&self, start: usize, end: usize) -> Option<Text> {
        Text::part(self.text, start..end)
    }

    #[inline(always)]
    fn next(&mut self, text: &str) -> Option<()> {
        self.left = self.left.strip_prefix(text.as_bytes())?;
        Some(())
    }

    #[inline(always)]
    fn has(&mut self, text: &str) -> bool {
        self.next(text).is_some()
    }

    /// The string up to the first quote, without escapes.
    #[inline(always)]
    fn string(&mut self) -> Option<Text> {
        let (start, (length, _)) = (self.at(), string_length(self.left)?);
        self.left = self.left.get(length + 1..)?;
        self.part(start, start + length)
    }

    /// The string after this text, if the text is next.
    #[inline(always)]
    fn optional_string(&mut self, before: &str) -> Option<Option<Text>> {
        if !self.has(before) {
            return Some(None);
        }
        self.string().map(Some)
    }

    /// The number after this text, if the text is next.
    #[inline(always)]
    fn optional(&mut self, before: &str) -> Option<Option<i64>> {
        if !self.has(before) {
            return Some(None);
        }
        self.number().map(Some)
    }

    /// An integer as a library writes it, with 18 digits at most, no zero before others, and no minus before zero.
    #[inline(always)]
    fn number(&mut self) -> Option<i64> {
        let Some(time) = self.left.split_first_chunk().and_then(thirteen_digits) else {
            return self.any_number();
        };
        self.left = self.left.get(13..)?;
        Some(time)
    }

    #[inline(never)]
    fn any_number(&mut self) -> Option<i64> {
        let is_negative = self.has("-");
        let mut number = 0_i64;
        let mut length = 0;
        let digit = |at: usize| self.left.get(at).map(|b| b.wrapping_sub(b'0'));
        while let Some(digit @ 0..=9) = digit(length) {
            number = number.wrapping_mul(10).wrapping_add(i64::from(digit));
            length += 1;
        }
        let is_zero = self.left.starts_with(b"0");
        let is_canonical = length < 19 && length > 0 && !(is_zero && (is_negative || length > 1));
        self.left = self.left.get(length..)?;
        is_canonical.then_some(if is_negative {
            number.wrapping_neg()
        } else {
            number
        })
    }
}

/// The number that the text begins with, if it has 13 digits and the first is not zero, as the milliseconds of this century
/// have: eight digits, and the text after them.
#[inline(always)]
fn thirteen_digits((first, after): (&[u8; 8], &[u8])) -> Option<i64> {
    let (first, last) = (Eight::of(*first), Eight::of(*after.first_chunk()?));
    let (first, last) = (first.digits(), last.digits());
    let is_canonical = first.count() == 8 && first.0 & 0xff != 0 && last.count() == 5;
    let number = first.number() * 100_000 + Eight(last.0 << 24).number();
    is_canonical.then_some(number.cast_signed())
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::{collection::vec, option::of, prelude::*};

    use super::*;

    fn text() -> impl Strategy<Value = String> {
        prop_oneof![4 => "[ -~]{0,80}", 1 => ".{0,12}", 1 => "[\"\\\\\u{0}-\u{1f}é]{0,3}"]
    }

    fn part() -> impl Strategy<Value = Text> {
        text().prop_map(Text::from)
    }

    fn rest() -> impl Strategy<Value = Rest> {
        let value = prop_oneof![
            Just(serde_json::json!({"a": [1, 2.5e300, null]})),
            Just(serde_json::Value::Null),
            text().prop_map(serde_json::Value::String),
        ];
        let members = vec(("x[a-z\"]{1,3}", value), 0..3);
        prop_oneof![3 => Just(Vec::new()), 1 => members].prop_map(|members| {
            members
                .into_iter()
                .collect::<serde_json::Map<_, _>>()
                .into()
        })
    }

    fn number() -> impl Strategy<Value = i64> {
        prop_oneof![4 => 1_700_000_000_000..1_800_000_000_000_i64, 1 => any::<i64>(), 1 => Just(0)]
    }

    pub(in crate::ledger) fn kept() -> impl Strategy<Value = Kept> {
        let states = ["reserved", "confirmed", "released", "unknown", "seen", "x"];
        let state = prop_oneof![
            (0..6_usize).prop_map(move |at| states[at].to_owned()),
            text()
        ];
        let numbers = (number(), of(number()), number(), of(number()), of(number()));
        let ahead = (of(number()), of(number()));
        let texts = (of(part()), of(part()), of(part()), of(part()), of(part()));
        let caller = (of(part()), of(any::<u32>()), of(part()));
        (part(), state, numbers, ahead, texts, caller, rest()).prop_map(
            |(id, state, numbers, ahead, texts, caller, rest)| Kept {
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
                caller: KeptCaller {
                    host: caller.0,
                    process: caller.1,
                    label: caller.2,
                },
                rest,
                ..Kept::new(id, EntryState::from(state), numbers.0, numbers.2)
            },
        )
    }

    fn value() -> impl Strategy<Value = Value> {
        let clock = (number(), number(), number())
            .prop_map(|(a, b, c)| format!(r#"{{"ahead":{a},"date":{b},"since":{c}}}"#));
        let entries = || vec(kept().prop_map(Entry::from), 0..4);
        let past = prop_oneof![2 => Just(Vec::new()), 1 => entries()];
        (
            of(number()),
            of(number()),
            entries(),
            of(clock),
            past,
            vec((number(), number()), 0..3),
            rest(),
        )
            .prop_map(
                |(not_before, quarantine_ended, entries, clock, past, took, rest)| Value {
                    not_before,
                    entries,
                    quarantine_ended,
                    clock: clock.map(|clock| serde_json::from_str(&clock).unwrap()),
                    past,
                    took,
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

    /// An older release keeps the durations as a member that it does not know, and writes them last.
    #[test]
    fn durations_are_the_last_member() {
        for text in [
            r#"{"entries":[],"took":[[1773136800123,1803]]}"#,
            r#"{"not_before":3,"entries":[],"quarantine_ended":6,"took":[[-1,0],[0,-5],[7,8]]}"#,
        ] {
            let value = read(text).unwrap();
            assert_eq!(value, serde_json::from_str(text).unwrap());
            assert!(!value.took.is_empty() && value.rest == Rest::default());
            assert_eq!(written(&value), text);
        }
        let other = r#"{"entries":[],"took":[]}"#;
        assert_eq!(read(other), None);
        assert_eq!(
            serde_json::from_str::<Value>(other).unwrap(),
            Value::default()
        );
    }

    #[test]
    fn numbers_at_the_ends_of_their_range_are_read_alike() {
        for number in [i64::MIN, i64::MIN + 1, -(10_i64.pow(18)), i64::MAX] {
            let text = format!(r#"{{"not_before":{number},"entries":[]}}"#);
            let value: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(value.not_before, Some(number));
            assert!(read(&text).is_none_or(|read| read == value));
        }
    }

    /// An older release keeps the key as a member that it does not know, and writes it last.
    #[test]
    fn a_key_is_the_last_member() {
        let text = r#"{"entries":[{"id":"a","state":"reserved","at":1,"until":2,"who":{"process":7},"key":"k é"},{"id":"b","state":"seen","at":1,"until":2,"key":"a\"b"}]}"#;
        let value: Value = serde_json::from_str(text).unwrap();
        let keys: Vec<_> = value.entries.iter().map(Entry::key).collect();
        assert_eq!(keys, [Some("k é"), Some("a\"b")]);
        assert!(
            value
                .entries
                .iter()
                .all(|entry| entry.kept().rest == Rest::default())
        );
        assert_eq!(written(&value), text);
        let plain = text.replace("a\\\"b", "c");
        assert_eq!(read(&plain).unwrap(), serde_json::from_str(&plain).unwrap());
    }

    #[test]
    fn numbers_are_read_as_a_library_writes_them() {
        let read = |text: &str| {
            let mut reader = Reader {
                text: &text.into(),
                left: text.as_bytes(),
            };
            let number = reader.number()?;
            (reader.left == b",end of it").then_some(number)
        };
        for number in [
            0,
            7,
            -1,
            123_456_789_012,
            1_000_000_000_000,
            1_773_144_000_000,
            9_999_999_999_999,
            12_345_678_901_234,
            -1_773_144_000_000,
            123_456_789_012_345_678,
        ] {
            assert_eq!(read(&format!("{number},end of it")), Some(number));
        }
        for other in [
            "",
            "-",
            "-0",
            "00",
            "01",
            "0123456789012",
            "1773144000000.0",
            "17731440000 0",
            "1773144000:00",
            "177314/000000",
            "1234567890123456789",
            "9223372036854775807",
        ] {
            assert_eq!(read(&format!("{other},end of it")), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_what_a_library_writes(value in value()) {
            prop_assert_eq!(written(&value), serde_json::to_string(&value).unwrap());
        }

        /// Of texts that are almost as written, those that are read give what the library reads, and are written again.
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
            if let Some(mut read) = read(&text) {
                let oracle: Option<Value> = serde_json::from_str(&text).ok();
                prop_assert_eq!(Some(&read), oracle.as_ref(), "{}", text);
                prop_assert_eq!(&written(&read), &text);
                for entry in &mut read.entries {
                    prop_assert!(entry.text().is_some());
                    entry.changed();
                }
                prop_assert_eq!(written(&read), text, "the entries written anew");
            }
        }
    }
}
