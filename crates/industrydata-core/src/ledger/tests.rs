use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;

use crate::ledger::{
    change::Change,
    entry::EntryState,
    evidence::Evidence,
    key::{Caller, LedgerKey},
    quarantine::reset_mark,
    quota::Quota,
    refusal::RefusalReason,
    reply::{Applied, StoreReply},
    resolve::{Resolution, Unresolved},
    settle::Outcome,
    stored::Stored,
};
use crate::{
    ledger::{schedule::Schedule, store_error::StoreError},
    policy::Throttle,
    wire::base_url::BaseUrl,
};

const LEASE: Duration = Duration::from_secs(150);
const HOUR: u64 = 3600;

fn at(seconds: u64) -> Timestamp {
    let origin: Timestamp = "2026-03-10T12:00:00Z".parse().unwrap();
    origin + Duration::from_secs(seconds)
}

fn key() -> LedgerKey {
    LedgerKey::new(&BaseUrl::graph(), &"contoso".parse().unwrap())
}

fn id(n: u8) -> [u8; 16] {
    [n; 16]
}

fn reserve(n: u8) -> Change {
    Change::reserve(key(), Throttle::default(), id(n), LEASE, Caller::default())
}

fn settle(n: u8, outcome: Outcome) -> Change {
    Change::settle(key(), Throttle::default(), id(n), outcome)
}

fn confirmed(seconds: u64) -> Outcome {
    Outcome::Confirmed {
        date: at(seconds),
        operation: None,
    }
}

fn released(not_before: Option<u64>) -> Outcome {
    Outcome::Released {
        why: "x".to_owned(),
        not_before: not_before.map(at),
    }
}

fn unknown() -> Outcome {
    Outcome::InDoubt {
        why: "x".to_owned(),
    }
}

/// Books in a variable.
#[derive(Default)]
struct Ledger(Option<Vec<u8>>);

impl Ledger {
    fn settle(&mut self, n: u8, outcome: Outcome, seconds: u64) {
        drop(self.apply(&settle(n, outcome), seconds));
    }

    fn apply(&mut self, change: &Change, seconds: u64) -> Applied {
        let applied = change.apply(self.0.as_deref(), at(seconds)).unwrap();
        if let Some(bytes) = &applied.write {
            self.0 = Some(bytes.clone());
        }
        applied
    }

    fn quota(&self, seconds: u64) -> Quota {
        let read = Change::read(key(), Throttle::default());
        let applied = read.apply(self.0.as_deref(), at(seconds)).unwrap();
        assert_eq!(applied.write, None, "reading writes nothing");
        applied.verdict.quota().clone()
    }

    #[track_caller]
    fn granted(&mut self, n: u8, seconds: u64) {
        let applied = self.apply(&reserve(n), seconds);
        assert_eq!(applied.verdict.refusal(), None);
    }

    #[track_caller]
    fn refused(&mut self, n: u8, seconds: u64) -> (u64, RefusalReason) {
        let applied = self.apply(&reserve(n), seconds);
        let refusal = applied.verdict.refusal().expect("refused");
        let until = refusal.until().duration_since(at(0)).as_secs();
        (u64::try_from(until).unwrap(), refusal.reason())
    }
}

#[test]
fn a_slot_is_kept_from_the_latest_possible_start() {
    // Confirmed: the answer's date. In doubt: the end of the lease.
    for (outcome, frees) in [(confirmed(10), 10), (unknown(), 150)] {
        let mut books = Ledger::default();
        books.granted(1, 0);
        books.settle(1, outcome, 20);
        let frees = frees + 12 * HOUR + 120;
        assert_eq!(books.quota(frees - 1).used(), 1);
        assert_eq!(books.quota(frees).used(), 0);
    }
}

#[test]
fn an_answer_dated_by_a_clock_that_is_behind_frees_nothing_early() {
    // Reserved at an hour, answered 140 s later by the books' clock.
    let now = HOUR + 140;
    for (told, date) in [
        (now, now),
        (now - 120, now - 120),
        (now - 121, now),
        (0, now),
    ] {
        let mut books = Ledger::default();
        books.granted(1, HOUR);
        books.settle(1, confirmed(told), now);
        // Run again later: it stands.
        books.settle(1, confirmed(told), now + 5);
        let frees = date.max(HOUR) + 12 * HOUR + 120;
        assert_eq!(books.quota(frees - 1).used(), 1, "{told}");
        assert_eq!(books.quota(frees).used(), 0, "{told}");
    }
    // Booked hours later: the lease's end is the latest moment at which it may have been accepted.
    let mut books = Ledger::default();
    books.granted(1, HOUR);
    books.settle(1, confirmed(0), 4 * HOUR);
    assert_eq!(books.quota(13 * HOUR + 150 + 119).used(), 1);
    assert_eq!(books.quota(13 * HOUR + 150 + 120).used(), 0);
}

