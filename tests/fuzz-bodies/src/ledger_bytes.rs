//! The stored bytes of a ledger: they are refused or read in full, never read as fewer starts than they contain.

mod format;

use std::time::Duration;

use industrydata_core::ledger::Caller;
use industrydata_core::ledger::Change;
use industrydata_core::ledger::Evidence;
use industrydata_core::ledger::LedgerKey;
use industrydata_core::ledger::Outcome;
use industrydata_core::ledger::Quota;
use industrydata_core::ledger::Resolution;
use industrydata_core::ledger::StoreError;
use industrydata_core::policy::Throttle;
use industrydata_core::wire::BaseUrl;

pub(crate) use self::format::{clock, crc32, key};
use self::format::{foreign, is_sealed, json_of, seal};
use crate::{Target, draw::Draw, text::assert_plain};

pub(crate) const TARGET: Target = Target {
    name: "ledger_bytes",
    about: "a stored ledger is refused or read in full; an altered byte is detected; adding never lowers the count",
    body,
    seeds,
    words: &[
        "industrydata-books 1 ",
        "{\"entries\":[",
        "\"id\":\"",
        "\"state\":\"",
        "reserved",
        "confirmed",
        "unknown",
        "released",
        "seen",
        "\"at\":",
        "\"until\":",
        "\"date\":",
        "\"not_before\":",
        "\"evidence\":\"operation:",
        "\"who\":{",
        "1773144000000",
        "9223372036854775807",
        "-9223372036854775808",
        "null",
        "},{",
    ],
};

const LEASE: Duration = Duration::from_secs(150);
/// An id that inputs contain only by chance.
const FRESH: [u8; 16] = [0xf7; 16];

/// Input: a selector, then stored bytes, JSON to be sealed with its checksum, or choices that alter a valid ledger.
fn body(input: &[u8]) {
    let (selector, rest) = input.split_first().unwrap_or((&0, &[]));
    match selector & 3 {
        0 => unsealed(rest),
        1 | 2 => sealed(&seal(&key(), rest), rest),
        _ => altered(rest),
    }
}

/// Bytes without a valid checksum are refused.
fn unsealed(bytes: &[u8]) {
    let is_sealed = is_sealed(bytes);
    for change in changes() {
        match change.apply(Some(bytes), clock()) {
            Ok(_) => assert!(is_sealed, "bytes without a valid checksum are accepted"),
            Err(StoreError::Damaged(why)) => assert_plain(why),
            Err(StoreError::Newer { found, known }) => assert!(found > known),
            Err(fault) => panic!("{fault}"),
        }
    }
}

