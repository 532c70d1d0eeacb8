use proptest::prelude::*;

use std::time::Duration;

use super::*;

use jiff::Timestamp;

use crate::policy::LATEST_RUN_START;
use crate::reconcile::search::run_span;
use crate::{
    endpoint::{
        answer::Answer, contract::Endpoint, list_operations::ListOperations, list_runs::ListRuns,
    },
    ledger::{
        entry::{Entry, EntryState},
        key::Caller,
        resolve::Unresolved,
        settle::Outcome,
    },
    policy::Throttle,
};
use crate::{
    ledger::{
        change::Change, evidence::Evidence, key::LedgerKey, quota::Quota, reply::StoreReply,
        resolve::Resolution, schedule::Schedule,
    },
    model::{operation::Operation, run::IndustryDataRun},
    tenant::Tenant,
    wire::base_url::BaseUrl,
};

const LEASE: u64 = 150;
const HOUR: i64 = 3600;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_773_144_000 + seconds).unwrap()
}

fn tenant() -> Tenant {
    "contoso".parse().unwrap()
}

fn key() -> LedgerKey {
    LedgerKey::new(&BaseUrl::graph(), &tenant())
}

#[derive(Clone, Default)]
struct Ledger(Option<Vec<u8>>);

impl Ledger {
    fn apply(&mut self, change: &Change, seconds: i64) -> StoreReply {
        let applied = change.apply(self.0.as_deref(), at(seconds)).unwrap();
        if let Some(bytes) = applied.write {
            self.0 = Some(bytes);
        }
        applied.reply
    }

    /// A start made at that time: in doubt, or confirmed with this operation.
    fn start(&mut self, n: u8, seconds: i64, operation: Option<&str>) {
        let lease = Duration::from_secs(LEASE);
        let throttle = Throttle::default();
        let reserve = Change::reserve(key(), throttle, [n; 16], lease, Caller::default());
        assert!(self.apply(&reserve, seconds).refusal().is_none());
        let outcome = match operation {
            Some(id) => Outcome::Confirmed {
                date: at(seconds),
                operation: Some(id.to_owned()),
            },
            None => Outcome::InDoubt {
                why: "lost".to_owned(),
            },
        };
        self.apply(&Change::settle(key(), throttle, [n; 16], outcome), seconds);
    }

    fn quota(&mut self, seconds: i64) -> Quota {
        let read = Change::read(key(), Throttle::default());
        self.apply(&read, seconds).quota().clone()
    }

    fn reconcile(
        &mut self,
        seconds: i64,
        ops: Option<&[Operation]>,
        runs: Option<&[IndustryDataRun]>,
    ) -> Reconciliation {
        let listed = ServiceLists {
            operations: ops,
            runs,
            schedule: None,
            service_clock: Some(at(seconds)),
        };
        let quota = self.quota(seconds);
        let found = Reconciliation::of(&BaseUrl::graph(), &tenant(), &quota, listed);
        for change in found.changes() {
            assert_eq!(self.apply(change, seconds).unresolved(), None);
        }
        found
    }
}

