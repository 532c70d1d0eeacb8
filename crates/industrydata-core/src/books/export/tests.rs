use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;

use super::super::key::Who;
use super::*;
use crate::{
    Base,
    books::{EntryState, Evidence, Outcome, Resolution},
};

const HOUR: i64 = 3_600_000;
const NOW: i64 = 1_800_000_000_000;

fn now(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(NOW + ms).unwrap()
}

fn key(tenant: &str) -> BooksKey {
    BooksKey::new(&Base::graph(), &tenant.parse().unwrap())
}

fn entry(id: u8, state: &str) -> Entry {
    let at = NOW - HOUR;
    Entry {
        date: (state == "confirmed" || state == "seen").then_some(at + 500),
        ..Entry::new(hex([id; 16]), state, at, at + 150_000)
    }
}

fn stored(tenant: &str, entries: Vec<Entry>) -> StoredBooks {
    let value = Value {
        entries,
        ..Value::default()
    };
    StoredBooks {
        base: key(tenant).base().to_owned(),
        tenant: tenant.to_owned(),
        value: Some(codec::encode(&key(tenant), &value)),
        damage: None,
    }
}

fn export(books: Vec<StoredBooks>) -> LedgerExport {
    let holdings = Holdings {
        as_of: now(0),
        books,
        damage: Vec::new(),
    };
    LedgerExport::of(holdings, Throttle::default())
}

/// The bytes after all of the export was taken over into `into`, which are books of `tenant`.
fn taken(
    export: &LedgerExport,
    into: Option<Vec<u8>>,
    tenant: &str,
    at: i64,
) -> (Option<Vec<u8>>, usize) {
    let (mut bytes, mut merged) = (into, 0);
    let changes = export.changes(Throttle::default());
    for change in changes.iter().filter(|it| it.key() == &key(tenant)) {
        let applied = change.apply(bytes.as_deref(), now(at)).unwrap();
        merged += applied.verdict.merged();
        bytes = applied.write.or(bytes);
    }
    (bytes, merged)
}

fn entries(bytes: Option<&[u8]>, tenant: &str, at: i64) -> Vec<Entry> {
    let change = Change::entries(key(tenant), Throttle::default());
    let verdict = change.apply(bytes, now(at)).unwrap().verdict;
    verdict.entries().to_vec()
}

#[test]
fn a_document_is_read_as_it_was_written() {
    let mut full = entry(1, "confirmed");
    full.operation = Some("op-1".to_owned());
    full.evidence = Some("operation:op-1".to_owned());
    full.why = Some("because \"of\" \u{1b}[31m".to_owned());
    full.who = Who {
        host: Some("höst".to_owned()),
        process: Some(7),
        label: Some("nightly".to_owned()),
    };
    full.rest.insert("weight".to_owned(), 2.into());
    full.made = Some(NOW - 2 * HOUR);
    let name = "日本語 ".repeat(25) + "é";
    let name = name
        .get(
            ..name
                .char_indices()
                .take_while(|(at, _)| *at <= 250)
                .last()
                .unwrap()
                .0,
        )
        .unwrap();
    let books = vec![
        stored("contoso", vec![full, entry(2, "weighed")]),
        stored(name, vec![entry(3, "unknown"), entry(4, "released")]),
        stored("none", vec![]),
    ];
    let export = export(books);
    assert!(export.is_whole());
    let text = export.to_json();
    let again = LedgerExport::from_json(text.as_bytes()).unwrap();
    assert_eq!(again, export);
    assert_eq!(again.to_json(), text);
    // Said of the one entry that has it alone, so that documents without it keep their checksum.
    assert_eq!(text.matches("made_at").count(), 1);
    // Laid out otherwise it is the same.
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        LedgerExport::from_json(value.to_string().as_bytes()),
        Ok(again)
    );
}