/// JSON with a valid checksum: if it is readable, changes to it must be consistent.
fn sealed(stored: &[u8], json: &[u8]) {
    // The core has one reader for what it writes itself; text with a space at the end goes to a library.
    let entries = |stored: &[u8]| {
        let change = Change::entries(key(), Throttle::default());
        change.apply(Some(stored), clock()).map(|it| it.reply).ok()
    };
    let spaced = seal(&key(), &[json, b" "].concat());
    assert_eq!(entries(stored), entries(&spaced), "two readers differ");
    for change in changes() {
        let written = |stored: &[u8]| change.apply(Some(stored), clock()).map(|it| it.write).ok();
        // Entries that were not changed are written as they were read, and those of the library anew.
        match (written(stored), written(&spaced)) {
            (Some(None), Some(Some(anew))) => assert_eq!(anew, stored, "{change:?}"),
            (read, anew) => assert_eq!(read, anew, "two writers differ: {change:?}"),
        }
    }
    let read = Change::read(key(), Throttle::default()).apply(Some(stored), clock());
    let before = match read {
        Ok(applied) => {
            assert_eq!(applied.write, None, "reading writes");
            applied.reply.quota().clone()
        }
        Err(fault) => {
            assert!(matches!(fault, StoreError::Damaged(_)), "{fault}");
            return;
        }
    };
    assert_quota(&before);
    let reserve = reserve(FRESH);
    let applied = reserve
        .apply(Some(stored), clock())
        .expect("the bytes were readable before");
    let after = applied.reply.quota();
    assert_quota(after);
    let is_known = json
        .windows(32)
        .any(|part| part.eq_ignore_ascii_case(b"f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7"));
    if !is_known {
        assert_eq!(
            applied.reply.refusal().is_some(),
            before.available() == 0,
            "{before:?}"
        );
        let more = u32::from(applied.reply.refusal().is_none());
        assert_eq!(
            after.used(),
            before.used() + more,
            "{before:?} and then {after:?}"
        );
    }
    if applied.reply.refusal().is_none() {
        assert!(
            is_known || applied.write.is_some(),
            "a granted reservation is not written"
        );
    }
    for change in additions() {
        assert!(
            used_after(stored, &change) >= before.used(),
            "the change lowers the count: {change:?}"
        );
    }
    for change in others() {
        used_after(stored, &change);
    }
    if let Some(written) = applied.write {
        assert!(is_sealed(&written));
        let spaced = seal(&key(), &[json_of(&written), b" "].concat());
        assert_eq!(
            entries(&written),
            entries(&spaced),
            "two readers differ on what was written"
        );
        assert_eq!(
            foreign(json),
            foreign(json_of(&written)),
            "members written by a newer release are lost"
        );
        let read = Change::read(key(), Throttle::default())
            .apply(Some(written.as_slice()), clock())
            .expect("the core can read what it wrote");
        assert_eq!(
            read.reply.quota().used(),
            after.used(),
            "the quota of the written bytes differs from the reply"
        );
    }
}

/// How many starts count after a change. Repeating it must have no further effect.
fn used_after(stored: &[u8], change: &Change) -> u32 {
    let mut bytes = stored.to_vec();
    let mut used = None;
    for _ in 0..4 {
        let applied = change
            .apply(Some(bytes.as_slice()), clock())
            .expect("the core can read what it wrote");
        let quota = applied.reply.quota();
        assert_quota(quota);
        assert!(
            used.is_none_or(|used| used == quota.used()),
            "the repeated change alters the count: {change:?}"
        );
        let count = quota.used();
        used = Some(count);
        match applied.write {
            Some(write) => bytes = write,
            None => return count,
        }
    }
    panic!("the repeated change keeps writing: {change:?}");
}

fn assert_quota(quota: &Quota) {
    let limit = quota.throttle().limit;
    assert_eq!(quota.used() as usize, quota.entries().len());
    assert_eq!(
        quota.confirmed() + quota.external() + quota.in_flight() + quota.in_doubt(),
        quota.used()
    );
    let expected = if quota.not_before().is_some() {
        0
    } else {
        limit.saturating_sub(quota.used())
    };
    assert_eq!(quota.available(), expected);
    assert_eq!(
        quota.next_slot_at().is_none(),
        quota.available() > 0,
        "{quota:?}"
    );
}

/// A valid ledger is refused once one of its bytes is altered, removed or inserted, and for another tenant's key.
fn altered(rest: &[u8]) {
    let mut draw = Draw::new(rest);
    let mut stored = None;
    for id in 0..=u8::try_from(draw.below(6)).unwrap_or_default() {
        let id = [id; 16];
        let mut change = reserve(id);
        for _ in 0..2 {
            let applied = change
                .apply(stored.as_deref(), clock())
                .expect("the core can read what it wrote");
            stored = applied.write.or(stored);
            let outcome = outcomes()[draw.below(3)].clone();
            change = Change::settle(key(), Throttle::default(), id, outcome);
        }
    }
    let valid = stored.expect("at least one reservation");
    let at = usize::try_from(draw.number()).unwrap_or_default() % valid.len();
    let mut other = valid.clone();
    match draw.below(4) {
        0 | 1 => other[at] ^= draw.byte().max(1),
        2 => drop(other.remove(at)),
        _ => other.insert(at, draw.byte()),
    }
    for change in changes() {
        let refused = change.apply(Some(other.as_slice()), clock());
        assert!(
            refused.is_err() || other == valid,
            "a ledger altered at byte {at} is accepted: {:?}",
            String::from_utf8_lossy(&other)
        );
        let stranger = LedgerKey::new(&BaseUrl::graph(), &"fabrikam".parse().expect("a tenant"));
        let foreign =
            Change::read(stranger, Throttle::default()).apply(Some(valid.as_slice()), clock());
        assert!(
            matches!(foreign, Err(StoreError::Damaged(_))),
            "another tenant's ledger is accepted"
        );
    }
}

