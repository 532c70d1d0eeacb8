use std::{collections::BTreeSet, time::Duration};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use crate::ledger::{
    change::Change,
    clock::ClockReading,
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

fn released(closed_for: Option<u64>) -> Outcome {
    Outcome::Released {
        why: "x".to_owned(),
        closed_for: closed_for.map(Duration::from_secs),
    }
}

fn in_doubt() -> Outcome {
    Outcome::InDoubt {
        why: "x".to_owned(),
    }
}

/// A ledger in a variable.
#[derive(Default)]
struct Ledger(Option<Vec<u8>>);

impl Ledger {
    fn settle(&mut self, n: u8, outcome: Outcome, seconds: u64) {
        drop(self.apply(&settle(n, outcome), seconds));
    }

    /// Writes an outcome whose answer had a `Date` of `date` and came at `seconds` of the ledger's clock.
    fn settle_dated(&mut self, n: u8, outcome: Outcome, date: i64, seconds: u64) {
        let reading = ClockReading::new(
            at(0) + SignedDuration::from_secs(date),
            at(seconds),
            at(seconds),
        );
        let change = settle(n, outcome).with_clock_reading(Some(reading));
        drop(self.apply(&change, seconds));
    }

    /// Confirms the start `n` at this time of the ledger's clock, which is `ahead` of the service's and the machine's.
    fn start(&mut self, n: u8, seconds: u64, ahead: i64) {
        self.granted(n, seconds);
        let date = i64::try_from(seconds).unwrap() - ahead;
        let outcome = Outcome::Confirmed {
            date: at(0) + SignedDuration::from_secs(date),
            operation: None,
        };
        self.settle_dated(n, outcome, date, seconds);
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.clone().unwrap_or_default()).unwrap()
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
        applied.reply.quota().clone()
    }

    #[track_caller]
    fn granted(&mut self, n: u8, seconds: u64) {
        let applied = self.apply(&reserve(n), seconds);
        assert_eq!(applied.reply.refusal(), None);
    }

    #[track_caller]
    fn refused(&mut self, n: u8, seconds: u64) -> (u64, RefusalReason) {
        let applied = self.apply(&reserve(n), seconds);
        let refusal = applied.reply.refusal().expect("refused");
        let until = refusal.until().duration_since(at(0)).as_secs();
        (u64::try_from(until).unwrap(), refusal.reason())
    }
}

#[test]
fn a_slot_is_kept_from_the_latest_possible_start() {
    // Confirmed: the answer's date. In doubt: the end of the lease.
    for (outcome, frees) in [(confirmed(10), 10), (in_doubt(), 150)] {
        let mut ledger = Ledger::default();
        ledger.granted(1, 0);
        ledger.settle(1, outcome, 20);
        let frees = frees + 12 * HOUR + 120;
        assert_eq!(ledger.quota(frees - 1).used(), 1);
        assert_eq!(ledger.quota(frees).used(), 0);
    }
}

#[test]
fn an_answer_dated_by_a_clock_that_is_behind_frees_nothing_early() {
    // Reserved at an hour, answered 140 s later by the ledger' clock.
    let now = HOUR + 140;
    for (stated, date) in [
        (now, now),
        (now - 120, now - 120),
        (now - 121, now),
        (0, now),
    ] {
        let mut ledger = Ledger::default();
        ledger.granted(1, HOUR);
        ledger.settle(1, confirmed(stated), now);
        // Run again later: it stands.
        ledger.settle(1, confirmed(stated), now + 5);
        let frees = date.max(HOUR) + 12 * HOUR + 120;
        assert_eq!(ledger.quota(frees - 1).used(), 1, "{stated}");
        assert_eq!(ledger.quota(frees).used(), 0, "{stated}");
    }
    // Recorded hours later: the service may have accepted the start until its lease ended.
    let mut ledger = Ledger::default();
    ledger.granted(1, HOUR);
    ledger.settle(1, confirmed(0), 4 * HOUR);
    assert_eq!(ledger.quota(13 * HOUR + 150 + 119).used(), 1);
    assert_eq!(ledger.quota(13 * HOUR + 150 + 120).used(), 0);
}

#[test]
fn the_sixth_is_refused_until_the_first_frees() {
    let mut ledger = Ledger::default();
    for n in 1..=5 {
        ledger.granted(n, u64::from(n));
        ledger.settle(n, confirmed(u64::from(n)), 9);
    }
    assert_eq!(
        ledger.refused(6, 100),
        (1 + 12 * HOUR + 120, RefusalReason::Slots)
    );
    assert_eq!(ledger.refused(6, 12 * HOUR + 120).1, RefusalReason::Slots);
    ledger.granted(6, 12 * HOUR + 121);
    assert_eq!(ledger.refused(7, 12 * HOUR + 121).0, 2 + 12 * HOUR + 120);
}