#[test]
fn the_sixth_is_refused_until_the_first_frees() {
    let mut books = Ledger::default();
    for n in 1..=5 {
        books.granted(n, u64::from(n));
        books.settle(n, confirmed(u64::from(n)), 9);
    }
    assert_eq!(
        books.refused(6, 100),
        (1 + 12 * HOUR + 120, RefusalReason::Slots)
    );
    assert_eq!(books.refused(6, 12 * HOUR + 120).1, RefusalReason::Slots);
    books.granted(6, 12 * HOUR + 121);
    assert_eq!(books.refused(7, 12 * HOUR + 121).0, 2 + 12 * HOUR + 120);
}

#[test]
fn a_reservation_past_its_lease_is_doubt_and_still_counts() {
    let mut books = Ledger::default();
    books.granted(1, 0);
    assert_eq!(books.quota(149).in_flight(), 1);
    assert_eq!(books.quota(150).in_doubt(), 1);
    // The owner's late answer is the best evidence.
    books.settle(1, confirmed(200), 400);
    assert_eq!(
        (books.quota(400).confirmed(), books.quota(400).in_doubt()),
        (1, 0)
    );
    books.settle(1, released(None), 401);
    assert_eq!(
        books.quota(401).confirmed(),
        1,
        "an accepted start stays accepted"
    );
}

#[test]
fn running_a_change_again_changes_nothing_more() {
    let mut books = Ledger::default();
    for _ in 0..3 {
        books.granted(1, 0);
    }
    assert_eq!(books.quota(0).used(), 1);
    for _ in 0..3 {
        books.settle(1, confirmed(5), 5);
    }
    assert_eq!(books.apply(&settle(1, confirmed(5)), 5).write, None);
    assert_eq!(books.quota(5).used(), 1);
    // A settled one is no reservation to post under.
    assert_eq!(books.refused(1, 6).1, RefusalReason::InFlight);
}

#[test]
fn what_no_longer_counts_does_not_stand_for_what_is_settled_now() {
    let mut books = Ledger::default();
    books.granted(1, 20 * HOUR);
    books.settle(1, confirmed(20 * HOUR), 20 * HOUR);
    // The clock is set back: the entry lies ahead, is seen so for the first time, and has had its window at last.
    books.granted(2, 0);
    books.granted(3, 6 * HOUR);
    let now = 13 * HOUR;
    assert_eq!(books.quota(now).used(), 1, "the third alone");
    for _ in 0..2 {
        books.settle(1, confirmed(now), now);
        assert_eq!(books.quota(now).used(), 2);
    }
}

#[test]
fn what_no_longer_counts_claims_no_evidence() {
    let mut books = Ledger::default();
    let see = |seconds| {
        let evidence = Evidence::Run("r-1".to_owned());
        Change::external(key(), Throttle::default(), evidence, at(seconds))
    };
    let _ = books.apply(&see(0), 0);
    let once = books.apply(&see(40 * HOUR), 40 * HOUR);
    let again = books.apply(&see(40 * HOUR), 40 * HOUR);
    assert_eq!(once.verdict.quota().used(), 1);
    assert_eq!(once.verdict, again.verdict);
}

#[test]
fn flights_are_told_from_slots() {
    let mut books = Ledger::default();
    for n in 1..=5 {
        books.granted(n, 0);
    }
    let applied = books.apply(&reserve(6), 10);
    let refusal = applied.verdict.refusal().unwrap();
    assert_eq!(refusal.reason(), RefusalReason::InFlight);
    assert_eq!(refusal.ask_again_at(), at(150));
    books.settle(3, released(None), 11);
    books.granted(6, 11);
}

#[test]
fn the_services_own_pause_closes_the_books() {
    let mut books = Ledger::default();
    books.granted(1, 0);
    books.settle(1, released(Some(500)), 1);
    assert_eq!(books.quota(499).available(), 0);
    assert_eq!(books.quota(499).next_slot_at(), Some(at(500)));
    assert_eq!(books.refused(2, 499), (500, RefusalReason::Service));
    books.granted(2, 500);
    // A shorter one does not open them again.
    books.settle(2, released(Some(900)), 501);
    books.settle(3, released(Some(600)), 502);
    assert_eq!(books.refused(4, 700).0, 900);
    // Neither does what is booked of another start meanwhile.
    books.settle(5, confirmed(700), 701);
    books.settle(6, released(None), 702);
    assert_eq!(books.refused(7, 703), (900, RefusalReason::Service));
}