/// One change of each kind.
fn changes() -> impl Iterator<Item = Change> {
    additions().into_iter().chain(others())
}

/// Changes that add an entry.
fn additions() -> [Change; 3] {
    let throttle = Throttle::default();
    [
        reserve([1; 16]),
        reserve(FRESH),
        Change::external(
            key(),
            throttle,
            Evidence::Operation("a-1".to_owned()),
            clock(),
        ),
    ]
}

/// Changes that add no entry, or one of a start that was made before.
fn others() -> Vec<Change> {
    let throttle = Throttle::default();
    let mut changes = vec![
        Change::read(key(), throttle),
        Change::entries(key(), throttle),
    ];
    changes.extend(outcomes().map(|outcome| Change::settle(key(), throttle, [1; 16], outcome)));
    for resolution in [Resolution::Started, Resolution::NotStarted] {
        for evidence in [
            Evidence::Run("r".to_owned()),
            Evidence::NotListed,
            Evidence::ByHand(String::new()),
        ] {
            changes.push(Change::resolve(
                key(),
                throttle,
                [1; 16],
                resolution,
                evidence,
            ));
        }
    }
    changes
}

fn outcomes() -> [Outcome; 3] {
    [
        Outcome::Confirmed {
            date: clock(),
            operation: Some("a-1".to_owned()),
        },
        Outcome::Released {
            why: "refused".to_owned(),
            closed_for: None,
        },
        Outcome::InDoubt {
            why: "lost".to_owned(),
        },
    ]
}

fn reserve(id: [u8; 16]) -> Change {
    Change::reserve(key(), Throttle::default(), id, LEASE, Caller::default())
}

fn seeds() -> Vec<Vec<u8>> {
    let entry = |id: &str, state: &str, more: &str| {
        format!(
            r#"{{"id":"{id}","state":"{state}","at":1773143000000,"until":1773143150000{more}}}"#
        )
    };
    let one = "01".repeat(16);
    let mut texts = vec![
        String::new(),
        "{}".to_owned(),
        r#"{"entries":[],"x":{"y":[1.5]}}"#.to_owned(),
    ];
    for (state, more) in [
        ("reserved", ""),
        ("confirmed", r#","date":1773143001000,"operation":"a-1""#),
        ("unknown", r#","why":"lost""#),
        ("released", r#","evidence":"hand:no""#),
        (
            "seen",
            r#","date":1773143001000,"evidence":"operation:a-1""#,
        ),
        (
            "later",
            r#","new":{"a":[1]},"who":{"host":"h","process":7}"#,
        ),
        ("confirmed", r#","date":1773153001000,"seen":1773143001000"#),
    ] {
        let other = entry(&"02".repeat(16), state, "");
        texts.push(format!(
            r#"{{"not_before":1773144100000,"entries":[{}]}}"#,
            entry(&one, state, more)
        ));
        texts.push(format!(
            r#"{{"entries":[{},{other}]}}"#,
            entry(&one, state, more)
        ));
    }
    let json = texts.iter().map(|text| [b"\x01", text.as_bytes()].concat());
    let sealed = texts
        .iter()
        .map(|text| [b"\0".to_vec(), seal(&key(), text.as_bytes())].concat());
    let altered = (0..8).map(|n| vec![3, n, n, 1, 2, n, 0, 9, 30 * n, n, 0, 0, 0, 0, 0, 0, n, 7]);
    json.chain(sealed).chain(altered).collect()
}