#[test]
fn a_reservation_past_its_lease_is_in_doubt_and_counts() {
    let mut ledger = Ledger::default();
    ledger.granted(1, 0);
    assert_eq!(ledger.quota(149).in_flight(), 1);
    assert_eq!(ledger.quota(150).in_doubt(), 1);
    // The owner's late answer is the best evidence.
    ledger.settle(1, confirmed(200), 400);
    assert_eq!(
        (ledger.quota(400).confirmed(), ledger.quota(400).in_doubt()),
        (1, 0)
    );
    ledger.settle(1, released(None), 401);
    assert_eq!(
        ledger.quota(401).confirmed(),
        1,
        "an accepted start stays accepted"
    );
}

#[test]
fn running_a_change_again_changes_nothing_more() {
    let mut ledger = Ledger::default();
    for _ in 0..3 {
        ledger.granted(1, 0);
    }
    assert_eq!(ledger.quota(0).used(), 1);
    for _ in 0..3 {
        ledger.settle(1, confirmed(5), 5);
    }
    assert_eq!(ledger.apply(&settle(1, confirmed(5)), 5).write, None);
    assert_eq!(ledger.quota(5).used(), 1);
    // A settled one is no reservation to post under.
    assert_eq!(ledger.refused(1, 6).1, RefusalReason::InFlight);
}

#[test]
fn an_expired_entry_does_not_take_a_new_outcome() {
    let mut ledger = Ledger::default();
    ledger.granted(1, 20 * HOUR);
    ledger.settle(1, confirmed(20 * HOUR), 20 * HOUR);
    // The clock is set back: the entry lies ahead, is seen so for the first time, and has had its window at last.
    ledger.granted(2, 0);
    ledger.granted(3, 6 * HOUR);
    let now = 13 * HOUR;
    assert_eq!(ledger.quota(now).used(), 1, "the third alone");
    for _ in 0..2 {
        ledger.settle(1, confirmed(now), now);
        assert_eq!(ledger.quota(now).used(), 2);
    }
}

#[test]
fn an_expired_entry_claims_no_evidence() {
    let mut ledger = Ledger::default();
    let see = |seconds| {
        let evidence = Evidence::Run("r-1".to_owned());
        Change::external(key(), Throttle::default(), evidence, at(seconds))
    };
    let _ = ledger.apply(&see(0), 0);
    let once = ledger.apply(&see(40 * HOUR), 40 * HOUR);
    let again = ledger.apply(&see(40 * HOUR), 40 * HOUR);
    assert_eq!(once.reply.quota().used(), 1);
    assert_eq!(once.reply, again.reply);
}

#[test]
fn a_refusal_distinguishes_reservations_in_flight() {
    let mut ledger = Ledger::default();
    for n in 1..=5 {
        ledger.granted(n, 0);
    }
    let applied = ledger.apply(&reserve(6), 10);
    let refusal = applied.reply.refusal().unwrap();
    assert_eq!(refusal.reason(), RefusalReason::InFlight);
    assert_eq!(refusal.ask_again_at(), at(150));
    ledger.settle(3, released(None), 11);
    ledger.granted(6, 11);
}

#[test]
fn a_retry_after_of_the_service_closes_the_ledger() {
    let mut ledger = Ledger::default();
    ledger.granted(1, 0);
    ledger.settle(1, released(Some(499)), 1);
    assert_eq!(ledger.quota(499).available(), 0);
    assert_eq!(ledger.quota(499).next_slot_at(), Some(at(500)));
    assert_eq!(ledger.refused(2, 499), (500, RefusalReason::Service));
    ledger.granted(2, 500);
    // A shorter one does not open them again.
    ledger.settle(2, released(Some(399)), 501);
    ledger.settle(3, released(Some(100)), 502);
    assert_eq!(ledger.refused(4, 700).0, 900);
    // Nor does the outcome of another start, recorded meanwhile.
    ledger.settle(5, confirmed(700), 701);
    ledger.settle(6, released(None), 702);
    assert_eq!(ledger.refused(7, 703), (900, RefusalReason::Service));
    // Nor for longer, if its commit was lost and the same outcome is written again later.
    ledger.settle(2, released(Some(399)), 760);
    assert_eq!(ledger.refused(8, 801).0, 900);
    // An entry that was released by evidence still takes the service's answer.
    ledger.granted(9, 900);
    let evidence = Evidence::NotListed;
    let resolution = Resolution::NotStarted;
    let resolve = Change::resolve(key(), Throttle::default(), id(9), resolution, evidence);
    let resolved = ledger.apply(&resolve, 1100);
    assert_eq!(resolved.reply.unresolved(), None);
    ledger.settle(9, released(Some(60)), 1101);
    assert_eq!(ledger.refused(10, 1102), (1161, RefusalReason::Service));
}

#[test]
fn a_retry_after_by_a_clock_years_ahead_ends_within_a_day() {
    let mut ledger = Ledger::default();
    ledger.granted(1, 0);
    ledger.settle(1, released(Some(10 * 365 * 24 * HOUR)), 1);
    assert_eq!(
        ledger.refused(2, 2),
        (24 * HOUR + 2, RefusalReason::Service)
    );
    assert_eq!(ledger.refused(2, 24 * HOUR).0, 24 * HOUR + 2);
    ledger.granted(2, 24 * HOUR + 2);
}