#[test]
fn what_is_no_export_is_refused() {
    let good = export(vec![stored("t", vec![entry(1, "confirmed")])]).to_json();
    for (from, to, newer, checksum) in [
        ("\"version\": 1", "\"version\": 2", true, false),
        ("\"version\": 1", "\"version\": 0", false, false),
        (
            "\"version\": 1",
            "\"version\": 1, \"version\": 1",
            false,
            false,
        ),
        ("industrydata-ledger", "industrydata-books", false, false),
        ("\"confirmed\"", "\"released\"", false, true),
        ("\"process\": null", "\"process\": 1", false, true),
        ("\"books\"", "\"note\": 1, \"books\"", false, false),
        (
            "\"why\": null",
            "\"why\": null, \"how\": null",
            false,
            false,
        ),
        ("\"why\": null,", "", false, false),
    ] {
        assert!(good.contains(from), "{from}");
        let error = LedgerExport::from_json(good.replacen(from, to, 1).as_bytes());
        match error {
            Ok(_) => assert_eq!(to, "", "{from} {to}"),
            Err(ExportError::Newer { found, known }) => assert!(newer && (found, known) == (2, 1)),
            Err(ExportError::Checksum) => assert!(checksum, "{from} {to}"),
            Err(ExportError::NotOne(_)) => assert!(!newer && !checksum, "{from} {to}"),
        }
    }
    for length in 0..good.len() - 2 {
        assert!(
            LedgerExport::from_json(&good.as_bytes()[..length]).is_err(),
            "cut to {length}"
        );
    }
    assert!(LedgerExport::from_json(b"\xff\xfe").is_err());
}

#[test]
fn every_flipped_bit_of_a_document_is_told_or_without_effect() {
    let export = export(vec![stored(
        "t",
        vec![entry(1, "confirmed"), entry(2, "unknown")],
    )]);
    let good = export.to_json().into_bytes();
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bytes = good.clone();
            bytes[at] ^= 1 << bit;
            if let Ok(read) = LedgerExport::from_json(&bytes) {
                assert_eq!(read, export, "byte {at}, bit {bit}");
            }
        }
    }
}

#[test]
fn books_that_cannot_be_read_stand_as_five_in_doubt() {
    let whole = stored("t", vec![entry(1, "confirmed"), entry(2, "released")]);
    let mut flipped = whole.clone();
    flipped.value.as_mut().unwrap()[30] ^= 1;
    let mut newer = whole.clone();
    newer.value.as_mut().unwrap()[19] = b'9';
    let named = StoredBooks {
        value: None,
        ..whole.clone()
    };
    let stale = StoredBooks {
        damage: Some("set back"),
        ..whole.clone()
    };
    let garbage = StoredBooks {
        value: Some(vec![0xff; 300]),
        ..whole
    };
    for (stored, least) in [
        (flipped, 5),
        (newer, 6),
        (named, 5),
        (stale, 6),
        (garbage, 5),
    ] {
        let export = export(vec![stored.clone(), self::stored("u", vec![])]);
        assert!(!export.is_whole());
        assert!(export.books()[0].damage().is_some() && export.books()[1].damage().is_none());
        let read = LedgerExport::from_json(export.to_json().as_bytes()).unwrap();
        let (bytes, _) = taken(&read, None, "t", 1000);
        let quota = Change::read(key("t"), Throttle::default());
        let quota = quota.apply(bytes.as_deref(), now(1000)).unwrap().verdict;
        assert!(quota.quota().used() >= least, "{stored:?}");
        assert_eq!(quota.quota().available(), 0);
        // A second export of the same damage brings no more of them.
        let mut later = export.clone();
        later.exported_at = now(HOUR);
        let (again, _) = taken(&later, bytes.clone(), "t", HOUR);
        assert_eq!(
            entries(again.as_deref(), "t", HOUR).len(),
            entries(bytes.as_deref(), "t", HOUR).len()
        );
        // They can be resolved by hand, and end with the window.
        let doubt = entries(bytes.as_deref(), "t", 1000)
            .into_iter()
            .find(|it| it.why().is_some())
            .unwrap();
        let resolve = Change::resolve_by_hand(
            key("t"),
            Throttle::default(),
            doubt.id(),
            Resolution::NotStarted,
            "",
        );
        let verdict = resolve
            .unwrap()
            .apply(bytes.as_deref(), now(2000))
            .unwrap()
            .verdict;
        assert_eq!(verdict.unresolved(), None);
        assert_eq!(verdict.quota().used(), quota.quota().used() - 1);
        assert!(
            entries(bytes.as_deref(), "t", 13 * HOUR)
                .iter()
                .all(|it| !it.counts(Throttle::default().window, now(13 * HOUR)))
        );
    }
}