#[test]
fn a_pause_told_by_a_clock_years_ahead_ends_within_a_day() {
    let mut books = Ledger::default();
    books.granted(1, 0);
    books.settle(1, released(Some(10 * 365 * 24 * HOUR)), 1);
    assert_eq!(books.refused(2, 2), (24 * HOUR + 2, RefusalReason::Service));
    assert_eq!(books.refused(2, 24 * HOUR).0, 24 * HOUR + 2);
    books.granted(2, 24 * HOUR + 2);
}

#[test]
fn words_and_tombstones_are_bounded() {
    let mut books = Ledger::default();
    for n in 1..=200 {
        books.granted(n, 0);
        let why = "x".repeat(60_000);
        let outcome = Outcome::Released {
            why,
            not_before: None,
        };
        books.settle(n, outcome, 1);
    }
    assert!(books.0.unwrap().len() < 10_000);
}

#[test]
fn an_acceptance_booked_late_is_as_old_as_its_answer() {
    let mut books = Ledger::default();
    books.settle(1, confirmed(0), 13 * HOUR);
    assert_eq!(books.quota(13 * HOUR).used(), 0);
    books.settle(2, confirmed(2 * HOUR), 13 * HOUR);
    assert_eq!(books.quota(13 * HOUR).used(), 1);
    assert_eq!(books.quota(14 * HOUR + 120).used(), 0);
}

#[test]
fn spellings_of_one_base_are_one_set_of_books() {
    let key = |base: &str| LedgerKey::new(&base.parse().unwrap(), &"contoso".parse().unwrap());
    let plain = key("https://gateway.example/beta");
    assert_eq!(plain, key("HTTPS://Gateway.example:443/%62eta/"));
    assert_eq!(plain, key("https://gateway.example/x/../Beta"));
    assert_ne!(plain, key("https://gateway.example/beta2"));
}

#[test]
fn a_clock_set_back_frees_nothing_early() {
    let mut books = Ledger::default();
    for n in 1..=4 {
        books.granted(n, 100 * HOUR);
        books.settle(n, confirmed(100 * HOUR), 100 * HOUR);
    }
    // Set back by four days, one more start, set right again.
    books.granted(5, 0);
    books.settle(5, confirmed(0), 1);
    assert!(books.quota(1).is_clock_suspect());
    assert_eq!(books.quota(101 * HOUR).used(), 5);
    books.refused(6, 101 * HOUR);
}

#[test]
fn entries_of_the_future_count_for_a_window_from_first_sight() {
    let mut books = Ledger::default();
    let year = 365 * 24 * HOUR;
    books.granted(1, year);
    books.settle(1, confirmed(year), year);
    // The clock is set right. First sight is stored, even by a refusal.
    books.granted(2, 0);
    books.settle(2, released(None), 1);
    assert_eq!(books.quota(12 * HOUR + 119).used(), 1);
    assert_eq!(books.quota(12 * HOUR + 120).used(), 0);
    // And nothing of it stays: a tombstone goes with its lease.
    books.granted(3, 13 * HOUR);
    books.settle(3, confirmed(13 * HOUR), 13 * HOUR);
    let text = String::from_utf8(books.0.clone().unwrap()).unwrap();
    assert_eq!(text.matches("\"id\"").count(), 1, "{text}");
    assert!(!books.quota(13 * HOUR).is_clock_suspect());
}

#[test]
fn first_sight_is_when_an_entry_is_made() {
    let mut books = Ledger::default();
    let year = 365 * 24 * HOUR;
    books.granted(1, year);
    books.settle(1, confirmed(year), year);
    // Set back for good. The second is dated a year ahead as well, and nobody looks for six hours.
    books.granted(2, 0);
    // Its lease ends as it would otherwise, and it counts for a window after that.
    assert_eq!(books.quota(149).in_flight(), 1);
    assert_eq!(books.quota(150).in_flight(), 0);
    books.granted(3, 6 * HOUR);
    let ends = 12 * HOUR + 150 + 120;
    assert_eq!(books.quota(12 * HOUR + 149).used(), 2);
    assert_eq!(books.quota(ends - 1).in_doubt(), 2);
    assert_eq!(books.quota(ends).in_doubt(), 1);
}

#[test]
fn first_sight_by_a_clock_that_is_set_back_again_is_none() {
    let mut books = Ledger::default();
    let year = 365 * 24 * HOUR;
    books.granted(1, 2 * year);
    books.settle(1, confirmed(2 * year), 2 * year);
    // Set back by a year, and once more by another.
    books.granted(2, year);
    books.granted(3, 0);
    assert_eq!(books.quota(12 * HOUR + 119).used(), 3);
    // The lease of the second began anew as well.
    assert_eq!(books.quota(12 * HOUR + 120).used(), 2);
    assert_eq!(books.quota(12 * HOUR + 270).used(), 0);
}