/// Operations of this id, time and run.
fn ops(list: &[(&str, i64, Option<&str>)]) -> Vec<Operation> {
    let item = |(id, created, run): &(&str, i64, Option<&str>)| {
        let resource = run.map_or_else(String::new, |run| {
            format!(r#","resourceLocation":"https://graph.microsoft.com/beta/external/industryData/runs/{run}""#)
        });
        format!(
            r#"{{"id":"{id}","status":"running","createdDateTime":"{}"{resource}}}"#,
            at(*created)
        )
    };
    let items: Vec<String> = list.iter().map(item).collect();
    let body = format!("{{\"value\":[{}]}}", items.join(","));
    ListOperations
        .decode(&Answer::new(None, body.as_bytes()))
        .unwrap()
        .content
}

fn runs(list: &[(&str, i64)]) -> Vec<IndustryDataRun> {
    let item = |(id, started): &(&str, i64)| {
        format!(
            r#"{{"id":"{id}","status":"running","startDateTime":"{}"}}"#,
            at(*started)
        )
    };
    let items: Vec<String> = list.iter().map(item).collect();
    let body = format!("{{\"value\":[{}]}}", items.join(","));
    ListRuns
        .decode(&Answer::new(None, body.as_bytes()))
        .unwrap()
        .content
}

#[test]
fn a_start_dated_by_another_clock_is_searched_for_where_it_was_made() {
    let mut ledger = Ledger::default();
    ledger.start(1, 0, None);
    // Another machine's clock is ten minutes ahead, so later entries are dated ahead too.
    let ahead = Outcome::Confirmed {
        date: at(600),
        operation: Some("op-1".to_owned()),
    };
    ledger.apply(
        &Change::settle(key(), Throttle::default(), [1; 16], ahead),
        1,
    );
    ledger.start(2, 2, None);
    let quota = ledger.quota(HOUR);
    let doubt = &quota.entries()[1];
    assert_eq!((doubt.reserved_at(), doubt.date()), (at(2), at(750)));
    let listed = ops(&[("op-1", 0, Some("run-1")), ("op-2", 2, Some("run-2"))]);
    let runs = runs(&[("run-1", 0), ("run-2", 2)]);
    let found = ledger.reconcile(HOUR, Some(&listed), Some(&runs));
    assert!(
        matches!(
            found.matches(),
            [Match::Resolved { resolution: Resolution::Started, evidence: Evidence::Operation(id), .. }] if id == "op-2"
        ),
        "{:?}",
        found.matches()
    );
    // The search for a run uses the same times.
    let mut ledger = Ledger::default();
    let settle = |n: u8, date: i64| {
        let outcome = Outcome::Confirmed {
            date: at(date),
            operation: None,
        };
        Change::settle(key(), Throttle::default(), [n; 16], outcome)
    };
    ledger.apply(&settle(1, 600), 1);
    ledger.start(2, 2, None);
    let found = ledger.reconcile(3 * HOUR, Some(&[]), Some(&runs));
    let freed = |it: &Match| {
        matches!(
            it,
            Match::Resolved {
                resolution: Resolution::NotStarted,
                ..
            }
        )
    };
    assert!(!found.matches().iter().any(freed), "{:?}", found.matches());
}

#[test]
fn changes_that_free_a_slot_come_last() {
    let mut ledger = Ledger::default();
    ledger.start(1, 0, None);
    ledger.start(2, 4 * HOUR, None);
    // The service lists nothing for the first start, an operation for the second, and an external start.
    let listed = ops(&[
        OLD,
        ("op-2", 4 * HOUR, Some("run-2")),
        ("other", 2 * HOUR, Some("run-3")),
    ]);
    let runs = runs(&[("run-2", 4 * HOUR), ("run-3", 2 * HOUR)]);
    let found = ledger.reconcile(6 * HOUR, Some(&listed), Some(&runs));
    let frees: Vec<bool> = found.changes().iter().map(Change::frees).collect();
    assert_eq!(frees, [false, false, true]);
    assert_eq!(ledger.quota(6 * HOUR).used(), 2);
}

#[test]
fn a_ledger_whose_clock_is_off_frees_nothing() {
    let late = 150 + 1800;
    for (service, freed) in [
        (Some(late), 1),
        (Some(late - 120), 1),
        (Some(late + 120), 1),
        // By the service's clock the start is long past, so its lists show nothing near the ledger's time.
        (Some(late - 121), 0),
        (Some(late - 14 * HOUR), 0),
        (Some(late + 14 * HOUR), 0),
        (None, 0),
    ] {
        let mut ledger = Ledger::default();
        ledger.start(1, 0, None);
        let listed = ServiceLists {
            operations: Some(&ops(&[OLD])),
            runs: Some(&[]),
            schedule: None,
            service_clock: service.map(at),
        };
        let quota = ledger.quota(late);
        let found = Reconciliation::of(&BaseUrl::graph(), &tenant(), &quota, listed);
        let frees = found.changes().iter().filter(|change| change.frees());
        assert_eq!(frees.count(), freed, "{service:?}");
        assert_eq!(found.left_in_doubt(), 1 - freed, "{service:?}");
    }
}

/// An operation that no longer counts: its list reaches back past every start.
const OLD: (&str, i64, Option<&str>) = ("old", -13 * HOUR, None);

/// The counts of confirmed, freed, left in doubt and external entries; then the slots used afterwards.
fn sum(ledger: &mut Ledger, found: &Reconciliation, seconds: i64) -> ([usize; 4], u32) {
    let of = |wanted| {
        let is =
            |it: &&Match| matches!(it, Match::Resolved { resolution, .. } if *resolution == wanted);
        found.matches().iter().filter(is).count()
    };
    let counts = [
        of(Resolution::Started),
        of(Resolution::NotStarted),
        found.left_in_doubt(),
        found.drift(),
    ];
    (counts, ledger.quota(seconds).used())
}

#[test]
fn the_lists_resolve_a_start_in_doubt() {
    type Ops<'a> = Option<&'a [(&'a str, i64, Option<&'a str>)]>;
    type Runs<'a> = Option<&'a [(&'a str, i64)]>;
    let late = 150 + 1800;
    let rows: &[(i64, Ops<'_>, Runs<'_>, [usize; 4], u32)] = &[
        // An operation of the time confirms, the edges included.
        (late, Some(&[("o", 60, None)]), Some(&[]), [1, 0, 0, 0], 1),
        (late, Some(&[("o", -120, None)]), Some(&[]), [1, 0, 0, 0], 1),
        (late, Some(&[("o", 270, None)]), Some(&[]), [1, 0, 0, 0], 1),
        // The run of that operation is not an external start.
        (
            late,
            Some(&[("o", 60, Some("r"))]),
            Some(&[("r", 70)]),
            [1, 0, 0, 0],
            1,
        ),
        (
            late,
            Some(&[("o", 60, None)]),
            Some(&[("r", 70)]),
            [1, 0, 0, 0],
            1,
        ),
        // An operation outside these times is an external start, and the slot is freed.
        (late, Some(&[("o", -121, None)]), Some(&[]), [0, 1, 0, 1], 1),
        (
            late,
            Some(&[OLD, ("o", 271, None)]),
            Some(&[]),
            [0, 1, 0, 1],
            1,
        ),
        // The list may have been cut behind an operation that is younger than the start.
        (late, Some(&[("o", 271, None)]), Some(&[]), [0, 0, 1, 1], 2),
        // Without an operation, a run confirms.
        (late, Some(&[]), Some(&[("r", 1900)]), [1, 0, 0, 0], 1),
        (late, None, Some(&[("r", 100)]), [1, 0, 0, 0], 1),
        // Lists without it free the slot half an hour after the lease, if both were read.
        (late, Some(&[OLD]), Some(&[]), [0, 1, 0, 0], 0),
        (late - 1, Some(&[OLD]), Some(&[]), [0, 0, 1, 0], 1),
        (late, None, Some(&[]), [0, 0, 1, 0], 1),
        (late, Some(&[OLD]), None, [0, 0, 1, 0], 1),
        // An empty list of operations proves nothing.
        (late, Some(&[]), Some(&[]), [0, 0, 1, 0], 1),
        (late, Some(&[]), Some(&[("r", -13 * HOUR)]), [0, 0, 1, 0], 1),
        (late, None, None, [0, 0, 1, 0], 1),
        // Of two operations, one is an external start.
        (
            late,
            Some(&[("a", 5, None), ("b", 9, None)]),
            Some(&[]),
            [1, 0, 0, 1],
            2,
        ),
        // Evidence confirms at once. Its absence proves nothing yet.
        (149, Some(&[("o", 60, None)]), Some(&[]), [1, 0, 0, 0], 1),
        (149, Some(&[OLD]), Some(&[]), [0, 0, 1, 0], 1),
    ];
    for (row, (now, operations, listed, counts, used)) in rows.iter().enumerate() {
        let mut ledger = Ledger::default();
        ledger.start(1, 0, None);
        let operations = operations.map(ops);
        let listed = listed.map(runs);
        let found = ledger.reconcile(*now, operations.as_deref(), listed.as_deref());
        assert_eq!(
            sum(&mut ledger, &found, *now),
            (*counts, *used),
            "row {row}: {found:?}"
        );
        // A second reconciliation changes nothing.
        let before = ledger.0.clone();
        let again = ledger.reconcile(*now, operations.as_deref(), listed.as_deref());
        assert_eq!(again.drift(), 0, "row {row}: {again:?}");
        assert_eq!(ledger.0, before, "row {row}");
    }
}

#[test]
fn fewer_operations_than_starts_in_doubt_confirm_the_oldest() {
    let mut ledger = Ledger::default();
    ledger.start(1, 0, None);
    ledger.start(2, 10, None);
    let found = ledger.reconcile(HOUR, Some(&ops(&[OLD, ("o", 60, None)])), Some(&[]));
    assert_eq!(sum(&mut ledger, &found, HOUR), ([1, 1, 0, 0], 1));
    assert_eq!(ledger.quota(HOUR).entries()[0].id(), "01".repeat(16));
    let evidence = ledger.quota(HOUR).entries()[0].evidence();
    assert_eq!(evidence, Some(Evidence::Operation("o".to_owned())));
}

#[test]
fn an_operation_that_another_entry_claims_is_not_evidence() {
    let mut ledger = Ledger::default();
    ledger.start(1, 0, Some("o"));
    ledger.start(2, 10, None);
    // The claimed operation keeps its run. If it does not name the run, the start in doubt is not freed.
    let named = ops(&[("o", 1, Some("r"))]);
    let found = ledger
        .clone()
        .reconcile(HOUR, Some(&named), Some(&runs(&[("r", 5)])));
    assert_eq!(found.left_in_doubt(), 0);
    assert!(matches!(
        found.matches(),
        [Match::Resolved {
            resolution: Resolution::NotStarted,
            ..
        }]
    ));
    let nameless = ops(&[("o", 1, None)]);
    let found = ledger
        .clone()
        .reconcile(HOUR, Some(&nameless), Some(&runs(&[("r", 5)])));
    assert_eq!((found.left_in_doubt(), found.matches().len()), (1, 0));
    let both = runs(&[("r", 5), ("s", 6)]);
    let found = ledger.reconcile(HOUR, Some(&nameless), Some(&both));
    assert_eq!(sum(&mut ledger, &found, HOUR), ([1, 0, 0, 0], 2));
}

#[test]
fn external_starts_are_entered_once() {
    let mut ledger = Ledger::default();
    let list = ops(&[
        ("a", 0, Some("ra")),
        ("b", 60, None),
        ("old", -13 * HOUR, None),
    ]);
    let started = runs(&[("ra", 1), ("rb", 70), ("portal", 4 * HOUR)]);
    let now = 5 * HOUR;
    let found = ledger.reconcile(now, Some(&list), Some(&started));
    assert_eq!(
        sum(&mut ledger, &found, now),
        ([0, 0, 0, 3], 3),
        "{found:?}"
    );
    assert_eq!(ledger.quota(now).external(), 3);
    // A run that fits the schedule is not an external start.
    let mut fresh = Ledger::default();
    let listed = ServiceLists {
        operations: Some(&list),
        runs: Some(&started),
        schedule: Some(Schedule::given(at(4 * HOUR))),
        service_clock: None,
    };
    let quota = fresh.quota(now);
    assert_eq!(
        Reconciliation::of(&BaseUrl::graph(), &tenant(), &quota, listed).drift(),
        2
    );
    // A validation is not a start.
    let body = br##"{"value":[{"@odata.type":"#microsoft.graph.industryData.fileValidateOperation","id":"v",
        "createdDateTime":"2026-03-10T12:00:00Z"}]}"##;
    let validations = ListOperations
        .decode(&Answer::new(None, body))
        .unwrap()
        .content;
    assert_eq!(
        fresh.reconcile(now, Some(&validations), Some(&[])).drift(),
        0
    );
    // A late answer claims its operation, which then is not external.
    let outcome = Outcome::Confirmed {
        date: at(60),
        operation: Some("b".to_owned()),
    };
    ledger.apply(
        &Change::settle(key(), Throttle::default(), [9; 16], outcome),
        now,
    );
    assert_eq!(
        (ledger.quota(now).used(), ledger.quota(now).external()),
        (3, 2)
    );
}