#[test]
fn names_that_no_books_have_are_told() {
    for (base, tenant) in [
        ("https://graph.microsoft.com/beta", "a\nb"),
        ("nonsense", "t"),
        ("https://GRAPH.microsoft.com/beta", "t"),
    ] {
        let books = StoredBooks {
            base: base.to_owned(),
            tenant: tenant.to_owned(),
            value: None,
            damage: None,
        };
        let export = export(vec![books]);
        assert!(!export.is_whole() && export.books().is_empty());
        assert_eq!(export.damage().len(), 1);
    }
}

#[test]
fn what_another_set_of_books_saw_is_not_counted_twice() {
    let mut mine = entry(1, "confirmed");
    mine.operation = Some("op-1".to_owned());
    let mut seen = entry(2, "seen");
    seen.operation = mine.operation.clone();
    seen.evidence = Some("operation:op-1".to_owned());
    for (one, two) in [(mine.clone(), seen.clone()), (seen, mine.clone())] {
        let into = stored("t", vec![one]).value;
        let (bytes, _) = taken(&export(vec![stored("t", vec![two])]), into, "t", 0);
        let left = entries(bytes.as_deref(), "t", 0);
        assert_eq!(left.iter().map(Entry::id).collect::<Vec<_>>(), [mine.id()]);
    }
}

#[test]
fn an_answer_of_the_owner_goes_before_doubt_and_lends_it_what_it_knows() {
    let mut told = entry(1, "confirmed");
    told.operation = Some("op".to_owned());
    for (mine, theirs) in [
        (entry(1, "unknown"), told.clone()),
        (told.clone(), entry(1, "reserved")),
    ] {
        let into = stored("t", vec![mine]).value;
        let (bytes, _) = taken(&export(vec![stored("t", vec![theirs])]), into, "t", 0);
        let left = entries(bytes.as_deref(), "t", 0);
        assert_eq!(left.len(), 1);
        assert_eq!(
            (left[0].state(now(0)), left[0].operation()),
            (EntryState::Confirmed, Some("op"))
        );
    }
    // What counts is not given back by a document, whatever that knows.
    let into = stored("t", vec![entry(1, "unknown")]).value;
    let (bytes, merged) = taken(
        &export(vec![stored("t", vec![entry(1, "released")])]),
        into.clone(),
        "t",
        0,
    );
    assert_eq!((bytes, merged), (into, 0));
    // The owner may still settle it.
    let settle = Change::settle(
        key("t"),
        Throttle::default(),
        [1; 16],
        Outcome::Released {
            why: "x".to_owned(),
            not_before: None,
        },
    );
    let (bytes, _) = taken(
        &export(vec![stored("t", vec![entry(1, "unknown")])]),
        None,
        "t",
        0,
    );
    assert_eq!(
        settle
            .apply(bytes.as_deref(), now(0))
            .unwrap()
            .verdict
            .quota()
            .used(),
        0
    );
    assert_eq!(Evidence::read("hand:x"), Evidence::ByHand("x".to_owned()));
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let state = prop_oneof![
        Just("reserved"),
        Just("confirmed"),
        Just("unknown"),
        Just("seen"),
        Just("released"),
        Just("weighed")
    ];
    let evidence = prop_oneof![
        Just(None),
        Just(Some("operation:op-1".to_owned())),
        Just(Some("hand:".to_owned()))
    ];
    let operation = prop_oneof![
        Just(None),
        Just(Some("op-1".to_owned())),
        Just(Some("op-2".to_owned()))
    ];
    (
        0_u8..4,
        state,
        -14 * HOUR..2 * HOUR,
        0..300_000_i64,
        proptest::option::of(0..200_000_i64),
        evidence,
        operation,
    )
        .prop_map(|(id, state, at, lease, date, evidence, operation)| {
            // The id of a start that was seen is made of what it was seen by.
            let seen = (state == "seen").then(|| format!("op-{id}"));
            let evidence = seen
                .as_ref()
                .map(|op| format!("operation:{op}"))
                .or(evidence);
            Entry {
                at: NOW + at,
                until: NOW + at + lease,
                date: date
                    .map(|after| NOW + at + after)
                    .filter(|_| state == "confirmed" || state == "seen"),
                operation: seen.or(operation),
                evidence,
                ..entry(id, state)
            }
        })
}