#[test]
fn what_was_accepted_late_in_its_lease_counts_for_a_window_from_then() {
    let year = 365 * 24 * HOUR;
    for (accepted, is_by_hand) in [(200, true), (149, false)] {
        let mut books = Ledger::default();
        books.granted(1, year);
        books.settle(1, confirmed(year), year);
        books.granted(2, 0);
        if is_by_hand {
            let note = Evidence::ByHand(String::new());
            let started = Resolution::Started;
            let resolve = Change::resolve(key(), Throttle::default(), id(2), started, note);
            let applied = books.apply(&resolve, accepted);
            assert_eq!(applied.verdict.unresolved(), None);
        } else {
            for _ in 0..2 {
                books.settle(2, confirmed(accepted), accepted);
            }
        }
        let ends = accepted + 12 * HOUR + 120;
        let own = format!("{:032x}", u128::from_be_bytes(id(2)));
        let counts = |at: u64| books.quota(at).entries().iter().any(|it| it.id() == own);
        assert!(counts(ends - 1));
        assert!(!counts(ends));
    }
}

#[test]
fn two_entries_of_one_id_are_damage() {
    let mut books = Ledger::default();
    books.granted(1, 0);
    let mut value = super::codec::decode(&key(), books.0.as_deref().unwrap()).unwrap();
    value.entries.extend(value.entries.clone());
    let bytes = super::codec::encode(&key(), &value);
    let read = Change::read(key(), Throttle::default()).apply(Some(bytes.as_slice()), at(1));
    assert!(matches!(
        read,
        Err(StoreError::Damaged("two entries have one id"))
    ));
}

#[test]
fn a_release_before_its_reservation_holds() {
    let mut books = Ledger::default();
    books.settle(1, released(None), 0);
    assert_eq!(books.refused(1, 1).1, RefusalReason::InFlight);
    assert_eq!(books.quota(1).used(), 0);
}

#[test]
fn states_and_members_of_a_newer_release_are_kept_and_counted() {
    let mut books = Ledger::default();
    books.granted(1, 0);
    let json = String::from_utf8(books.0.clone().unwrap()).unwrap();
    let json = json
        .split_once('\n')
        .unwrap()
        .1
        .replace("\"reserved\"", "\"paused\",\"new\":[1]");
    let value = serde_json::from_str(&json).unwrap();
    books.0 = Some(super::codec::encode(&key(), &value));
    let quota = books.quota(1000);
    assert_eq!((quota.used(), quota.in_doubt()), (1, 1));
    let paused = EntryState::Other("paused".to_owned());
    assert_eq!(quota.entries()[0].state(at(1000)), paused);
    books.granted(2, 1000);
    let json = String::from_utf8(books.0.clone().unwrap()).unwrap();
    assert!(json.contains("\"new\":[1]"), "{json}");
    assert!(json.contains("\"state\":\"paused\""), "{json}");
}

/// Every release to come reads these spellings, and writes an unknown one back as it was.
#[test]
fn the_stored_spellings_of_the_states() {
    for (stored, state) in [
        ("reserved", EntryState::Reserved),
        ("confirmed", EntryState::Confirmed),
        ("released", EntryState::Released),
        ("unknown", EntryState::InDoubt),
        ("seen", EntryState::External),
        ("", EntryState::Other(String::new())),
        ("Reserved", EntryState::Other("Reserved".to_owned())),
        ("a\n\u{e9}", EntryState::Other("a\n\u{e9}".to_owned())),
    ] {
        let json = serde_json::to_string(stored).unwrap();
        assert_eq!(serde_json::to_string(&state).unwrap(), json);
        assert_eq!(serde_json::from_str::<EntryState>(&json).unwrap(), state);
    }
}

#[test]
fn damaged_newer_and_foreign_bytes_are_told() {
    let mut books = Ledger::default();
    books.granted(1, 0);
    let bytes = books.0.unwrap();
    let read = |bytes: &[u8], key: LedgerKey| {
        Change::read(key, Throttle::default())
            .apply(Some(bytes), at(1))
            .map(drop)
    };
    assert!(read(&bytes, key()).is_ok());
    for place in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[place] ^= 1 << bit;
            assert!(read(&flipped, key()).is_err(), "byte {place}, bit {bit}");
        }
        assert!(read(&bytes[..place], key()).is_err(), "cut at {place}");
    }
    let other = LedgerKey::new(&BaseUrl::graph(), &"fabrikam".parse().unwrap());
    assert!(matches!(read(&bytes, other), Err(StoreError::Damaged(_))));
    let newer = String::from_utf8(bytes).unwrap().replacen(" 1 ", " 2 ", 1);
    let fault = read(newer.as_bytes(), key());
    assert!(matches!(
        fault,
        Err(StoreError::Newer { found: 2, known: 1 })
    ));
}