#[test]
fn evidence_for_the_opposite_is_refused() {
    let resolve = |to| {
        let by = Evidence::Run("r".to_owned());
        Change::resolve(key(), Throttle::default(), [1; 16], to, by)
    };
    let mut ledger = Ledger::default();
    ledger.start(1, 0, None);
    for (to, unresolved) in [
        (Resolution::Started, None),
        (Resolution::Started, None),
        (Resolution::NotStarted, Some(Unresolved::Answered)),
    ] {
        assert_eq!(ledger.apply(&resolve(to), 200).unresolved(), unresolved);
        assert_eq!(ledger.quota(200).confirmed(), 1);
    }
}

#[test]
fn a_resolution_by_hand_gives_way_to_the_answer() {
    let resolve = |n: u8, to| {
        let by = Evidence::ByHand("seen in the portal".to_owned());
        Change::resolve(key(), Throttle::default(), [n; 16], to, by)
    };
    let mut ledger = Ledger::default();
    ledger.start(1, 0, None);
    ledger.start(2, 0, Some("o"));
    let free = Resolution::NotStarted;
    assert_eq!(
        ledger.apply(&resolve(3, free), 200).unresolved(),
        Some(Unresolved::NoSuchEntry)
    );
    assert_eq!(
        ledger.apply(&resolve(2, free), 200).unresolved(),
        Some(Unresolved::Answered)
    );
    let lease = Duration::from_secs(LEASE);
    let reserve = Change::reserve(
        key(),
        Throttle::default(),
        [7; 16],
        lease,
        Caller::default(),
    );
    ledger.apply(&reserve, 50);
    assert_eq!(
        ledger.apply(&resolve(7, free), 100).unresolved(),
        Some(Unresolved::InFlight)
    );
    assert_eq!(ledger.apply(&resolve(7, free), 200).unresolved(), None);
    assert_eq!(ledger.apply(&resolve(1, free), 100).unresolved(), None);
    assert_eq!(ledger.quota(200).used(), 1);
    assert_eq!(
        ledger
            .apply(&resolve(1, Resolution::Started), 200)
            .unresolved(),
        None
    );
    assert_eq!(ledger.quota(200).used(), 2);
    assert!(!ledger.quota(200).is_clock_suspect());
    let all = Change::entries(key(), Throttle::default());
    assert_eq!(ledger.apply(&all, 200).entries().len(), 3);
    // The service's answer overrides both.
    let outcome = Outcome::Released {
        why: "refused".to_owned(),
        closed_for: None,
    };
    ledger.apply(
        &Change::settle(key(), Throttle::default(), [1; 16], outcome),
        201,
    );
    assert_eq!(ledger.quota(201).used(), 1);
    assert_eq!(
        ledger
            .apply(&resolve(1, Resolution::Started), 202)
            .unresolved(),
        Some(Unresolved::Answered)
    );
    // An entry freed by evidence is kept for display.
    ledger.start(4, 300, None);
    ledger.apply(&resolve(4, free), 600);
    ledger.start(5, HOUR, None);
    let shown = ledger.apply(&all, HOUR);
    let freed = shown
        .entries()
        .iter()
        .find(|it| it.id() == "04".repeat(16))
        .unwrap();
    assert_eq!(
        freed.evidence().unwrap().to_string(),
        "resolved by hand: seen in the portal"
    );
}