fn any_books() -> impl Strategy<Value = Vec<Entry>> {
    proptest::collection::vec(any_entry(), 0..5).prop_map(|entries| {
        let mut one_each: Vec<Entry> = Vec::new();
        for it in entries {
            if one_each.iter().all(|other| other.id != it.id) {
                one_each.push(it);
            }
        }
        one_each
    })
}

fn counting(bytes: Option<&[u8]>, at: i64) -> usize {
    let change = Change::read(key("t"), Throttle::default());
    change.apply(bytes, now(at)).unwrap().verdict.quota().used() as usize
}

proptest! {
    /// To merge twice is to merge once.
    #[test]
    fn merging_is_idempotent(mine in any_books(), theirs in any_books(), later in 0..3 * HOUR) {
        let export = export(vec![stored("t", theirs)]);
        let (once, _) = taken(&export, stored("t", mine).value, "t", 0);
        let (twice, merged) = taken(&export, once.clone(), "t", 0);
        prop_assert_eq!(&twice, &once);
        prop_assert_eq!(merged, 0);
        let (again, _) = taken(&export, once.clone(), "t", later);
        prop_assert_eq!(counting(again.as_deref(), later), counting(once.as_deref(), later));
    }

    /// Nothing that counts stops counting, or stops earlier (within the window: what is dated ahead of the clock counts
    /// for a window from first sight, as ever).
    #[test]
    fn no_count_is_lowered(mine in any_books(), theirs in any_books(), later in 0..12 * HOUR) {
        let window = Throttle::default().window;
        let into = stored("t", mine).value;
        let before = entries(into.as_deref(), "t", 0);
        let (bytes, _) = taken(&export(vec![stored("t", theirs.clone())]), into, "t", 0);
        let after = entries(bytes.as_deref(), "t", 0);
        for old in before.iter().filter(|it| it.counts(window, now(later))) {
            let is_it = |new: &&Entry| new.id() == old.id() || (old.state == "seen" && (new.operation == old.operation || new.evidence == old.evidence));
            let kept = after
                .iter()
                .filter(is_it)
                .any(|new| new.counts(window, now(later)));
            prop_assert!(kept, "{:?} in {:?}", old, after);
        }
        // And nothing of theirs that counts is left out.
        for entry in theirs.iter().filter(|it| it.counts(window, now(later))) {
            let counts = after.iter().any(|new| {
                let same = new.id() == entry.id() || (entry.state == "seen" && (new.operation == entry.operation || new.evidence == entry.evidence));
                same && new.counts(window, now(later))
            });
            prop_assert!(counts, "{:?} in {:?}", entry, after);
        }
    }
}

#[test]
fn a_pause_of_the_service_is_taken_over() {
    let value = Value {
        not_before: Some(NOW + HOUR),
        ..Value::default()
    };
    let books = StoredBooks {
        value: Some(codec::encode(&key("t"), &value)),
        ..stored("t", vec![])
    };
    let (bytes, _) = taken(&export(vec![books]), None, "t", 0);
    let read = Change::read(key("t"), Throttle::default())
        .apply(bytes.as_deref(), now(0))
        .unwrap();
    assert_eq!(read.verdict.quota().not_before(), Some(now(HOUR)));
    assert_eq!(Duration::from_secs(3600).as_millis(), HOUR as u128);
}