#[test]
fn an_id_is_thirty_two_hexadecimal_digits() {
    let by_hand =
        |id: &str| Change::resolve_by_hand(key(), Throttle::default(), id, Resolution::Started, "");
    assert!(by_hand(&"a".repeat(32)).is_ok());
    let signed = format!("+{}", "a".repeat(31));
    for id in ["", "a", &"a".repeat(31), &"a".repeat(33), &signed] {
        assert_eq!(by_hand(id).unwrap_err(), Unresolved::NoSuchEntry, "{id:?}");
    }
}

#[test]
fn what_changes_nothing_writes_nothing() {
    let mut books = Ledger::default();
    for n in 1..=5 {
        books.granted(n, 0);
    }
    // Their leases have ended, which whoever changes something next writes down.
    assert_eq!(books.apply(&reserve(6), 200).write, None);
    let note = Evidence::ByHand(String::new());
    let nobody = Change::resolve(key(), Throttle::default(), id(9), Resolution::Started, note);
    let applied = books.apply(&nobody, 200);
    assert_eq!(applied.verdict.unresolved(), Some(Unresolved::NoSuchEntry));
    assert_eq!(applied.write, None);
    books.settle(1, released(None), 200);
    let text = String::from_utf8(books.0.unwrap()).unwrap();
    assert_eq!(text.matches("unknown").count(), 4, "{text}");
}

/// The format of version 1, which every release to come reads.
#[test]
fn the_stored_bytes() {
    let mut books = Ledger::default();
    let who = Caller {
        host: Some("h".to_owned()),
        process: Some(7),
        label: Some("nightly".to_owned()),
    };
    let reserve = Change::reserve(key(), Throttle::default(), id(1), LEASE, who.clone());
    assert!(books.apply(&reserve, 0).write.is_some());
    assert_eq!(books.quota(0).entries()[0].who(), &who);
    let text = String::from_utf8(books.0.unwrap()).unwrap();
    // The checksum is the CRC-32 of: 00000001, base, 00, tenant, 00, the second line.
    let entry = r#"{"id":"01010101010101010101010101010101","state":"reserved","at":1773144000000,"until":1773144150000,"who":{"host":"h","process":7,"label":"nightly"}}"#;
    let stored = format!("industrydata-books 1 187925f5\n{{\"entries\":[{entry}]}}");
    assert_eq!(text, stored);
}

#[test]
fn what_the_quota_says() {
    let mut books = Ledger::default();
    assert_eq!(books.quota(0).available(), 5);
    books.granted(1, 0);
    books.settle(1, confirmed(5), 6);
    books.granted(2, 10);
    let quota = books.quota(20);
    assert_eq!((quota.used(), quota.available()), (2, 3));
    assert_eq!(
        (quota.confirmed(), quota.in_flight(), quota.external()),
        (1, 1, 0)
    );
    assert_eq!(quota.starts(), [at(0), at(5), at(10), at(160)]);
    assert_eq!(quota.schedule(), None);
    assert!(quota.forecast().is_none());
    let schedule = Schedule::given(at(HOUR));
    let quota = quota.with_schedule(Some(schedule));
    assert_eq!(quota.schedule(), Some(&schedule));
    assert_eq!(quota.forecast().unwrap().next_scheduled(), at(HOUR));
}