#[test]
fn old_bytes_still_decode() {
    let mut ledger = Ledger::default();
    ledger.start(1, 0, None);
    let text = String::from_utf8(ledger.0.clone().unwrap()).unwrap();
    assert!(
        !text.contains("evidence"),
        "a member is written only if it is set: {text}"
    );
    assert!(text.starts_with("industrydata-books 1 "), "{text}");
}

#[derive(Clone, Debug)]
struct World {
    starts: Vec<(i64, bool)>,
    ops: Vec<(i64, Option<usize>)>,
    runs: Vec<i64>,
    now: i64,
    both: (bool, bool),
}

fn world() -> impl Strategy<Value = World> {
    let time = -HOUR..2 * HOUR;
    (
        prop::collection::vec((0..HOUR, any::<bool>()), 0..5),
        prop::collection::vec((time.clone(), prop::option::of(0usize..6)), 0..7),
        prop::collection::vec(time, 0..7),
        0..3 * HOUR,
        (prop::bool::weighted(0.8), prop::bool::weighted(0.8)),
    )
        .prop_map(|(mut starts, ops, runs, after, both)| {
            starts.sort_unstable();
            let now = starts.last().map_or(0, |it| it.0) + after;
            World {
                starts,
                ops,
                runs,
                now,
                both,
            }
        })
}