#[test]
fn what_is_exported_can_be_looked_at() {
    let bad = |id: &str, state: &str| Entry {
        id: id.to_owned(),
        ..entry(1, state)
    };
    let odd = vec![
        entry(1, "confirmed"),
        bad(&"G".repeat(32), "confirmed"),
        bad(&"a".repeat(31), "confirmed"),
        bad(&"b".repeat(32), ""),
    ];
    let export = LedgerExport::of(
        Holdings {
            as_of: now(0),
            books: vec![stored("contoso", odd)],
            damage: vec!["the index is gone".to_owned()],
        },
        Throttle::default(),
    );
    assert_eq!(export.damage(), ["the index is gone"]);
    let [books] = export.books() else {
        panic!("one set of books")
    };
    // No start of ours has such an id, or no state.
    assert_eq!(books.entries(), [entry(1, "confirmed")]);
}

#[test]
fn damaged_books_say_why() {
    let told = |bytes: Vec<u8>| {
        let mut books = stored("contoso", vec![]);
        books.value = Some(bytes);
        let export = export(vec![books]);
        export.books()[0].damage().unwrap().to_owned()
    };
    assert_eq!(told(b"nothing".to_vec()), "no first line");
    let newer = told(b"industrydata-books 9 00000000\n{}".to_vec());
    assert!(newer.contains("newer release (format 9)"), "{newer}");
}

#[test]
fn what_is_known_as_well_stays_and_what_is_new_is_taken_over() {
    let known = |label: &str, rest: &str| {
        let mut it = entry(1, "confirmed");
        it.who.label = Some(label.to_owned());
        it.rest.insert(rest.to_owned(), label.into());
        it.rest.insert("both".to_owned(), label.into());
        it
    };
    // Released just now, so that it is not forgotten for its age.
    let fresh = Entry::new(hex([2; 16]), "released", NOW, NOW + 150_000);
    let mine = stored("t", vec![known("mine", "m")]).value;
    let theirs = export(vec![stored("t", vec![known("theirs", "t"), fresh])]);
    let (bytes, merged) = taken(&theirs, mine, "t", 0);
    // What started nothing is no loss.
    assert_eq!(merged, 1);
    let [one] = entries(bytes.as_deref(), "t", 0).try_into().unwrap();
    assert_eq!(one.who.label.as_deref(), Some("mine"));
    let rest: Vec<(&str, Option<&str>)> = one
        .rest
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        rest,
        [
            ("both", Some("mine")),
            ("m", Some("mine")),
            ("t", Some("theirs"))
        ]
    );
}

#[test]
fn a_pause_that_ends_now_is_none() {
    let paused = |until: i64| {
        let value = Value {
            not_before: Some(NOW + until),
            ..Value::default()
        };
        let mut books = stored("t", vec![]);
        books.value = Some(codec::encode(&key("t"), &value));
        taken(&export(vec![books]), None, "t", 0).0
    };
    let is_kept = |bytes: Option<Vec<u8>>| {
        bytes.is_some_and(|bytes| String::from_utf8(bytes).unwrap().contains("not_before"))
    };
    assert!(is_kept(paused(1)));
    assert!(!is_kept(paused(0)));
}

#[test]
fn an_entry_without_an_id_or_a_state_is_refused() {
    for (id, state) in [("G".repeat(32), "confirmed"), ("1".repeat(32), "")] {
        let mut export = export(vec![stored("t", vec![entry(1, "confirmed")])]);
        let books = &mut export.books[0].incoming.entries[0];
        (books.id, books.state) = (id, state.to_owned());
        let read = LedgerExport::from_json(export.to_json().as_bytes());
        assert!(matches!(read, Err(ExportError::NotOne(_))), "{read:?}");
    }
}