#[test]
fn what_is_seen_is_entered_once_and_claims_what_it_is_seen_by() {
    let see = |evidence: Evidence| Change::external(key(), Throttle::default(), evidence, at(50));
    let operation = |id: &str| Evidence::Operation(id.to_owned());
    let started = |n: u8, evidence: Evidence| {
        Change::resolve(
            key(),
            Throttle::default(),
            id(n),
            Resolution::Started,
            evidence,
        )
    };
    let mut books = Ledger::default();
    let own = Outcome::Confirmed {
        date: at(40),
        operation: Some("op-1".to_owned()),
    };
    books.granted(1, 0);
    books.settle(1, own, 41);
    // One of ours, by its operation, is nobody else's.
    assert_eq!(books.apply(&see(operation("op-1")), 60).write, None);
    let applied = books.apply(&see(operation("op-2")), 60);
    let quota = applied.verdict.quota();
    assert_eq!((quota.used(), quota.external()), (2, 1));
    let seen = &quota.entries()[1];
    assert_eq!(seen.evidence(), Some(operation("op-2")));
    assert_eq!((seen.operation(), seen.date()), (Some("op-2"), at(50)));
    assert!(seen.date.is_some());
    assert_eq!(books.apply(&see(operation("op-2")), 60).write, None);
    // Nor is what another was seen by the evidence for a start in doubt.
    books.granted(2, 70);
    books.settle(2, unknown(), 71);
    for claimed in [operation("op-1"), operation("op-2")] {
        let applied = books.apply(&started(2, claimed), 80);
        assert_eq!(applied.verdict.unresolved(), Some(Unresolved::Claimed));
    }
    let run = Evidence::Run("r-1".to_owned());
    for _ in 0..2 {
        // Its own evidence again is no other's.
        let applied = books.apply(&started(2, run.clone()), 80);
        assert_eq!(applied.verdict.unresolved(), None);
    }
    books.granted(3, 90);
    books.settle(3, unknown(), 91);
    let applied = books.apply(&started(3, run), 92);
    assert_eq!(applied.verdict.unresolved(), Some(Unresolved::Claimed));
}

#[test]
fn a_start_that_was_seen_and_is_ours_is_one() {
    let mut books = Ledger::default();
    let see = |evidence| Change::external(key(), Throttle::default(), evidence, at(5));
    for evidence in [
        Evidence::Operation("op-1".to_owned()),
        Evidence::Operation("op-2".to_owned()),
        Evidence::Run("r".to_owned()),
    ] {
        assert!(books.apply(&see(evidence), 10).write.is_some());
    }
    books.granted(1, 10);
    let own = |operation: Option<&str>| Outcome::Confirmed {
        date: at(11),
        operation: operation.map(str::to_owned),
    };
    books.settle(1, own(None), 12);
    assert_eq!(books.quota(12).external(), 3);
    books.settle(1, own(Some("op-1")), 12);
    let quota = books.quota(12);
    assert_eq!((quota.external(), quota.confirmed()), (2, 1));
}

#[test]
fn words_are_kept_until_something_better_is_known() {
    let mut books = Ledger::default();
    books.granted(1, 0);
    books.settle(1, unknown(), 1);
    let lost = books.quota(1).entries()[0].clone();
    assert_eq!(lost.why(), Some("x"));
    let note = Evidence::ByHand("looked".to_owned());
    let resolve = Change::resolve(
        key(),
        Throttle::default(),
        id(1),
        Resolution::Started,
        note.clone(),
    );
    assert!(books.apply(&resolve, 200).write.is_some());
    // That nothing is known takes nothing back, neither evidence nor an answer.
    books.settle(1, unknown(), 201);
    let kept = books.quota(201).entries()[0].clone();
    assert_eq!(
        (kept.state(at(201)), kept.evidence()),
        (EntryState::Confirmed, Some(note))
    );
    books.settle(1, confirmed(2), 202);
    books.settle(1, unknown(), 203);
    let kept = books.quota(203).entries()[0].clone();
    assert_eq!(
        (kept.state(at(203)), kept.evidence(), kept.why()),
        (EntryState::Confirmed, None, None)
    );
}

#[test]
fn what_is_booked_late_was_made_by_this_clock() {
    let mut books = Ledger::default();
    books.granted(1, 0);
    books.settle(1, confirmed(60), 1);
    // Its reservation is lost, and another's clock is a minute ahead.
    books.settle(2, unknown(), 10);
    let entry = books.quota(10).entries()[1].clone();
    assert_eq!((entry.reserved_at(), entry.date()), (at(10), at(60)));
}

#[test]
fn a_shorter_window_of_one_caller_takes_nothing_from_another() {
    let mut books = Ledger::default();
    books.granted(1, 0);
    books.settle(1, confirmed(0), 0);
    let short = Throttle {
        window: Duration::from_secs(60),
        ..Throttle::default()
    };
    let last = 12 * HOUR + 119;
    for (n, now) in [(2, HOUR), (3, last)] {
        let start = Change::reserve(key(), short, id(n), LEASE, Caller::default());
        let applied = books.apply(&start, now);
        assert!(applied.verdict.refusal().is_none());
        assert_eq!(applied.verdict.quota().used(), 1);
    }
    assert_eq!(books.quota(last).used(), 3);
    let start = Change::reserve(key(), short, id(4), LEASE, Caller::default());
    assert!(books.apply(&start, last + 1).write.is_some());
    let text = String::from_utf8(books.0.unwrap()).unwrap();
    assert_eq!(text.matches("\"id\"").count(), 3, "{text}");
}