proptest! {
    #[test]
    fn the_laws_of_reconciliation(world in world()) {
        let mut ledger = Ledger::default();
        for (n, (time, known)) in world.starts.iter().enumerate() {
            let id = format!("o{n}");
            ledger.start(n as u8 + 1, *time, known.then_some(id.as_str()));
        }
        let names: Vec<String> = (0..9).map(|n| format!("o{n}")).collect();
        let run_names: Vec<String> = (0..9).map(|n| format!("r{n}")).collect();
        let list: Vec<_> = world.ops.iter().enumerate()
            .map(|(n, (time, run))| (names[n].as_str(), *time, run.map(|run| run_names[run].as_str())))
            .collect();
        let started: Vec<_> = world.runs.iter().enumerate().map(|(n, time)| (run_names[n].as_str(), *time)).collect();
        let (list, started) = (ops(&list), runs(&started));
        let before = ledger.quota(world.now);
        let found = ledger.reconcile(
            world.now,
            world.both.0.then_some(list.as_slice()),
            world.both.1.then_some(started.as_slice()),
        );
        let doubts: Vec<&Entry> = before.entries().iter()
            .filter(|it| it.state(at(world.now)) == EntryState::InDoubt).collect();
        let mut used = Vec::new();
        let (mut confirmed, mut freed) = (0, 0);
        for it in found.matches() {
            match it {
                Match::Resolved { entry, resolution, evidence } => {
                    let doubt = doubts.iter().find(|it| it.id() == entry).expect("only doubt is resolved");
                    match resolution {
                        Resolution::Started => {
                            confirmed += 1;
                            used.push(evidence.clone());
                        }
                        Resolution::NotStarted => {
                            freed += 1;
                            prop_assert!(world.both.0 && world.both.1, "both lists were read whole");
                            prop_assert!(doubt.lease_ends() + LATEST_RUN_START <= at(world.now));
                            let own = run_span(doubt);
                            let owned = |run: &str| list.iter().any(|op| {
                                op.resource_location().is_some_and(|at| at.ends_with(run))
                            });
                            let stray = |(n, time): (usize, &i64)| {
                                own.has(at(*time)) && !owned(&run_names[n])
                            };
                            let strays = world.runs.iter().enumerate().any(stray);
                            prop_assert!(!strays, "an unclaimed run near a start prevents its release");
                        }
                    }
                }
                Match::External { evidence, .. } => used.push(evidence.clone()),
            }
        }
        prop_assert!(confirmed <= doubts.len());
        prop_assert!(confirmed <= list.len() + started.len());
        prop_assert_eq!(confirmed + freed + found.left_in_doubt(), doubts.len());
        let texts: std::collections::BTreeSet<String> = used.iter().map(Evidence::text).collect();
        prop_assert_eq!(texts.len(), used.len(), "evidence is used once");
        // A claimed operation is evidence for no other entry.
        for (n, (_, known)) in world.starts.iter().enumerate() {
            let own = Evidence::Operation(format!("o{n}"));
            prop_assert!(!known || !used.contains(&own));
        }
        let after = ledger.quota(world.now);
        prop_assert_eq!(
            after.used() as usize,
            before.used() as usize - freed + found.drift(),
            "nothing else is freed"
        );
    }
}

fn external(found: &Reconciliation) -> Vec<String> {
    let one = |it: &Match| match it {
        Match::External { evidence, .. } => Some(evidence.text()),
        Match::Resolved { .. } => None,
    };
    found.matches().iter().filter_map(one).collect()
}

#[test]
fn a_run_that_confirms_one_start_does_not_keep_another_in_doubt() {
    let mut ledger = Ledger::default();
    ledger.start(1, 0, None);
    ledger.start(2, 4 * HOUR, None);
    let found = ledger.reconcile(6 * HOUR, Some(&ops(&[OLD])), Some(&runs(&[("r-1", 0)])));
    let resolved: Vec<Resolution> = found
        .matches()
        .iter()
        .filter_map(|it| match it {
            Match::Resolved { resolution, .. } => Some(*resolution),
            Match::External { .. } => None,
        })
        .collect();
    assert_eq!(resolved, [Resolution::Started, Resolution::NotStarted]);
}

#[test]
fn an_external_start_that_no_longer_counts_is_not_entered() {
    let listed = ops(&[("op-1", 0, None)]);
    let ends = 12 * HOUR + 120;
    for (now, found) in [(ends - 1, 1), (ends, 0)] {
        let listed = Ledger::default().reconcile(now, Some(&listed), Some(&[]));
        assert_eq!(listed.drift(), found);
    }
}

#[test]
fn an_external_start_claims_its_operation_and_its_run_only() {
    let mut ledger = Ledger::default();
    let all = ops(&[("a", 0, Some("r-a")), ("b", HOUR, Some("r-b"))]);
    assert_eq!(
        external(&ledger.reconcile(2 * HOUR, Some(&all[..1]), Some(&[]))),
        ["operation:a"]
    );
    assert_eq!(
        external(&ledger.reconcile(2 * HOUR, Some(&all), Some(&[]))),
        ["operation:b"]
    );
    assert_eq!(
        external(&ledger.reconcile(2 * HOUR, Some(&all), Some(&[]))),
        Vec::<String>::new()
    );
    // An external start entered by its run claims the operation of that run.
    let mut ledger = Ledger::default();
    let run = runs(&[("r-a", 0)]);
    assert_eq!(
        external(&ledger.reconcile(2 * HOUR, Some(&[]), Some(&run))),
        ["run:r-a"]
    );
    assert_eq!(
        external(&ledger.reconcile(2 * HOUR, Some(&all), Some(&run))),
        ["operation:b"]
    );
}

#[test]
fn a_run_is_claimed_by_one_start_near_it() {
    // The operation is no longer listed: the start claims the run all the same.
    let mut ledger = Ledger::default();
    ledger.start(1, 0, Some("op-1"));
    let near = runs(&[("r-1", 10)]);
    assert_eq!(
        external(&ledger.reconcile(HOUR, Some(&[]), Some(&near))),
        Vec::<String>::new()
    );
    // Listed, the operation and the start claim one run together.
    let listed = ops(&[("op-1", 0, None)]);
    let two = runs(&[("r-1", 10), ("r-2", 20)]);
    assert_eq!(
        external(&ledger.reconcile(HOUR, Some(&listed), Some(&two))),
        ["run:r-2"]
    );
}