#[test]
fn texts_and_tombstones_are_bounded() {
    let mut ledger = Ledger::default();
    for n in 1..=200 {
        ledger.granted(n, 0);
        let why = "x".repeat(60_000);
        let outcome = Outcome::Released {
            why,
            closed_for: None,
        };
        ledger.settle(n, outcome, 1);
    }
    assert!(ledger.0.unwrap().len() < 10_000);
}

#[test]
fn an_acceptance_settled_late_is_as_old_as_its_answer() {
    let mut ledger = Ledger::default();
    ledger.settle(1, confirmed(0), 13 * HOUR);
    assert_eq!(ledger.quota(13 * HOUR).used(), 0);
    ledger.settle(2, confirmed(2 * HOUR), 13 * HOUR);
    assert_eq!(ledger.quota(13 * HOUR).used(), 1);
    assert_eq!(ledger.quota(14 * HOUR + 120).used(), 0);
}

#[test]
fn spellings_of_one_base_name_one_ledger() {
    let key = |base: &str| LedgerKey::new(&base.parse().unwrap(), &"contoso".parse().unwrap());
    let plain = key("https://gateway.example/beta");
    assert_eq!(plain, key("HTTPS://Gateway.example:443/%62eta/"));
    assert_eq!(plain, key("https://gateway.example/x/../Beta"));
    assert_ne!(plain, key("https://gateway.example/beta2"));
}

#[test]
fn a_clock_set_back_frees_nothing_early() {
    let mut ledger = Ledger::default();
    for n in 1..=4 {
        ledger.granted(n, 100 * HOUR);
        ledger.settle(n, confirmed(100 * HOUR), 100 * HOUR);
    }
    // Set back by four days, one more start, set right again.
    ledger.granted(5, 0);
    ledger.settle(5, confirmed(0), 1);
    assert!(ledger.quota(1).is_clock_suspect());
    assert_eq!(ledger.quota(101 * HOUR).used(), 5);
    ledger.refused(6, 101 * HOUR);
}

#[test]
fn entries_of_the_future_count_for_a_window_from_first_sight() {
    let mut ledger = Ledger::default();
    let year = 365 * 24 * HOUR;
    ledger.granted(1, year);
    ledger.settle(1, confirmed(year), year);
    // The clock is set right. First sight is stored, even by a refusal.
    ledger.granted(2, 0);
    ledger.settle(2, released(None), 1);
    assert_eq!(ledger.quota(12 * HOUR + 119).used(), 1);
    assert_eq!(ledger.quota(12 * HOUR + 120).used(), 0);
    // And nothing of it stays: a tombstone goes with its lease.
    ledger.granted(3, 13 * HOUR);
    ledger.settle_dated(
        3,
        confirmed(13 * HOUR),
        i64::try_from(13 * HOUR).unwrap(),
        13 * HOUR,
    );
    let text = ledger.text();
    assert_eq!(text.matches("\"id\"").count(), 1, "{text}");
    assert!(!ledger.quota(13 * HOUR).is_clock_suspect());
}

#[test]
fn first_sight_is_when_an_entry_is_made() {
    let mut ledger = Ledger::default();
    let year = 365 * 24 * HOUR;
    ledger.granted(1, year);
    ledger.settle(1, confirmed(year), year);
    // Set back for good. The second is dated a year ahead as well, and the ledger is not opened for six hours.
    ledger.granted(2, 0);
    // Its lease ends as it would otherwise, and it counts for a window after that.
    assert_eq!(ledger.quota(149).in_flight(), 1);
    assert_eq!(ledger.quota(150).in_flight(), 0);
    ledger.granted(3, 6 * HOUR);
    let ends = 12 * HOUR + 150 + 120;
    assert_eq!(ledger.quota(12 * HOUR + 149).used(), 2);
    assert_eq!(ledger.quota(ends - 1).in_doubt(), 2);
    assert_eq!(ledger.quota(ends).in_doubt(), 1);
}

#[test]
fn first_sight_is_renewed_when_the_clock_is_set_back_again() {
    let mut ledger = Ledger::default();
    let year = 365 * 24 * HOUR;
    ledger.granted(1, 2 * year);
    ledger.settle(1, confirmed(2 * year), 2 * year);
    // Set back by a year, and once more by another.
    ledger.granted(2, year);
    ledger.granted(3, 0);
    assert_eq!(ledger.quota(12 * HOUR + 119).used(), 3);
    // The lease of the second began anew as well.
    assert_eq!(ledger.quota(12 * HOUR + 120).used(), 2);
    assert_eq!(ledger.quota(12 * HOUR + 270).used(), 0);
}

#[test]
fn a_start_accepted_late_in_its_lease_counts_for_a_window_from_then() {
    let year = 365 * 24 * HOUR;
    for (accepted, is_by_hand) in [(200, true), (149, false)] {
        let mut ledger = Ledger::default();
        ledger.granted(1, year);
        ledger.settle(1, confirmed(year), year);
        ledger.granted(2, 0);
        if is_by_hand {
            let note = Evidence::ByHand(String::new());
            let started = Resolution::Started;
            let resolve = Change::resolve(key(), Throttle::default(), id(2), started, note);
            let applied = ledger.apply(&resolve, accepted);
            assert_eq!(applied.reply.unresolved(), None);
        } else {
            for _ in 0..2 {
                ledger.settle(2, confirmed(accepted), accepted);
            }
        }
        let ends = accepted + 12 * HOUR + 120;
        let own = format!("{:032x}", u128::from_be_bytes(id(2)));
        let counts = |at: u64| ledger.quota(at).entries().iter().any(|it| it.id() == own);
        assert!(counts(ends - 1));
        assert!(!counts(ends));
    }
}