#[test]
fn two_minutes_ahead_is_no_suspicion() {
    let mut books = Ledger::default();
    books.granted(1, 200);
    books.settle(1, confirmed(200), 200);
    assert!(!books.quota(80).is_clock_suspect());
    assert!(books.quota(79).is_clock_suspect());
}

#[test]
fn what_was_released_is_kept_for_a_late_reservation_and_no_longer() {
    let mut books = Ledger::default();
    for n in 1..=40 {
        books.granted(n, 0);
        books.settle(n, released(None), 0);
    }
    let kept = |books: &Ledger| {
        let text = String::from_utf8(books.0.clone().unwrap()).unwrap();
        text.matches("released").count()
    };
    assert_eq!(kept(&books), 16);
    books.granted(41, 269);
    assert_eq!(kept(&books), 16);
    books.granted(42, 270);
    assert_eq!(kept(&books), 0);
}

#[test]
fn a_larger_limit_is_kept_in_full() {
    let many = Throttle {
        limit: 100,
        ..Throttle::default()
    };
    let mut books = Ledger::default();
    for n in 1..=40 {
        let start = Change::reserve(key(), many, id(n), LEASE, Caller::default());
        assert!(books.apply(&start, 0).verdict.refusal().is_none());
    }
    assert_eq!(books.quota(0).used(), 40);
}

#[test]
fn a_refusal_says_why() {
    for (reason, word) in [
        (RefusalReason::Slots, "all starts of the window are used"),
        (
            RefusalReason::InFlight,
            "all starts of the window are used or being made",
        ),
        (RefusalReason::Service, "the service"),
    ] {
        assert!(reason.to_string().contains(word), "{reason}");
    }
}

#[test]
fn what_evidence_gave_back_stays_so_until_the_owner_knows() {
    let mut books = Ledger::default();
    books.granted(1, 0);
    books.settle(1, unknown(), 1);
    let gone = Change::resolve(
        key(),
        Throttle::default(),
        id(1),
        Resolution::NotStarted,
        Evidence::NotListed,
    );
    assert!(books.apply(&gone, 200).write.is_some());
    books.settle(1, unknown(), 201);
    assert_eq!(books.quota(201).used(), 0);
    books.settle(1, confirmed(2), 202);
    assert_eq!(books.quota(202).confirmed(), 1);
}

/// A store that was reset at the second 0, in variables.
#[derive(Clone)]
struct Reset {
    value: Option<Vec<u8>>,
    mark: Vec<u8>,
}

impl Reset {
    fn new() -> Self {
        Self {
            value: None,
            mark: reset_mark(at(0)),
        }
    }

    fn apply(&mut self, change: &Change, seconds: u64) -> StoreReply {
        let stored = Stored {
            value: self.value.as_deref(),
            reset: Some(&self.mark),
        };
        let applied = change.apply(stored, at(seconds)).unwrap();
        self.value = applied.write.or_else(|| self.value.take());
        applied.verdict
    }

    fn quota(&mut self, seconds: u64) -> Quota {
        let read = Change::read(key(), Throttle::default());
        self.apply(&read, seconds).quota().clone()
    }
}

#[test]
fn a_reset_ledger_gives_no_slot_for_a_window_and_the_margin() {
    let mut ledger = Reset::new();
    let end = 12 * HOUR + 120;
    for seconds in [0, HOUR, end - 1] {
        let reply = ledger.apply(&reserve(1), seconds);
        let refusal = reply.refusal().unwrap();
        assert_eq!(refusal.reason(), RefusalReason::Quarantine);
        assert_eq!(
            (refusal.until(), refusal.ask_again_at()),
            (at(end), at(end))
        );
        let quota = reply.quota();
        assert_eq!((quota.used(), quota.available()), (0, 0));
        assert_eq!(quota.next_slot_at(), Some(at(end)));
        let quarantine = quota.quarantine().unwrap();
        assert_eq!(
            (quarantine.reset_at(), quarantine.until()),
            (at(0), at(end))
        );
        assert_eq!(ledger.value, None, "a refusal writes nothing");
    }
    assert!(ledger.apply(&reserve(1), end).refusal().is_none());
    let quota = ledger.quota(end);
    assert_eq!((quota.available(), quota.quarantine()), (4, None));
}