#[test]
fn an_operation_comes_before_its_run() {
    // An external start entered by its run was requested up to half an hour before.
    let mut ledger = Ledger::default();
    let run = runs(&[("r-1", HOUR)]);
    assert_eq!(
        external(&ledger.reconcile(2 * HOUR, Some(&[]), Some(&run))),
        ["run:r-1"]
    );
    let earlier = ops(&[("op-1", HOUR - 600, None)]);
    assert_eq!(
        external(&ledger.reconcile(2 * HOUR, Some(&earlier), Some(&run))),
        Vec::<String>::new()
    );
    // A start that a run confirmed was not requested before its reservation.
    let mut ledger = Ledger::default();
    ledger.start(1, HOUR, None);
    let found = ledger.reconcile(2 * HOUR, Some(&[]), Some(&run));
    assert!(
        matches!(found.matches(), [Match::Resolved { .. }]),
        "{found:?}"
    );
    assert_eq!(
        external(&ledger.reconcile(2 * HOUR, Some(&earlier), Some(&run))),
        ["operation:op-1"]
    );
}

#[test]
fn a_list_that_lacks_what_the_service_named_frees_nothing() {
    let late = 2 * HOUR;
    let with_doubt = |name: &str| {
        let mut ledger = Ledger::default();
        ledger.start(1, 0, Some(name));
        ledger.start(2, HOUR, None);
        ledger
    };
    // The named operation is listed, in another letter case: nothing is missing, and nothing is counted twice.
    let whole = ops(&[("OP-1", 1, Some("r-1"))]);
    let mut ledger = with_doubt("op-1");
    let found = ledger.reconcile(late, Some(&whole), Some(&[]));
    assert_eq!(sum(&mut ledger, &found, late), ([0, 1, 0, 0], 1));
    // It is missing: the doubt stays, whatever else is listed.
    for list in [ops(&[OLD]), ops(&[]), ops(&[OLD, ("else", 20 * 60, None)])] {
        let mut ledger = with_doubt("op-1");
        let external = list.iter().filter(|op| op.id() == Some("else")).count();
        let found = ledger.reconcile(late, Some(&list), Some(&[]));
        let used = u32::try_from(2 + external).unwrap();
        assert_eq!(sum(&mut ledger, &found, late), ([0, 0, 1, external], used));
    }
    // An operation that a list showed before must be there too.
    let mut ledger = Ledger::default();
    ledger.start(2, HOUR, None);
    let early = HOUR + 200;
    let external = ops(&[OLD, ("else", 0, None)]);
    let run = runs(&[("r", 600)]);
    let found = ledger.reconcile(early, Some(&external), Some(&run));
    assert_eq!(sum(&mut ledger, &found, early), ([0, 0, 1, 1], 2));
    let found = ledger
        .clone()
        .reconcile(late, Some(&ops(&[OLD])), Some(&run));
    assert_eq!(found.left_in_doubt(), 1);
    let found = ledger.reconcile(late, Some(&external), Some(&run));
    assert_eq!(found.left_in_doubt(), 0);
    // So must a run that an entry rests on.
    let mut ledger = Ledger::default();
    ledger.start(1, 0, None);
    ledger.start(2, HOUR, None);
    let found = ledger.reconcile(HOUR, Some(&[]), Some(&runs(&[("r", 5)])));
    assert_eq!(sum(&mut ledger, &found, HOUR), ([1, 0, 1, 0], 2));
    let found = ledger
        .clone()
        .reconcile(late, Some(&ops(&[OLD])), Some(&[]));
    assert_eq!(found.left_in_doubt(), 1);
    let found = ledger.reconcile(late, Some(&ops(&[OLD])), Some(&runs(&[("R", 5)])));
    assert_eq!(sum(&mut ledger, &found, late), ([0, 1, 0, 0], 1));
}

#[test]
fn the_rest_of_a_cut_list_frees_no_start_in_place_of_another() {
    // All three were accepted. Only the operation of the third is still listed, and it fits the second as well.
    let mut ledger = Ledger::default();
    for (n, time) in [(1, 0), (2, 115), (3, 385)] {
        ledger.start(n, time, None);
    }
    let found = ledger.reconcile(HOUR, Some(&ops(&[("op-3", 385, None)])), Some(&[]));
    assert_eq!(sum(&mut ledger, &found, HOUR), ([1, 0, 2, 0], 3));
}

#[test]
fn starts_that_are_listed_by_other_ids_count_once() {
    for listed in [
        ["OP-1", "Op-2", "oP-3"],
        ["op-1", "op-2", "op-3"],
        ["x", "y", "z"],
        ["OP-1", "y", "z"],
    ] {
        let mut ledger = Ledger::default();
        for (n, time) in [(1, 0), (2, 60), (3, 120)] {
            ledger.start(n, time, Some(&format!("op-{n}")));
        }
        let list = ops(&[
            (listed[0], 1, Some("r-1")),
            (listed[1], 61, None),
            (listed[2], 121, Some("r-3")),
        ]);
        let started = runs(&[("R-1", 2), ("r-2", 62), ("R-3", 122)]);
        for _ in 0..2 {
            let found = ledger.reconcile(HOUR, Some(&list), Some(&started));
            assert_eq!(
                (found.drift(), ledger.quota(HOUR).used()),
                (0, 3),
                "{listed:?}"
            );
        }
    }
}