#[test]
fn two_entries_of_one_id_are_damage() {
    let mut ledger = Ledger::default();
    ledger.granted(1, 0);
    let mut value = super::codec::decode(&key(), ledger.0.as_deref().unwrap()).unwrap();
    value.entries.extend(value.entries.clone());
    let bytes = super::codec::encode(&key(), &value);
    let read = Change::read(key(), Throttle::default()).apply(Some(bytes.as_slice()), at(1));
    assert!(matches!(
        read,
        Err(StoreError::Damaged("two entries have one id"))
    ));
}

#[test]
fn a_release_that_arrives_before_its_reservation_holds() {
    let mut ledger = Ledger::default();
    ledger.settle(1, released(None), 0);
    assert_eq!(ledger.refused(1, 1).1, RefusalReason::InFlight);
    assert_eq!(ledger.quota(1).used(), 0);
}

#[test]
fn states_and_members_of_a_newer_release_are_kept_and_counted() {
    let mut ledger = Ledger::default();
    ledger.granted(1, 0);
    let json = String::from_utf8(ledger.0.clone().unwrap()).unwrap();
    let json = json
        .split_once('\n')
        .unwrap()
        .1
        .replace("\"reserved\"", "\"paused\",\"new\":[1]");
    let value = serde_json::from_str(&json).unwrap();
    ledger.0 = Some(super::codec::encode(&key(), &value));
    let quota = ledger.quota(1000);
    assert_eq!((quota.used(), quota.in_doubt()), (1, 1));
    let paused = EntryState::Other("paused".to_owned());
    assert_eq!(quota.entries()[0].state(at(1000)), paused);
    ledger.granted(2, 1000);
    let json = String::from_utf8(ledger.0.clone().unwrap()).unwrap();
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
fn damaged_newer_and_foreign_bytes_are_errors() {
    let mut ledger = Ledger::default();
    ledger.granted(1, 0);
    let bytes = ledger.0.unwrap();
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
fn a_change_without_effect_writes_nothing() {
    let mut ledger = Ledger::default();
    for n in 1..=5 {
        ledger.granted(n, 0);
    }
    // Their leases have ended, which whoever changes something next writes down.
    assert_eq!(ledger.apply(&reserve(6), 200).write, None);
    let note = Evidence::ByHand(String::new());
    let absent = Change::resolve(key(), Throttle::default(), id(9), Resolution::Started, note);
    let applied = ledger.apply(&absent, 200);
    assert_eq!(applied.reply.unresolved(), Some(Unresolved::NoSuchEntry));
    assert_eq!(applied.write, None);
    ledger.settle(1, released(None), 200);
    let text = String::from_utf8(ledger.0.unwrap()).unwrap();
    assert_eq!(text.matches("unknown").count(), 4, "{text}");
}

/// The format of version 1, which every release to come reads.
#[test]
fn the_stored_bytes() {
    let mut ledger = Ledger::default();
    let caller = Caller {
        host: Some("h".to_owned()),
        process: Some(7),
        label: Some("nightly".to_owned()),
    };
    let reserve = Change::reserve(key(), Throttle::default(), id(1), LEASE, caller.clone());
    assert!(ledger.apply(&reserve, 0).write.is_some());
    assert_eq!(ledger.quota(0).entries()[0].caller(), caller);
    let text = String::from_utf8(ledger.0.unwrap()).unwrap();
    // The checksum is the CRC-32 of: 00000001, base, 00, tenant, 00, the second line.
    let entry = r#"{"id":"01010101010101010101010101010101","state":"reserved","at":1773144000000,"until":1773144150000,"who":{"host":"h","process":7,"label":"nightly"}}"#;
    let stored = format!("industrydata-books 1 187925f5\n{{\"entries\":[{entry}]}}");
    assert_eq!(text, stored);
}

#[test]
fn a_quota_in_full() {
    let mut ledger = Ledger::default();
    assert_eq!(ledger.quota(0).available(), 5);
    ledger.granted(1, 0);
    ledger.settle(1, confirmed(5), 6);
    ledger.granted(2, 10);
    let quota = ledger.quota(20);
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
fn an_external_start_is_entered_once_and_claims_its_evidence() {
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
    let mut ledger = Ledger::default();
    let own = Outcome::Confirmed {
        date: at(40),
        operation: Some("op-1".to_owned()),
    };
    ledger.granted(1, 0);
    ledger.settle(1, own, 41);
    // The operation of an entry is not an external start.
    assert_eq!(ledger.apply(&see(operation("op-1")), 60).write, None);
    let applied = ledger.apply(&see(operation("op-2")), 60);
    let quota = applied.reply.quota();
    assert_eq!((quota.used(), quota.external()), (2, 1));
    let seen = &quota.entries()[1];
    assert_eq!(seen.evidence(), Some(operation("op-2")));
    assert_eq!((seen.operation(), seen.date()), (Some("op-2"), at(50)));
    assert!(seen.kept().date.is_some());
    assert_eq!(ledger.apply(&see(operation("op-2")), 60).write, None);
    // Nor is what another was seen by the evidence for a start in doubt.
    ledger.granted(2, 70);
    ledger.settle(2, in_doubt(), 71);
    for claimed in [operation("op-1"), operation("op-2")] {
        let applied = ledger.apply(&started(2, claimed), 80);
        assert_eq!(applied.reply.unresolved(), Some(Unresolved::Claimed));
    }
    let run = Evidence::Run("r-1".to_owned());
    for _ in 0..2 {
        // Its own evidence again is no other's.
        let applied = ledger.apply(&started(2, run.clone()), 80);
        assert_eq!(applied.reply.unresolved(), None);
    }
    ledger.granted(3, 90);
    ledger.settle(3, in_doubt(), 91);
    let applied = ledger.apply(&started(3, run), 92);
    assert_eq!(applied.reply.unresolved(), Some(Unresolved::Claimed));
}

#[test]
fn an_external_start_that_is_confirmed_here_counts_once() {
    let mut ledger = Ledger::default();
    let see = |evidence| Change::external(key(), Throttle::default(), evidence, at(5));
    for evidence in [
        Evidence::Operation("op-1".to_owned()),
        Evidence::Operation("op-2".to_owned()),
        Evidence::Run("r".to_owned()),
    ] {
        assert!(ledger.apply(&see(evidence), 10).write.is_some());
    }
    ledger.granted(1, 10);
    let own = |operation: Option<&str>| Outcome::Confirmed {
        date: at(11),
        operation: operation.map(str::to_owned),
    };
    ledger.settle(1, own(None), 12);
    assert_eq!(ledger.quota(12).external(), 3);
    ledger.settle(1, own(Some("op-1")), 12);
    let quota = ledger.quota(12);
    assert_eq!((quota.external(), quota.confirmed()), (2, 1));
}

#[test]
fn an_unknown_outcome_never_overrides_a_resolution() {
    let mut ledger = Ledger::default();
    ledger.granted(1, 0);
    ledger.settle(1, in_doubt(), 1);
    let lost = ledger.quota(1).entries()[0].clone();
    assert_eq!(lost.why(), Some("x"));
    let note = Evidence::ByHand("looked".to_owned());
    let resolve = Change::resolve(
        key(),
        Throttle::default(),
        id(1),
        Resolution::Started,
        note.clone(),
    );
    assert!(ledger.apply(&resolve, 200).write.is_some());
    // That nothing is known takes nothing back, neither evidence nor an answer.
    ledger.settle(1, in_doubt(), 201);
    let kept = ledger.quota(201).entries()[0].clone();
    assert_eq!(
        (kept.state(at(201)), kept.evidence()),
        (EntryState::Confirmed, Some(note))
    );
    ledger.settle(1, confirmed(2), 202);
    ledger.settle(1, in_doubt(), 203);
    let kept = ledger.quota(203).entries()[0].clone();
    assert_eq!(
        (kept.state(at(203)), kept.evidence(), kept.why()),
        (EntryState::Confirmed, None, None)
    );
}

#[test]
fn a_start_settled_late_is_dated_by_this_clock() {
    let mut ledger = Ledger::default();
    ledger.granted(1, 0);
    ledger.settle(1, confirmed(60), 1);
    // Its reservation is lost, and another's clock is a minute ahead.
    ledger.settle(2, in_doubt(), 10);
    let entry = ledger.quota(10).entries()[1].clone();
    assert_eq!((entry.reserved_at(), entry.date()), (at(10), at(60)));
}

#[test]
fn a_shorter_window_of_one_caller_takes_nothing_from_another() {
    let mut ledger = Ledger::default();
    ledger.granted(1, 0);
    ledger.settle(1, confirmed(0), 0);
    let short = Throttle {
        window: Duration::from_secs(60),
        ..Throttle::default()
    };
    let last = 12 * HOUR + 119;
    for (n, now) in [(2, HOUR), (3, last)] {
        let start = Change::reserve(key(), short, id(n), LEASE, Caller::default());
        let applied = ledger.apply(&start, now);
        assert!(applied.reply.refusal().is_none());
        assert_eq!(applied.reply.quota().used(), 1);
    }
    assert_eq!(ledger.quota(last).used(), 3);
    let start = Change::reserve(key(), short, id(4), LEASE, Caller::default());
    assert!(ledger.apply(&start, last + 1).write.is_some());
    let text = ledger.text();
    let (entries, past) = text.split_once("\"past\"").unwrap();
    let count = |text: &str| text.matches("\"id\"").count();
    assert_eq!((count(entries), count(past)), (3, 1), "{text}");
}

#[test]
fn a_clock_two_minutes_ahead_is_not_suspect() {
    let mut ledger = Ledger::default();
    ledger.granted(1, 200);
    ledger.settle(1, confirmed(200), 200);
    assert!(!ledger.quota(80).is_clock_suspect());
    assert!(ledger.quota(79).is_clock_suspect());
}

#[test]
fn a_tombstone_is_kept_as_long_as_its_reservation_may_arrive() {
    let mut ledger = Ledger::default();
    for n in 1..=40 {
        ledger.granted(n, 0);
        ledger.settle(n, released(None), 0);
    }
    let kept = |ledger: &Ledger| {
        let text = String::from_utf8(ledger.0.clone().unwrap()).unwrap();
        text.matches("released").count()
    };
    assert_eq!(kept(&ledger), 16);
    ledger.granted(41, 269);
    assert_eq!(kept(&ledger), 16);
    ledger.granted(42, 270);
    assert_eq!(kept(&ledger), 0);
}

#[test]
fn a_larger_limit_is_kept_in_full() {
    let many = Throttle {
        limit: 100,
        ..Throttle::default()
    };
    let mut ledger = Ledger::default();
    for n in 1..=40 {
        let start = Change::reserve(key(), many, id(n), LEASE, Caller::default());
        assert!(ledger.apply(&start, 0).reply.refusal().is_none());
    }
    assert_eq!(ledger.quota(0).used(), 40);
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
fn a_release_by_evidence_lasts_until_the_caller_settles() {
    let mut ledger = Ledger::default();
    ledger.granted(1, 0);
    ledger.settle(1, in_doubt(), 1);
    let gone = Change::resolve(
        key(),
        Throttle::default(),
        id(1),
        Resolution::NotStarted,
        Evidence::NotListed,
    );
    assert!(ledger.apply(&gone, 200).write.is_some());
    ledger.settle(1, in_doubt(), 201);
    assert_eq!(ledger.quota(201).used(), 0);
    ledger.settle(1, confirmed(2), 202);
    assert_eq!(ledger.quota(202).confirmed(), 1);
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
        applied.reply
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
fn a_refusal_in_quarantine_names_a_later_end() {
    let mut ledger = Reset::new();
    let later = 12 * HOUR + 600;
    ledger.apply(&settle(1, released(Some(later - 600))), 600);
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
    assert_eq!(applied.reply.unresolved(), Some(Unresolved::NoQuarantine));
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
    /// The clock may go back, and the quarantine of another reset may be ended: neither gives a slot. A reservation that was
    /// granted after the end is granted again when it is repeated, also by a clock that was set back before the end.
    #[test]
    fn no_slot_is_given_before_the_end_of_a_quarantine(
        steps in proptest::collection::vec((0..7_u8, 1..=9_u8, -3600..7200_i64), 1..40),
    ) {
        let (throttle, end) = (Throttle::default(), 12 * HOUR + 120);
        let other = reset_mark(Timestamp::from_millisecond(at(0).as_millisecond() - 1).unwrap());
        let other = Change::read(key(), throttle)
            .apply(Stored { value: None, reset: Some(&other) }, at(0))
            .unwrap();
        let other = other.reply.quota().quarantine().unwrap();
        let (mut ledger, mut clock) = (Reset::new(), 0_u64);
        let mut granted = BTreeSet::new();
        for (kind, n, passed) in steps {
            clock = clock.saturating_add_signed(passed);
            let change = match kind {
                0 => reserve(n),
                1 => settle(n, confirmed(clock)),
                2 => settle(n, released(None)),
                3 => settle(n, in_doubt()),
                4 => {
                    let note = Evidence::ByHand(String::new());
                    Change::resolve(key(), throttle, id(n), Resolution::NotStarted, note)
                }
                5 => {
                    let evidence = Evidence::Run(format!("r-{n}"));
                    Change::external(key(), throttle, evidence, at(clock))
                }
                _ => Change::end_quarantine(key(), throttle, other),
            };
            let reply = ledger.apply(&change, clock);
            let is_over = clock >= end;
            prop_assert_eq!(reply.quota().quarantine().is_none(), is_over);
            if !is_over {
                prop_assert_eq!(reply.quota().available(), 0);
                prop_assert!(reply.quota().next_slot_at() >= Some(at(end)));
                prop_assert!(kind != 0 || reply.refusal().is_some() || granted.contains(&n));
            } else if kind == 0 && reply.refusal().is_none() {
                granted.insert(n);
            }
        }
    }
}

/// The ledger's clock jumps ahead by this much in the tests below.
const JUMP: u64 = 13 * HOUR;

#[test]
fn a_ledger_whose_clock_agrees_keeps_nothing_of_it() {
    let mut ledger = Ledger::default();
    for n in 1..=5 {
        // Within the margin, either way, and with another `Date` each time.
        ledger.start(
            n,
            60 * u64::from(n),
            [0, 119, -119, 1, -1][usize::from(n) - 1],
        );
    }
    for word in ["\"clock\"", "\"past\"", "\"ahead\""] {
        assert!(!ledger.text().contains(word), "{}", ledger.text());
    }
    assert_eq!(ledger.quota(400).clock_skew(), None);
    // A window later, the answer to the first new start removes the old ones.
    ledger.granted(6, 13 * HOUR);
    assert!(ledger.text().contains("\"past\""));
    ledger.settle_dated(
        6,
        confirmed(13 * HOUR),
        i64::try_from(13 * HOUR).unwrap(),
        13 * HOUR,
    );
    assert!(!ledger.text().contains("\"past\""));
}

#[test]
fn a_ledger_clock_that_is_far_ahead_from_the_first_start_has_five_slots() {
    for ahead in [13 * HOUR, 14 * 24 * HOUR, 10 * 365 * 24 * HOUR] {
        let mut ledger = Ledger::default();
        for n in 1..=5 {
            ledger.start(n, ahead + u64::from(n), i64::try_from(ahead).unwrap());
        }
        let skew = ledger.quota(ahead + 6).clock_skew().unwrap();
        assert_eq!(skew.as_secs(), -i64::try_from(ahead).unwrap());
        let (until, reason) = ledger.refused(6, ahead + 6);
        assert_eq!(
            (until, reason),
            (ahead + 1 + 12 * HOUR + 120, RefusalReason::Slots)
        );
        ledger.start(6, until, i64::try_from(ahead).unwrap());
        ledger.refused(7, until);
    }
}

#[test]
fn a_clock_that_jumps_ahead_frees_nothing_after_the_first_answer() {
    for before in 0..=5 {
        for (jump, year) in [(JUMP, false), (400 * 24 * HOUR, true)] {
            let mut ledger = Ledger::default();
            for n in 1..=before {
                ledger.start(n, u64::from(n), 0);
            }
            // The ledger's clock jumps. The first start after that may be one too many; its answer shows the jump.
            let ahead = i64::try_from(jump).unwrap();
            ledger.start(10, jump + 10, ahead);
            let quota = ledger.quota(jump + 11);
            assert_eq!(quota.used(), u32::from(before) + 1, "{}", ledger.text());
            for n in before + 1..5 {
                ledger.start(10 + n, jump + 20 + u64::from(n), ahead);
            }
            let (until, _) = ledger.refused(40, jump + 40);
            // By the service's clock the window of the first start ends in twelve hours.
            let first = if before == 0 { jump + 10 } else { jump + 1 };
            let free = first + 12 * HOUR + 120;
            let free = if before == 5 { free + 1 } else { free };
            assert_eq!(until, free, "{before} {year}");
            assert_eq!(quota.by_service_clock(at(until)), at(until - jump));
            ledger.granted(41, free);
        }
    }
}

#[test]
fn a_clock_set_right_again_frees_what_the_service_frees() {
    let mut ledger = Ledger::default();
    for n in 1..=4 {
        ledger.start(n, u64::from(n), 0);
    }
    ledger.start(5, JUMP + 10, i64::try_from(JUMP).unwrap());
    // The clock is right again. Until an answer shows it, each entry counts for a window from now.
    assert_eq!(ledger.refused(6, HOUR).0, 13 * HOUR + 150 + 120);
    let reading = ClockReading::new(at(HOUR), at(HOUR), at(HOUR));
    let compare = Change::compare_clock(key(), Throttle::default(), reading);
    drop(ledger.apply(&compare, HOUR));
    assert_eq!(ledger.quota(HOUR).clock_skew(), None);
    assert_eq!(ledger.refused(6, HOUR).0, 12 * HOUR + 121);
    ledger.start(6, 12 * HOUR + 130, 0);
    // Once no entry remembers the difference, the ledger keeps nothing of it.
    ledger.start(7, 30 * HOUR, 0);
    assert!(!ledger.text().contains("\"clock\""), "{}", ledger.text());
    assert!(!ledger.text().contains("\"ahead\""), "{}", ledger.text());
}

#[test]
fn a_difference_that_no_answer_corrects_ends_within_a_window() {
    let mut ledger = Ledger::default();
    let year = 365 * 24 * HOUR;
    for n in 1..=4 {
        ledger.start(n, u64::from(n), 0);
    }
    ledger.start(5, year, i64::try_from(year).unwrap());
    // The clock is set right after an hour, and no answer comes: a ledger without a slot makes no start.
    let (until, _) = ledger.refused(6, HOUR);
    assert_eq!(until, HOUR + 150 + 12 * HOUR + 120);
    ledger.granted(6, until);
    assert_eq!(ledger.quota(until).used(), 1);
}

#[test]
fn a_start_in_doubt_counts_by_the_clock_that_is_behind() {
    // The ledger's clock is an hour behind, which an answer has shown, and is then set right.
    let mut ledger = Ledger::default();
    let reading = ClockReading::new(at(6 * HOUR), at(5 * HOUR), at(5 * HOUR));
    let compare = Change::compare_clock(key(), Throttle::default(), reading);
    drop(ledger.apply(&compare, 5 * HOUR));
    ledger.granted(2, 5 * HOUR + 1);
    ledger.settle(2, in_doubt(), 5 * HOUR + 2);
    let now = 6 * HOUR + 10;
    ledger.start(3, now, 0);
    let frees = 6 * HOUR + 1 + 150 + 12 * HOUR + 120;
    assert_eq!(ledger.quota(frees - 1).in_doubt(), 1);
    assert_eq!(ledger.quota(frees).in_doubt(), 0);
    // An answer that came earlier, and whose outcome was recorded late, changes nothing.
    let earlier = i64::try_from(5 * HOUR).unwrap();
    ledger.settle_dated(4, confirmed(5 * HOUR), earlier, now + 1);
    assert_eq!(ledger.quota(now + 2).clock_skew(), None);
}

#[test]
fn a_slow_answer_shows_no_difference_that_may_not_be() {
    let skew = |date, sent, received| {
        ClockReading::new(at(date), at(sent), at(received))
            .skew()
            .map(|it| it.as_secs())
    };
    assert_eq!(skew(1000, 1000, 1000), None);
    // Off, and by the limit that keeps slots for longer.
    assert_eq!(skew(1000, 1122, 1130), Some(-130));
    assert_eq!(skew(1000, 870, 879), Some(121));
    // The exchange took two minutes, and the `Date` is from its beginning or its end.
    assert_eq!(skew(1000, 990, 1200), None);
    assert_eq!(skew(1000, 860, 1000), None);
    assert_eq!(skew(1000, 1120, 1300), None);
}

#[test]
fn an_older_release_keeps_what_it_does_not_know() {
    let mut ledger = Ledger::default();
    for n in 1..=5 {
        ledger.start(n, u64::from(n), 0);
    }
    ledger.granted(6, JUMP);
    let text = ledger.text();
    assert!(text.contains("\"past\""), "{text}");
    // That release enters a start again that stands among the past ones.
    let json = text.split_once('\n').unwrap().1;
    let mut value: serde_json::Value = serde_json::from_str(json).unwrap();
    let again = value["past"][0].clone();
    value["entries"].as_array_mut().unwrap().push(again);
    let bytes = crate::ledger::codec::encode(&key(), &serde_json::from_value(value).unwrap());
    ledger.0 = Some(bytes);
    ledger.settle_dated(6, confirmed(0), 10, JUMP + 1);
    assert_eq!(ledger.quota(JUMP + 2).used(), 6);
}

#[test]
fn a_quarantine_lasts_by_the_clock_that_is_behind() {
    let mut ledger = Reset::new();
    let end = 12 * HOUR + 120;
    // The ledger's clock jumps ahead, so the quarantine seems to be over. The first answer shows the jump.
    ledger.apply(&reserve(1), end + HOUR);
    let reading = ClockReading::new(at(HOUR), at(end + HOUR), at(end + HOUR));
    let change = settle(1, confirmed(HOUR)).with_clock_reading(Some(reading));
    ledger.apply(&change, end + HOUR);
    let refusal = *ledger.apply(&reserve(2), end + HOUR).refusal().unwrap();
    assert_eq!(refusal.reason(), RefusalReason::Quarantine);
    // By the service's clock it lasts until `end`.
    assert_eq!(ledger.quota(end + HOUR).next_slot_at(), Some(at(2 * end)));
    assert!(ledger.apply(&reserve(2), 2 * end).refusal().is_none());
}

#[test]
fn an_external_start_counts_by_the_services_clock() {
    for (ahead, clock) in [(JUMP, 2 * JUMP), (0, JUMP)] {
        let mut ledger = Ledger::default();
        ledger.start(1, clock, i64::try_from(ahead).unwrap());
        let evidence = Evidence::Operation("op".to_owned());
        let started = at(clock - ahead - HOUR);
        let seen = Change::external(key(), Throttle::default(), evidence, started);
        drop(ledger.apply(&seen, clock + 1));
        assert_eq!(ledger.quota(clock + 2).external(), 1);
        let frees = clock - HOUR + 12 * HOUR + 120;
        assert_eq!(ledger.quota(frees - 1).external(), 1);
        assert_eq!(ledger.quota(frees).external(), 0);
    }
}

#[test]
fn a_clock_that_jumped_ahead_and_back_has_freed_nothing() {
    let mut ledger = Ledger::default();
    for n in 1..=5 {
        ledger.start(n, u64::from(n), 0);
    }
    // One start while the clock is ahead, whose answer never comes.
    ledger.granted(6, JUMP);
    assert_eq!(ledger.quota(JUMP).used(), 1);
    assert_eq!(ledger.quota(60).used(), 6);
    assert_eq!(ledger.refused(7, 60).1, RefusalReason::InFlight);
    ledger.settle(6, released(None), 61);
    assert_eq!(
        ledger.refused(7, 62),
        (12 * HOUR + 121, RefusalReason::Slots)
    );
}

#[test]
fn an_entry_ahead_of_a_clock_that_is_behind_counts_by_the_services_clock() {
    // The clock is a year behind. Each entry counts from its first sight by that clock, until the clock is set ahead.
    let mut ledger = Ledger::default();
    let year = 365 * 24 * HOUR;
    let behind = -i64::try_from(year).unwrap();
    for n in 1..=2 {
        ledger.start(n, u64::from(n), behind);
    }
    let jump = 12 * HOUR;
    let now = jump + 400;
    ledger.start(3, now, behind + i64::try_from(jump).unwrap());
    assert_eq!(ledger.quota(now + 1).used(), 3, "{}", ledger.text());
    let frees = 1 + jump + 12 * HOUR + 120;
    assert_eq!(ledger.quota(frees - 1).used(), 3);
    assert_eq!(ledger.quota(frees).used(), 2);
}