#[test]
fn what_ends_later_than_a_quarantine_is_named_as_the_end() {
    let mut ledger = Reset::new();
    let later = 12 * HOUR + 600;
    ledger.apply(&settle(1, released(Some(later))), 600);
    let refusal = *ledger.apply(&reserve(2), 600).refusal().unwrap();
    assert_eq!(refusal.reason(), RefusalReason::Quarantine);
    assert_eq!(refusal.until(), at(later));
    assert_eq!(ledger.quota(600).next_slot_at(), Some(at(later)));
    // Five starts that were made elsewhere.
    for n in 1..=5 {
        let evidence = Evidence::Run(format!("r-{n}"));
        let seen = Change::external(key(), Throttle::default(), evidence, at(HOUR));
        ledger.apply(&seen, HOUR);
    }
    let refusal = *ledger.apply(&reserve(2), HOUR).refusal().unwrap();
    assert_eq!(refusal.until(), at(13 * HOUR + 120));
}

#[test]
fn a_quarantine_is_ended_for_one_tenant_and_one_reset() {
    let mut ledger = Reset::new();
    let quarantine = ledger.quota(60).quarantine().unwrap();
    let end = Change::end_quarantine(key(), Throttle::default(), quarantine);
    let other = Reset {
        mark: reset_mark(at(1)),
        ..ledger.clone()
    };
    assert_eq!(ledger.apply(&end, 60).unresolved(), None);
    let written = ledger.value.clone();
    // Run again after a lost commit, the change writes nothing more.
    assert_eq!(ledger.apply(&end, 61).unresolved(), None);
    assert_eq!(ledger.value, written);
    assert_eq!(ledger.quota(61).quarantine(), None);
    assert!(ledger.apply(&reserve(1), 61).refusal().is_none());
    // It does not end the quarantine of another reset, before the change or after.
    let unresolved = other.clone().apply(&end, 60).unresolved();
    assert_eq!(unresolved, Some(Unresolved::NoQuarantine));
    ledger.mark = reset_mark(at(100));
    assert!(ledger.quota(100).quarantine().is_some());
    let refusal = *ledger.apply(&reserve(2), 100).refusal().unwrap();
    assert_eq!(refusal.reason(), RefusalReason::Quarantine);
    // Nor one that there never was.
    let mut healthy = Ledger::default();
    let applied = healthy.apply(&end, 60);
    assert_eq!(applied.verdict.unresolved(), Some(Unresolved::NoQuarantine));
    assert_eq!(applied.write, None);
}

#[test]
fn the_stored_bytes_of_an_ended_quarantine() {
    let mut ledger = Reset::new();
    let quarantine = ledger.quota(60).quarantine().unwrap();
    ledger.apply(
        &Change::end_quarantine(key(), Throttle::default(), quarantine),
        60,
    );
    let text = String::from_utf8(ledger.value.unwrap()).unwrap();
    let json = r#"{"entries":[],"quarantine_ended":1773144000000}"#;
    assert_eq!(text.split_once('\n').unwrap().1, json);
}

#[test]
fn a_mark_that_cannot_be_read_stops_every_change() {
    let mark = b"industrydata-reset 1 1773144000000 1773144000001";
    let stored = Stored {
        value: None,
        reset: Some(mark),
    };
    for change in [reserve(1), Change::read(key(), Throttle::default())] {
        let applied = change.apply(stored, at(0));
        assert!(matches!(applied, Err(StoreError::Damaged(_))));
    }
}

#[test]
fn a_confirmed_start_of_the_old_ledger_is_kept_in_the_new_one() {
    let mut ledger = Reset::new();
    ledger.apply(&settle(1, confirmed(10)), 20);
    let quota = ledger.quota(20);
    assert_eq!((quota.confirmed(), quota.available()), (1, 0));
}

proptest! {
    #[test]
    fn no_slot_is_given_before_the_end_of_a_quarantine(
        steps in proptest::collection::vec((0..5_u8, 1..=9_u8, 0..7200_u64), 1..40),
    ) {
        let (mut ledger, mut clock) = (Reset::new(), 0);
        for (kind, n, passed) in steps {
            clock += passed;
            let change = match kind {
                0 => reserve(n),
                1 => settle(n, confirmed(clock)),
                2 => settle(n, released(None)),
                3 => settle(n, unknown()),
                _ => {
                    let note = Evidence::ByHand(String::new());
                    let free = Resolution::NotStarted;
                    Change::resolve(key(), Throttle::default(), id(n), free, note)
                }
            };
            let reply = ledger.apply(&change, clock);
            let is_over = clock >= 12 * HOUR + 120;
            prop_assert_eq!(reply.quota().quarantine().is_none(), is_over);
            if !is_over {
                prop_assert_eq!(reply.quota().available(), 0);
                prop_assert!(reply.quota().next_slot_at() >= Some(at(12 * HOUR + 120)));
                prop_assert!(kind != 0 || reply.refusal().is_some());
            }
        }
    }
}