/// The service lists the operation by the id in its body, long after a start near which another stands.
#[test]
fn a_start_is_listed_by_the_id_that_its_poller_saw() {
    let mut ledger = Ledger::default();
    ledger.start(1, 0, Some("op-1"));
    let external = Evidence::Operation("SEEN-1".to_owned());
    let external = Change::external(key(), Throttle::default(), external, at(5));
    ledger.apply(&external, 60);
    assert_eq!(ledger.quota(60).used(), 2);
    let other_id = Some(([1; 16], "seen-1".to_owned()));
    let kept = Change::ended(key(), Throttle::default(), other_id, None);
    ledger.apply(&kept, 120);
    ledger.apply(&kept, 180);
    let quota = ledger.quota(180);
    assert_eq!(quota.used(), 1);
    let ids = (
        quota.entries()[0].operation(),
        quota.entries()[0].other_id(),
    );
    assert_eq!(ids, (Some("op-1"), Some("seen-1")));
    for listed in ["seen-1", "Seen-1", "op-1"] {
        // Far from the start, so that nothing but its id tells that it is this one.
        let list = ops(&[(listed, 1800, None)]);
        let found = ledger.reconcile(2 * HOUR, Some(&list), Some(&runs(&[])));
        assert_eq!(
            (found.drift(), ledger.quota(2 * HOUR).used()),
            (0, 1),
            "{listed}"
        );
    }
}

#[test]
fn another_id_is_kept_for_a_confirmed_start_alone() {
    let mut ledger = Ledger::default();
    ledger.start(1, 0, Some("op-1"));
    let bytes = ledger.0.clone();
    let other = |n: u8, id: &str| {
        let other_id = Some(([n; 16], id.to_owned()));
        Change::ended(key(), Throttle::default(), other_id, None)
    };
    // Another start, the same id, and what is no id.
    for change in [
        other(2, "x"),
        other(1, "OP-1"),
        other(1, "a b"),
        other(1, ""),
    ] {
        assert_eq!(ledger.apply(&change, 60).quota().used(), 1);
        assert_eq!(ledger.0, bytes, "{change:?}");
    }
}

#[test]
fn an_id_is_one_id_in_every_spelling() {
    // An external start is entered once, and gives way to its own late answer.
    let mut ledger = Ledger::default();
    for spelt in ["op-a", "OP-A", "Op-a"] {
        let twice = ops(&[(spelt, 0, Some("r")), (spelt, 0, Some("r"))]);
        let _ = ledger.reconcile(HOUR, Some(&twice), Some(&runs(&[("R", 9), ("r", 9)])));
        assert_eq!(ledger.quota(HOUR).external(), 1);
    }
    let external =
        |evidence: Evidence| Change::external(key(), Throttle::default(), evidence, at(0));
    ledger.apply(&external(Evidence::Operation("oP-A".to_owned())), HOUR);
    assert_eq!(ledger.quota(HOUR).external(), 1);
    let outcome = Outcome::Confirmed {
        date: at(0),
        operation: Some("OP-a".to_owned()),
    };
    let settle = Change::settle(key(), Throttle::default(), [9; 16], outcome);
    ledger.apply(&settle, HOUR);
    let quota = ledger.quota(HOUR);
    assert_eq!((quota.used(), quota.external()), (1, 0));
    ledger.apply(&external(Evidence::Operation("oP-A".to_owned())), HOUR);
    assert_eq!(ledger.quota(HOUR).used(), 1);
    // Evidence that another entry rests on is claimed, and evidence that is given again is the same.
    ledger.start(1, HOUR, None);
    ledger.start(2, HOUR, None);
    let started = |n: u8, run: &str| {
        let by = Evidence::Run(run.to_owned());
        Change::resolve(key(), Throttle::default(), [n; 16], Resolution::Started, by)
    };
    for (change, unresolved) in [
        (started(1, "run"), None),
        (started(1, "RUN"), None),
        (started(2, "Run"), Some(Unresolved::Claimed)),
    ] {
        assert_eq!(ledger.apply(&change, 2 * HOUR).unresolved(), unresolved);
    }
}

/// How the service lists what it has.
#[derive(Clone, Debug)]
struct View {
    after: i64,
    /// What is younger than this is not listed yet.
    lag: i64,
    /// How many are listed at most, the youngest.
    cut: usize,
    spelling: u8,
}

impl View {
    fn shows<'a>(&self, now: i64, all: &'a [(String, i64)]) -> Vec<(String, i64)> {
        let is_listed = |it: &&(String, i64)| it.1 <= now - self.lag;
        let mut listed: Vec<&'a (String, i64)> = all.iter().filter(is_listed).collect();
        listed.sort_by_key(|it| it.1);
        let hidden = listed.len().saturating_sub(self.cut);
        let spelt = |it: &(String, i64)| match self.spelling {
            0 => it.clone(),
            1 => (it.0.to_ascii_uppercase(), it.1),
            _ => (format!("listed-{}", it.0), it.1),
        };
        listed.into_iter().skip(hidden).map(spelt).collect()
    }
}

/// What became of a start of this ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Made {
    /// Accepted, and its operation is named.
    Named,
    /// Accepted, and the answer lacked its operation.
    Unnamed,
    /// Accepted, and the answer was lost.
    Lost,
    /// Not accepted, and the answer was lost.
    Nothing,
}

fn views() -> impl Strategy<Value = Vec<View>> {
    let lag = prop_oneof![0..=1800_i64, 1800..3 * HOUR];
    let view = (0..2 * HOUR, lag, 0..9_usize, 0..3_u8);
    let view = view.prop_map(|(after, lag, cut, spelling)| View {
        after,
        lag,
        cut,
        spelling,
    });
    prop::collection::vec(view, 1..4)
}

fn made() -> impl Strategy<Value = Vec<(i64, i64, Made)>> {
    let how = prop_oneof![
        3 => Just(Made::Named),
        1 => Just(Made::Unnamed),
        3 => Just(Made::Lost),
        2 => Just(Made::Nothing),
    ];
    // When it was made, and how much later the service created its operation.
    let starts = prop::collection::vec((0..2 * HOUR, 0..LEASE as i64, how), 1..=5);
    starts.prop_map(|mut starts| {
        starts.sort_by_key(|it| it.0);
        starts
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_sixth_start_follows_from_a_reconciliation(
        made in made(),
        others in prop::collection::vec(-20 * HOUR..3 * HOUR, 0..3),
        run_after in 0..1800_i64,
        has_runs in any::<bool>(),
        views in views(),
    ) {
        let mut ledger = Ledger::default();
        let mut created: Vec<(String, i64)> = others.iter().enumerate()
            .map(|(n, time)| (format!("other-{n}"), *time))
            .collect();
        for (n, (time, after, how)) in made.iter().enumerate() {
            let (id, n) = (format!("own-{n}"), n as u8 + 1);
            ledger.start(n, *time, (*how == Made::Named).then_some(id.as_str()));
            if *how == Made::Unnamed {
                let outcome = Outcome::Confirmed { date: at(*time), operation: None };
                ledger.apply(&Change::settle(key(), Throttle::default(), [n; 16], outcome), *time);
            }
            if *how != Made::Nothing {
                created.push((id, time + if *how == Made::Lost { *after } else { 0 }));
            }
        }
        let mut accepted = made.iter().filter(|it| it.2 != Made::Nothing).count();
        let started: Vec<(String, i64)> = created.iter().filter(|_| has_runs)
            .map(|(id, time)| (format!("run-{id}"), time + run_after))
            .collect();
        let mut now = made.last().map_or(0, |it| it.0) + 1;
        for mut view in views {
            now += view.after;
            // A list that is more than half an hour late is recognised only by what it lacks and the service has named.
            let is_recognised = made.iter().any(|it| it.2 == Made::Named && it.0 > now - view.lag);
            view.lag = if is_recognised { view.lag } else { view.lag.min(1800) };
            let (listed, run_list) = (view.shows(now, &created), view.shows(now, &started));
            let listed: Vec<_> = listed.iter().map(|(id, time)| (id.as_str(), *time, None)).collect();
            let run_list: Vec<_> = run_list.iter().map(|(id, time)| (id.as_str(), *time)).collect();
            let _ = ledger.reconcile(now, Some(&ops(&listed)), Some(&runs(&run_list)));
        }
        // Everything is within one window: whoever gets a slot now makes one start more.
        for n in 100..106 {
            let lease = Duration::from_secs(LEASE);
            let reserve = Change::reserve(key(), Throttle::default(), [n; 16], lease, Caller::default());
            if ledger.apply(&reserve, now).refusal().is_none() {
                accepted += 1;
            }
        }
        prop_assert!(accepted <= 5, "{accepted} starts in one window");
    }
}

/// Two starts with keys, both in doubt, and one operation that may be either's: which of the two has no run is unknown, so no
/// key is freed. Without keys, the slot of the second is.
#[test]
fn a_key_is_not_freed_in_place_of_another_start() {
    for (is_keyed, in_doubt) in [(true, 1), (false, 0)] {
        let mut ledger = Ledger::default();
        for (n, seconds) in [(1, 0), (2, 30)] {
            let lease = Duration::from_secs(LEASE);
            let throttle = Throttle::default();
            let start_key = is_keyed.then(|| format!("key-{n}").parse().unwrap());
            let reserve = Change::reserve(key(), throttle, [n; 16], lease, Caller::default());
            ledger.apply(&reserve.with_start_key(start_key), seconds);
            let why = "lost".to_owned();
            let lost = Change::settle(key(), throttle, [n; 16], Outcome::InDoubt { why });
            ledger.apply(&lost, seconds);
        }
        let listed = ops(&[("o-0", -HOUR, Some("r-0")), ("o-1", 31, Some("r-1"))]);
        let runs = runs(&[("r-0", -HOUR), ("r-1", 32)]);
        for _ in 0..2 {
            drop(ledger.reconcile(HOUR, Some(&listed), Some(&runs)));
            let quota = ledger.quota(HOUR);
            let expected = (in_doubt, 1);
            assert_eq!(
                (quota.in_doubt(), quota.confirmed()),
                expected,
                "{is_keyed}"
            );
        }
    }
}

/// A start without an answer is freed beside one whose own answer named the only operation about that time.
#[test]
fn a_key_is_freed_if_all_that_is_listed_is_known_to_be_others() {
    let mut ledger = Ledger::default();
    ledger.start(1, 0, Some("o-1"));
    let throttle = Throttle::default();
    let lease = Duration::from_secs(LEASE);
    let reserve = Change::reserve(key(), throttle, [2; 16], lease, Caller::default());
    ledger.apply(&reserve.with_start_key(Some("k".parse().unwrap())), 5);
    let listed = ops(&[("o-0", -HOUR, Some("r-0")), ("o-1", 1, Some("r-1"))]);
    let runs = runs(&[("r-0", -HOUR), ("r-1", 2)]);
    drop(ledger.reconcile(HOUR, Some(&listed), Some(&runs)));
    let quota = ledger.quota(HOUR);
    assert_eq!((quota.in_doubt(), quota.confirmed()), (0, 1));
}
